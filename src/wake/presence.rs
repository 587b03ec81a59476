//! Since when each half has been away. A stopwatch runs only while its half waits (J6).

use super::sync::{AtomicU64, Clock, Ordering, Time};

const WAITS: u64 = Time::NEVER.to_bits();

/// The half of a `LiveStream` that a task polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Stream,
    Sink,
}

/// A half waits from a `Pending` until it is woken, whether or not it then comes.
///
/// The clock is read by whatever ends the wait. That may be a thread without a runtime: if tokio's clock is paused, the
/// time of that thread is not the test's.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) clock: Clock,
    reader: Absence,
    writer: Absence,
}

/// The moment from which on a half is away, or `WAITS`.
#[derive(Debug)]
pub(super) struct Absence(AtomicU64);

impl Default for Presence {
    fn default() -> Self {
        let absence = || Absence(AtomicU64::new(Time::START.to_bits()));
        Self { clock: Clock::start(), reader: absence(), writer: absence() }
    }
}

impl Presence {
    pub(super) fn of(&self, half: Half) -> &Absence {
        match half {
            Half::Stream => &self.reader,
            Half::Sink => &self.writer,
        }
    }

    /// Records that the half is woken or comes by itself. The first of the two counts.
    #[inline]
    pub(super) fn end_wait(&self, half: Half) {
        let absence = self.of(half);
        if absence.waits() {
            absence.end_wait_at(self.clock.now());
        }
    }

    #[inline]
    pub(super) fn is_anybody_waiting(&self) -> bool {
        self.reader.waits() || self.writer.waits()
    }

    /// Records that both halves are woken.
    #[inline(never)]
    pub(super) fn end_waits(&self) {
        self.end_waits_at(self.clock.now());
    }

    pub(super) fn end_waits_at(&self, at: Time) {
        self.reader.end_wait_at(at);
        self.writer.end_wait_at(at);
    }
}

impl Absence {
    #[inline]
    fn waits(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WAITS
    }

    pub(super) fn begin_wait(&self) {
        self.0.store(WAITS, Ordering::Relaxed);
    }

    pub(super) fn end_wait_at(&self, now: Time) {
        let _ = self.0.compare_exchange(WAITS, now.to_bits(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns since when the half has been away, or `None` if it waits.
    pub(super) fn since(&self) -> Option<Time> {
        let since = self.0.load(Ordering::Relaxed);
        (since != WAITS).then(|| Time::from_bits(since))
    }
}
