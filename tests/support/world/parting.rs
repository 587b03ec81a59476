//! What a program that is not there is owed: the peer's last words (K4), and the news of a reset (S9).

use super::facts::{GRAIN, expected};
use super::frames::CLOSE;
use super::log::Item;
use super::oracle::Oracle;
use super::scenario::Shape;

/// Where the peer's Close came in time, all that was said before it arrives, however slowly it is read.
pub fn parting(oracle: &Oracle<'_>) -> Option<String> {
    let (run, c) = (oracle.run, oracle.config.close_timeout());
    let (close, _) = run.log.close?;
    let seen = run.back.seen.iter().find(|seen| seen.frame.opcode == CLOSE)?;
    let bye = seen.readable.filter(|bye| *bye + GRAIN < close + c)?;
    let spoilt = oracle.verdict().is_some() || run.log.dropped.is_some() || run.back.aborted.is_some();
    if spoilt || bye < close || run.log.reader_done.is_none() {
        return None;
    }
    let ours = [&oracle.pings[..], &oracle.probes[..]].concat();
    let said = expected(run, &ours).len();
    let heard = run.log.items.iter().filter(|(_, item)| matches!(item, Item::Message { .. })).count();
    (heard < said).then(|| format!("the closing was complete, and {} messages were not delivered", said - heard))
}

/// A task of the crate's own learns it with the next ping, also where nobody reads.
pub fn told_of_reset(oracle: &Oracle<'_>) -> Option<String> {
    let (run, ours) = (oracle.run, &oracle.run.scenario.ours);
    let reset = run.start + run.scenario.out.reset?;
    let bound = oracle.config.ping_interval() + ours.slack();
    let spawned = matches!(ours.shape, Shape::Spawned(_)) && ours.stalls.is_empty();
    let late = |end| end > reset + bound + GRAIN;
    let known = run.log.verdict.map(|(at, _)| at).or(run.log.close.map(|(at, _)| at)).unwrap_or(run.over);
    (spawned && late(known)).then(|| format!("the reset was unknown {bound:?} later"))
}
