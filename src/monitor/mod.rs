//! Health, statistics and round-trip times, from any task (O2, O3).

mod health;
mod observer;
mod probe;
mod shared;
mod stats;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use health::words;
pub use health::{End, Health};
pub use observer::{Event, Observer};
use shared::Board;
pub(crate) use shared::Shared;
pub use stats::LiveStats;
pub(crate) use stats::count;

use crate::error::LivenessError;

/// Watches one connection, from any task and after `split`.
///
/// Cloning it is cheap. It does not keep the connection open, and it still answers after the connection has ended.
///
/// ```
/// # #[cfg(feature = "tungstenite-0-30")]
/// # {
/// # use futures_util::StreamExt;
/// # use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// use ws_liveness::{End, Health, LiveConfig, LiveExt};
///
/// # let (near, _silent_peer) = tokio::io::duplex(1024);
/// # let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
/// let ws = socket.live(LiveConfig::default());
/// let monitor = ws.monitor();
/// assert_eq!(monitor.health(), Health::Alive);
///
/// // Somebody has to poll the socket; the monitor can be anywhere.
/// tokio::spawn(ws.for_each(|message| async { drop(message) }));
/// assert_eq!(monitor.ended().await, End::PongTimeout);
/// assert_eq!(monitor.stats().misses, 1);
/// println!("it ended {:?} ago: {:?}", monitor.since_end(), monitor.error());
/// # });
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
/// With the feature `serde` a monitor serialises as one connection of a health page. `health` is the word that an alert looks at,
/// `end` and what follows are `null` until there is an end, and `error` is the line for a person; its parts are what
/// [`error`](Self::error) returns, which serialises too.
///
/// ```json
/// {
///   "health": "ended",
///   "end": "pong_timeout",
///   "since_end_seconds": 5.0,
///   "peer_close_code": null,
///   "error": "pong timeout: ping sent 20.000s ago was not answered, no frame was ever seen",
///   "stats": { "pings_sent": 1, "pongs_received": 0, "misses": 1, "deferrals": 0, "last_rtt_seconds": null, "min_rtt_seconds": null, "max_rtt_seconds": null, "smoothed_rtt_seconds": null, "rtt_variance_seconds": null, "last_inbound_seconds": null }
/// }
/// ```
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
    seen: u32,
}

/// Shows how the connection is now.
impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (health, stats) = (self.health(), self.stats());
        f.debug_struct("Monitor")
            .field("health", &health)
            .field("last_rtt", &stats.last_rtt)
            .field("smoothed_rtt", &stats.smoothed_rtt)
            .field("last_inbound", &stats.last_inbound)
            .field("pings_sent", &stats.pings_sent)
            .field("pongs_received", &stats.pongs_received)
            .field("misses", &stats.misses)
            .field("is_judging", &self.is_judging())
            .field("is_reading", &self.is_reading())
            .finish_non_exhaustive()
    }
}

impl Monitor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let seen = shared.board().version;
        Self { shared, seen }
    }

    /// Returns whether the connection is well, in doubt, or over.
    pub fn health(&self) -> Health {
        self.shared.board().health
    }

    /// Returns the statistics so far.
    pub fn stats(&self) -> LiveStats {
        let board = self.shared.board();
        board.stats.public(self.shared.clock().now())
    }

    /// Returns whether silence counts against the peer.
    ///
    /// With [`Judging::Never`](crate::Judging::Never) it does not, with
    /// [`Judging::AfterFirstPong`](crate::Judging::AfterFirstPong) only from the first answer on.
    pub fn is_judging(&self) -> bool {
        self.shared.board().judging
    }

    /// Returns `false` while a spawned connection has stopped reading because its buffer is full.
    ///
    /// Silence does not count against the peer meanwhile. After the end it stays what it was.
    pub fn is_reading(&self) -> bool {
        self.shared.board().reading
    }

    /// Waits for the next change of health that this monitor has not seen yet, and returns it.
    ///
    /// Each clone of a monitor sees each change. After `Ended` there is no further change, and every call returns
    /// `Ended` at once.
    ///
    /// Cancel-safe: dropping the future loses nothing.
    pub async fn changed(&mut self) -> Health {
        let seen = self.seen;
        let (health, version) = self
            .until(|board| {
                let news = board.version != seen || matches!(board.health, Health::Ended(_));
                news.then_some((board.health, board.version))
            })
            .await;
        self.seen = version;
        health
    }

    /// Waits for the end of the connection, whatever it is, and returns it.
    ///
    /// The first end stays, also after the connection was dropped. Cancel-safe: dropping the future loses nothing.
    pub async fn ended(&self) -> End {
        self.until(|board| match board.health {
            Health::Ended(end) => Some(end),
            _ => None,
        })
        .await
    }

    /// Returns how long ago the connection ended, or `None` while it has not.
    pub fn since_end(&self) -> Option<Duration> {
        let now = self.shared.clock().now();
        self.shared.board().obituary()?.at.map(|at| now.since(at))
    }

    /// Returns the error with which liveness ended the connection, or `None` if it goes on, or ended otherwise.
    ///
    /// It is the error that the stream yields, also after somebody else has taken that, and at once: the stream may first send a Close.
    /// Of an end that the socket tells by itself ([`StreamError`](End::StreamError)), only the stream has the error.
    pub fn error(&self) -> Option<LivenessError> {
        self.shared.board().obituary()?.error.clone()
    }

    /// Returns the code of the peer's Close: 1005 for a Close without a code, and `None` if no Close has come or if the
    /// message type cannot say ([`WsMessage::close_code`](crate::WsMessage::close_code)).
    ///
    /// The code of a Close of ours is the one that was sent, or the configured one after a verdict.
    pub fn peer_close_code(&self) -> Option<u16> {
        self.shared.board().obituary()?.code
    }

    /// Sends an extra ping now and returns its round-trip time.
    ///
    /// Somebody has to poll the `LiveStream` meanwhile. A call that is made while an earlier one is unanswered shares
    /// its ping. A probe moves neither a deadline nor the next regular ping, and it has no timeout of its own: a silent
    /// peer is judged by the connection.
    ///
    /// Cancel-safe: dropping the future loses nothing, and the ping may still leave.
    ///
    /// # Errors
    /// The end of the connection, if it ended first.
    pub async fn probe(&self) -> Result<Duration, End> {
        let ticket = self.ask()?;
        self.until(|board| match (board.desk().probe.result(ticket), board.health) {
            (Some(rtt), _) => Some(Ok(rtt)),
            (None, Health::Ended(end)) => Some(Err(end)),
            _ => None,
        })
        .await
    }

    fn ask(&self) -> Result<u32, End> {
        let mut board = self.shared.board();
        if let Health::Ended(end) = board.health {
            return Err(end);
        }
        let ticket = board.desk().probe.ask();
        drop(board);
        self.shared.fan.call();
        Ok(ticket)
    }

    async fn until<T>(&self, mut found: impl FnMut(&mut Board) -> Option<T>) -> T {
        let news = self.shared.board().desk().news.clone();
        loop {
            // Made before the look: what changes after it ends the wait.
            let changed = news.notified();
            let found = found(&mut self.shared.board());
            if let Some(found) = found {
                return found;
            }
            changed.await;
        }
    }
}
