//! What others see: health, statistics, round-trip times, from any task (O2, O3).

mod health;
mod observer;
mod probe;
mod shared;
mod stats;
#[cfg(test)]
mod tests;

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

/// Watches one connection, from any task and after `split`. Cloning it is cheap; it does not keep the connection.
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

    /// How the connection is now.
    pub fn health(&self) -> Health {
        self.shared.board().health
    }

    /// The numbers so far.
    pub fn stats(&self) -> LiveStats {
        let board = self.shared.board();
        board.stats.public(self.shared.clock().now())
    }

    /// Whether silence counts against the peer: with [`Judging::Never`](crate::Judging::Never) it does not, with
    /// [`Judging::AfterFirstPong`](crate::Judging::AfterFirstPong) only from the first answer on.
    pub fn is_judging(&self) -> bool {
        self.shared.board().judging
    }

    /// `false` while a spawned connection has stopped reading beend the consumer leaves its buffer full: silence does not
    /// count meanwhile.
    pub fn is_reading(&self) -> bool {
        self.shared.board().reading
    }

    /// Waits for the next change of health that this monitor (not its clones) has not seen yet, and returns it. After
    /// `Ended` there is none any more: it returns that at once, again and again.
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

    /// Waits for the end, whatever it is; also after the connection was dropped. The first end is the end. Cancel-safe.
    pub async fn ended(&self) -> End {
        self.until(|board| match board.health {
            Health::Ended(end) => Some(end),
            _ => None,
        })
        .await
    }

    /// Sends an extra ping now and returns its round-trip time; a call made while an earlier one is unanswered shares
    /// its ping, also where that call was dropped. It moves
    /// neither a deadline nor the next keepalive ping, and has no timeout of its own: a silent peer is for the
    /// connection to judge. The `LiveStream` must be polled meanwhile.
    ///
    /// Cancel-safe: dropping the future takes nothing back, the ping may still leave.
    ///
    /// # Errors
    /// The end, if the connection ends first.
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
