//! Two slots, one combined waker: reader and writer may live on two tasks, and most inners keep one waker (V1).

use std::sync::Arc;
use std::task::Waker;

use crate::sync::{ArcWake, AtomicBool, AtomicWaker, Ordering};

/// The half of a `LiveStream` that a task polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Stream,
    Sink,
}

/// The waker that every call into the inner gets: it wakes whichever halves are parked.
///
/// A half registers only once it has nothing to return, so a message that is there costs no registration. What wakes
/// between the poll of the inner and the registration is caught by `woken`: a half in its poll excludes the other
/// (`&mut self`), so the flag belongs to the one that runs.
#[derive(Debug)]
pub(crate) struct Fan {
    stream: AtomicWaker,
    sink: AtomicWaker,
    woken: AtomicBool,
    /// The timer fired, or a monitor wants something: to be looked at in the next poll of either half.
    attention: AtomicBool,
}

/// The timer has to be polled once before it can wake anybody.
impl Default for Fan {
    fn default() -> Self {
        Self {
            stream: AtomicWaker::default(),
            sink: AtomicWaker::default(),
            woken: AtomicBool::new(false),
            attention: AtomicBool::new(true),
        }
    }
}

impl Fan {
    /// When to: first in each poll; what it says may be acted upon later in it.
    #[inline]
    pub(crate) fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    pub(crate) fn take_attention(&self) -> bool {
        self.wants_attention() && self.attention.swap(false, Ordering::Acquire)
    }

    /// When to: the timer fired, or a monitor wants something.
    pub(crate) fn call(&self) {
        self.attention.store(true, Ordering::Release);
        self.wake_all();
    }

    /// When to: before the first call into the inner or the timer of each poll.
    #[inline]
    pub(crate) fn begin(&self) {
        self.woken.store(false, Ordering::Relaxed);
    }

    /// When to: before `Pending` is returned. A wake-up since `begin` is passed on at once; so is a call, which may have
    /// come before `begin` and after the look.
    pub(crate) fn park(&self, half: Half, waker: &Waker) {
        self.slot(half).register(waker);
        if self.woken.load(Ordering::Acquire) || self.wants_attention() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn wake_all(&self) {
        self.woken.store(true, Ordering::Release);
        self.stream.wake();
        self.sink.wake();
    }

    /// When to: the `LiveStream` goes; whoever keeps the fan is not to keep tasks by it (K7).
    pub(crate) fn clear(&self) {
        self.stream.take();
        self.sink.take();
    }

    fn slot(&self, half: Half) -> &AtomicWaker {
        match half {
            Half::Stream => &self.stream,
            Half::Sink => &self.sink,
        }
    }
}

impl ArcWake for Fan {
    fn wake_by_ref(fan: &Arc<Self>) {
        fan.wake_all();
    }
}
