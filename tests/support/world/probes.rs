//! Probes: extra pings that a monitor asks for, which move nothing (O2).

use tokio::time::{Instant, sleep};
use ws_liveness::{End, Monitor};

use super::facts::{GRAIN, Ping};
use super::log::{Diary, Probe};
use super::oracle::Oracle;
use super::run::Run;
use super::scenario::Scenario;

/// Asks now and then, until the connection ends.
pub async fn ask(monitor: Monitor, scenario: Scenario, diary: Diary) {
    let Some(gap) = scenario.probes else { return };
    loop {
        sleep(gap).await;
        let asked = Instant::now();
        diary.lock().probes.push(Probe { asked, done: None });
        let result = monitor.probe().await;
        let ended = result.is_err();
        if let Some(probe) = diary.lock().probes.last_mut() {
            probe.done = Some((Instant::now(), result));
        }
        if ended {
            return;
        }
    }
}

/// The keepalive's pings, and those that were asked for: for each question the first that left from then on; where two
/// left at once, the one that was answered when the question was, or not at all where the question failed.
pub fn part(run: &Run, mut pings: Vec<Ping>) -> (Vec<Ping>, Vec<Ping>) {
    let mut probes = Vec::new();
    for probe in &run.log.probes {
        let answered = probe.done.as_ref().filter(|(_, outcome)| outcome.is_ok()).map(|(at, _)| *at);
        let Some(first) = pings.iter().position(|ping| ping.written >= probe.asked) else { continue };
        let at_once = (first..pings.len()).take_while(|at| pings[*at].written == pings[first].written);
        let at = at_once.into_iter().find(|at| pings[*at].answered == answered).unwrap_or(first);
        probes.push(pings.remove(at));
    }
    (pings, probes)
}

pub fn probes(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let path = run.scenario.out.latency + run.scenario.back.latency;
    for (at, probe) in run.log.probes.iter().enumerate() {
        let answered = oracle.probes.get(at).and_then(|ping| ping.answered);
        match probe.done {
            None if run.log.reader_done.is_some() => return Some("a probe never came to an end".into()),
            Some((_, Ok(rtt))) if rtt < path => return Some(format!("a probe took {rtt:?}, the path {path:?}")),
            Some((done, Ok(_))) if answered.is_none_or(|answered| done < answered || done > answered + GRAIN) => {
                return Some(format!("a probe was answered at {:?}", done - run.start));
            }
            Some((done, Err(cause)))
                if run.log.verdict.is_none_or(|(end, why)| done != end.max(probe.asked) || cause != why) =>
            {
                return Some(format!("a probe failed ({cause:?}) before the end"));
            }
            _ => {}
        }
    }
    None
}

/// What became of it.
pub type Outcome = Result<std::time::Duration, End>;
