//! When had the peer been silent for M times T of attention (J2 to J4, P3)? To the millisecond where nothing blurs it.

use std::time::Duration;

use tokio::time::Instant;

use super::facts::{GRAIN, Ping, TICK};
use super::judging::{Judging, judging};
use super::oracle::Oracle;
use super::run::Who;

/// How what lies on a border is looked at.
#[derive(Clone, Copy)]
pub struct Lens {
    /// So much before a look and after it still belongs to it.
    near: Duration,
    /// So much less than `min_progress_rate` is enough.
    rate: f64,
    /// A ping that left so shortly before a miss is the one that the miss asks for (J4).
    just: Duration,
}

const WIDE: Lens = Lens { near: GRAIN, rate: 0.9, just: Duration::from_millis(3) };
const EXACT: Lens = Lens { near: Duration::ZERO, rate: 1.0, just: TICK };
const NARROW: Lens = Lens { near: Duration::ZERO, rate: 1.2, just: Duration::ZERO };

impl Oracle<'_> {
    /// T; never is a year.
    pub fn t(&self) -> Duration {
        self.config.pong_timeout().min(Duration::from_secs(86400 * 365))
    }

    /// Somebody counts bytes below the messages.
    pub fn counts(&self) -> bool {
        self.run.scenario.progress && self.run.who == Who::Ours
    }

    /// Whether answers are judged at `at`.
    pub fn judges(&self, at: Instant) -> bool {
        let proven = self.pings.iter().chain(&self.probes).any(|ping| ping.answered.is_some_and(|it| it <= at));
        self.config.pong_timeout() < Duration::MAX
            && match judging(self.config) {
                Judging::AfterFirstPong => proven,
                judging => judging == Judging::FromStart,
            }
    }

    /// The last answer that could be read before `at`.
    fn last_answer(&self, at: Instant) -> Option<Instant> {
        self.pings.iter().chain(&self.probes).filter_map(|ping| ping.answered).filter(|answer| *answer < at).max()
    }

    /// A verdict at `at` is right if M silences in a row had T of attention each, however generously it is counted. Each
    /// begins with a finished flush, and the one before had passed by then; the first may also begin with the answer to an
    /// earlier ping.
    pub fn was_silent(&self, at: Instant, misses: u32) -> bool {
        let heard = at.checked_sub(GRAIN).and_then(|before| self.last_answer(before)).unwrap_or(self.run.start);
        let unanswered = self.pings.iter().filter(|ping| ping.answered.is_none_or(|answer| answer + GRAIN >= at));
        let mut begins: Vec<Instant> = unanswered.filter_map(|ping| Some(self.begun(ping)?.max(heard))).collect();
        let (t, mut until) = (self.t(), at);
        for _ in 0..misses {
            while begins.last().is_some_and(|from| self.reader.most(*from, until, t) + GRAIN < t) {
                begins.pop();
            }
            let Some(from) = begins.pop() else { return false };
            until = from;
        }
        true
    }

    /// When T begins for this ping. What people write by hand does not ask whether it was flushed.
    fn begun(&self, ping: &Ping) -> Option<Instant> {
        if self.run.who == Who::Ours { ping.flushed } else { Some(ping.written) }
    }

    /// Whether a ping may have been missed in the moment before `at`, so that another was due at once.
    pub fn missed_before(&self, at: Instant) -> bool {
        self.judges(at) && self.was_silent(at, 1)
    }

    /// The moment, to the millisecond, at which the verdict on this silence falls; none where a frame or a ping came so
    /// close to a look that both ways are right, or where it does not fall.
    pub fn silence_exact(&self) -> Option<Instant> {
        let ([from, _], later) = self.begins()?;
        // Of a ping whose flush may have been known later it cannot be told.
        let heard = self.last_answer(self.end).unwrap_or(self.run.start);
        if self.unanswered(heard).any(|ping| ping.flushed != ping.known) {
            return None;
        }
        let due = self.verdict_on(from, &later, self.config.missed_pongs(), EXACT)?;
        let same = |lens| self.verdict_on(from, &later, self.config.missed_pongs(), lens) == Some(due);
        (same(WIDE) && same(NARROW) && !self.frame_near(due) && !self.bytes_near(due)).then_some(due)
    }

    /// Since when the oldest unanswered ping is waited for, at the soonest and at the latest, and when later ones may have been
    /// known to be flushed; none where nobody judges.
    pub fn begins(&self) -> Option<([Instant; 2], Vec<Instant>)> {
        if !self.judges(self.end) {
            return None;
        }
        let heard = self.last_answer(self.end).unwrap_or(self.run.start);
        let mut unanswered = self.unanswered(heard);
        let first = unanswered.next()?;
        let from = [first.flushed?.max(heard), first.known?.max(heard)];
        let mut later: Vec<Instant> = unanswered.flat_map(|ping| [ping.flushed, ping.known]).flatten().collect();
        later.sort();
        later.dedup();
        Some((from, later))
    }

    fn unanswered(&self, heard: Instant) -> impl Iterator<Item = &Ping> {
        self.pings.iter().filter(move |ping| ping.answered.is_none_or(|answer| answer > heard))
    }

    /// When the last of so many misses falls, of which the first is waited for since `from`; the others belong to some of
    /// the `later` pings.
    fn verdict_on(&self, from: Instant, later: &[Instant], misses: u32, lens: Lens) -> Option<Instant> {
        let due = self.missed(from, lens)?;
        if misses == 1 {
            return Some(due);
        }
        let next = later.partition_point(|at| *at + lens.just < due);
        self.verdict_on(*later.get(next)?, &later[next + 1..], misses - 1, lens)
    }

    /// When the ping that has been waited for since `from` is missed.
    fn missed(&self, from: Instant, lens: Lens) -> Option<Instant> {
        let (mut mark, mut deferrals) = (from, 0);
        loop {
            let due = self.reader.reaches(mark, self.t())?;
            let framed = self.surfaced.iter().any(|at| mark < *at + lens.near && *at <= due + lens.near);
            match framed {
                true if deferrals < self.config.max_deferrals() => deferrals += 1,
                false if self.moves(mark, due, lens) => {}
                _ => return Some(due),
            }
            mark = due;
        }
    }

    /// Bytes came from one look to the next, and enough of them (P3).
    fn moves(&self, from: Instant, until: Instant, lens: Lens) -> bool {
        let read = self.read_by(until + lens.near) - self.read_by(from.checked_sub(lens.near).unwrap_or(from));
        let enough = self.config.min_progress_rate() as f64 * (until - from).as_secs_f64() * lens.rate;
        self.counts() && read > 0 && read as f64 >= enough
    }

    /// How many bytes we had read.
    pub fn read_by(&self, at: Instant) -> u64 {
        self.run.back.reads.iter().rfind(|(read, _)| *read <= at).map_or(0, |(_, all)| *all)
    }

    fn frame_near(&self, at: Instant) -> bool {
        self.surfaced.iter().any(|frame| at.max(*frame) - at.min(*frame) <= GRAIN)
    }

    /// Where the first or the last of a message's bytes come at a look, both ways are right.
    fn bytes_near(&self, at: Instant) -> bool {
        let near = |read: &(Instant, u64)| at.max(read.0) - at.min(read.0) <= GRAIN;
        self.counts() && self.run.back.reads.iter().any(near) && !self.moves(at - self.t(), at, NARROW)
    }
}
