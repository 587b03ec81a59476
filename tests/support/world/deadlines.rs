//! When is the absence of a pong judged? By what came in meanwhile (J3, P3).

use std::time::Duration;

use tokio::time::Instant;

use super::facts::{GRAIN, Ping};
use super::oracle::Oracle;
use super::run::Who;

/// How what lies on a border is looked at.
#[derive(Clone, Copy)]
struct Lens {
    /// So much before a look and after it still belongs to it.
    slack: Duration,
    /// So much less than `min_progress_rate` is enough.
    rate: f64,
}

const WIDE: Lens = Lens { slack: GRAIN, rate: 0.9 };
const EXACT: Lens = Lens { slack: Duration::ZERO, rate: 1.0 };
const NARROW: Lens = Lens { slack: Duration::ZERO, rate: 1.2 };

impl Oracle<'_> {
    /// Somebody counts bytes below the messages.
    pub fn counts(&self) -> bool {
        self.run.scenario.progress && self.run.who == Who::Ours
    }

    /// T; never is a year.
    pub fn t(&self) -> Duration {
        self.config.pong_timeout().min(Duration::from_secs(86400 * 365))
    }

    /// When the absence of the pong for this ping is judged at the latest (J3).
    pub fn due(&self, ping: &Ping) -> Instant {
        [WIDE, EXACT, NARROW].into_iter().map(|lens| self.deadline(ping, lens)).max().unwrap()
    }

    /// The same to the millisecond; none where a frame came so close to it that both ways are right.
    pub fn exact_due(&self, ping: &Ping) -> Option<Instant> {
        let due = self.due(ping);
        let sure = [WIDE, EXACT, NARROW].into_iter().all(|lens| self.deadline(ping, lens) == due);
        (sure && !self.frame_near(due) && !self.bytes_near(due)).then_some(due)
    }

    pub fn frame_near(&self, at: Instant) -> bool {
        self.inbound.iter().any(|frame| at.max(*frame) - at.min(*frame) <= GRAIN)
    }

    /// Where the first or the last of a message's bytes come at a look, both ways are right.
    fn bytes_near(&self, at: Instant) -> bool {
        let near = |read: &(Instant, u64)| at.max(read.0) - at.min(read.0) <= GRAIN;
        self.counts() && self.run.back.reads.iter().any(near) && !self.moves(at - self.t(), at, NARROW)
    }

    fn deadline(&self, ping: &Ping, lens: Lens) -> Instant {
        let (mut due, mut mark) = (ping.flushed + self.t(), ping.flushed);
        let (mut deferrals, slack) = (0, lens.slack);
        while due < self.run.over {
            let framed = self.inbound.iter().any(|at| mark < *at + slack && *at <= due + slack);
            match framed {
                true if deferrals < self.config.max_deferrals() => deferrals += 1,
                false if self.moves(mark, due, lens) => {}
                _ => break,
            }
            (mark, due) = (due, due + self.t());
        }
        due
    }

    /// Bytes came from one look to the next, and enough of them (P3).
    fn moves(&self, from: Instant, until: Instant, lens: Lens) -> bool {
        let by = |at: Instant| self.run.back.reads.iter().rfind(|(read, _)| *read <= at).map_or(0, |(_, all)| *all);
        let read = by(until + lens.slack) - by(from.checked_sub(lens.slack).unwrap_or(from));
        let enough = self.config.min_progress_rate() as f64 * (until - from).as_secs_f64() * lens.rate;
        self.counts() && read > 0 && read as f64 >= enough
    }

    /// Only half a message was there, and more of it came fast enough up to the end (P3): who reads as it comes sees it.
    pub fn crosses(&self, at: Instant) -> bool {
        let asked = self.pings.iter().rev().find(|ping| ping.flushed <= at);
        let due = asked.and_then(|ping| self.exact_due(ping));
        self.counts() && self.run.scenario.ours.is_prompt() && due.is_some_and(|due| at + GRAIN < due)
    }
}
