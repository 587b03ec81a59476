//! Families in which only a progress source can tell life from death (P).

use std::time::Duration;

use super::dice::{Dice, millis};
use super::families::both;
use super::scenario::{Consumer, Scenario, Shape, Talk, Writer};

/// One message in takes several T to cross the path; or it trickles, or its middle is where the path goes dark.
pub fn crawl(it: &mut Scenario, t: Duration, at: Duration, dice: &mut Dice) {
    let len = dice.number(20_000..=200_000);
    let fragments = if dice.chance(0.3) { dice.number(2..=20) } else { 1 };
    it.peer.talk = Talk::Once { at, len, fragments };
    let crosses = t.mul_f64(dice.scale(1.2, 8.0));
    it.back.rate = (len as f64 / crosses.as_secs_f64()) as u64 + 1;
    // So much of a T as stands in the peer's buffer, before what comes later.
    it.back.send_buffer = (it.back.rate as f64 * t.as_secs_f64() * dice.scale(0.02, 0.3)) as usize + 200;
    it.ours.consumer = Consumer::Prompt;
    it.horizon += crosses;
    let share = if dice.chance(0.2) { dice.scale(2.0, 5.0) } else { dice.scale(0.02, 0.3) };
    let rate = (it.back.rate as f64 * share) as u64 + 1;
    it.config = it.config.to_builder().min_progress_rate(rate).build().unwrap();
    if dice.chance(0.2) {
        both(it, at + dice.times(crosses, 0.1, 0.9));
    }
}

/// Each message out takes several W to leave; or the path goes dark, or the peer reads no more.
pub fn seep(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    let len = dice.number(50_000..=150_000);
    let leaves = it.config.write_timeout().mul_f64(dice.scale(1.2, 6.0));
    it.ours.writer = Writer::Every { gap: millis(leaves.mul_f64(dice.scale(0.3, 3.0))), len };
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Joined, Shape::Spawned(1), Shape::Spawned(8)]);
    it.out.rate = (len as f64 / leaves.as_secs_f64()) as u64 + 1;
    let buffer = (it.out.rate as f64 * t.as_secs_f64() * dice.scale(0.1, 0.3)) as usize + 200;
    (it.out.send_buffer, it.out.receive_buffer) = (buffer, buffer);
    for way in [&mut it.out, &mut it.back] {
        (way.latency, way.jitter) = (dice.times(t, 0.0, 0.02), Duration::ZERO);
    }
    match dice.number(0..=9) {
        0 => both(it, moment),
        1 => it.peer.deaf = Some(moment),
        2 => it.out.dark = Some(moment),
        _ => {}
    }
}
