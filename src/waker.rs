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
#[derive(Debug, Default)]
pub(crate) struct Fan {
    stream: AtomicWaker,
    sink: AtomicWaker,
    woken: AtomicBool,
}

impl Fan {
    /// When to: before the first call into the inner or the timer of each poll.
    #[inline]
    pub(crate) fn begin(&self) {
        self.woken.store(false, Ordering::Relaxed);
    }

    /// When to: before `Pending` is returned. A wake-up since `begin` is passed on at once.
    pub(crate) fn park(&self, half: Half, waker: &Waker) {
        self.slot(half).register(waker);
        if self.woken.load(Ordering::Acquire) {
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
