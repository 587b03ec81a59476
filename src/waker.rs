//! Two slots, one combined waker: reader and writer may live on two tasks, and most inners keep one waker (V1).

use std::sync::Arc;
use std::task::Waker;

use crate::presence::Presence;
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
    /// Whether the consumer waits (J7).
    pub(crate) presence: Presence,
}

/// The timer has to be polled once before it can wake anybody.
impl Default for Fan {
    fn default() -> Self {
        Self {
            stream: AtomicWaker::default(),
            sink: AtomicWaker::default(),
            woken: AtomicBool::new(false),
            attention: AtomicBool::new(true),
            presence: Presence::default(),
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
            self.presence.end_wait();
            waker.wake_by_ref();
        }
    }

    /// When to: the stream half has nothing more to read, how long it waits decides something, and it is parked next.
    pub(crate) fn wait(&self) {
        self.presence.begin_wait();
        // Either this comes first, and who wakes sees it; or the wake-up is seen here.
        if self.woken.fetch_or(false, Ordering::AcqRel) {
            self.presence.end_wait();
        }
    }

    /// When to: whether the consumer waits is unknown. Where it does, it says so in a poll of its own.
    pub(crate) fn wake_stream(&self) {
        self.stream.wake();
    }

    pub(crate) fn wake_all(&self) {
        self.woken.swap(true, Ordering::AcqRel);
        self.presence.end_wait();
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
