//! V1, O2: the timer fires, a monitor calls; whatever a half was doing meanwhile, a poll sees to it.

use loom::sync::Arc;
use loom::thread;

use crate::wake::{Fan, Half};
use crate::world::{Combined, HALVES, World, check};

/// Who wants something beside the inner.
pub(crate) type Want<F> = fn(&World<F>);

pub(crate) fn wants<F: Combined>() -> [Want<F>; 2] {
    [World::is_called, World::fires]
}

pub(crate) fn lone_half<F: Combined>(half: Half, want: Want<F>) {
    let world = Arc::new(World::<F>::default());
    let task = World::spawn(&world, half);
    want(&world);
    world.settle([task]);
}

/// The inner wakes the half in the same moment.
pub(crate) fn woken_half<F: Combined>(want: Want<F>) {
    let world = Arc::new(World::<F>::default());
    let task = World::spawn(&world, Half::Stream);
    let other = thread::spawn({
        let world = world.clone();
        move || want(&world)
    });
    world.becomes_ready_for(Half::Stream);
    other.join().unwrap();
    // Ready, it may not have polled again: it does when it reads on.
    let reader = World::spawn(&world, Half::Stream);
    world.settle([task, reader]);
}

#[test]
fn v1_a_half_sees_to_what_is_wanted() {
    for want in wants::<Fan>() {
        HALVES.into_iter().for_each(|half| loom::model(move || lone_half(half, want)));
    }
}

#[test]
fn v1_a_half_sees_to_it_also_where_the_inner_wakes_it_at_the_same_time() {
    wants::<Fan>().into_iter().for_each(|want| check(3, move || woken_half(want)));
}

#[test]
fn v1_a_half_sees_to_the_timer_and_to_a_monitor_at_the_same_time() {
    check(3, || {
        let world = Arc::new(World::<Fan>::default());
        let task = World::spawn(&world, Half::Stream);
        let timer = thread::spawn({
            let world = world.clone();
            move || world.fires()
        });
        world.is_called();
        timer.join().unwrap();
        world.settle([task]);
    });
}

/// Either may be the one that sees to it.
#[test]
fn v1_one_of_two_halves_sees_to_it() {
    for want in wants::<Fan>() {
        check(3, move || {
            let world = Arc::new(World::<Fan>::default());
            let tasks = HALVES.map(|half| World::spawn(&world, half));
            want(&world);
            world.settle(tasks);
        });
    }
}
