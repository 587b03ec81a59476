//! When had our ping waited for W of attention without bytes that move (J1, P2)?

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::PingWhen;

use super::facts::{GRAIN, Ping};
use super::oracle::{Oracle, last};
use super::spans;

const NEVER: Duration = Duration::from_secs(86400);

impl Oracle<'_> {
    /// Our ping could not leave for W, however generously it is counted.
    pub fn was_stuck(&self, at: Instant) -> bool {
        let w = self.config.write_timeout();
        self.blocked(at) && w <= self.writer.most(self.moved(at), at, w).saturating_add(GRAIN)
    }

    /// The last moment at which bytes moved: all we had was taken; or, where somebody counts them, any.
    fn moved(&self, at: Instant) -> Instant {
        if self.counts() { last(&self.run.out.writes, at) } else { self.flushed(at) }
    }

    /// The last time that all we had was taken.
    pub fn flushed(&self, at: Instant) -> Instant {
        let flushes = &self.run.out.flushes;
        flushes.iter().rfind(|flush| flush.at < at).unwrap_or(&flushes[0]).at
    }

    pub fn blocked(&self, at: Instant) -> bool {
        let out = &self.run.out;
        let waits = |(from, until): &(Instant, Option<Instant>)| *from < at && until.is_none_or(|until| until >= at);
        out.blocks.iter().any(waits) || self.flushed(at) < last(&out.writes, at)
    }

    /// When the ping after the last one that left was queued, at the latest, if anybody was there.
    fn queued(&self) -> Option<Instant> {
        let i = self.config.ping_interval();
        if i >= NEVER {
            return None;
        }
        // A ping may be answered before the flush that it left with has come to its end.
        let past = |at: &Instant| *at <= self.end;
        let left = |ping: &Ping| {
            let flushed = ping.known.filter(past).or(ping.flushed.filter(past));
            flushed.into_iter().chain(ping.answered).min().filter(past)
        };
        let left = self.pings.iter().filter_map(left).max().unwrap_or(self.run.start);
        let left = spans::stalls(self.run).end_of(left);
        Some(match self.config.ping_when() {
            // Frames skip it, and none came after the last.
            PingWhen::Idle => left.max(self.surfaced.last().copied().unwrap_or(left)) + 2 * i,
            _ => left + i,
        })
    }

    fn w(&self) -> Option<Duration> {
        let w = self.config.write_timeout();
        // P2: a path that stops is noticed at the second look.
        if self.counts() { w.checked_mul(2) } else { Some(w) }.filter(|w| *w < Duration::MAX)
    }

    /// The last moment at which the verdict falls on a ping that cannot leave; none where it does not fall.
    pub fn stuck_due(&self) -> Option<Instant> {
        let slack = self.run.scenario.ours.slack();
        let from = (self.queued()? + slack).max(self.moved(self.end));
        (self.blocked(self.end)).then_some(())?;
        self.writer.reaches(from, self.w()? + slack)
    }

    /// S5: somebody waited, the path was free, and the ping that was due did not leave.
    pub fn overdue(&self) -> Option<String> {
        let slack = self.run.scenario.ours.slack();
        let mut pings = self.pings.iter().filter_map(|ping| ping.flushed);
        let mut left = self.run.start;
        let i = self.config.ping_interval();
        if i >= NEVER || self.config.ping_when() == PingWhen::Idle {
            return None;
        }
        loop {
            let next = pings.next();
            let until = next.unwrap_or(self.end).min(self.end);
            let waited = self.reader.least(left, until);
            if waited > i + slack && !self.blocks.overlaps(left, until) {
                return Some(format!("no ping in {waited:?} of waiting since {:?}", left - self.run.start));
            }
            left = next.filter(|next| *next < self.end)?;
        }
    }
}
