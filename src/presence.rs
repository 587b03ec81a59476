//! Since when is our consumer away? What it does not wait for is not held against the peer (J7).

use crate::sync::{AtomicU64, Clock, Ordering, Time};

const WAITS: u64 = Time::NEVER.to_bits();

/// A consumer waits from a `Pending` with nothing left to read until it is woken, whether or not it then comes.
///
/// The clock is read by whoever ends the wait, which may be a thread without a runtime: where tokio's clock is paused,
/// its time is then not the test's.
#[derive(Debug)]
pub(crate) struct Presence {
    pub(crate) clock: Clock,
    away_since: AtomicU64,
}

impl Default for Presence {
    fn default() -> Self {
        Self { clock: Clock::start(), away_since: AtomicU64::new(Time::START.to_bits()) }
    }
}

impl Presence {
    pub(crate) fn begin_wait(&self) {
        self.away_since.store(WAITS, Ordering::Relaxed);
    }

    /// When to: the consumer is woken, or comes of itself. The first counts.
    #[inline]
    pub(crate) fn end_wait(&self) {
        if self.away_since.load(Ordering::Relaxed) == WAITS {
            self.end_wait_at(self.clock.now());
        }
    }

    pub(crate) fn end_wait_at(&self, now: Time) {
        let _ = self.away_since.compare_exchange(WAITS, now.to_bits(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// `NEVER`: it waits.
    pub(crate) fn away_since(&self) -> Time {
        Time::from_bits(self.away_since.load(Ordering::Relaxed))
    }
}
