//! Between which two moments is a ping missed? The looks are known to the millisecond only where our program and our host
//! are always there; elsewhere a frame that came close to a look may have been seen by it or by the next one.

use std::time::Duration;

use tokio::time::Instant;

use super::facts::{GRAIN, TICK};
use super::oracle::Oracle;

/// What is enough for P3, generously and strictly: so much of `min_progress_rate`.
const LITTLE: f64 = 0.9;
const PLENTY: f64 = 1.2;

/// A moment that lies between these two.
#[derive(Clone, Copy)]
struct About {
    soon: Instant,
    late: Instant,
}

/// T, from its start to its end.
#[derive(Clone, Copy)]
struct Window {
    from: About,
    until: About,
}

impl Oracle<'_> {
    /// The last moment at which the verdict on this silence falls; none where it does not fall.
    pub fn silence_due(&self) -> Option<Instant> {
        let (from, later) = self.begins()?;
        // A silence that begins later may end sooner, if fewer frames fall into it.
        let ends = from.map(|from| self.last_verdict(from, &later, self.config.missed_pongs()));
        ends.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// When the last of so many misses falls at the latest; the first is waited for since `from`, each other since the flush
    /// of one of the `later` pings.
    fn last_verdict(&self, from: Instant, later: &[Instant], misses: u32) -> Option<Instant> {
        let latest = self.last_miss(from)?;
        if misses == 1 {
            return Some(latest);
        }
        let soonest = self.first_miss(from)?;
        let first = later.partition_point(|at| *at + TICK < soonest);
        let last = later.partition_point(|at| *at < latest);
        // The ping that the miss asked for may wait for room to this day.
        if last == later.len() && self.blocks.overlaps(soonest, self.end) {
            return None;
        }
        let last = last.min(later.len().saturating_sub(1));
        let starts = later.get(first..=last).filter(|starts| !starts.is_empty())?;
        let verdicts = starts.iter().map(|from| self.last_verdict(*from, later, misses - 1));
        verdicts.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    fn last_miss(&self, from: Instant) -> Option<Instant> {
        let (mut mark, mut deferrals) = (About { soon: from, late: from }, 0);
        loop {
            let window = self.window(mark)?;
            let may_move = !self.has_frame(&window) && self.may_move(&window);
            if !may_move {
                if !self.may_have_frame(&window) || deferrals == self.config.max_deferrals() {
                    return Some(window.until.late);
                }
                deferrals += 1;
            }
            mark = window.until;
        }
    }

    fn first_miss(&self, from: Instant) -> Option<Instant> {
        let (mut mark, mut deferrals) = (About { soon: from, late: from }, 0);
        loop {
            let window = self.window(mark)?;
            let moves = !self.may_have_frame(&window) && self.surely_moves(&window);
            if !moves {
                if !self.has_frame(&window) || deferrals == self.config.max_deferrals() {
                    return Some(window.until.soon);
                }
                deferrals += 1;
            }
            mark = window.until;
        }
    }

    /// T from about `from` on.
    fn window(&self, from: About) -> Option<Window> {
        let late = self.reader.reaches(from.late, self.t() + self.run.scenario.ours.slack())?;
        let soon = self.reader.soonest(from.soon, late, self.t());
        Some(Window { from, until: About { soon, late } })
    }

    fn has_frame(&self, window: &Window) -> bool {
        let (from, until) = (window.from.late + GRAIN, window.until.soon - GRAIN);
        self.delivered.iter().any(|(read, came)| from < *read && *came <= until)
    }

    fn may_have_frame(&self, window: &Window) -> bool {
        let (from, until) = (window.from.soon - GRAIN, window.until.late + GRAIN);
        self.surfaced.iter().any(|at| from < *at && *at <= until)
    }

    fn may_move(&self, window: &Window) -> bool {
        let read = self.read_between(window.from.soon - GRAIN, window.until.late + GRAIN);
        let shortest = window.until.soon.saturating_duration_since(window.from.late).min(self.t());
        self.counts() && read > 0 && read as f64 >= self.enough(shortest) * LITTLE
    }

    fn surely_moves(&self, window: &Window) -> bool {
        let read = self.read_between(window.from.late + GRAIN, window.until.soon - GRAIN);
        let longest = window.until.late - window.from.soon;
        self.counts() && read > 0 && read as f64 >= self.enough(longest) * PLENTY
    }

    fn enough(&self, time: Duration) -> f64 {
        self.config.min_progress_rate() as f64 * time.as_secs_f64()
    }

    fn read_between(&self, from: Instant, until: Instant) -> u64 {
        self.read_by(until).saturating_sub(self.read_by(from))
    }
}
