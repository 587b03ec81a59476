//! A clock that counts attention instead of time (J1, J2, J5, K4).

use std::time::Duration;

use super::{Time, nanos};

/// The granularity of tokio's timers. Whatever is shorter counts neither as an absence nor as late.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// The number of the stretch that ends the time: three quarters, the fourth but for a tick, the tick.
const LAST: u8 = 4;

/// How often a last look that comes late is repeated before it decides all the same.
const REPEATS: u8 = 3;

/// Counts the time in which somebody waits, in stretches that each end with a look of our timer.
///
/// The wait itself is not recorded here. A half that waits now was away `from` some moment `until` another, and `skip`
/// takes that time out. Time beyond the next look is never counted, whatever ended the wait, because only the look
/// shows that our own process ran until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stopwatch {
    /// When the stretch ends if there is no absence.
    look: Time,
    /// How often it was started again because of a frame (J3).
    pub(super) restarts: u32,
    stretch: u8,
    /// How often the last look was repeated.
    repeats: u8,
    /// The timer has fired for the look, which is not decided yet.
    due: bool,
    /// A complete frame came since it was started.
    pub(super) heard: bool,
}

impl Stopwatch {
    pub(super) fn start(now: Time, limit: Duration) -> Self {
        let look = now.plus_nanos(length(0, limit));
        Self { look, restarts: 0, stretch: 0, repeats: 0, due: false, heard: false }
    }

    /// Starts again because something moved below the messages, as if it had been started at `since` and looked at in
    /// time until now. What was heard stays, and this does not count as a deferral.
    pub(super) fn moved(&self, since: Time, now: Time, limit: Duration) -> Self {
        let mut watch = Self { restarts: self.restarts, heard: self.heard, ..Self::start(since, limit) };
        while watch.look <= now && watch.stretch < LAST {
            watch.advance(watch.look, limit);
        }
        watch
    }

    /// Starts again because a frame came.
    pub(super) fn deferred(&self, now: Time, limit: Duration) -> Self {
        Self { restarts: self.restarts + 1, ..Self::start(self.base(now), limit) }
    }

    /// Returns when the timer is to fire, which is never while a look waits to be decided.
    pub(super) fn next(&self) -> Time {
        if self.due { Time::NEVER } else { self.look }
    }

    /// Records that the timer fired.
    pub(super) fn fire(&mut self, now: Time) {
        self.due |= self.look <= now;
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Whether the last look is due.
    #[cfg(test)]
    pub(super) fn is_deciding(&self) -> bool {
        self.due && self.stretch == LAST
    }

    /// Gives the exploration its access: it moves all times along with `now`, and makes mistakes on purpose.
    #[cfg(test)]
    pub(super) fn innards(&mut self) -> (&mut Time, &mut u8) {
        (&mut self.look, &mut self.repeats)
    }

    /// Takes out the time `from` then `until` now, in which nobody waited.
    pub(super) fn skip(&mut self, from: Time, until: Time, limit: Duration) {
        let from = from.max(self.begin(limit));
        // Time after the look is not counted anyway.
        if from < self.look && from.plus(TICK) < until {
            self.look = self.look.plus(until.since(from));
            self.due = false;
        }
    }

    /// Decides a look that is due. Returns whether all the time is over.
    pub(super) fn is_over(&mut self, now: Time, limit: Duration) -> bool {
        if !std::mem::take(&mut self.due) {
            return false;
        }
        while self.look <= now {
            if self.stretch < LAST {
                self.advance(self.base(now), limit);
            } else if self.is_late(now) && self.repeats < REPEATS {
                self.repeats += 1;
                self.look = now.plus(TICK);
            } else {
                return true;
            }
        }
        false
    }

    /// Returns when the time after the last look begins: at the look, or now if it came late.
    fn base(&self, now: Time) -> Time {
        if self.is_late(now) { now } else { self.look }
    }

    fn is_late(&self, now: Time) -> bool {
        self.look.plus(TICK) < now
    }

    fn advance(&mut self, from: Time, limit: Duration) {
        self.stretch += 1;
        self.look = from.plus_nanos(length(self.stretch, limit));
    }

    /// Returns when the stretch began, moved on by the absences in it.
    fn begin(&self, limit: Duration) -> Time {
        self.look.minus_nanos(if self.repeats > 0 { nanos(TICK) } else { length(self.stretch, limit) })
    }
}

/// In nanoseconds.
fn length(stretch: u8, limit: Duration) -> u64 {
    let (whole, tick) = (nanos(limit), nanos(TICK));
    if whole == u64::MAX {
        return whole;
    }
    let quarter = whole / 4;
    match stretch {
        0..=2 => quarter,
        3 => (whole - 3 * quarter).saturating_sub(tick),
        _ => (whole - 3 * quarter).min(tick),
    }
}
