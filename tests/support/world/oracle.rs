//! Until when was this connection live, and by when was a verdict due? One question answers both: how much attention did
//! the silence have?

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::{End, LiveConfig};

use super::attention::Attention;
use super::facts::{GRAIN, Ping, delivered, end, pings, surfaced};
use super::probes;
use super::run::{Run, Who};
use super::scenario::{Answer, Leaves};
use super::spans::{self, Spans};

pub struct Oracle<'a> {
    pub run: &'a Run,
    pub config: &'a LiveConfig,
    pub reader: Attention,
    pub writer: Attention,
    pub blocks: Spans,
    pub pings: Vec<Ping>,
    /// Those of them that a monitor asked for.
    pub probes: Vec<Ping>,
    /// When frames came that the crate could see.
    pub surfaced: Vec<Instant>,
    /// Between which two moments it saw those that came to our user.
    pub delivered: Vec<(Instant, Instant)>,
    pub end: Instant,
}

impl<'a> Oracle<'a> {
    pub fn new(run: &'a Run) -> Self {
        let all = pings(run);
        let (surfaced, delivered) = (surfaced(run, &all), delivered(run, &all));
        let (pings, probes) = probes::part(run, all);
        Self {
            run,
            config: &run.scenario.config,
            reader: Attention::of_reader(run),
            writer: Attention::of_writer(run),
            blocks: spans::blocks(run),
            pings,
            probes,
            surfaced,
            delivered,
            end: end(run),
        }
    }

    /// The declaration of death.
    pub fn verdict(&self) -> Option<(Instant, End)> {
        let dead = |cause| matches!(cause, End::PongTimeout | End::WriteStalled | End::PingFailed | End::PingFlood);
        self.run.log.verdict.filter(|(_, cause)| dead(*cause))
    }

    /// A connection was declared dead that was not.
    pub fn live_closed(&self) -> Option<String> {
        let (at, cause) = self.verdict()?;
        if self.run.who != Who::Ours && at > self.end {
            return None;
        }
        let right = match (self.run.who, cause) {
            (Who::Ours, End::PingFailed) => self.run.out.aborted.is_some(),
            // Whether it was one is counted beside the other causes.
            (Who::Ours, End::PingFlood) => true,
            (Who::Ours, End::WriteStalled) => self.was_stuck(at),
            (Who::Ours, _) => self.was_silent(at, self.config.missed_pongs()),
            (Who::Baseline(_), _) => self.was_stuck(at) || self.was_silent(at, 1) || self.lost(at),
        };
        (!right).then(|| format!("declared dead ({cause}), and it was live"))
    }

    /// What the model did to path or peer: no baseline is blamed for noticing it in its own way.
    fn lost(&self, at: Instant) -> bool {
        let (it, at) = (&self.run.scenario, at - self.run.start);
        let leaves = match it.peer.leaves {
            Leaves::Never => None,
            Leaves::Closes(at) | Leaves::Vanishes(at) => Some(at),
        };
        let moments = [it.out.dark, it.back.dark, it.out.reset, it.peer.silent, it.peer.deaf, leaves];
        it.peer.answer == Answer::Never || moments.into_iter().flatten().any(|moment| moment <= at)
    }

    /// The last moment at which a peer as silent as this one was to be declared dead.
    pub fn limit(&self) -> Option<Instant> {
        [self.silence_due(), self.stuck_due()].into_iter().flatten().min()
    }

    /// How long a dead peer was kept beyond the limit.
    pub fn dead_missed(&self) -> Option<Duration> {
        let late = self.end.saturating_duration_since(self.limit()?);
        (late > GRAIN).then_some(late)
    }

    /// How late the verdict came, where it can be told to the millisecond.
    pub fn lateness(&self) -> Option<Duration> {
        let (at, cause) = self.verdict()?;
        let due = self.silence_exact().filter(|_| cause == End::PongTimeout)?;
        Some(at.saturating_duration_since(due))
    }
}

pub fn last(moments: &[Instant], before: Instant) -> Instant {
    moments.iter().rev().find(|moment| **moment < before).copied().unwrap_or(moments[0])
}
