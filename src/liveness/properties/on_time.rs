//! The bounds of promise 1 as formulas: a timer that fires on the spot, a peer of some kind, and the instant of the end.

use std::time::Duration;

use super::{CloseBy, Judgement, Liveness, View, at, for_seeds, nanos_of};
use crate::config::{LiveConfig, LiveConfigBuilder};
use crate::error::Cause;

const DRAINED: View = View::Drained { backlogged: false };

fn random(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_nanos(rng.u64(1..60_000_000_000))
}

fn builder(rng: &mut fastrand::Rng) -> LiveConfigBuilder {
    let (i, t) = (random(rng), random(rng));
    LiveConfig::builder().jitter(0.0).ping_interval(i).pong_timeout(t).write_timeout(random(rng))
}

/// The timer fires at each instant that the machine asks for, the inner takes and flushes everything at once where it
/// is `writable`, and a frame comes before each look where the peer is `talking`. The verdict and its instant.
fn live_on(machine: &mut Liveness, talking: bool, writable: bool) -> (u64, Judgement) {
    for _ in 0..200 {
        let now = machine.poll_timeout();
        if talking {
            machine.handle_frame();
        }
        machine.take_inbound();
        machine.handle_timeout(now);
        flush(machine, nanos_of(now), writable);
        let judgement = machine.judge(now, DRAINED);
        flush(machine, nanos_of(now), writable);
        if let Judgement::Verdict(_) | Judgement::Closed = judgement {
            return (nanos_of(now), judgement);
        }
    }
    panic!("no end: {machine:?}");
}

fn flush(machine: &mut Liveness, now: u64, writable: bool) -> Option<u32> {
    if !writable || machine.poll_ping().is_none() {
        return None;
    }
    let number = machine.handle_handed();
    machine.handle_flushed(at(now));
    Some(number)
}

/// Some pings, each answered within T. When the last was queued, and when it was answered.
fn answer_some(machine: &mut Liveness, config: &LiveConfig, rng: &mut fastrand::Rng) -> (u64, u64) {
    let (i, t) = (config.ping_interval(), config.pong_timeout());
    let (mut queued, mut answered) = (0, 0);
    for _ in 0..rng.u32(..5) {
        let due = at(queued).plus(i).max(at(answered));
        assert_eq!(machine.poll_timeout().max(at(answered)), due, "the next ping, to the nanosecond");
        machine.handle_timeout(due);
        (queued, answered) = (nanos_of(due), nanos_of(due) + rng.u64(..super::super::nanos(t)));
        let number = flush(machine, queued, true).expect("a ping");
        machine.handle_answer(number, at(answered));
    }
    (queued, answered)
}

#[test]
fn promise_1_a_silent_peer_dies_m_times_t_after_the_flush_and_a_talking_one_after_each_deferral_too() {
    for_seeds(|_, rng| {
        let (m, n, talking) = (rng.u32(1..5), rng.u32(..4), rng.bool());
        let config = builder(rng).missed_pongs(m).max_deferrals(n).build().unwrap();
        let mut machine = Liveness::new(config.clone(), 1);
        let (queued, answered) = answer_some(&mut machine, &config, rng);
        let flushed = at(queued).plus(config.ping_interval()).max(at(answered));
        // Where a ping was due long ago its answer comes first; the next leaves in the same instant.
        machine.handle_timeout(flushed);
        flush(&mut machine, nanos_of(flushed), true);
        let rounds = m * (if talking { n } else { 0 } + 1);
        let expected = nanos_of(flushed.plus(config.pong_timeout() * rounds));
        let end = live_on(&mut machine, talking, true);
        assert_eq!(end, (expected, Judgement::Verdict(Cause::PongTimeout)), "{config:?}");
    });
}

#[test]
fn promise_1_a_ping_that_cannot_leave_ends_it_w_after_the_last_progress() {
    for_seeds(|_, rng| {
        let config = builder(rng).build().unwrap();
        let mut machine = Liveness::new(config.clone(), 1);
        let (queued, answered) = answer_some(&mut machine, &config, rng);
        let mut progress = at(queued).plus(config.ping_interval()).max(at(answered));
        machine.handle_timeout(progress);
        for _ in 0..rng.u32(..5) {
            progress = progress.plus(Duration::from_nanos(rng.u64(..super::super::nanos(config.write_timeout()))));
            machine.handle_progress(progress);
        }
        let expected = nanos_of(progress.plus(config.write_timeout()));
        let end = live_on(&mut machine, rng.bool(), false);
        assert_eq!(end, (expected, Judgement::Verdict(Cause::WriteStalled)), "{config:?}");
    });
}

#[test]
fn k4_a_handshake_that_nobody_completes_ends_c_after_its_first_close() {
    for_seeds(|_, rng| {
        let config = builder(rng).close_timeout(random(rng)).build().unwrap();
        let mut machine = Liveness::new(config.clone(), 1);
        let (queued, answered) = answer_some(&mut machine, &config, rng);
        let first = rng.u64(queued.max(answered)..=queued.max(answered) + 1_000);
        let by = if rng.bool() { CloseBy::User } else { CloseBy::Peer };
        machine.handle_close(by, at(first));
        machine.handle_close(by, at(first + rng.u64(..1_000)));
        let expected = nanos_of(at(first).plus(config.close_timeout()));
        assert_eq!(live_on(&mut machine, true, true), (expected, Judgement::Verdict(Cause::CloseTimeout)));
    });
}

/// Found by the random schedules: the first answer of a connection, late and to an older ping, gave the ping under way its first
/// deadline back, which was past.
#[test]
fn j3_j4_a_first_answer_that_is_late_takes_no_deferral_back() {
    let [t, i] = [7, 20].map(Duration::from_secs);
    let config = LiveConfig::builder().jitter(0.0).ping_interval(i).pong_timeout(t).missed_pongs(2).build().unwrap();
    let mut machine = Liveness::new(config, 1);
    let missed = at(0).plus(i).plus(t);
    for flushed in [at(0).plus(i), missed] {
        machine.handle_timeout(flushed);
        machine.handle_handed();
        machine.handle_flushed(flushed);
        if flushed < missed {
            assert_eq!(machine.judge(missed, DRAINED), Judgement::Missed);
        }
    }
    machine.handle_frame();
    machine.take_inbound();
    assert_eq!(machine.judge(missed.plus(t), DRAINED), Judgement::Deferred);
    machine.handle_answer(1, missed.plus(t + t / 2));
    assert_eq!(machine.poll_timeout(), missed.plus(2 * t));
}
