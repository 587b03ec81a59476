//! What one run is: a path, a peer, our side and how it is configured.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::LiveConfig;

use super::dice::{Dice, millis};
use super::families::Family;
use super::harsh;
use super::lane::Way;

#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub family: Family,
    pub role: Role,
    pub config: LiveConfig,
    pub out: Way,
    pub back: Way,
    pub peer: Peer,
    pub ours: Ours,
    /// Our side closes properly then, where it still can.
    pub horizon: Duration,
    /// A progress source is given: one slow message counts no longer as silence (P).
    pub progress: bool,
    /// A monitor asks for a ping so long after the last answer.
    pub probes: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Prompt,
    After(Duration),
    /// Only the newest of the pings that came within so much.
    Newest(Duration),
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    Nothing,
    Every {
        gap: Duration,
        len: usize,
    },
    /// Pongs that nobody asked for.
    Pongs {
        gap: Duration,
    },
    /// Pings, whoever answers them.
    Pings {
        gap: Duration,
        len: usize,
    },
    /// One message, whole or in so many fragments.
    Once {
        at: Duration,
        len: usize,
        fragments: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    Never,
    Closes(Duration),
    Vanishes(Duration),
}

#[derive(Clone, Debug)]
pub struct Peer {
    pub answer: Answer,
    pub talk: Talk,
    /// Pause after each message read.
    pub reads: Duration,
    /// Reads nothing from then on, but may still talk.
    pub deaf: Option<Duration>,
    /// Does nothing at all from then on.
    pub silent: Option<Duration>,
    pub leaves: Leaves,
    pub echoes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One task reads and writes.
    Whole,
    /// A task for each half.
    Split,
    /// Two halves in one task.
    Joined,
    Spawned(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    Prompt,
    Works(Duration),
    /// Works, answers, and only then reads on; in one task.
    Echoes(Duration),
    Absent {
        from: Duration,
        time: Duration,
    },
    /// Reads for so long, is away for so long, and so on.
    Bursts {
        on: Duration,
        off: Duration,
    },
    /// Drops `next()` and makes a new one so often.
    Impatient(Duration),
    /// Polls so often, and waits for no wake-up.
    Ticks(Duration),
    /// Takes so long for each message once our side closes.
    Lingers(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    Quiet,
    Every { gap: Duration, len: usize },
    Flood { len: usize },
}

#[derive(Clone, Debug)]
pub struct Ours {
    pub shape: Shape,
    pub consumer: Consumer,
    pub writer: Writer,
    /// Our tasks do not run then: from, for how long.
    pub stalls: Vec<(Duration, Duration)>,
    /// The whole host sleeps then: nothing arrives either.
    pub asleep: bool,
    pub host: Faults,
}

/// What else is wrong with our host and our program.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// After a stall the timers fire before the events of sockets are delivered.
    pub timers_first: bool,
    /// The clock jumps over a stall.
    pub jumps: bool,
    /// Every poll of our tasks comes so late.
    pub late: Duration,
    /// Each read yields so often before it looks.
    pub yields: usize,
    /// Sockets spend tokio's cooperative budget.
    pub coop: bool,
    /// Every poll comes with another waker, and one so often for nothing.
    pub restless: Option<Duration>,
    /// Every so many looks of the progress source panic; our program catches it.
    pub panics: Option<usize>,
    /// Our program drops the connection then.
    pub drops: Option<Duration>,
}

impl Ours {
    pub fn is_prompt(&self) -> bool {
        let reads = matches!(self.consumer, Consumer::Prompt | Consumer::Impatient(_));
        let host = self.host.late.is_zero() && self.host.panics.is_none() && self.host.drops.is_none();
        reads && host && self.stalls.is_empty() && !(self.shape == Shape::Whole && self.writer != Writer::Quiet)
    }
}

impl Scenario {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(fastrand::Rng::with_seed(seed ^ 0x5eed));
        let mut scenario = ordinary(seed, Family::of(seed), &mut dice);
        scenario.family.shape(&mut scenario, &mut dice);
        if dice.chance(0.3) || matches!(scenario.family, Family::Crawl | Family::Seep) {
            harsh::harden(&mut scenario, &mut dice);
        }
        scenario
    }

