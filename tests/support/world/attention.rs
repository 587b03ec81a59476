//! How much attention did a stretch of time have? From what the path, our program and the host know.
//!
//! A half waits from the moment at which the path told it that there is nothing to read, or no room to write, until the
//! path wakes it. While the host stands still nobody attends, though the crate may not know it: generously counted, a
//! quarter of the timeout that runs is attention all the same (J5).

use std::time::Duration;

use tokio::time::Instant;

use super::facts::TICK;
use super::run::Run;
use super::scenario::Shape;
use super::spans::{self, Spans};
use super::tap::Waiting;

pub struct Attention {
    waits: Spans,
    /// Without the time in which the host stood still.
    awake: Spans,
    /// Of that, the time in which our program was there as well.
    present: Spans,
    stops: Spans,
}

impl Attention {
    pub fn of_reader(run: &Run) -> Self {
        Self::new(run, [&run.back.reader, &run.out.writer], spans::reading(run), spans::writing(run))
    }

    pub fn of_writer(run: &Run) -> Self {
        let present = spans::reading(run).plus(&spans::writing(run));
        Self::new(run, [&run.out.writer, &run.back.reader], present, Spans::default())
    }

    fn new(run: &Run, [half, other]: [&Waiting; 2], present: Spans, away: Spans) -> Self {
        let apart = Spans::new(half.waits.iter().copied(), run.over);
        let (waits, stops) = (apart.close_up(TICK), spans::stalls(run));
        let (awake, strictly) = (waits.minus(&stops), apart.minus(&stops));
        // A task of the crate's own is always there; who comes back after a known while has slack instead.
        let ours = &run.scenario.ours;
        let there = match ours.shape {
            Shape::Spawned(_) => strictly,
            // It reads nothing while it stands in `send`, however long that takes.
            Shape::Whole if !ours.period().is_zero() => strictly.minus(&away),
            _ if !ours.period().is_zero() => strictly,
            _ => strictly.minus(&strictly.minus(&present)),
        };
        Self { present: there.minus(&woken(half, other, run.over)), waits, awake, stops }
    }

    /// All that may be counted against the peer, if `timeout` runs. What happens while the host stands still the crate
    /// learns only afterwards.
    pub fn most(&self, from: Instant, until: Instant, timeout: Duration) -> Duration {
        let stood = |&(begin, end): &(Instant, Instant)| {
            let waited = begin > from && self.waits.overlaps(begin - TICK, begin);
            let long = end.min(until).saturating_duration_since(begin.max(from));
            if waited { long } else { self.waits.within(begin.max(from), end.min(until)) }.min(timeout / 4)
        };
        self.awake.within(from, until) + self.stops.iter().map(stood).sum::<Duration>()
    }

    /// What has to be counted against it.
    pub fn least(&self, from: Instant, until: Instant) -> Duration {
        self.present.within(from, until)
    }

    /// When `timeout` may have been over at the soonest; at `late` it is.
    pub fn soonest(&self, from: Instant, late: Instant, timeout: Duration) -> Instant {
        if self.stops.is_empty() {
            return self.awake.reaches(from, timeout).unwrap_or(late).min(late);
        }
        let (mut before, mut after) = (from, late);
        while after > before + TICK {
            let between = before + (after - before) / 2;
            if self.most(from, between, timeout) < timeout { before = between } else { after = between }
        }
        before
    }

    /// When `amount` of what has to be counted had passed.
    pub fn reaches(&self, from: Instant, amount: Duration) -> Option<Instant> {
        self.present.reaches(from, amount)
    }
}

/// One waker wakes both halves: woken for the other, this one no longer waits until it has come.
fn woken(half: &Waiting, other: &Waiting, over: Instant) -> Spans {
    let come = |ring: &Instant| half.polls.get(half.polls.partition_point(|poll| poll < ring)).copied();
    Spans::new(other.rings.iter().map(|ring| (*ring, come(ring))), over)
}
