//! What the path knows of a run, in the words of the contract.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::frames::{BINARY, CLOSE, CONTINUE, Frame, HEAD, PING, PONG};
use super::log::Item;
use super::run::Run;
use super::tap::Seen;

/// Timers have whole milliseconds; ours and the path's may differ by one each.
pub const GRAIN: Duration = Duration::from_millis(2);
/// The granularity of the contract: a shorter absence is none.
pub const TICK: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
pub struct Ping {
    /// Its last byte was taken.
    pub written: Instant,
    /// A flush was finished that it left with, and the crate knows it at the latest.
    pub flushed: Option<Instant>,
    pub known: Option<Instant>,
    pub payload: Vec<u8>,
    /// When a pong for it, or for a later one, could be read.
    pub answered: Option<Instant>,
}

pub fn pings(run: &Run) -> Vec<Ping> {
    let ping = |seen: &Seen| {
        let [flushed, known] = run.out.flushed(seen);
        Ping { written: seen.written, flushed, known, payload: seen.frame.head.clone(), answered: None }
    };
    let mut pings: Vec<Ping> = run.out.seen.iter().filter(|seen| seen.frame.opcode == PING).map(ping).collect();
    let numbers: HashMap<_, _> = pings.iter().enumerate().map(|(at, ping)| (ping.payload.clone(), at)).collect();
    for pong in run.back.seen.iter().filter(|seen| seen.frame.opcode == PONG && seen.frame.len == HEAD) {
        let Some(&number) = numbers.get(&pong.frame.head) else { continue };
        for ping in pings[..=number].iter_mut().rev() {
            if ping.answered.is_some() || pong.readable.is_none() {
                break;
            }
            ping.answered = pong.readable;
        }
    }
    pings
}

/// When complete messages and control frames could be read, were read, or came to our user: in between the crate saw them.
/// The answers to our own `pings` are not among them.
pub fn surfaced(run: &Run, pings: &[Ping]) -> Vec<Instant> {
    let ours = payloads(pings);
    let whole = run.back.seen.iter().filter(|seen| seen.frame.fin && !is_answer(&seen.frame, &ours));
    let crossed = whole.flat_map(|seen| [seen.readable, seen.read]).flatten();
    let items = run.log.items.iter().filter(|(_, item)| matches!(item, Item::Message { .. })).map(|(at, _)| *at);
    let mut all: Vec<Instant> = crossed.chain(items).collect();
    all.sort();
    all.dedup();
    all
}

/// Complete messages and control frames that came to our user: when the crate had all their bytes, and when they came. In
/// between it saw them.
pub fn delivered(run: &Run, pings: &[Ping]) -> Vec<(Instant, Instant)> {
    let ours = payloads(pings);
    let whole = run.back.seen.iter().filter(|seen| seen.frame.fin && !is_answer(&seen.frame, &ours));
    let items = run.log.items.iter().filter(|(_, item)| matches!(item, Item::Message { .. }));
    whole.zip(items).filter_map(|(seen, (at, _))| Some((seen.read?, *at))).collect()
}

fn payloads(pings: &[Ping]) -> HashSet<&[u8]> {
    pings.iter().map(|ping| &*ping.payload).collect()
}

fn is_answer(frame: &Frame, ours: &HashSet<&[u8]>) -> bool {
    frame.opcode == PONG && frame.len == HEAD && ours.contains(&*frame.head)
}

/// What our user should see, with the moment from which on it could be read.
pub fn expected(run: &Run, pings: &[Ping]) -> Vec<(Option<Instant>, Item)> {
    let (mut items, mut begun, ours) = (Vec::new(), None, payloads(pings));
    for seen in &run.back.seen {
        let frame = &seen.frame;
        match frame.opcode {
            PONG if is_answer(frame, &ours) => {}
            BINARY | CONTINUE => {
                let (len, head) = begun.take().unwrap_or((0, Vec::new()));
                let head: Vec<u8> = [head, frame.head.clone()].concat().into_iter().take(HEAD).collect();
                match frame.fin {
                    false => begun = Some((len + frame.len, head)),
                    true => items.push((seen.readable, Item::Message { opcode: BINARY, len: len + frame.len, head })),
                }
            }
            CLOSE => {
                items.push((seen.readable, Item::Message { opcode: CLOSE, len: 0, head: Vec::new() }));
                break;
            }
            opcode => items.push((seen.readable, Item::Message { opcode, len: frame.len, head: frame.head.clone() })),
        }
    }
    items
}

/// When the connection was at its end for our side: verdict, other end, or the beginning of a close.
pub fn end(run: &Run) -> Instant {
    let verdict = run.log.verdict.map(|(at, _)| at);
    let close = run.log.close.map(|(at, _)| at);
    let closed = run.back.seen.iter().find(|seen| seen.frame.opcode == CLOSE).and_then(|seen| seen.readable);
    let ours = run.out.seen.iter().find(|seen| seen.frame.opcode == CLOSE).map(|seen| seen.written);
    [verdict, close, closed, ours, run.log.dropped, run.back.end, run.back.aborted, Some(run.over)]
        .into_iter()
        .flatten()
        .min()
        .unwrap()
}
