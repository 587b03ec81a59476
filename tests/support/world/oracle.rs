//! Until when was this connection live, and by when was a verdict due? Answered from path and peer alone.

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::{Cause, LiveConfig};

use super::facts::{GRAIN, Ping, end, inbound, pings};
use super::frames::{BINARY, CONTINUE};
use super::probes;
use super::run::{Run, Who};
use super::scenario::{Answer, Leaves, Talk};
use super::spans::{self, Spans};

/// A judge is late from here on, or a quarter of T where that is more (J6).
const TARDY: Duration = Duration::from_millis(250);

pub struct Oracle<'a> {
    pub run: &'a Run,
    pub config: &'a LiveConfig,
    pub pings: Vec<Ping>,
    /// Those of them that a monitor asked for.
    pub probes: Vec<Ping>,
    pub inbound: Vec<Instant>,
    pub end: Instant,
}

impl<'a> Oracle<'a> {
    pub fn new(run: &'a Run) -> Self {
        let config = &run.scenario.config;
        let (pings, probes) = probes::part(run, pings(run));
        Self { run, config, pings, probes, inbound: inbound(run), end: end(run) }
    }

    /// The declaration of death.
    pub fn verdict(&self) -> Option<(Instant, Cause)> {
        let dead = |cause| matches!(cause, Cause::PongTimeout | Cause::WriteStalled | Cause::PingFailed);
        self.run.log.verdict.filter(|(_, cause)| dead(*cause))
    }

    /// A connection was declared dead that was not.
    pub fn live_closed(&self) -> Option<String> {
        let (at, cause) = self.verdict()?;
        if self.run.who != Who::Ours && at > self.end {
            return None;
        }
        let asked = self
            .pings
            .iter()
            .any(|ping| ping.flushed.checked_add(self.config.pong_timeout()).is_some_and(|due| due <= at + GRAIN));
        let excused = match (self.run.who, cause) {
            (_, Cause::PingFailed) => self.run.out.aborted.is_some(),
            (Who::Ours, Cause::WriteStalled) => self.stalled(at),
            (Who::Ours, _) => {
                let silent = self.silent(at, self.config.missed_pongs() as usize);
                (silent || self.amid(at)) && !self.crosses(at) || asked && self.lost(at)
            }
            (Who::Baseline(_), _) => self.amid(at) || self.stalled(at) || self.silent(at, 1) || self.lost(at),
        };
        (!excused).then(|| format!("declared dead ({cause}), and it was live"))
    }

    /// Half of a message of the peer's is there: its answer cannot be, and no message shows it (P5).
    fn amid(&self, at: Instant) -> bool {
        let Talk::Once { at: begun, .. } = self.run.scenario.peer.talk else { return false };
        let whole = self.run.back.seen.iter().rfind(|seen| [BINARY, CONTINUE].contains(&seen.frame.opcode));
        let arrived = whole.and_then(|seen| seen.readable).is_some_and(|readable| readable <= at);
        !(self.counts() && self.run.scenario.ours.is_prompt()) && self.run.start + begun <= at && !arrived
    }

    /// The last `misses` pings were not answered within T, by nobody's fault on our side.
    fn silent(&self, at: Instant, misses: usize) -> bool {
        let t = self.config.pong_timeout();
        let asked = self.pings.iter().rev().filter(|ping| t < Duration::MAX && ping.flushed + t <= at + GRAIN);
        let last: Vec<&Ping> = asked.take(misses).collect();
        // A host that slept is forgiven where the judge is late (J6); who wakes in time cannot know that he slept.
        // Once: not where the ping before is unanswered too.
        let before = self.pings.iter().rev().find(|ping| last.first().is_some_and(|last| ping.flushed < last.flushed));
        let fresh = before.is_none_or(|ping| ping.answered.is_some_and(|answer| answer < at));
        let tardy = fresh
            && last.first().is_some_and(|ping| {
                let due = self.due(ping) + self.slept_before(ping, at);
                self.noticed(due, at) > due + (t / 4).max(TARDY)
            });
        let theirs = self.theirs(tardy);
        let late = |ping: &&Ping| {
            theirs.within(ping.flushed, ping.answered.unwrap_or(at)) + GRAIN >= t
                && (self.run.who != Who::Ours || ping.answered.is_none_or(|answer| answer + GRAIN >= at))
        };
        last.len() == misses && last.iter().all(late)
    }

