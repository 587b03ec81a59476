//! The families of scenarios: each spoils an ordinary connection in its own way.

use std::time::Duration;

use super::dice::{Dice, millis};
use super::extreme::extreme;
use super::faults;
use super::harsh;
use super::scenario::{Answer, Consumer, Leaves, Scenario, Shape, Talk, Writer};

macro_rules! families {
    ($($family:ident $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family { $($family),* }

        impl Family {
            pub const ALL: &[Self] = &[$(Self::$family),*];

            pub fn of(seed: u64) -> Self {
                Self::ALL[(seed % Self::ALL.len() as u64) as usize]
            }

            pub fn name(self) -> &'static str {
                match self { $(Self::$family => $name),* }
            }
        }
    };
}

families! {
    Fair "fair path",
    Lossy "pauses and jitter",
    Dark "dark both ways",
    DarkIn "answers lost",
    DarkOut "pings lost",
    Silent "silent peer",
    Mute "talks, never answers",
    Late "answers late",
    Newest "answers the newest",
    Pongs "unsolicited pongs",
    Stream "streams small messages",
    Huge "one large message in",
    Deaf "reads not, or slowly",
    Work "slow consumer",
    Echo "works, answers, reads",
    Away "absent consumer",
    Stall "stalled runtime",
    Flood "writer floods",
    Large "large messages out",
    Leave "peer leaves",
    Reset "reset",
    Extreme "extreme settings",
    Narrow "little room to arrive",
    Stand "stands in send",
    Crawl "crawls in, counted",
    Seep "seeps out, counted",
    Stopped "stopped process",
    Frozen "paused machine",
    Drained "stopped, then drained",
    Laggard "always late",
    Yields "inner that yields",
    Budget "out of budget",
    Backlog "works off a backlog",
    Ticks "polls by a tick",
    Restless "odd polls and wakers",
    Panics "callbacks panic",
    Gone "dropped early",
    Parting "closes, reads slowly",
    Unproven "idle, never asked",
    Unread "unread and reset",
    Pinger "pings, reads not",
}

impl Family {
    pub fn shape(self, it: &mut Scenario, dice: &mut Dice) {
        let t = it.config.pong_timeout();
        let moment = dice.times(it.horizon, 0.05, 0.4);
        match self {
            Self::Fair => {}
            Self::Lossy => lossy(it, t, dice),
            Self::Dark => both(it, moment),
            Self::DarkIn => it.back.dark = Some(moment),
            Self::DarkOut => it.out.dark = Some(moment),
            Self::Silent => it.peer.silent = Some(moment),
            Self::Mute => mute(it, t, dice),
            Self::Late => it.peer.answer = Answer::After(dice.times(t, 0.2, 1.6)),
            Self::Newest => newest(it, t, dice),
            Self::Pongs => pongs(it, t, moment, dice),
            Self::Stream => stream(it, t, moment, dice),
            Self::Huge => huge(it, t, moment, dice),
            Self::Deaf => deaf(it, t, moment, dice),
            Self::Work => work(it, t, moment, dice),
            Self::Echo => echo(it, t, moment, dice),
            Self::Away => away(it, moment, dice),
            Self::Stall => stall(it, moment, dice),
            Self::Flood => flood(it, t, moment, dice),
            Self::Large => large(it, t, moment, dice),
            Self::Leave => leave(it, t, moment, dice),
            Self::Pinger => pinger(it, t, moment, dice),
            Self::Reset => reset(it, moment, dice),
            Self::Extreme => extreme(it, moment, dice),
            Self::Narrow | Self::Stand | Self::Crawl | Self::Seep => harsh::shape(self, it, moment, dice),
            other => faults::shape(other, it, moment, dice),
        }
        let span = it.span();
        let rounds = (it.config.missed_pongs() * (it.config.max_deferrals().min(3) + 1)) as f64 + 5.0;
        // These close when they mean to.
        if !matches!(self, Self::Extreme | Self::Parting) {
            it.horizon = it.horizon.max(moment + span.mul_f64(rounds));
        }
    }
}

pub fn both(it: &mut Scenario, moment: Duration) {
    (it.out.dark, it.back.dark) = (Some(moment), Some(moment));
}

fn lossy(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    for way in [&mut it.out, &mut it.back] {
        way.jitter = dice.times(t, 0.1, 0.3);
        let mut at = Duration::ZERO;
        while at < it.horizon && way.pauses.len() < 40 {
            at += dice.times(t, 0.3, 4.0);
            way.pauses.push((at, dice.times(t, 0.05, 0.6)));
        }
    }
}

/// Both ways, or only what we write.
fn reset(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    it.out.reset = Some(moment);
    it.back.reset = it.out.reset.filter(|_| dice.chance(0.6));
}

fn mute(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    it.peer.answer = Answer::Never;
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.02, 2.0))), len: dice.number(8..=300) };
}

fn newest(it: &mut Scenario, t: Duration, dice: &mut Dice) {
    it.peer.answer = Answer::Newest(dice.times(t, 0.3, 1.2));
    it.config = it.config.to_builder().ping_interval(dice.times(t, 0.05, 0.5)).missed_pongs(3).build().unwrap();
}

fn pongs(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.peer.talk = Talk::Pongs { gap: millis(t.mul_f64(dice.scale(0.02, 1.0))) };
    if dice.chance(0.5) {
        it.out.dark = Some(moment);
    } else if dice.chance(0.5) {
        it.peer.answer = Answer::Never;
    }
}

