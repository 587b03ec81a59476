//! V1, O2: the timer and the monitors set a flag and wake; whatever a half was doing meanwhile, a poll sees to it.

use loom::sync::Arc;
use loom::thread;

use crate::waker::{Fan, Half};
use crate::world::{Combined, HALVES, World, check};

pub(crate) fn lone_half<F: Combined>(half: Half) {
    let world = Arc::new(World::<F>::default());
    let task = World::spawn(&world, half);
    world.calls_for_attention();
    world.settle([task]);
}

#[test]
fn v1_a_half_sees_to_what_wants_attention() {
    for half in HALVES {
        loom::model(move || lone_half::<Fan>(half));
    }
}

#[test]
fn v1_a_half_sees_to_it_also_where_the_inner_wakes_it_at_the_same_time() {
    check(3, || {
        let world = Arc::new(World::<Fan>::default());
        let task = World::spawn(&world, Half::Stream);
        let timer = thread::spawn({
            let world = world.clone();
            move || world.calls_for_attention()
        });
        world.becomes_ready_for(Half::Stream);
        timer.join().unwrap();
        // Ready, it may not have polled again: it does when it reads on.
        let reader = World::spawn(&world, Half::Stream);
        world.settle([task, reader]);
    });
}

/// Either may be the one that sees to it.
#[test]
fn v1_one_of_two_halves_sees_to_it() {
    check(3, || {
        let world = Arc::new(World::<Fan>::default());
        let tasks = HALVES.map(|half| World::spawn(&world, half));
        world.calls_for_attention();
        world.settle(tasks);
    });
}
