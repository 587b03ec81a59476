//! What leaves after the end: our Close, rightly worded, and no ping (K1, K2, S4).

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::End;

use super::facts::GRAIN;
use super::frames::{CLOSE, HEAD};
use super::log::Item;
use super::oracle::Oracle;
use super::scenario::Shape;
use super::tap::Tap;

const CODE: u16 = 3008;

pub fn farewell(oracle: &Oracle<'_>) -> Vec<String> {
    [close(oracle), late_ping(oracle)].into_iter().flatten().collect()
}

impl Oracle<'_> {
    /// What our program dropped is let go of: at once, or by the task that had it within C (B5, K7).
    pub fn left_behind(&self, dropped: Instant) -> Option<String> {
        let spawned = matches!(self.run.scenario.ours.shape, Shape::Spawned(_));
        let bound = if spawned { self.config.close_timeout() } else { Duration::ZERO };
        let left = self.run.out.left.is_some_and(|left| left <= dropped + bound + GRAIN);
        (!left && self.run.over > dropped + bound).then(|| "the socket outlived the drop".into())
    }
}

fn reason(cause: End) -> Option<&'static str> {
    match cause {
        End::PongTimeout => Some("pong timeout"),
        End::WriteStalled => Some("write stalled"),
        End::PingFlood => Some("ping flood"),
        _ => None,
    }
}

/// A verdict that the path still carries to the peer is told to it.
fn close(oracle: &Oracle<'_>) -> Option<String> {
    let (run, (at, cause)) = (oracle.run, oracle.verdict()?);
    let reason = reason(cause)?;
    let closes = |tap: &Tap| tap.seen.iter().find(|seen| seen.frame.opcode == CLOSE).map(|seen| seen.frame.clone());
    let begun = run.log.close.is_some_and(|(close, _)| close <= at);
    if begun || run.out.aborted.is_some() {
        return None;
    }
    let want = [&CODE.to_be_bytes(), reason.as_bytes()].concat();
    match closes(&run.out) {
        Some(frame) if frame.len == want.len() && frame.head == want[..HEAD] => None,
        Some(frame) => Some(format!("the peer is told {:?} of {}, the cause is {cause:?}", frame.head, frame.len)),
        None => could_leave(oracle).then(|| "the verdict is not told to the peer, and there was room".into()),
    }
}

/// There was room for it at the verdict, or, where somebody was there to use it, within the grace.
fn could_leave(oracle: &Oracle<'_>) -> bool {
    let (run, Some((at, _))) = (oracle.run, oracle.verdict()) else { return false };
    let grace = oracle.config.close_timeout().min(Duration::from_secs(1));
    let mut holds = run.out.blocks.iter().filter(|(from, until)| *from <= at && until.is_none_or(|until| until >= at));
    let Some(until) = holds.next_back().map(|(_, until)| *until) else { return !oracle.blocked(at) };
    run.scenario.ours.is_prompt() && until.is_some_and(|until| until + GRAIN < at + grace)
}

/// What the inner had taken before leaves all the same.
fn late_ping(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let over = |(_, item): &&(_, Item)| matches!(item, Item::End | Item::Failed { .. });
    let told = run.log.items.iter().find(over).map(|(at, _)| *at);
    let dead = oracle.verdict().map(|(at, _)| at);
    let end = told.into_iter().chain(dead).min()?;
    let last = oracle.pings.iter().chain(&oracle.probes).map(|ping| ping.written).max()?;
    (last > end && !oracle.blocked(last)).then(|| format!("a ping {:?} after the end", last - end))
}
