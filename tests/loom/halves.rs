//! V1: two halves, one slot in the inner, and wake-ups from a third thread.

use std::sync::Arc as StdArc;
use std::task::Context;

use futures_util::task::{ArcWake, noop_waker_ref, waker};
use loom::sync::Arc;
use loom::thread;

use crate::wake::{Fan, Half};
use crate::world::{Combined, HALVES, World, check};

pub(crate) fn lone_half<F: Combined>(half: Half) {
    let world = Arc::new(World::<F>::default());
    let task = World::spawn(&world, half);
    world.becomes_ready_for(half);
    world.settle([task]);
}

pub(crate) fn both_halves<F: Combined>() {
    let world = Arc::new(World::<F>::default());
    let tasks = HALVES.map(|half| World::spawn(&world, half));
    HALVES.into_iter().for_each(|half| world.becomes_ready_for(half));
    world.settle(tasks);
}

#[test]
fn v1_a_half_that_waits_alone_is_woken() {
    for half in HALVES {
        loom::model(move || lone_half::<Fan>(half));
    }
}

/// Whoever polled last has left its waker in the inner's one slot; the other is woken all the same.
#[test]
fn v1_both_halves_are_woken_whoever_polled_last() {
    check(3, both_halves::<Fan>);
}

#[test]
fn v1_a_half_is_woken_although_the_other_was_dropped_while_it_was_parked() {
    check(3, || {
        let world = Arc::new(World::<Fan>::default());
        let task = World::spawn(&world, Half::Stream);
        let dropped = thread::spawn({
            let world = world.clone();
            move || world.poll(Half::Sink, &mut Context::from_waker(noop_waker_ref())).is_ready()
        });
        world.becomes_ready_for(Half::Stream);
        assert!(!dropped.join().unwrap());
        world.settle([task]);
    });
}

struct Sleeper;

impl ArcWake for Sleeper {
    fn wake_by_ref(_: &StdArc<Self>) {}
}

#[test]
fn k7_a_fan_that_was_cleared_keeps_no_task_whoever_wakes_meanwhile() {
    loom::model(|| {
        let (fan, sleeper) = (Arc::new(Fan::default()), StdArc::new(Sleeper));
        HALVES.into_iter().for_each(|half| fan.park(half, &waker(sleeper.clone())));
        let waking = thread::spawn({
            let fan = fan.clone();
            move || fan.wake_all()
        });
        fan.clear();
        waking.join().unwrap();
        assert_eq!(StdArc::strong_count(&sleeper), 1);
    });
}
