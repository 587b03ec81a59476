//! One combined waker with two slots, since reader and writer may live on two tasks, and most inners keep one waker
//! (V1).

use std::task::Waker;
use std::time::Duration;

pub(crate) use super::presence::Half;
use super::presence::Presence;
use super::sync::{AtomicBool, AtomicU8, AtomicU64, AtomicWaker, Clock, Ordering, Time};

const WOKEN: u8 = 1;
/// By the inner, which ends the waits.
const FROM_BELOW: u8 = 2;
/// Once, when the timer was about to fire: by the timer, then.
const ALARMED: u8 = 4;

/// A timer that fires in time fires within this; later it is taken for the inner, which only means more patience.
const PUNCTUAL: Duration = Duration::from_millis(2);

/// The waker that every call into the inner and into the timer gets. It wakes whichever halves are parked.
///
/// A half registers only when it has nothing to return, so a message that is there costs no registration. A wake-up
/// between the poll of the inner and the registration is caught by the flag `woken`. A half in its poll excludes the
/// other (`&mut self`), so the flag belongs to the half that runs.
#[derive(Debug)]
pub(crate) struct Fan {
    stream: AtomicWaker,
    sink: AtomicWaker,
    /// `WOKEN`, and by what.
    woken: AtomicU8,
    /// A monitor wants something: to be looked at in the next poll of either half.
    called: AtomicBool,
    /// When the timer is to fire, which ends no wait.
    alarm: AtomicU64,
    /// Which half waits, and since when the others have not (J6).
    presence: Presence,
}

impl Default for Fan {
    fn default() -> Self {
        Self {
            stream: AtomicWaker::default(),
            sink: AtomicWaker::default(),
            woken: AtomicU8::default(),
            called: AtomicBool::default(),
            alarm: AtomicU64::new(Time::NEVER.to_bits()),
            presence: Presence::default(),
        }
    }
}

impl Fan {
    pub(crate) fn clock(&self) -> Clock {
        self.presence.clock
    }

    /// False: nobody has woken us since the last `begin`, so the timer has not fired, no monitor has called, and there
    /// is no need for `begin`.
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed) != 0
    }

    /// Begins a poll, after `is_woken` and before the timer, the calls and the inner are looked at. What was done
    /// before we were woken is seen from here on. True if the timer is said to have woken us: if it has not, it was the
    /// inner.
    #[inline]
    pub(crate) fn begin(&self) -> bool {
        self.is_woken() && self.woken.swap(0, Ordering::Acquire) & ALARMED != 0
    }

    /// Records when the timer is to fire.
    pub(crate) fn set_alarm(&self, at: Time) {
        self.alarm.store(at.to_bits(), Ordering::Relaxed);
    }

    /// Records that the inner woke us when the timer was about to. Nobody waits from then on.
    pub(crate) fn end_waits_by_alarm(&self) {
        self.presence.end_waits_at(Time::from_bits(self.alarm.load(Ordering::Relaxed)));
    }

    /// Whether a monitor wants something that nobody has seen to yet.
    #[inline]
    pub(crate) fn is_called(&self) -> bool {
        self.called.load(Ordering::Acquire)
    }

    /// Records that what a monitor wanted is seen to. Call it before looking at it for the last time.
    pub(crate) fn take_call(&self) -> bool {
        self.is_called() && self.called.swap(false, Ordering::AcqRel)
    }

    /// Records that a monitor wants something.
    pub(crate) fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.rouse();
    }

    /// Records that what was taken is not seen to yet.
    pub(crate) fn keep_call(&self) {
        self.called.store(true, Ordering::Release);
    }

    /// Parks a half before `Pending` is returned. A wake-up since `begin` is passed on at once.
    pub(crate) fn park(&self, half: Half, waker: &Waker) {
        self.slot(half).register(waker);
        if self.woken.load(Ordering::Acquire) != 0 {
            waker.wake_by_ref();
        }
    }

    /// Records that a half waits from now on. It is parked next, and it matters how long it waits.
    pub(crate) fn wait(&self, half: Half, now: Time) {
        let absence = self.presence.of(half);
        absence.begin_wait();
        // Either this comes first, and the wake-up ends the wait; or the wake-up is seen here.
        if self.woken.fetch_or(0, Ordering::AcqRel) & FROM_BELOW != 0 {
            absence.end_wait_at(now);
        }
    }

    /// Records that a half comes by itself. If it waited, it no longer does.
    #[inline]
    pub(crate) fn come(&self, half: Half) {
        self.presence.end_wait(half);
    }

    /// Returns since when a half has not waited, or `None` if it waits.
    pub(crate) fn away(&self, half: Half) -> Option<Time> {
        self.presence.of(half).since()
    }

    /// Asks the stream half to show by a poll of its own whether it waits.
    pub(crate) fn wake_stream(&self) {
        self.stream.wake();
    }

    /// Wakes both halves: for the inner, and then nobody waits any more, or for the timer, which ends no wait.
    ///
    /// The flag is read and written in one step, not stored, so that `begin` sees what everything that woke us before
    /// it did, not only the last. A half that was parked before the first wake-up is woken by it; a half that parks
    /// after it wakes itself.
    pub(crate) fn wake_all(&self) {
        if self.presence.is_anybody_waiting() {
            return self.wake_waiting();
        }
        let before = self.woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel);
        // A wait may just have begun.
        if self.presence.is_anybody_waiting() {
            self.presence.end_waits();
        }
        if before & WOKEN == 0 {
            self.wake_both();
        }
    }

    /// Not inlined: mostly nobody's waiting is counted.
    #[inline(never)]
    fn wake_waiting(&self) {
        let now = self.clock().now();
        let before = if self.is_alarm(now) { self.alarmed(now) } else { self.woken_from_below(now) };
        if before & WOKEN == 0 {
            self.wake_both();
        }
    }

    fn woken_from_below(&self, now: Time) -> u8 {
        let before = self.woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel);
        self.presence.end_waits_at(now);
        before
    }

    /// The timer wakes once; the second is the inner.
    fn alarmed(&self, now: Time) -> u8 {
        let before = self.woken.fetch_or(WOKEN | ALARMED, Ordering::AcqRel);
        if before & ALARMED == 0 { before } else { before & self.woken_from_below(now) }
    }

    /// Whether the timer is about to fire.
    fn is_alarm(&self, now: Time) -> bool {
        let alarm = Time::from_bits(self.alarm.load(Ordering::Relaxed));
        alarm <= now && now.since(alarm) <= PUNCTUAL
    }

    /// Wakes both halves for a reason of our own, which ends no wait.
    pub(crate) fn rouse(&self) {
        if self.woken.fetch_or(WOKEN, Ordering::AcqRel) & WOKEN == 0 {
            self.wake_both();
        }
    }

    /// A waker is the user's code and may panic; the other half is woken all the same.
    fn wake_both(&self) {
        let _sink = WokenAtLast(&self.sink);
        self.stream.wake();
    }

    /// Forgets the wakers when the `LiveStream` is dropped, so that a monitor that stays does not keep tasks alive
    /// (K7).
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

struct WokenAtLast<'a>(&'a AtomicWaker);

impl Drop for WokenAtLast<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}
