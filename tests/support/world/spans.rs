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

    /// Gaps of `most` or less are none.
    pub fn close_up(&self, most: Duration) -> Self {
        let gaps = self.0.windows(2).map(|two| (two[0].1, two[1].0)).filter(|gap| gap.1 - gap.0 <= most);
        self.plus(&Self(gaps.collect()))
    }

    pub fn plus(&self, other: &Self) -> Self {
        let all = self.0.iter().chain(&other.0).map(|(from, until)| (*from, Some(*until)));
        Self::new(all, Instant::now())
    }

    /// How much of this lies between `from` and `until`.
    pub fn within(&self, from: Instant, until: Instant) -> Duration {
        self.0.iter().map(|(begin, end)| (*end).min(until).saturating_duration_since((*begin).max(from))).sum()
    }

    /// When `amount` of this had passed since `from`.
    pub fn reaches(&self, from: Instant, mut amount: Duration) -> Option<Instant> {
        for &(begin, end) in &self.0 {
            let begin = begin.max(from);
            let length = end.saturating_duration_since(begin);
            if !length.is_zero() && length >= amount {
                return Some(begin + amount);
            }
            amount -= length;
        }
        None
    }

    /// Where `at` lies in one of them, its end.
    pub fn end_of(&self, at: Instant) -> Instant {
        let around = self.0.iter().find(|(begin, end)| *begin <= at && at < *end);
        around.map_or(at, |(_, end)| *end)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Instant, Instant)> {
        self.0.iter()
    }

    pub fn overlaps(&self, from: Instant, until: Instant) -> bool {
        self.0.iter().any(|(begin, end)| *begin < until && *end > from)
    }
}

/// When our program waited in `next`.
pub fn reading(run: &Run) -> Spans {
    Spans::new(run.log.waits.iter().copied(), run.over)
}

/// When it waited in `send` or `close`.
pub fn writing(run: &Run) -> Spans {
    let sends = run.log.sent.iter().map(|sent| (sent.begun, sent.done.map(|(at, _)| at)));
    Spans::new(sends.chain(run.log.close), run.over)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// From 10 to 20 and from 30 to 40.
    fn two(start: Instant) -> Spans {
        let at = |s| start + Duration::from_secs(s);
        Spans::new([(at(30), None), (at(10), Some(at(15))), (at(14), Some(at(20)))], at(40))
    }

    #[test]
    fn an_amount_is_reached_across_a_gap_or_not_at_all() {
        let (start, s) = (Instant::now(), Duration::from_secs);
        let reached = |from, amount| two(start).reaches(start + s(from), s(amount)).map(|at| (at - start).as_secs());
        assert_eq!(reached(0, 10), Some(20));
        assert_eq!(reached(12, 10), Some(32));
        assert_eq!(reached(25, 10), Some(40));
        assert_eq!(reached(25, 11), None);
    }

    #[test]
    fn what_lies_outside_is_left() {
        let (start, s) = (Instant::now(), Duration::from_secs);
        let left = two(start).minus(&Spans::new([(start + s(12), Some(start + s(35)))], start + s(99)));
        assert_eq!(left.within(start, start + s(99)), s(7));
        assert_eq!(left.plus(&two(start)).within(start, start + s(99)), s(20));
        assert!(left.overlaps(start + s(11), start + s(12)) && !left.overlaps(start + s(12), start + s(35)));
    }
}
