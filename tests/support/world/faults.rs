//! Families in which our own host or program is at fault, and path and peer are not.

use std::time::Duration;

use super::dice::{Dice, millis};
use super::families::{Family, both};
use super::judging::{Judging, judge};
use super::scenario::{Answer, Consumer, Scenario, Shape, Talk, Writer};

pub fn shape(family: Family, it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    let t = it.config.pong_timeout();
    match family {
        Family::Stopped => stopped(it, t, dice),
        Family::Frozen => frozen(it, t, dice),
        Family::Drained => drained(it, t, dice),
        Family::Laggard => laggard(it, t, moment, dice),
        Family::Yields => yields(it, moment, dice),
        Family::Budget => budget(it, t, moment, dice),
        Family::Backlog => backlog(it, t, moment, dice),
        Family::Ticks => ticks(it, t, moment, dice),
        Family::Restless => restless(it, t, moment, dice),
        Family::Panics => panics(it, moment, dice),
        Family::Gone => gone(it, t, moment, dice),
        Family::Parting => parting(it, t, moment, dice),
        Family::Unproven => unproven(it, t, moment, dice),
        Family::Unread => unread(it, moment, dice),
        _ => {}
    }
}

/// Most peers live: it is ours to show that we know it.
fn dies(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    match dice.number(0..=7) {
        0 => both(it, moment),
        1 => it.peer.silent = Some(moment),
        2 => it.peer.answer = Answer::Never,
        _ => {}
    }
}

/// Stops that begin at any point of a ping's life, most of them shortly after it left, and end around T or anywhere.
fn stops(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    let i = it.config.ping_interval();
    it.config = it.config.to_builder().jitter(0.0).build().unwrap();
    let mut ping = i * dice.number(1..=3) as u32;
    for _ in 0..dice.number(1..=3) {
        let into = if dice.chance(0.5) { Duration::from_millis(1) } else { dice.times(t, 0.0, 1.0) };
        let past = match dice.number(0..=2) {
            0 => t.saturating_sub(into) + Duration::from_millis(dice.number(0..=5) as u64),
            1 => t.saturating_sub(into) + dice.times(t, 0.0, 0.3),
            _ => dice.times(t, 0.05, 2.0),
        };
        it.ours.stalls.push((ping + into, past.max(Duration::from_millis(1))));
        ping += (into + past) + i * dice.number(1..=3) as u32;
    }
    it.horizon = it.horizon.max(ping + it.span() * 4);
}

/// A process that was stopped, and continued with its timers before its sockets; the path and the kernel went on.
fn stopped(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    stops(it, t, dice);
    it.ours.host.timers_first = true;
    let moment = dice.times(it.horizon, 0.1, 0.6);
    dies(it, moment, dice);
}

/// A whole machine that was paused: nothing arrived meanwhile, and what was lost comes a little later. For half of them
/// the clock jumps.
fn frozen(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    stops(it, t, dice);
    it.ours.asleep = true;
    it.ours.host.timers_first = dice.chance(0.5);
    it.ours.host.jumps = dice.chance(0.5);
    let again = dice.times(t, 0.01, 0.3);
    it.back.pauses = it.ours.stalls.iter().map(|(from, time)| (*from, *time + again)).collect();
    let moment = dice.times(it.horizon, 0.1, 0.6);
    dies(it, moment, dice);
}

/// Stopped while our ping waits behind a writer's flood, which the peer takes meanwhile.
fn drained(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    stops(it, t, dice);
    it.ours.host.timers_first = true;
    it.ours.shape = dice.pick(&[Shape::Split, Shape::Joined, Shape::Spawned(4)]);
    let w = it.config.write_timeout();
    let stands = w.mul_f64(dice.scale(0.1, 0.9));
    let len = dice.number(3_000..=20_000);
    it.ours.writer = Writer::Every { gap: millis(stands.mul_f64(dice.scale(0.3, 2.0))), len };
    (it.out.send_buffer, it.out.receive_buffer) = (dice.number(500..=3_000), dice.number(1_000..=20_000));
    it.out.rate = (len as f64 / stands.as_secs_f64()) as u64 + 1;
}

/// A runtime that is always a little late.
fn laggard(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    let most = (t / 8).max(Duration::from_millis(1));
    it.ours.host.late = millis(most.mul_f64(dice.scale(0.01, 1.0)));
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Joined]);
    it.ours.consumer = Consumer::Prompt;
    for way in [&mut it.out, &mut it.back] {
        way.latency = dice.times(t, 0.0, 0.1);
    }
    dies(it, moment, dice);
}

/// An inner that says `Pending` and wakes itself, on a runtime that is blocked for more than T now and then.
fn yields(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    let t = it.config.pong_timeout();
    if dice.chance(0.6) {
        stops(it, t, dice);
    }
    it.ours.host.yields = dice.number(1..=5);
    dies(it, moment, dice);
}

