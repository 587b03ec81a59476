//! What the worlds reach: a transition or a fault that none of them shows is a hole in the world.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use ws_liveness::{End, Health};

use super::facts::{GRAIN, Ping};
use super::families::Family;
use super::log::Item;
use super::oracle::Oracle;
use super::scenario::{Consumer, Shape};
use super::spans;
use super::tap::Seen;

macro_rules! reached {
    ($($reached:ident $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reached { $($reached),* }

        impl Reached {
            pub const ALL: &[Self] = &[$(Self::$reached),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$reached => $name),* }
            }
        }
    };
}

reached! {
    Suspected "alive -> suspect",
    Recovered "suspect -> alive",
    DiedAlive "alive -> ended",
    DiedSuspect "suspect -> ended",
    PongTimeout "ended: pong timeout",
    WriteStalled "ended: write stalled",
    PingFailed "ended: ping failed",
    PingFlood "ended: ping flood",
    CloseTimeout "ended: close timeout",
    Closed "ended: closed",
    StreamError "ended: stream error",
    Dropped "ended: dropped",
    Several "several pings unanswered at once",
    AnswersSeveral "one pong answers several pings",
    MissedLived "a miss, and it lived",
    VerdictOfSeveral "a verdict after several misses",
    Deferred "a frame started T again",
    Unasked "dead before it was ever asked",
    HeldBack "a ping waited for room, then left",
    WrittenNotFlushed "a ping written and never flushed",
    MovedOn "bytes moved while our ping waited",
    Crossed "half a message moved T on",
    ProbeAnswered "a probe was answered",
    ProbeFailed "a probe failed with the connection",
    StopOverPong "stopped while the pong arrived",
    StopOverT "stopped past T, and it lived",
    StopOverVerdict "stopped, and a verdict after it",
    StopBlocked "stopped while our ping waited for room",
    Jumped "the clock jumped",
    AlwaysLateVerdict "a verdict on a host that is always late",
    YieldedVerdict "a verdict over an inner that yields",
    Exhausted "a budget ran out with something to read",
    PolledVerdict "a verdict for a program that polls by a tick",
    BacklogVerdict "a verdict behind a backlog",
    RestlessVerdict "a verdict among odd polls and wakers",
    PanickedVerdict "a look panicked, and a verdict after it",
    PanickedLived "a look panicked, and it lived",
    LeftBehind "a spawned socket outlived its handle for a while",
    PartedSlowly "messages read long after our close",
    UnreadReset "a full buffer that nobody read, reset",
}

fn ended(cause: End) -> Option<Reached> {
    Some(match cause {
        End::PongTimeout => Reached::PongTimeout,
        End::WriteStalled => Reached::WriteStalled,
        End::PingFailed => Reached::PingFailed,
        End::PingFlood => Reached::PingFlood,
        End::CloseTimeout => Reached::CloseTimeout,
        End::Closed => Reached::Closed,
        End::StreamError => Reached::StreamError,
        End::Dropped => Reached::Dropped,
        _ => return None,
    })
}

/// What this run showed, each thing once.
pub fn reached(oracle: &Oracle<'_>) -> Vec<Reached> {
    let mut all = Vec::new();
    health(oracle, &mut all);
    for (shows, what) in [pings(oracle), path(oracle), host(oracle)].concat() {
        if shows {
            all.push(what);
        }
    }
    all.sort();
    all.dedup();
    all
}

fn health(oracle: &Oracle<'_>, all: &mut Vec<Reached>) {
    let log = &oracle.run.log;
    let states = || std::iter::once(Health::Alive).chain(log.health.iter().map(|(_, health)| *health));
    all.extend(states().zip(states().skip(1)).filter_map(|two| match two {
        (Health::Alive, Health::Suspect) => Some(Reached::Suspected),
        (Health::Suspect, Health::Alive) => Some(Reached::Recovered),
        (Health::Suspect, Health::Ended(_)) => Some(Reached::DiedSuspect),
        (Health::Alive, Health::Ended(_)) => Some(Reached::DiedAlive),
        _ => None,
    }));
    all.extend(log.verdict.and_then(|(_, cause)| ended(cause)));
}

fn pings(oracle: &Oracle<'_>) -> Vec<(bool, Reached)> {
    let (log, pings) = (&oracle.run.log, &oracle.pings);
    let dead = oracle.verdict().is_some();
    let answers: Vec<_> = pings.iter().filter_map(|ping| ping.answered).collect();
    let missed = !dead && log.stats.as_ref().is_some_and(|stats| stats.misses > 0);
    let open = |two: &[Ping]| two[0].answered.is_none_or(|answer| answer > two[1].written);
    vec![
        (pings.windows(2).any(open), Reached::Several),
        (answers.windows(2).any(|two| two[0] == two[1]), Reached::AnswersSeveral),
        (missed, Reached::MissedLived),
        (dead && oracle.config.missed_pongs() > 1, Reached::VerdictOfSeveral),
        (log.stats.as_ref().is_some_and(|stats| stats.deferrals > 0), Reached::Deferred),
        (dead && answers.is_empty(), Reached::Unasked),
        (log.probes.iter().any(|probe| matches!(probe.done, Some((_, Ok(_))))), Reached::ProbeAnswered),
        (log.probes.iter().any(|probe| matches!(probe.done, Some((_, Err(_))))), Reached::ProbeFailed),
    ]
}

