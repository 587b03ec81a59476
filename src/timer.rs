//! The one reusable timer of a connection and its clock. Nothing else uses `tokio::time` but `connect`, which dials
//! before there is a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use tokio::task::coop;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::liveness::Time;

/// Tokio's clock, counted from the moment the connection was wrapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    born: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { born: Instant::now() }
    }

    pub(crate) fn now(self) -> Time {
        self.time(read())
    }

    fn time(self, instant: Instant) -> Time {
        Time::START.plus(instant.saturating_duration_since(self.born))
    }

    fn instant(self, at: Time) -> Option<Instant> {
        self.born.checked_add(at.elapsed()?)
    }
}

fn read() -> Instant {
    #[cfg(test)]
    count::CLOCK.set(count::CLOCK.get() + 1);
    Instant::now()
}

/// The timer. It is made at its first use and reset in place afterwards, only when the machine asks for another time.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    state: State,
    /// Only the stream half, a task of its own, makes it (V5).
    of_task: bool,
    /// What there is to do before it fires.
    pub(crate) rest: Rest,
}

/// What the last long poll has left for the next to do. It is beside the timer because any other place would add
/// padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Everything is to be looked at; also after a poll that did not come to its end.
    Busy,
    /// Nothing, but how long the reader waits is counted.
    Waiting,
    /// Nothing.
    Quiet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to wait for.
    Off,
    /// Not polled since, so that it wakes nobody.
    Set,
    Armed,
    /// Polled as expired, and not set since.
    Expired,
}

impl Default for Timer {
    fn default() -> Self {
        Self { sleep: None, state: State::Off, of_task: false, rest: Rest::Busy }
    }
}

impl Timer {
    /// Sets the timer for `at`, unless it is set for then already. With `lazy` it is also left alone if it fires before
    /// `at`, since the machine asks again then. Returns whether it has to be polled.
    ///
    /// # Panics
    /// Panics without a runtime, as tokio's timer does. The timer is then as it was.
    pub(crate) fn set(&mut self, clock: Clock, at: Time, lazy: bool) -> bool {
        let Some(instant) = clock.instant(at) else {
            self.state = State::Off;
            return false;
        };
        if let (State::Set | State::Armed, Some(sleep)) = (self.state, &self.sleep) {
            let set = sleep.deadline();
            if set == instant || lazy && set <= instant {
                return false;
            }
        }
        self.reset(instant);
        self.state = State::Set;
        true
    }

    fn reset(&mut self, instant: Instant) {
        #[cfg(test)]
        count::RESETS.set(count::RESETS.get() + 1);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(instant),
            None => self.sleep = Some(Box::pin(sleep_until(instant))),
        }
    }

    /// Makes the timer belong to a task from now on. What was made so far may belong to another runtime.
    pub(crate) fn leave_to_task(&mut self) {
        *self = Self { of_task: true, ..Self::default() };
    }

    /// Forgets the timer, whose runtime may be gone.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether it belongs to a task that has not made it yet.
    pub(crate) fn waits_for_task(&self) -> bool {
        self.of_task && self.sleep.is_none()
    }

    /// Returns now, if the time has come for which the timer is set. Returns `None` also if the task's cooperative
    /// budget is used up, because then no earlier poll proves anything (J5).
    ///
    /// A `Sleep` that has fired is not polled again: it belongs to the runtime on which it was made, and panics if that
    /// is gone.
    pub(crate) fn poll(&mut self, clock: Clock, cx: &mut Context<'_>) -> Option<Time> {
        let (State::Set | State::Armed, Some(sleep)) = (self.state, &mut self.sleep) else { return None };
        // Without a budget tokio does not even keep the waker.
        if coop::has_budget_remaining() {
            self.state = State::Armed;
            if sleep.is_elapsed() {
                let (now, deadline) = (read(), sleep.deadline());
                if deadline <= now {
                    self.state = State::Expired;
                    return Some(clock.time(now));
                }
                // Its runtime was shut down.
                sleep.set(sleep_until(deadline));
            }
        }
        #[cfg(test)]
        count::POLLS.set(count::POLLS.get() + 1);
        if sleep.as_mut().poll(cx).is_pending() {
            return None;
        }
        self.state = State::Expired;
        Some(clock.now())
    }

    /// Whether the time has come and `poll` has not said so yet, or the timer would wake nobody. This reads no clock
    /// and does no timer operation.
    pub(crate) fn wants_poll(&self) -> bool {
        match self.state {
            State::Set => true,
            State::Armed => self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed()),
            State::Off | State::Expired => false,
        }
    }
}

/// Whether `Pending` means anything in this task, because tokio's cooperative budget is not used up (J5).
pub(crate) fn has_budget() -> bool {
    coop::has_budget_remaining()
}

/// What the timer and the clock were asked for on this thread: the cost tests prove Z1 and Z2 by it.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        pub(crate) static CLOCK: Cell<u32> = const { Cell::new(0) };
        pub(crate) static RESETS: Cell<u32> = const { Cell::new(0) };
        pub(crate) static POLLS: Cell<u32> = const { Cell::new(0) };
    }
}

#[cfg(test)]
mod tests;
