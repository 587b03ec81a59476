//! What the path knows of a run, in the words of the contract.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{BINARY, CLOSE, CONTINUE, HEAD, PING, PONG};
use super::log::Item;
use super::run::Run;
use super::tap::Seen;

/// Timers have whole milliseconds; ours and the path's may differ by one each.
pub const GRAIN: Duration = Duration::from_millis(2);

#[derive(Clone, Debug)]
pub struct Ping {
    pub flushed: Instant,
    pub payload: Vec<u8>,
    /// When a pong for it, or for a later one, could be read.
    pub answered: Option<Instant>,
}

pub fn pings(run: &Run) -> Vec<Ping> {
    let ping = |seen: &Seen| Ping { flushed: seen.written, payload: seen.frame.head.clone(), answered: None };
    let mut pings: Vec<Ping> = run.out.seen.iter().filter(|seen| seen.frame.opcode == PING).map(ping).collect();
    for pong in run.back.seen.iter().filter(|seen| seen.frame.opcode == PONG && seen.frame.len == HEAD) {
        let Some(number) = pings.iter().position(|ping| ping.payload == pong.frame.head) else { continue };
        for ping in pings[..=number].iter_mut().rev() {
            if ping.answered.is_some() || pong.readable.is_none() {
                break;
            }
            ping.answered = pong.readable;
        }
    }
    pings
}

/// When complete messages and control frames could be read.
pub fn inbound(run: &Run) -> Vec<Instant> {
    run.back.seen.iter().filter(|seen| seen.frame.fin).filter_map(|seen| seen.readable).collect()
}

/// What our user should see, with the moment from which on it could be read.
pub fn expected(run: &Run, pings: &[Ping]) -> Vec<(Option<Instant>, Item)> {
    let (mut items, mut begun) = (Vec::new(), None);
    for seen in &run.back.seen {
        let frame = &seen.frame;
        match frame.opcode {
            PONG if frame.len == HEAD && pings.iter().any(|ping| ping.payload == frame.head) => {}
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
    [verdict, close, closed, ours, run.back.end, run.back.aborted, Some(run.over)].into_iter().flatten().min().unwrap()
}