    /// The larger of the times that govern a run.
    pub fn span(&self) -> Duration {
        let finite = |time: Duration| if time == Duration::MAX { Duration::ZERO } else { time };
        let config = &self.config;
        finite(config.ping_interval()).max(finite(config.pong_timeout())).max(finite(config.write_timeout()))
    }
}

/// A live peer on a fair path; the families spoil it.
fn ordinary(seed: u64, family: Family, dice: &mut Dice) -> Scenario {
    let t = millis(Duration::from_secs_f64(dice.scale(0.1, 60.0)));
    let config = configuration(t, dice);
    let (out, back) = (way(t, dice), way(t, dice));
    let mut scenario = Scenario {
        seed,
        family,
        role: dice.pick(&[Role::Client, Role::Server]),
        config,
        out,
        back,
        peer: Peer {
            answer: Answer::Prompt,
            talk: talk(t, dice),
            reads: Duration::ZERO,
            deaf: None,
            silent: None,
            leaves: Leaves::Never,
            echoes: true,
        },
        ours: ours(t, dice),
        horizon: Duration::ZERO,
        progress: false,
        probes: None,
    };
    scenario.horizon = scenario.span().mul_f64(4.0 + 4.0 * dice.0.f64());
    scenario
}

fn configuration(t: Duration, dice: &mut Dice) -> LiveConfig {
    let i = if dice.chance(0.2) { t } else { millis(t.mul_f64(dice.scale(0.2, 4.0))) };
    let w = millis(t.mul_f64(dice.scale(0.5, 3.0)));
    let jitter = if dice.chance(0.5) { 0.0 } else { dice.0.f64() * 0.9 };
    LiveConfig::builder()
        .ping_interval(i)
        .jitter(jitter)
        .pong_timeout(t)
        .write_timeout(w)
        .close_timeout(dice.times(t, 0.2, 2.0))
        .max_deferrals(dice.pick(&[0, 1, 1, 1, 2, 3]))
        .missed_pongs(dice.pick(&[1, 1, 1, 2, 3]))
        .build()
        .unwrap()
}

fn way(t: Duration, dice: &mut Dice) -> Way {
    let buffer = |dice: &mut Dice| dice.scale(256.0, 262_144.0) as usize;
    Way {
        latency: dice.times(t, 0.0, 0.12),
        jitter: dice.times(t, 0.0, 0.1),
        // A full buffer crosses in a fraction of T.
        rate: (dice.scale(2e6, 1e9) / t.as_secs_f64()) as u64,
        send_buffer: buffer(dice),
        receive_buffer: buffer(dice),
        pauses: Vec::new(),
        dark: None,
        reset: None,
    }
}

fn talk(t: Duration, dice: &mut Dice) -> Talk {
    if dice.chance(0.4) {
        return Talk::Nothing;
    }
    Talk::Every { gap: millis(t.mul_f64(dice.scale(0.05, 3.0))), len: dice.scale(8.0, 2000.0) as usize }
}

fn ours(t: Duration, dice: &mut Dice) -> Ours {
    let shape = [Shape::Whole, Shape::Split, Shape::Joined, Shape::Spawned(1), Shape::Spawned(8)];
    let writer = match dice.number(0..=2) {
        0 => Writer::Every { gap: millis(t.mul_f64(dice.scale(0.05, 3.0))), len: dice.scale(8.0, 2000.0) as usize },
        _ => Writer::Quiet,
    };
    let consumer = match dice.number(0..=3) {
        0 => Consumer::Impatient(millis(t.mul_f64(dice.scale(0.05, 1.0)))),
        _ => Consumer::Prompt,
    };
    Ours { shape: dice.pick(&shape), consumer, writer, stalls: Vec::new(), asleep: false, host: Faults::default() }
}
