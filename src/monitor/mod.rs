//! Health, statistics and round-trip times, from any task (O2, O3).

mod health;
mod observer;
mod probe;
mod shared;
mod stats;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;

pub(crate) use health::words;
pub use health::{End, Health};
pub use observer::{Event, Observer};
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
    /// The connection below a heartbeat.
    below: Option<Arc<Shared>>,
    seen: Versions,
}

/// How often the health of this layer, and of the one below it, has changed.
type Versions = [u32; 2];

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
    pub(crate) fn new(shared: Arc<Shared>, below: Option<Arc<Shared>>) -> Self {
        let mut monitor = Self { shared, below, seen: [0; 2] };
        monitor.seen = monitor.look().1;
        monitor
    }

    /// The monitor of the WebSocket below a [`Heartbeat`](crate::Heartbeat), if there is one.
    ///
    /// This monitor's [`health`](Self::health) is that of both layers together, and its end the first one's; its statistics
    /// are those of the heartbeat.
    pub fn below(&self) -> Option<Self> {
        self.below.clone().map(|below| Self::new(below, None))
    }

    /// Returns whether the connection is well, in doubt, or over.
    pub fn health(&self) -> Health {
        self.look().0
    }

    fn look(&self) -> (Health, Versions) {
        let look = |shared: &Arc<Shared>| {
            let board = shared.board();
            (board.health, board.version)
        };
        let (above, below) = (look(&self.shared), self.below.as_ref().map_or((Health::Alive, 0), look));
        let health = match (above.0, below.0) {
            (Health::Ended(_), _) => above.0,
            (_, Health::Ended(_) | Health::Suspect) => below.0,
            _ => above.0,
        };
        (health, [above.1, below.1])
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
        let (health, versions) = self
            .until(|monitor| {
                let (health, versions) = monitor.look();
                let news = versions != seen || matches!(health, Health::Ended(_));
                news.then_some((health, versions))
            })
            .await;
        self.seen = versions;
        health
    }

    /// Waits for the end of the connection, whatever it is, and returns it.
    ///
    /// The first end stays, also after the connection was dropped. Cancel-safe: dropping the future loses nothing.
    pub async fn ended(&self) -> End {
        self.until(|monitor| monitor.health().end()).await
    }

    /// Returns how long ago the connection ended, or `None` while it has not.
    pub fn since_end(&self) -> Option<Duration> {
        let since = |shared: &Arc<Shared>| {
            let now = shared.clock().now();
            shared.board().obituary()?.at.map(|at| now.since(at))
        };
        self.layers().filter_map(since).max()
    }

    /// The shared part of this layer, and of the one below it.
    fn layers(&self) -> impl Iterator<Item = &Arc<Shared>> {
        [&self.shared].into_iter().chain(&self.below)
    }

    /// Returns the error with which liveness ended the connection, or `None` if it goes on, or ended otherwise.
    ///
    /// It is the error that the stream yields, also after somebody else has taken that, and at once: the stream may first send a Close.
    /// Of an end that the socket tells by itself ([`StreamError`](End::StreamError)), only the stream has the error.
    pub fn error(&self) -> Option<LivenessError> {
        self.layers().find_map(|shared| shared.board().obituary()?.error.clone())
    }

    /// Returns the code of the peer's Close: 1005 for a Close without a code, and `None` if no Close has come or if the
    /// message type cannot say ([`WsMessage::close_code`](crate::WsMessage::close_code)).
    ///
    /// The code of a Close of ours is the one that was sent, or the configured one after a verdict.
    pub fn peer_close_code(&self) -> Option<u16> {
        self.layers().find_map(|shared| shared.board().obituary()?.code)
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
        self.until(|monitor| {
            let rtt = monitor.shared.board().desk().probe.result(ticket);
            rtt.map(Ok).or_else(|| monitor.health().end().map(Err))
        })
        .await
    }

    fn ask(&self) -> Result<u32, End> {
        if let Health::Ended(end) = self.health() {
            return Err(end);
        }
        let ticket = self.shared.board().desk().probe.ask();
        self.shared.fan.call();
        Ok(ticket)
    }

    async fn until<T>(&self, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        let news = |shared: &Arc<Shared>| shared.board().desk().news.clone();
        let (above, below) = (news(&self.shared), self.below.as_ref().map(news));
        loop {
            // Made before the look: what changes after it ends the wait.
            let changed = above.notified();
            let changed_below = below.as_ref().map(|news| news.notified());
            if let Some(found) = found(self) {
                return found;
            }
            match changed_below {
                None => changed.await,
                Some(below) => _ = select(pin!(changed), pin!(below)).await,
            }
        }
    }
}
