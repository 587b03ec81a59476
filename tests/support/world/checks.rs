//! The other promises, checked in every run of ours: what breaks one, in words.

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::End;

use super::facts::{GRAIN, Ping, expected};
use super::farewell::farewell;
use super::frames::{BINARY, CLOSE, HEAD, PING, PONG};
use super::log::Item;
use super::oracle::Oracle;
use super::parting::{parting, told_of_reset};
use super::probes::probes;
use super::scenario::Shape;
use super::spacing::spacing;
use super::spans;
use super::tap::Seen;

pub fn check(oracle: &Oracle<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(oracle.live_closed());
    let late = oracle.dead_missed();
    broken.extend(late.map(|late| format!("a dead peer was not closed: {late:?} over the limit")));
    broken.extend(exactness(oracle));
    broken.extend(cause(oracle));
    broken.extend(flood(oracle));
    broken.extend(inbound(oracle));
    broken.extend(outbound(oracle));
    broken.extend(pings(oracle));
    broken.extend(endings(oracle));
    broken.extend(farewell(oracle));
    broken.extend(parting(oracle));
    broken.extend(told_of_reset(oracle));
    broken.extend(probes(oracle));
    broken.extend(oracle.run.log.afterwards.iter().cloned());
    broken
}

/// Where nothing on our side blurs it, the verdict falls in the millisecond that the contract names.
fn exactness(oracle: &Oracle<'_>) -> Option<String> {
    if !oracle.run.scenario.ours.is_prompt() {
        return None;
    }
    let due = oracle.silence_exact()?;
    if oracle.end > due + GRAIN {
        return Some(format!("the verdict was due at {:?}", due - oracle.run.start));
    }
    let (at, cause) = oracle.verdict()?;
    let early = cause == End::PongTimeout && at + GRAIN < due;
    early.then(|| format!("the verdict came {:?} before it was due", due - at))
}

fn cause(oracle: &Oracle<'_>) -> Option<String> {
    let (run, (at, cause)) = (oracle.run, oracle.run.log.verdict?);
    let closes = |tap: &super::tap::Tap| tap.seen.iter().any(|seen| seen.frame.opcode == CLOSE);
    let close = run.log.close.is_some() || closes(&run.back) || closes(&run.out);
    let gone = run.back.end.is_some() || run.back.aborted.is_some() || run.out.aborted.is_some();
    let right = match cause {
        End::PongTimeout | End::WriteStalled => true,
        End::PingFailed => run.out.aborted.is_some(),
        End::PingFlood => owed(oracle, at) > u64::from(oracle.config.max_pong_backlog()),
        End::CloseTimeout => {
            (close || run.log.dropped.is_some()) && at + GRAIN >= oracle.end + oracle.config.close_timeout()
        }
        End::Closed => close,
        End::Dropped => run.log.dropped.is_some_and(|dropped| dropped <= at),
        End::EndOfStream | End::StreamError => gone || close,
        _ => false,
    };
    let reported = run.log.items.iter().find_map(|(_, item)| match item {
        Item::Failed { cause, .. } => *cause,
        _ => None,
    });
    if reported.is_some() && reported != cause.cause() {
        return Some(format!("the error says {reported:?}, the monitor {cause:?}"));
    }
    (!right).then(|| format!("cause {cause:?} is not true"))
}

/// What the pings count as that were read until `at`, since everything had left that there was.
fn owed(oracle: &Oracle<'_>, at: Instant) -> u64 {
    let run = oracle.run;
    let flushed = run.out.flushes.iter().rfind(|flush| flush.at + GRAIN < at).map_or(run.start, |flush| flush.at);
    let since = |seen: &&Seen| seen.read.is_some_and(|read| read + GRAIN >= flushed && read <= at + GRAIN);
    let pings = run.back.seen.iter().filter(|seen| seen.frame.opcode == PING).filter(since);
    pings.map(|seen| weight(seen.frame.len)).sum()
}

fn weight(len: usize) -> u64 {
    len as u64 + 128
}

/// H1: whatever the peer does, our user has never seen more pings than may be unanswered.
fn flood(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let limit = u64::from(oracle.config.max_pong_backlog());
    // After a Close of ours the inner answers none.
    let answers = |at: &Instant| *at < oracle.end && run.log.close.is_none_or(|(close, _)| *at < close);
    let shown = run.log.items.iter().filter(|(at, _)| answers(at)).filter_map(|(at, item)| match item {
        Item::Message { opcode: PING, len, .. } => Some((*at, weight(*len))),
        _ => None,
    });
    let mut sum = 0;
    for (at, pong) in shown {
        sum += pong;
        let left = run.out.seen.iter().filter(|seen| seen.frame.opcode == PONG && seen.written <= at + GRAIN);
        let owed = sum.saturating_sub(left.map(|seen| weight(seen.frame.len)).sum());
        // The ping that is one too many is delivered, and so is what the wrapper has read with it.
        if owed > limit + 2 * weight(125) {
            return Some(format!("{owed} bytes of pongs waited, {limit} are allowed"));
        }
    }
    None
}

