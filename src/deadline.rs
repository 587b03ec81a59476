//! The one reusable timer of a connection and its clock: the only user of `tokio::time`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::coop::has_budget_remaining;
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
        #[cfg(test)]
        count::CLOCK.set(count::CLOCK.get() + 1);
        Time::START.plus(Instant::now().saturating_duration_since(self.born))
    }

    fn instant(self, at: Time) -> Option<Instant> {
        self.born.checked_add(at.elapsed()?)
    }
}

/// Made at its first use, reset in place afterwards, and only where the machine asks for another time.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to wait for.
    #[default]
    Off,
    /// Not polled since, so that it wakes nobody.
    Set(Time),
    Armed(Time),
    /// Polled as expired, and not armed for another time since.
    Expired(Time),
}

impl Deadline {
    /// When to: after the machine's next time may have changed. True where the timer has to be polled again.
    pub(crate) fn arm(&mut self, clock: Clock, at: Time) -> bool {
        if self.state == State::Armed(at) || self.state == State::Set(at) {
            return false;
        }
        let Some(instant) = clock.instant(at) else {
            self.state = State::Off;
            return false;
        };
        self.state = State::Set(at);
        self.reset(instant);
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

    /// Ready where the armed time has come, again and again until it is armed anew. Also `Pending` where the task's
    /// cooperative budget is used up: then nothing that was polled before says anything (J5).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (State::Set(at) | State::Armed(at) | State::Expired(at), Some(sleep)) = (self.state, &mut self.sleep)
        else {
            return Poll::Pending;
        };
        // Without a budget tokio does not even keep the waker.
        if self.state == State::Set(at) && has_budget_remaining() {
            self.state = State::Armed(at);
        }
        #[cfg(test)]
        count::POLLS.set(count::POLLS.get() + 1);
        let polled = sleep.as_mut().poll(cx);
        if polled.is_ready() {
            self.state = State::Expired(at);
        }
        polled
    }

    /// It fires then or before, without being armed anew.
    pub(crate) fn fires_by(&self, at: Time) -> bool {
        matches!(self.state, State::Set(armed) | State::Armed(armed) if armed <= at)
    }

    /// The armed time has come, and `poll` has not said so yet; or it would wake nobody. Nothing but a look: no clock, no
    /// timer operation.
    pub(crate) fn wants_poll(&self) -> bool {
        match self.state {
            State::Set(_) => true,
            State::Armed(_) => self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed()),
            State::Off | State::Expired(_) => false,
        }
    }

    #[inline]
    pub(crate) fn is_expired(&self) -> bool {
        self.expired().is_some()
    }

    /// The armed time that has come.
    #[inline]
    pub(crate) fn expired(&self) -> Option<Time> {
        match self.state {
            State::Expired(at) => Some(at),
            _ => None,
        }
    }
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
