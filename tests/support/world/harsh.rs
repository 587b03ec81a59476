//! Families with little room, and one thing more that any family may have.

use std::time::Duration;

use super::below;
use super::dice::{Dice, millis};
use super::families::{Family, both};
use super::scenario::{Consumer, Scenario, Shape, Talk, Writer};

pub fn shape(family: Family, it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    let t = it.config.pong_timeout();
    match family {
        Family::Narrow => narrow(it, t, moment, dice),
        Family::Stand => stand(it, t, moment, dice),
        Family::Crawl => below::crawl(it, t, moment, dice),
        Family::Seep => below::seep(it, t, moment, dice),
        _ => {}
    }
}

/// Thrown last, whatever the family.
pub fn harden(it: &mut Scenario, dice: &mut Dice) {
    if dice.chance(0.25) && !counted(it.family) {
        it.back.receive_buffer = dice.number(200..=1500);
    }
    it.progress |= dice.chance(0.3) || counted(it.family);
    // Where something else has to leave too, nobody but the crate could tell a probe from another ping.
    if dice.chance(0.6) && it.ours.writer == Writer::Quiet && it.ours.is_prompt() && it.family != Family::Extreme {
        it.probes = Some(millis(it.config.ping_interval().mul_f64(dice.scale(0.1, 3.0))));
    }
}

fn counted(family: Family) -> bool {
    matches!(family, Family::Crawl | Family::Seep)
}

/// The path is good, and little of what the peer says finds room while our consumer does not read.
fn narrow(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    room(it, t, dice);
    it.ours.consumer = match dice.number(0..=3) {
        0 => Consumer::Works(millis(t.mul_f64(dice.scale(0.05, 3.0)))),
        1 => Consumer::Absent { from: moment, time: dice.times(it.span(), 0.3, 4.0) },
        _ => Consumer::Bursts {
            on: millis(t.mul_f64(dice.scale(0.02, 2.0))),
            off: millis(t.mul_f64(dice.scale(0.1, 4.0))),
        },
    };
    dies(it, moment, dice);
}

/// One task, which stands in `send` for a good part of T before it reads again.
fn stand(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    room(it, t, dice);
    it.ours.shape = Shape::Whole;
    let len = dice.number(3_000..=20_000);
    let stands = t.min(it.config.write_timeout()).mul_f64(dice.scale(0.05, 0.9));
    it.ours.writer = Writer::Every { gap: stands.mul_f64(dice.scale(0.3, 4.0)), len };
    (it.out.send_buffer, it.out.receive_buffer) = (dice.number(500..=3_000), dice.number(1_000..=20_000));
    it.out.rate = (len as f64 / stands.as_secs_f64()) as u64 + 1;
    if dice.chance(0.3) {
        it.peer.reads = dice.times(t, 0.01, 0.2);
    }
    dies(it, moment, dice);
}

fn room(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    (it.back.receive_buffer, it.back.send_buffer) = (dice.number(200..=1_500), dice.number(200..=3_000));
    for way in [&mut it.out, &mut it.back] {
        (way.latency, way.jitter) = (dice.times(t, 0.0, 0.05), Duration::ZERO);
    }
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.05, 0.5))), len: dice.number(8..=600) };
    it.config = (it.config.to_builder())
        .max_deferrals(dice.pick(&[0, 0, 1, 2]))
        .missed_pongs(dice.pick(&[1, 1, 2, 3]))
        .build()
        .unwrap();
}

fn dies(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    match dice.number(0..=9) {
        0 => both(it, moment),
        1 => it.peer.silent = Some(moment),
        2 => it.out.dark = Some(moment),
        _ => {}
    }
}
