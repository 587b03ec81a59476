//! Health, statistics and round-trip times, from any task (O2, O3).

mod probe;
mod shared;
pub(crate) mod stats;

use std::sync::Arc;
use std::time::Duration;

use shared::Board;
pub(crate) use shared::Shared;
pub use stats::LiveStats;
pub(crate) use stats::count;

use crate::error::Cause;

/// Whether a connection is well, in doubt, or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// No ping waits for longer than it should.
    Alive,
    /// A ping waits for longer than it should, and the verdict is not taken yet: it could not be flushed within W/2, an
    /// inbound frame has deferred its deadline, or it was missed and more are allowed. With the defaults a peer that
    /// falls silent is never suspect: its first miss is the verdict.
    Suspect,
    /// It is over.
    Ended(Cause),
}

/// Watches one connection, from any task and after `split`.
///
/// Cloning it is cheap. It does not keep the connection open, and it still answers after the connection has ended.
///
/// ```
/// # #[cfg(feature = "tungstenite")]
/// # {
/// # use futures_util::StreamExt;
/// # use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// use ws_liveness::{Cause, Health, LiveConfig, LiveExt};
///
/// # let (near, _silent_peer) = tokio::io::duplex(1024);
/// # let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
/// let ws = socket.live(LiveConfig::default());
/// let monitor = ws.monitor();
/// assert_eq!(monitor.health(), Health::Alive);
///
/// // Somebody has to poll the socket; the monitor can be anywhere.
/// tokio::spawn(ws.for_each(|message| async { drop(message) }));
/// assert_eq!(monitor.ended().await, Cause::PongTimeout);
/// assert_eq!(monitor.stats().misses, 1);
/// # });
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    shared: Arc<Shared>,
    seen: u32,
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
    /// Silence does not count against the peer meanwhile.
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

    /// Waits for the end of the connection, whatever it is, and returns why it ended.
    ///
    /// The first cause stays, also after the connection was dropped. Cancel-safe: dropping the future loses nothing.
    pub async fn ended(&self) -> Cause {
        self.until(|board| match board.health {
            Health::Ended(cause) => Some(cause),
            _ => None,
        })
        .await
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
    /// Why the connection ended, if it ended first.
    pub async fn probe(&self) -> Result<Duration, Cause> {
        let ticket = self.ask()?;
        self.until(|board| match (board.desk().probe.result(ticket), board.health) {
            (Some(rtt), _) => Some(Ok(rtt)),
            (None, Health::Ended(cause)) => Some(Err(cause)),
            _ => None,
        })
        .await
    }

    fn ask(&self) -> Result<u32, Cause> {
        let mut board = self.shared.board();
        if let Health::Ended(cause) = board.health {
            return Err(cause);
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