    /// How long our host slept since the ping, but for the last time: by so much the deadline has moved already (J7).
    fn slept_before(&self, ping: &Ping, at: Instant) -> Duration {
        let begins = self.run.scenario.ours.stalls.iter().map(|(from, _)| self.run.start + *from);
        let last = begins.filter(|begin| *begin < at).max();
        last.map_or(Duration::ZERO, |last| spans::stalls(self.run).within(ping.flushed, last))
    }

    /// When we could first see that `due` had passed: at the end of the sleep into which it fell.
    fn noticed(&self, due: Instant, at: Instant) -> Instant {
        let spans = self.run.scenario.ours.stalls.iter().map(|(from, time)| (self.run.start + *from, *time));
        let last = spans.filter(|(begin, _)| *begin < at).map(|(begin, time)| begin + time).max();
        last.filter(|end| *end >= due).map_or(at, |end| end.min(at))
    }

    /// The time that counts against the peer: all but that in which bytes for us waited because we did not read (promise
    /// 2). Who stalls while he waits, and is awake again in time, cannot know it; a `tardy` judge does (J6).
    fn theirs(&self, tardy: bool) -> Spans {
        let run = self.run;
        let always = Spans::new([(run.start, None)], run.over);
        let (stalls, unread) = (spans::stalls(run), spans::unread(run));
        match tardy {
            true if run.scenario.ours.asleep => always.minus(&unread).minus(&stalls),
            true => always.minus(&unread),
            false => always.minus(&unread.minus(&stalls)),
        }
    }

    /// Our ping could not leave for W. Bytes that moved are no progress as long as nobody counts them (P5).
    fn stalled(&self, at: Instant) -> bool {
        let out = &self.run.out;
        let progress = if self.counts() { last(&out.writes, at) } else { self.flushed(at) };
        self.blocked(at) && self.config.write_timeout() <= at.saturating_duration_since(progress) + GRAIN
    }

    /// The last time that all we had was taken.
    pub fn flushed(&self, at: Instant) -> Instant {
        last(&self.run.out.flushes, at)
    }

    pub fn blocked(&self, at: Instant) -> bool {
        let out = &self.run.out;
        let waits = |(from, until): &(Instant, Option<Instant>)| *from < at && until.is_none_or(|until| until >= at);
        out.blocks.iter().any(waits) || self.flushed(at) < last(&out.writes, at)
    }

    /// What the model did to path or peer: nothing that a declaration of death could be blamed for.
    fn lost(&self, at: Instant) -> bool {
        let (it, at) = (&self.run.scenario, at - self.run.start);
        let leaves = match it.peer.leaves {
            Leaves::Never => None,
            Leaves::Closes(at) | Leaves::Vanishes(at) => Some(at),
        };
        let moments = [it.out.dark, it.back.dark, it.out.reset, it.peer.silent, it.peer.deaf, leaves];
        it.peer.answer == Answer::Never || moments.into_iter().flatten().any(|moment| moment <= at)
    }

    pub fn judges(&self) -> bool {
        let config = self.config;
        let proven = self.pings.iter().any(|ping| ping.answered.is_some());
        let never = config.keep_alive_only() || config.pong_timeout() == Duration::MAX;
        !never && (proven || !config.judge_after_first_pong())
    }
}

pub fn last(moments: &[Instant], before: Instant) -> Instant {
    moments.iter().rev().find(|moment| **moment < before).copied().unwrap_or(moments[0])
}
