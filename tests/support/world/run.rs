//! One run: the world of a seed, and somebody in it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::baselines::{self, Baseline};
use super::host::{self, Host};
use super::log::{Diary, Log};
use super::ours::{self, User};
use super::peer;
use super::pipe::Path;
use super::scenario::{Consumer, Scenario, Writer};
use super::tap::Tap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Ours,
    Baseline(Baseline),
}

pub struct Run {
    pub scenario: Scenario,
    pub who: Who,
    pub start: Instant,
    pub log: Log,
    /// From us to the peer, and back.
    pub out: Tap,
    pub back: Tap,
    /// How often our host's sockets found no budget left.
    pub exhausted: usize,
    /// When the run was over; later is not looked at.
    pub over: Instant,
}

pub fn simulate(scenario: Scenario, who: Who) -> Run {
    // What the crate throws dice for is decided by the seed too.
    fastrand::seed(scenario.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(scenario, who))
}

async fn live(scenario: Scenario, who: Who) -> Run {
    // Not on a whole millisecond of the timer's by chance, but by decision.
    let start = Instant::now();
    let mut rng = fastrand::Rng::with_seed(scenario.seed ^ 0xfa7);
    let host = Host::new(&scenario.ours);
    let (path, ours, theirs) = Path::new(&scenario.out, &scenario.back, host.clone(), start, &mut rng);
    let stops = tokio::spawn(host::stops(host.clone(), scenario.ours.clone(), start));
    let peer = tokio::spawn(peer::run(theirs, scenario.clone(), start));
    let user = User { scenario: scenario.clone(), start, diary: Diary::default() };
    let diary = user.diary.clone();
    let ours = tokio::spawn(async move {
        match who {
            Who::Ours => ours::run(ours, user).await,
            Who::Baseline(baseline) => baselines::run(baseline, ours, user).await,
        }
    });
    let mut ours = ours;
    let (mut until, mut items) = (start + patience(&scenario), 0);
    let panicked = loop {
        match timeout_at(until, &mut ours).await {
            Ok(joined) => break joined.is_err(),
            // The peer has closed, and what it had said before takes its time (K4).
            Err(_) if path.back.lock().tap.is_closing() && diary.lock().items.len() > items => {
                items = diary.lock().items.len();
                until += respite(&scenario) * 4;
            }
            Err(_) => break false,
        }
    };
    if panicked {
        diary.lock().afterwards.push("a task panicked".into());
    }
    let over = Instant::now();
    // What is on its way may still show that it was coming.
    sleep(respite(&scenario)).await;
    ours.abort();
    stops.abort();
    peer.abort();
    let tap = |lane: &super::pipe::Shared| std::mem::replace(&mut lane.lock().tap, Tap::new(start));
    Run {
        out: tap(&path.out),
        back: tap(&path.back),
        log: diary.take(),
        exhausted: host.exhausted(),
        scenario,
        who,
        start,
        over,
    }
}

/// Nobody's run takes longer, whoever hangs; unless it still reads what the peer had said before its Close.
fn patience(scenario: &Scenario) -> Duration {
    let work = match scenario.ours.consumer {
        Consumer::Works(time) | Consumer::Echoes(time) | Consumer::Bursts { off: time, .. } => time,
        Consumer::Lingers(time) => time * 60,
        _ => Duration::ZERO,
    };
    // What is under way when our user wants to close.
    let writes = match scenario.ours.writer {
        Writer::Every { len, .. } | Writer::Flood { len } if scenario.progress => {
            scenario.out.crossing(len, &scenario.back) * 2
        }
        _ => Duration::ZERO,
    };
    scenario.horizon + scenario.config.close_timeout() + work + writes + respite(scenario) * 4
}

fn respite(scenario: &Scenario) -> Duration {
    scenario.span().min(Duration::from_secs(600))
}