fn stream(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.004, 0.03))), len: dice.number(8..=60) };
    it.ours.writer = Writer::Quiet;
    match dice.number(0..=3) {
        0 => it.out.dark = Some(moment),
        1 => both(it, moment),
        2 => it.peer.answer = Answer::After(dice.times(t, 0.2, 0.6)),
        _ => {}
    }
}

fn huge(it: &mut Scenario, t: Duration, at: Duration, dice: &mut Dice) {
    let len = dice.number(20_000..=200_000);
    let fragments = if dice.chance(0.5) { dice.number(2..=100) } else { 1 };
    it.peer.talk = Talk::Once { at, len, fragments };
    it.back.rate = (len as f64 / t.as_secs_f64() / dice.scale(0.2, 3.0)) as u64 + 1;
}

fn deaf(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    if dice.chance(0.6) {
        it.peer.deaf = Some(moment);
    } else {
        it.peer.reads = dice.times(t, 0.01, 0.8);
    }
    if dice.chance(0.7) {
        it.ours.writer = Writer::Every { gap: dice.times(t, 0.01, 0.3), len: dice.number(100..=20_000) };
    }
    it.out.receive_buffer = dice.number(300..=20_000);
}

/// It pings without end, and from some moment on reads nothing, or slowly, or all the same.
fn pinger(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.peer.talk = Talk::Pings { gap: millis(t.mul_f64(dice.scale(0.001, 0.02))), len: dice.number(8..=125) };
    match dice.number(0..=3) {
        0 => it.peer.reads = dice.times(t, 0.01, 0.8),
        1 => {}
        _ => it.peer.deaf = Some(moment),
    }
    it.out.receive_buffer = dice.number(300..=3_000);
    it.out.send_buffer = dice.number(300..=3_000);
    it.progress = dice.chance(0.5);
    it.config = it.config.to_builder().max_pong_backlog(dice.number(1024..=20_000) as u32).build().unwrap();
}

fn work(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.consumer = Consumer::Works(millis(t.mul_f64(dice.scale(0.05, 3.0))));
    match dice.number(0..=3) {
        0 => both(it, moment),
        1 => it.peer.silent = Some(moment),
        _ => {}
    }
}

fn echo(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.shape = Shape::Whole;
    it.ours.writer = Writer::Quiet;
    it.ours.consumer = Consumer::Echoes(millis(t.mul_f64(dice.scale(0.02, 2.0))));
    it.peer.talk = Talk::Every { gap: millis(t.mul_f64(dice.scale(0.02, 2.0))), len: dice.number(8..=300) };
    match dice.number(0..=4) {
        0 => both(it, moment),
        1 => it.peer.silent = Some(moment),
        2 => it.out.dark = Some(moment),
        3 => it.peer.answer = Answer::Never,
        _ => {}
    }
}

fn away(it: &mut Scenario, from: Duration, dice: &mut Dice) {
    let time = dice.times(it.span(), 0.3, 4.0);
    it.ours.consumer = Consumer::Absent { from, time };
    if dice.chance(0.3) {
        both(it, dice.times(from + time, 0.3, 1.3));
    }
}

fn stall(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    let mut at = moment;
    for _ in 0..dice.number(1..=3) {
        let time = dice.times(it.span(), 0.1, 3.0);
        it.ours.stalls.push((at, time));
        at += time + dice.times(it.span(), 0.1, 2.0);
    }
    it.horizon += at;
    it.ours.asleep = dice.chance(0.5) || matches!(it.ours.shape, Shape::Spawned(_));
    if it.ours.asleep {
        // What was lost meanwhile is sent again a little later.
        let again = dice.times(it.config.pong_timeout(), 0.01, 0.3);
        it.back.pauses = it.ours.stalls.iter().map(|(from, time)| (*from, *time + again)).collect();
    }
    if dice.chance(0.3) {
        both(it, dice.times(at, 0.3, 1.0));
    }
}

fn flood(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    it.ours.writer = Writer::Flood { len: dice.number(20..=4000) };
    it.ours.shape = dice.pick(&[Shape::Split, Shape::Joined, Shape::Spawned(4)]);
    // The whole of what is buffered takes a part of T, and a flood does not cost the world.
    it.out.send_buffer = dice.number(500..=30_000);
    it.out.receive_buffer = dice.number(500..=30_000);
    it.out.rate = (60_000.0 / t.as_secs_f64() / dice.scale(0.05, 0.6)) as u64 + 1;
    it.out.latency = dice.times(t, 0.03, 0.12);
    if dice.chance(0.5) {
        both(it, moment);
    }
}

fn large(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    let len = dice.number(10_000..=150_000);
    it.ours.writer = Writer::Every { gap: dice.times(t, 0.5, 3.0), len };
    it.out.rate = (len as f64 / t.as_secs_f64() / dice.scale(0.1, 3.0)) as u64 + 1;
    if dice.chance(0.4) {
        both(it, moment);
    }
}

fn leave(it: &mut Scenario, t: Duration, moment: Duration, dice: &mut Dice) {
    match dice.number(0..=2) {
        0 => it.peer.leaves = Leaves::Closes(moment),
        1 => it.peer.leaves = Leaves::Vanishes(moment),
        _ => {
            it.peer.echoes = false;
            it.horizon = moment;
        }
    }
    if dice.chance(0.3) {
        it.peer.answer = Answer::After(dice.times(t, 0.1, 0.5));
    }
}
