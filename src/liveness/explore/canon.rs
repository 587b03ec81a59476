//! The same situation at another time, or after other numbers, is the same state.

use super::super::payload::Payloads;
use super::super::phase::{Closing, Dying, LastWord};
use super::super::ping::Sent;
use super::super::*;
use super::TICK;
use super::world::World;

/// It is always now.
pub(super) fn now() -> Time {
    Time::START.plus(TICK * 1000)
}

/// No span that any rule speaks of is as long: longer ones need not be told apart.
const LONG: i64 = 12;

/// Moves all times so that it is `now()`, shortens what is long ago, and numbers the pings from 1.
pub(super) fn settle(world: &mut World) {
    let from = ticks(world.now);
    let mut past = Vec::new();
    world.times(&mut |time| past.push(ticks(*time) - from));
    past.retain(|ticks| *ticks < 0);
    past.sort_unstable_by(|a, b| b.cmp(a));
    past.dedup();
    let mut map = Vec::new();
    let (mut before, mut after) = (0, 0);
    for old in past {
        after -= (before - old).min(LONG);
        before = old;
        map.push((old, after));
    }
    let base = now();
    world.times(&mut |time| {
        let ago = ticks(*time) - from;
        let ago = map.iter().find(|(old, _)| *old == ago).map_or(ago, |(_, new)| *new);
        *time = if ago < 0 { base.before(TICK * (-ago) as u32) } else { base.plus(TICK * ago as u32) };
    });
    world.now = base;
    renumber(world);
}

fn ticks(time: Time) -> i64 {
    (time.since(Time::START).as_millis()) as i64
}

/// All times that the machine keeps.
pub(super) fn times(machine: &mut Liveness<Death>, exact: bool, now: Time, see: &mut dyn FnMut(&mut Time)) {
    let see = &mut |time: &mut Time| {
        if *time != Time::NEVER {
            see(time);
        }
    };
    match &mut machine.phase {
        Phase::Open(open) => {
            see(&mut open.due);
            if let Some(leaving) = open.pings.leaving_mut() {
                see(&mut leaving.queued);
                see(leaving.w.innards().0);
            }
            if let Some(awaited) = open.pings.awaited_mut() {
                see(awaited.t.innards().0);
                for sent in [Some(&mut awaited.oldest), awaited.later.as_deref_mut()].into_iter().flatten() {
                    let (mut queued, mut flushed) = (sent.queued(), sent.flushed);
                    if !exact {
                        // Nothing but the facts of an error hangs on them, and whether it was in this tick.
                        flushed = flushed.max(now.before(TICK));
                        queued = flushed;
                    }
                    see(&mut queued);
                    see(&mut flushed);
                    *sent = Sent::new(queued, flushed, sent.number);
                }
            }
        }
        Phase::Broken { c } => see(c.innards().0),
        Phase::Closing(closing) => {
            see(&mut closing.until);
            see(closing.c.innards().0);
        }
        Phase::Dying(dying) => see(&mut dying.until),
        Phase::Failed { .. } | Phase::Over(_) => {}
    }
}

/// The facts of an account are checked when it is given; after that they only tell states apart.
pub(super) fn forget_facts(machine: &mut Liveness<Death>) {
    let account = match &mut machine.phase {
        Phase::Failed { account, .. }
        | Phase::Dying(Dying { account, .. })
        | Phase::Closing(Closing { account: Some(account), .. })
        | Phase::Over(LastWord::Failure { account, .. }) => account,
        _ => return,
    };
    *account = Death { reason: account.reason, queued: None, flushed: None, deferrals: 0, misses: 0 };
}

/// Once it holds the writer back, when it was queued matters to the facts only.
pub(super) fn forget_queued(machine: &mut Liveness<Death>) {
    if let Phase::Open(open) = &mut machine.phase {
        if let Some(leaving) = open.pings.leaving_mut() {
            leaving.queued = now();
        }
    }
}

fn renumber(world: &mut World) {
    let mut numbers = vec![world.ledger.answered];
    numbers.extend(world.ledger.pings.iter().map(|ping| ping.number));
    world.numbers(&mut |number| numbers.push(*number));
    numbers.sort_unstable();
    numbers.dedup();
    let new = |number: u32| numbers.iter().position(|known| *known == number).expect("it was listed") as u32 + 1;
    let (answered, last) = (new(world.ledger.answered), numbers.len() as u32);
    world.ledger.pings.iter_mut().for_each(|ping| ping.number = new(ping.number));
    world.ledger.answered = answered;
    world.numbers(&mut |number| *number = new(*number));
    let mut payloads = Payloads::new(0);
    for _ in 0..last {
        payloads.issue();
    }
    payloads.answer(answered);
    world.subject.machine.payloads = payloads;
}

/// All numbers that the machine keeps.
pub(super) fn numbers(machine: &mut Liveness<Death>, see: &mut dyn FnMut(&mut u32)) {
    let Phase::Open(open) = &mut machine.phase else { return };
    if let Some(number) = open.pings.leaving_mut().and_then(|leaving| leaving.number.as_mut()) {
        see(number);
    }
    if let Some(awaited) = open.pings.awaited_mut() {
        see(&mut awaited.oldest.number);
        if let Some(later) = &mut awaited.later {
            see(&mut later.number);
        }
    }
}
