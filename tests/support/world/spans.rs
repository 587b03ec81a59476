//! Stretches of time, and how much of one thing lies outside another.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Run;

/// From, and until when if it has come to an end.
pub type Span = (Instant, Option<Instant>);

/// Sorted, and apart from each other.
#[derive(Clone, Debug, Default)]
pub struct Spans(Vec<(Instant, Instant)>);

impl Spans {
    /// What is still open ends with `end`.
    pub fn new(spans: impl IntoIterator<Item = Span>, end: Instant) -> Self {
        let whole = |(from, until): Span| (from, until.unwrap_or(end));
        let mut sorted: Vec<_> = spans.into_iter().map(whole).filter(|(from, until)| from < until).collect();
        sorted.sort();
        let mut apart: Vec<(Instant, Instant)> = Vec::new();
        for (from, until) in sorted {
            match apart.last_mut() {
                Some((_, last)) if from <= *last => *last = until.max(*last),
                _ => apart.push((from, until)),
            }
        }
        Self(apart)
    }

    /// What of this lies outside of `other`.
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(mut from, until) in &self.0 {
            for &(begin, end) in &other.0 {
                if begin >= until || end <= from {
                    continue;
                }
                if begin > from {
                    left.push((from, begin));
                }
                from = end.min(until);
            }
            if from < until {
                left.push((from, until));
            }
        }
        Self(left)
    }

    /// How much of this lies between `from` and `until`.
    pub fn within(&self, from: Instant, until: Instant) -> Duration {
        self.0.iter().map(|(begin, end)| (*end).min(until).saturating_duration_since((*begin).max(from))).sum()
    }
}

/// When our consumer waited in `next`.
pub fn waits(run: &Run) -> Spans {
    Spans::new(run.log.waits.iter().copied(), run.over)
}

/// When bytes for us waited because we did not read.
pub fn unread(run: &Run) -> Spans {
    Spans::new(run.back.unread.iter().copied(), run.over)
}

/// When we had more to write than there was room for.
pub fn blocks(run: &Run) -> Spans {
    Spans::new(run.out.blocks.iter().copied(), run.over)
}

/// When our tasks did not run.
pub fn stalls(run: &Run) -> Spans {
    let at = |(from, time): &(Duration, Duration)| (run.start + *from, Some(run.start + *from + *time));
    Spans::new(run.scenario.ours.stalls.iter().map(at), run.over)
}
