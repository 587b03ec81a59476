//! Two slots, one combined waker: reader and writer may live on two tasks, and most inners keep one waker (V1).

use std::task::Waker;

use crate::presence::Presence;
use crate::sync::{AtomicBool, AtomicWaker, Ordering, Time};

/// The half of a `LiveStream` that a task polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Stream,
    Sink,
}

/// The waker that every call into the inner and into the timer gets: it wakes whichever halves are parked.
///
/// A half registers only once it has nothing to return, so a message that is there costs no registration. What wakes
/// between the poll of the inner and the registration is caught by `woken`: a half in its poll excludes the other
/// (`&mut self`), so the flag belongs to the one that runs.
#[derive(Debug, Default)]
pub(crate) struct Fan {
    stream: AtomicWaker,
    sink: AtomicWaker,
    woken: AtomicBool,
    /// A monitor wants something: to be looked at in the next poll of either half.
    called: AtomicBool,
    /// Whether the consumer waits (J7).
    pub(crate) presence: Presence,
}

impl Fan {
    /// When to: first in each poll. False: nobody has woken us since the last `begin`, so the timer has not fired, no
    /// monitor has called, and there is no need for `begin`.
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }

    /// When to: after `is_woken`, before the timer, the calls and the inner are looked at. What whoever woke us did before
    /// is seen from here on.
    pub(crate) fn begin(&self) {
        if self.is_woken() {
            self.woken.swap(false, Ordering::Acquire);
        }
    }

    /// A monitor wants something, and nobody has taken that yet.
    #[inline]
    pub(crate) fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// When to: before what a monitor may want is looked at.
    pub(crate) fn take_call(&self) -> bool {
        self.is_called() && self.called.swap(false, Ordering::Acquire)
    }

    /// When to: a monitor wants something.
    pub(crate) fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.wake_all();
    }

    /// When to: before `Pending` is returned. A wake-up since `begin` is passed on at once.
    pub(crate) fn park(&self, half: Half, waker: &Waker) {
        self.slot(half).register(waker);
        if self.woken.load(Ordering::Acquire) {
            waker.wake_by_ref();
        }
    }

    /// When to: the stream half has nothing more to read since `now`, how long it waits decides something, and it is parked
    /// next.
    pub(crate) fn wait(&self, now: Time) {
        self.presence.begin_wait();
        // Either this comes first, and who wakes sees it; or the wake-up is seen here.
        if self.woken.fetch_or(false, Ordering::AcqRel) {
            self.presence.end_wait_at(now);
        }
    }

    /// When to: whether the consumer waits is unknown. Where it does, it says so in a poll of its own.
    pub(crate) fn wake_stream(&self) {
        self.stream.wake();
    }

    /// A swap, and not a store: `begin` is to see what each of those did who woke us before it, not only the last. Whoever
    /// was parked before the first of them is woken by that one; whoever parks after it wakes itself.
    pub(crate) fn wake_all(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
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
