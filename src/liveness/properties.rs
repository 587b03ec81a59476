//! The machine under random schedules: nothing a nanosecond early, everything exactly on time, odd calls harmless. Each
//! failure names its seed.

mod draw;
mod model;
mod odd;
mod on_time;

use std::time::Duration;

use super::{CloseBy, Judgement, Liveness, PingWhen, Reading, State, Time, View};
use draw::{config, view};
use model::Model;

/// So many connections in each test.
const SEEDS: u64 = 5_000;
const STEPS: u32 = 80;
const NEVER: u64 = u64::MAX;

fn at(nanos: u64) -> Time {
    Time::START.plus(Duration::from_nanos(nanos))
}

fn nanos_of(time: Time) -> u64 {
    time.elapsed().map_or(NEVER, |span| u64::try_from(span.as_nanos()).unwrap())
}

/// Runs `connection` for many seeds; a failing one is named.
fn for_seeds(connection: impl Fn(u64, &mut fastrand::Rng) + std::panic::RefUnwindSafe) {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| connection(seed, &mut fastrand::Rng::with_seed(seed)));
        if let Err(panic) = run {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// A machine, its model, and the random driver of both.
struct Pair {
    machine: Liveness,
    model: Model,
    now: u64,
    rng: fastrand::Rng,
}

impl Pair {
    fn new(rng: &mut fastrand::Rng) -> Self {
        let config = config(rng);
        let machine = Liveness::new(config.clone(), rng.u64(..));
        let model = Model::new(&config, nanos_of(machine.poll_timeout()));
        Self { machine, model, now: 0, rng: rng.fork() }
    }

    fn step(&mut self) {
        match self.rng.u32(..12) {
            0..=6 => self.tick(),
            7 | 8 => self.answer(),
            9 => self.frame(),
            _ => self.rare(),
        }
        self.compare();
    }

    /// On the spot, a nanosecond early, anywhere before, or late.
    fn next_instant(&mut self) -> u64 {
        let next = match nanos_of(self.machine.poll_timeout()) {
            NEVER => self.now + self.rng.u64(..50_000_000_000),
            next => next.max(self.now),
        };
        match self.rng.u32(..8) {
            0..=3 => next,
            4 => next.saturating_sub(1).max(self.now),
            5 => self.rng.u64(self.now..=next),
            6 => next + self.rng.u64(..400_000_000),
            _ => next + self.rng.u64(..60_000_000_000),
        }
    }

    fn tick(&mut self) {
        let before = self.now;
        self.now = self.next_instant();
        self.is_absent(before);
        self.is_not_early();
        self.machine.take_inbound();
        self.machine.handle_timeout(at(self.now));
        self.model.timeout(self.now);
        self.learn_due();
        self.compare();
        self.write();
        let view = view(&mut self.rng);
        if !matches!(view, View::Sink { .. }) {
            assert_eq!(self.machine.take_over(), self.model.take_over());
        }
        let judgement = self.machine.judge(at(self.now), view);
        assert_eq!(judgement, self.model.judge(self.now, view), "{view:?} at {}: {:?}", self.now, self.machine);
        self.learn_due();
        self.compare();
        if matches!(view, View::Drained { .. }) {
            self.does_not_spin(view);
        }
    }

    /// What was due by now was done: the timer need not fire again on the spot.
    fn does_not_spin(&mut self, view: View) {
        for _ in 0..4 {
            if self.machine.poll_timeout() > at(self.now) {
                return;
            }
            self.machine.handle_timeout(at(self.now));
            self.model.timeout(self.now);
            self.learn_due();
            assert_eq!(self.machine.judge(at(self.now), view), self.model.judge(self.now, view));
        }
        panic!("a busy loop at {}: {:?}", self.now, self.machine);
    }

    /// A timer that fires too soon finds nothing to do (X1).
    fn is_not_early(&mut self) {
        if at(self.now) >= self.machine.poll_timeout() || self.machine.is_lapsed() {
            return;
        }
        let (state, next) = (self.machine.state, self.machine.poll_timeout());
        self.machine.handle_timeout(at(self.now));
        assert_eq!(self.machine.judge(at(self.now), view(&mut self.rng)), Judgement::Nothing);
        assert_eq!((self.machine.state, self.machine.poll_timeout()), (state, next), "early at {}", self.now);
        assert!(!self.machine.is_due(at(self.now)));
    }

    fn is_absent(&mut self, before: u64) {
        if self.machine.counts_waiting() && self.rng.u32(..4) == 0 {
            let since = self.rng.u64(before..=self.now);
            self.machine.handle_absence(at(since), at(self.now));
            self.model.absence(since, self.now);
        }
    }

    /// Mostly the inner takes a ping and flushes it at once.
    fn write(&mut self) {
        if self.machine.poll_ping().is_some() && self.rng.u32(..5) > 0 {
            assert_eq!(self.machine.handle_handed(), self.model.handed());
        }
        if self.machine.awaits_flush() && self.rng.u32(..5) > 0 {
            self.machine.take_inbound();
            self.machine.handle_flushed(at(self.now));
            self.model.flushed(self.now);
        }
    }

    fn frame(&mut self) {
        self.machine.handle_frame();
        assert!(self.machine.take_inbound() && !self.machine.take_inbound());
        self.model.frame();
    }

    /// A pong with any number, of ours or not (J2).
    fn answer(&mut self) {
        let payload = {
            let mut payload = self.machine.payloads.next();
            let number = self.model.issued.saturating_sub(self.rng.u32(..4)) + self.rng.u32(..2);
            payload[..4].copy_from_slice(&number.to_be_bytes());
            payload
        };
        let reading = self.machine.read_pong(&payload);
        assert_eq!(reading, self.model.reading(payload));
        if let Reading::Answer(number) = reading {
            let answer = self.machine.handle_answer(number, at(self.now));
            assert_eq!(answer.rtt.map(super::nanos), self.model.answer(number, self.now));
        }
    }

    fn rare(&mut self) {
        match self.rng.u32(..40) {
            0 => self.close(CloseBy::User),
            1 => self.close(CloseBy::Peer),
            2..=5 if self.machine.is_judging() => {
                let since = at(self.now.saturating_sub(self.rng.u64(..9)));
                self.machine.handle_moving(since);
                self.model.moving(nanos_of(since));
            }
            6..=9 => {
                let since = self.rng.u64(..=self.now);
                self.machine.handle_absence(at(since), at(self.now));
                self.model.absence(since, self.now);
            }
            10..=16 => {
                self.machine.handle_progress(at(self.now));
                self.model.progress(self.now);
            }
            17 => {
                assert_eq!(self.machine.handle_probe_handed(), self.model.probe_handed());
            }
            _ => {}
        }
    }

    fn close(&mut self, by: CloseBy) {
        self.machine.handle_close(by, at(self.now));
        self.model.close(by, self.now);
    }

    /// S1: after each due time the next lies within the jitter; which one, only the machine knows.
    fn learn_due(&mut self) {
        if let State::Waiting { due } | State::Queued { due, .. } | State::Sent { due, .. } = self.machine.state {
            self.model.learn_due(nanos_of(due));
        }
    }

    fn compare(&self) {
        let at = (self.now, &self.machine, &self.model);
        assert_eq!(nanos_of(self.machine.poll_timeout()), self.model.next(), "{at:?}");
        assert_eq!(self.machine.poll_ping().is_some(), self.model.wants_ping(), "{at:?}");
        assert_eq!(self.machine.next_payload().is_some(), self.model.is_open(), "{at:?}");
        assert_eq!(self.machine.awaits_flush(), self.model.awaits_flush(), "{at:?}");
        assert_eq!(self.machine.is_closed(), self.model.is_closed(), "{at:?}");
        assert_eq!(self.machine.dying().map(|(_, talking)| talking), self.model.talking(), "{at:?}");
    }
}

#[test]
fn s1_s3_j_v4_k4_every_schedule_is_on_time_to_the_nanosecond() {
    for_seeds(|_, rng| {
        let mut pair = Pair::new(rng);
        for _ in 0..STEPS {
            pair.step();
        }
    });
}
