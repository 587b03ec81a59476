//! What the model check is worth: each of these loses a wake-up, and is found out.

use std::marker::PhantomData;
use std::task::Waker;

use crate::attention;
use crate::halves::{both_halves, lone_half};
use crate::wake::Half;
use crate::wake::{AtomicBool, AtomicWaker, Ordering};
use crate::world::{Combined, World, check};

/// Forgets what wakes between the poll of the inner and the registration.
#[derive(Default)]
struct Deaf {
    stream: AtomicWaker,
    sink: AtomicWaker,
}

impl Combined for Deaf {
    fn is_woken(&self) -> bool {
        true
    }

    fn begin(&self) {}

    fn park(&self, half: Half, waker: &Waker) {
        let slot = if half == Half::Stream { &self.stream } else { &self.sink };
        slot.register(waker);
    }

    fn wake_all(&self) {
        self.stream.wake();
        self.sink.wake();
    }
}

/// Has one slot for both halves.
#[derive(Default)]
struct Single {
    slot: AtomicWaker,
    woken: AtomicBool,
}

impl Combined for Single {
    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.woken.swap(false, Ordering::Acquire);
    }

    fn park(&self, _: Half, waker: &Waker) {
        self.slot.register(waker);
        if self.woken.load(Ordering::Acquire) {
            waker.wake_by_ref();
        }
    }

    fn wake_all(&self) {
        self.woken.swap(true, Ordering::Release);
        self.slot.wake();
    }
}

/// Forgets the wake-up only when it has looked. For the stream half alone.
#[derive(Default)]
struct Late {
    fan: Single,
    called: AtomicBool,
}

impl Combined for Late {
    fn is_woken(&self) -> bool {
        self.fan.is_woken()
    }

    fn begin(&self) {}

    fn park(&self, half: Half, waker: &Waker) {
        self.fan.park(half, waker);
    }

    fn wake_all(&self) {
        self.fan.wake_all();
    }

    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.wake_all();
    }

    fn take_call(&self) -> bool {
        let called = self.called.swap(false, Ordering::Acquire);
        self.fan.begin();
        called
    }
}

/// Forgets the wake-up, but does not see what was done before it. For the stream half alone.
#[derive(Default)]
struct Blind(Single);

impl Combined for Blind {
    fn is_woken(&self) -> bool {
        self.0.is_woken()
    }

    fn begin(&self) {
        self.0.woken.store(false, Ordering::Relaxed);
    }

    fn park(&self, half: Half, waker: &Waker) {
        self.0.park(half, waker);
    }

    fn wake_all(&self) {
        self.0.wake_all();
    }
}

/// As one slot is, but woken in another way. For the stream half alone.
#[derive(Default)]
struct Woken<W>(Single, PhantomData<W>);

trait Wake: Default + Send + Sync + 'static {
    fn wake_all(single: &Single);
}

impl<W: Wake> Combined for Woken<W> {
    fn is_woken(&self) -> bool {
        self.0.is_woken()
    }

    fn begin(&self) {
        self.0.begin();
    }

    fn park(&self, half: Half, waker: &Waker) {
        self.0.park(half, waker);
    }

    fn wake_all(&self) {
        W::wake_all(&self.0);
    }
}

/// Each wake-up hides the one before it.
#[derive(Default)]
struct Covering;

impl Wake for Covering {
    fn wake_all(single: &Single) {
        single.woken.store(true, Ordering::Release);
        single.slot.wake();
    }
}

/// Where it is woken already it only looks.
#[derive(Default)]
struct Idle;

impl Wake for Idle {
    fn wake_all(single: &Single) {
        if !single.woken.load(Ordering::Acquire) {
            single.wake_all();
        }
    }
}

#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_without_the_woken_flag_loses_a_wake_up() {
    loom::model(|| lone_half::<Deaf>(Half::Stream));
}

#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_with_one_slot_loses_a_wake_up() {
    check(2, both_halves::<Single>);
}

/// The call comes after the look and before the wake-up is forgotten.
#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_that_looks_before_it_begins_loses_a_call() {
    check(3, || attention::woken_half::<Late>(World::is_called));
}

#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_that_does_not_acquire_loses_the_timer() {
    check(3, || attention::woken_half::<Blind>(World::fires));
}

#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_that_covers_a_wake_up_by_the_next_loses_the_timer() {
    check(3, || attention::woken_half::<Woken<Covering>>(World::fires));
}

#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_fan_that_only_looks_where_it_is_woken_loses_the_timer() {
    check(3, || attention::woken_half::<Woken<Idle>>(World::fires));
}
