//! What the model check is worth: each of these loses a wake-up, and is found out.

use std::task::Waker;

use crate::attention;
use crate::halves::{both_halves, lone_half};
use crate::sync::{AtomicBool, AtomicWaker, Ordering};
use crate::waker::Half;
use crate::world::{Combined, check};

/// Forgets what wakes between the poll of the inner and the registration.
#[derive(Default)]
struct Deaf {
    stream: AtomicWaker,
    sink: AtomicWaker,
}

impl Combined for Deaf {
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
    fn begin(&self) {
        self.woken.store(false, Ordering::Relaxed);
    }

    fn park(&self, _: Half, waker: &Waker) {
        self.slot.register(waker);
        if self.woken.load(Ordering::Acquire) {
            waker.wake_by_ref();
        }
    }

    fn wake_all(&self) {
        self.woken.store(true, Ordering::Release);
        self.slot.wake();
    }
}

/// Does not look at its flag when it parks. For the stream half alone.
#[derive(Default)]
struct Forgetful {
    fan: Single,
    attention: AtomicBool,
}

impl Combined for Forgetful {
    fn begin(&self) {
        self.fan.begin();
    }

    fn park(&self, half: Half, waker: &Waker) {
        self.fan.park(half, waker);
    }

    fn wake_all(&self) {
        self.fan.wake_all();
    }

    fn call(&self) {
        self.attention.store(true, Ordering::Release);
        self.wake_all();
    }

    fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    fn take_attention(&self) -> bool {
        self.attention.swap(false, Ordering::Acquire)
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

/// The call comes after the look and before `begin`, which forgets the wake-up.
#[test]
#[should_panic(expected = "a wake-up was lost")]
fn v1_a_flag_that_is_not_looked_at_after_parking_loses_a_wake_up() {
    loom::model(|| attention::lone_half::<Forgetful>(Half::Stream));
}
