//! Calls in any order, with any numbers and times: no panic, and no end is undone.

use super::{CloseBy, Liveness, STEPS, at, config, for_seeds, view};

/// One call that its rule does not allow here, or does.
fn call(machine: &mut Liveness, rng: &mut fastrand::Rng) {
    let instants = [0, 1, rng.u64(..200_000_000_000), rng.u64(..), u64::MAX - 1, u64::MAX];
    let (now, then) = (at(instants[rng.usize(..6)]), at(instants[rng.usize(..6)]));
    match rng.u32(..40) {
        0..=5 => machine.handle_timeout(now),
        6..=11 => drop(machine.judge(now, view(rng))),
        12..=14 => drop(machine.handle_handed()),
        15..=18 => machine.handle_flushed(now),
        19 | 20 => machine.handle_frame(),
        21 => drop(machine.take_inbound()),
        22 => machine.handle_progress(now),
        23 => machine.handle_moving(now),
        24..=26 => machine.handle_absence(then, now),
        27..=29 => drop(machine.handle_answer(rng.u32(..5), now)),
        30 => drop(machine.handle_probe_handed()),
        31 => drop(machine.take_over()),
        32 => machine.handle_farewell(),
        33 if rng.u32(..8) == 0 => machine.handle_close(CloseBy::User, now),
        34 if rng.u32(..8) == 0 => machine.handle_close(CloseBy::Peer, now),
        35 if rng.u32(..8) == 0 => machine.handle_failure(),
        36 if machine.is_failed() => drop(machine.judge_failure(now)),
        37 if rng.u32(..16) == 0 && machine.dying().is_none() && !machine.is_over() => machine.handle_stream_error(),
        38 if rng.u32(..16) == 0 => machine.handle_end(),
        _ => drop(machine.read_pong(&rng.u64(..).to_be_bytes())),
    }
}

#[test]
fn s4_k5_calls_in_odd_orders_never_panic_and_never_undo_an_end() {
    for_seeds(|_, rng| {
        let mut machine = Liveness::new(config(rng), rng.u64(..));
        for _ in 0..4 * STEPS {
            let (open, dying, over) = (machine.is_open(), machine.dying().is_some(), machine.is_over());
            call(&mut machine, rng);
            assert!(open || (machine.poll_ping().is_none() && !machine.is_open()), "revived: {machine:?}");
            assert!(!over || machine.is_over(), "not over any more: {machine:?}");
            assert!(!dying || machine.dying().is_some() || machine.is_over(), "pardoned: {machine:?}");
            assert!(machine.is_open() || machine.next_payload().is_none());
            let _ = (machine.poll_timeout(), machine.is_due(at(0)), machine.is_expired(at(0)), machine.under_way());
        }
    });
}