/// Promise 3, inbound: in order, nothing added, complete up to the cut.
fn inbound(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let ours: Vec<Ping> = oracle.pings.iter().chain(&oracle.probes).cloned().collect();
    let want = expected(run, &ours);
    let got: Vec<&Item> =
        run.log.items.iter().map(|(_, item)| item).filter(|item| matches!(item, Item::Message { .. })).collect();
    let same = |want: &Item, got: &Item| match (want, got) {
        (Item::Message { opcode: CLOSE, .. }, Item::Message { opcode: CLOSE, .. }) => true,
        _ => want == got,
    };
    if let Some(at) = (0..got.len()).find(|at| want.get(*at).is_none_or(|(_, want)| !same(want, got[*at]))) {
        return Some(format!("message {at} is {:?}, sent was {:?}", got[at], want.get(at)));
    }
    let (_, missing) = want.get(got.len())?;
    // What came while the host stood still could be read when it went on, and the verdict may have come first (J5).
    let readable = spans::stalls(run).end_of(want[got.len()].0?);
    // Who drops the connection reads no more.
    let drained = oracle.verdict().is_some_and(|(_, cause)| cause == End::PongTimeout);
    let whole = drained && run.log.dropped.is_none() || run.scenario.ours.is_prompt();
    let lost = run.back.aborted.is_some();
    (whole && !lost && readable + GRAIN < oracle.end).then(|| format!("never delivered: {missing:?}"))
}

fn outbound(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let frames: Vec<_> = run.out.seen.iter().filter(|seen| seen.frame.opcode == BINARY).collect();
    for (at, seen) in frames.iter().enumerate() {
        let number = seen.frame.head[..HEAD].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        match run.log.sent.get(at) {
            Some(sent) if sent.number == number && sent.len == seen.frame.len => {}
            sent => return Some(format!("{at}th on the path: number {number}, sent was {sent:?}")),
        }
    }
    let confirmed = run.log.sent.iter().filter(|sent| matches!(sent.done, Some((_, true)))).count();
    (confirmed > frames.len()).then(|| format!("{confirmed} sends succeeded, {} left", frames.len()))
}

/// S1, S3, S4.
fn pings(oracle: &Oracle<'_>) -> Option<String> {
    let run = oracle.run;
    let close = run.out.seen.iter().position(|seen| seen.frame.opcode == CLOSE);
    if close.is_some_and(|close| run.out.seen[close..].iter().any(|seen| seen.frame.opcode == PING)) {
        return Some("a ping after our Close".into());
    }
    let heard = run.log.items.iter().find(|(_, item)| matches!(item, Item::Message { opcode: CLOSE, .. }));
    let last = oracle.pings.last().map(|ping| ping.written);
    // What the inner had taken before leaves all the same.
    if heard.zip(last).is_some_and(|((heard, _), last)| last > *heard && !oracle.blocked(last)) {
        return Some("a ping after the peer's Close".into());
    }
    spacing(oracle)
}

/// Promise 4: every call ends, in time.
fn endings(oracle: &Oracle<'_>) -> Vec<String> {
    let (run, mut broken) = (oracle.run, Vec::new());
    let prompt = run.scenario.ours.is_prompt();
    let c = oracle.config.close_timeout();
    let over = |since: Instant, bound: Duration, done: Option<Instant>| {
        prompt && done.unwrap_or(run.over) > since + bound + GRAIN
    };
    // Who never pings judges nothing, and a path that went dark stays so.
    let judged = oracle.config.ping_interval() < Duration::from_secs(86400);
    let judged = judged && oracle.config.write_timeout() < Duration::MAX;
    if !judged && run.log.close.is_none() && oracle.verdict().is_none() {
        return broken;
    }
    if let Some(dropped) = run.log.dropped {
        return oracle.left_behind(dropped).into_iter().collect();
    }
    if run.log.reader_done.is_none() {
        broken.push("`next` never came to an end".into());
    }
    if run.log.writer_done.is_none() {
        broken.push("`send` or `close` never came to an end".into());
    }
    let last = run.log.items.last().map(|(at, _)| *at);
    if let Some((at, _)) = oracle.verdict() {
        let grace = c.min(Duration::from_secs(1));
        if over(at, grace, last) {
            broken.push("the error came later than the grace after the verdict".into());
        }
        let stuck =
            |sent: &&super::log::Sent| sent.begun < at && sent.done.is_none_or(|(done, _)| done > at + grace + GRAIN);
        if prompt && run.log.sent.iter().any(|sent| stuck(&sent)) {
            broken.push("a `send` outlived the verdict".into());
        }
    }
    if let Some((at, done)) = run.log.close {
        let before = oracle.verdict().is_none_or(|(verdict, _)| verdict > at);
        // In one task nobody reads before `close` has returned.
        let reads = done.filter(|_| run.scenario.ours.shape == Shape::Whole).unwrap_or(at);
        if before && (over(at, c, done) || over(reads, c, last)) {
            broken.push("the closing took longer than C".into());
        }
    }
    if run.log.items.iter().filter(|(_, item)| matches!(item, Item::Failed { .. })).count() > 1 {
        broken.push("more than one `Err`".into());
    }
    broken
}
