//! S1 and S3: pings leave when they are due, whatever is unanswered, and never in a burst.

use tokio::time::Instant;
use ws_liveness::PingWhen;

use super::facts::{GRAIN, Ping, TICK};
use super::oracle::Oracle;

pub fn spacing(oracle: &Oracle<'_>) -> Option<String> {
    together(oracle).or_else(|| too_soon(oracle)).or_else(|| too_late(oracle)).or_else(|| oracle.overdue())
}

fn tell(oracle: &Oracle<'_>, [first, next]: [Instant; 2]) -> String {
    let start = oracle.run.start;
    format!("one ping at {:?}, the next at {:?}", first - start, next - start)
}

/// Pairs of keepalive pings that left before the end.
fn pairs<'o>(oracle: &'o Oracle<'_>) -> impl Iterator<Item = [&'o Ping; 2]> {
    oracle.pings.windows(2).map(|two| [&two[0], &two[1]]).filter(|two| two[1].written < oracle.end)
}

/// Never two in the same millisecond.
fn together(oracle: &Oracle<'_>) -> Option<String> {
    let two = pairs(oracle).map(|two| two.map(|ping| ping.written)).find(|two| two[1] < two[0] + TICK)?;
    Some(tell(oracle, two))
}

/// Sooner than the jitter allows leaves only a ping that follows a miss (J4), at once or when there is room, or one that
/// follows one that had to wait.
fn too_soon(oracle: &Oracle<'_>) -> Option<String> {
    let least = oracle.config.ping_interval().mul_f64(1.0 - oracle.config.jitter());
    let soon = |two: &[&Ping; 2]| two[1].written + GRAIN < two[0].written + least;
    let held = |ping: &Ping| oracle.blocks.overlaps(ping.written - TICK, ping.written);
    let followed = |two: &[&Ping; 2]| {
        let [first, next] = two.map(|ping| ping.written);
        oracle.missed_before(next) || held(two[1]) && missed_between(oracle, first, next)
    };
    let two = pairs(oracle).filter(soon).find(|two| !held(two[0]) && !followed(two))?;
    Some(tell(oracle, two.map(|ping| ping.written)))
}

/// Whether a ping may have been missed meanwhile: silence is longest when an answer ends it.
fn missed_between(oracle: &Oracle<'_>, from: Instant, until: Instant) -> bool {
    let answers = oracle.pings.iter().filter_map(|ping| ping.answered);
    answers.filter(|at| from < *at && *at <= until).any(|at| oracle.missed_before(at))
}

/// I after the one before at the latest, where nothing on our side delays it.
fn too_late(oracle: &Oracle<'_>) -> Option<String> {
    let (run, i) = (oracle.run, oracle.config.ping_interval());
    let quiet = run.out.blocks.is_empty() && run.scenario.ours.is_prompt();
    if !quiet || oracle.config.ping_when() != PingWhen::Always {
        return None;
    }
    let late = |two: &[&Ping; 2]| two[1].written.saturating_duration_since(two[0].written) > i.saturating_add(GRAIN);
    let first = oracle.pings.first().filter(|first| first.written > run.start + i + GRAIN);
    let two = pairs(oracle).find(late).map(|two| two.map(|ping| ping.written));
    two.or(first.map(|first| [run.start, first.written])).map(|two| tell(oracle, two))
}