fn path(oracle: &Oracle<'_>) -> Vec<(bool, Reached)> {
    let (run, it) = (oracle.run, &oracle.run.scenario);
    let waited = |ping: &Ping| {
        ping.flushed.is_some_and(|flushed| oracle.blocks.overlaps(flushed - Duration::from_nanos(1), flushed))
    };
    let moved = run.out.writes.windows(2).any(|two| oracle.blocks.within(two[0], two[1]) == two[1] - two[0]);
    let half = oracle.counts() && run.back.seen.iter().any(|seen| slow(oracle, seen));
    let late = oracle.run.log.close.is_some_and(|(close, _)| {
        let last = run.log.items.iter().rfind(|(_, item)| matches!(item, Item::Message { .. }));
        last.is_some_and(|(at, _)| *at > close + it.config.close_timeout())
    });
    let behind = run.log.dropped.zip(run.out.left).is_some_and(|(dropped, left)| left > dropped);
    let unread = run.out.aborted.is_some() && matches!(it.ours.consumer, Consumer::Absent { .. });
    vec![
        (oracle.pings.iter().any(waited), Reached::HeldBack),
        (oracle.pings.iter().any(|ping| ping.flushed.is_none()), Reached::WrittenNotFlushed),
        (moved, Reached::MovedOn),
        (half, Reached::Crossed),
        (late, Reached::PartedSlowly),
        (behind, Reached::LeftBehind),
        (unread && matches!(it.ours.shape, Shape::Spawned(_)), Reached::UnreadReset),
    ]
}

/// A message that took longer than T to cross.
fn slow(oracle: &Oracle<'_>, seen: &Seen) -> bool {
    let rate = oracle.run.scenario.back.rate as f64;
    seen.readable.is_some() && seen.frame.len as f64 / rate > oracle.t().as_secs_f64()
}

fn host(oracle: &Oracle<'_>) -> Vec<(bool, Reached)> {
    let (run, faults) = (oracle.run, &oracle.run.scenario.ours.host);
    let stops = spans::stalls(run);
    let verdict = oracle.verdict().map(|(at, _)| at);
    let during = |at: &Ping| at.answered.is_some_and(|at| stops.overlaps(at - GRAIN, at));
    let over_t = |ping: &Ping| {
        let Some((due, answer)) = ping.written.checked_add(oracle.t()).zip(ping.answered) else { return false };
        ping.written < answer && stops.iter().any(|(from, until)| *from >= ping.written && *from < due && *until > due)
    };
    let after = verdict.is_some_and(|at| stops.overlaps(run.start, at));
    let works = matches!(run.scenario.ours.consumer, Consumer::Works(_) | Consumer::Echoes(_));
    let spawned = matches!(run.scenario.ours.shape, Shape::Spawned(_));
    let ticks = matches!(run.scenario.ours.consumer, Consumer::Ticks(_));
    let any_stop = stops.iter().next().is_some();
    vec![
        (oracle.pings.iter().any(during), Reached::StopOverPong),
        (verdict.is_none() && oracle.pings.iter().any(over_t), Reached::StopOverT),
        (after, Reached::StopOverVerdict),
        (stops.iter().any(|(from, until)| oracle.blocks.overlaps(*from, *until)), Reached::StopBlocked),
        (any_stop && (faults.jumps || spawned), Reached::Jumped),
        (verdict.is_some() && !faults.late.is_zero(), Reached::AlwaysLateVerdict),
        (verdict.is_some() && faults.yields > 0, Reached::YieldedVerdict),
        (run.exhausted > 0, Reached::Exhausted),
        (verdict.is_some() && ticks, Reached::PolledVerdict),
        (verdict.is_some() && works, Reached::BacklogVerdict),
        (verdict.is_some() && faults.restless.is_some(), Reached::RestlessVerdict),
        (verdict.is_some() && run.log.panics > 0, Reached::PanickedVerdict),
        (verdict.is_none() && run.log.panics > 0, Reached::PanickedLived),
    ]
}

/// How often, and in how many families.
#[derive(Default)]
pub struct Chart(BTreeMap<Reached, BTreeMap<&'static str, usize>>);

impl Chart {
    pub fn add(&mut self, family: Family, reached: &[Reached]) {
        for what in reached {
            *self.0.entry(*what).or_default().entry(family.name()).or_default() += 1;
        }
    }

    pub fn missing(&self) -> Vec<&'static str> {
        Reached::ALL.iter().filter(|what| !self.0.contains_key(what)).map(|what| what.name()).collect()
    }

    pub fn render(&self) -> String {
        let mut text = format!("{:<50} {:>7} {:>8}  most of them in\n", "reached", "runs", "families");
        for what in Reached::ALL {
            let empty = BTreeMap::new();
            let families = self.0.get(what).unwrap_or(&empty);
            let most = families.iter().max_by_key(|(_, runs)| **runs).map_or("-", |(name, _)| name);
            let runs: usize = families.values().sum();
            let _ = writeln!(text, "{:<50} {runs:>7} {:>8}  {most}", what.name(), families.len());
        }
        text
    }
}