/// Sockets that spend the cooperative budget of their task, under a peer that says more than a budget at once.
fn budget(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.host.coop = true;
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.003, 0.02))), len: dice.number(8..=60) };
    it.ours.writer = Writer::Quiet;
    it.ours.stalls = vec![(moment, t.mul_f64(dice.scale(0.3, 3.0)))];
    it.horizon = it.horizon.max(moment + t * 4);
    if dice.chance(0.3) {
        it.ours.consumer = Consumer::Works(millis(t.mul_f64(dice.scale(0.001, 0.05))));
    }
    dies(it, moment, dice);
}

/// A slow handler, to whom the peer says more than it can handle; that peer may read nothing of ours.
fn backlog(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    let work = millis(t.mul_f64(dice.scale(0.02, 1.5)));
    it.ours.consumer = Consumer::Works(work);
    it.peer.talk = Talk::Every { gap: millis(work.mul_f64(dice.scale(0.2, 1.1))), len: dice.number(8..=300) };
    it.back.receive_buffer = dice.number(300..=20_000);
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Joined]);
    if dice.chance(0.6) {
        it.peer.deaf = Some(moment);
        (it.out.send_buffer, it.out.receive_buffer) = (dice.number(100..=600), dice.number(100..=600));
        it.ours.writer = Writer::Every { gap: millis(t.mul_f64(dice.scale(0.1, 1.0))), len: dice.number(50..=500) };
        it.ours.shape = dice.pick(&[Shape::Split, Shape::Joined]);
    } else {
        dies(it, moment, dice);
    }
}

/// A program that polls by a clock of its own.
fn ticks(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.consumer = Consumer::Ticks(millis(t.mul_f64(dice.scale(0.002, 0.12))));
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Joined]);
    it.ours.writer = Writer::Quiet;
    it.ours.host.timers_first = dice.chance(0.5);
    dies(it, moment, dice);
}

fn restless(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.host.restless = Some(millis(t.mul_f64(dice.scale(0.002, 0.5))));
    dies(it, moment, dice);
}

fn panics(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    it.progress = true;
    it.ours.host.panics = Some(dice.number(2..=7));
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Joined]);
    dies(it, moment, dice);
}

/// Our program drops the connection while the peer talks, or is silent.
fn gone(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.host.drops = Some(moment);
    it.ours.shape = dice.pick(&[Shape::Whole, Shape::Split, Shape::Spawned(1), Shape::Spawned(8), Shape::Spawned(100)]);
    if dice.chance(0.4) {
        it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.002, 0.02))), len: dice.number(8..=60) };
        let time = moment.mul_f64(0.5);
        it.ours.consumer = Consumer::Absent { from: moment - time, time: time * 2 };
    }
    it.peer.echoes = dice.chance(0.7);
    if dice.chance(0.3) {
        both(it, moment.mul_f64(dice.scale(0.7, 1.0)));
    }
}

/// A slow reader that closes, with much still to read before the peer's Close.
fn parting(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    let c = it.config.close_timeout();
    it.ours.consumer = Consumer::Lingers(millis(c.mul_f64(dice.scale(0.1, 2.0))));
    it.ours.shape = dice.pick(&[Shape::Split, Shape::Joined, Shape::Spawned(1), Shape::Spawned(8)]);
    it.ours.writer = Writer::Quiet;
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.05, 0.5))), len: dice.number(8..=300) };
    for way in [&mut it.out, &mut it.back] {
        (way.latency, way.jitter) = (dice.times(c, 0.0, 0.05), Duration::ZERO);
    }
    it.horizon = moment.max(it.span());
}

/// `Idle`, and judged from the first answer on: a peer that talks for long and dies before it was ever asked.
fn unproven(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.02, 0.3))), len: dice.number(8..=300) };
    let builder = it.config.to_builder().ping_when(ws_liveness::PingWhen::Idle);
    let judging = dice.pick(&[Judging::AfterFirstPong, Judging::AfterFirstPong, Judging::FromStart]);
    it.config = judge(judging, builder).build().unwrap();
    both(it, moment.max(it.config.ping_interval() * 2));
}

/// Spawned, nobody reads, the buffer is full, and the path is reset.
fn unread(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    it.ours.shape = dice.pick(&[Shape::Spawned(1), Shape::Spawned(4)]);
    let time = it.span() * 6;
    it.ours.consumer = Consumer::Absent { from: moment, time };
    it.ours.writer = Writer::Quiet;
    let gap = millis(it.config.ping_interval().mul_f64(dice.scale(0.02, 0.2)));
    it.peer.talk = Talk::Every { gap, len: dice.number(8..=300) };
    let reset = moment + it.span().mul_f64(dice.scale(0.5, 2.0));
    (it.out.reset, it.back.reset) = (Some(reset), Some(reset));
    it.horizon = it.horizon.max(moment + time * 2);
}
