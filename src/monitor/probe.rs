//! The extra ping that a monitor asks for (O2). It is judged by nobody.

use std::time::Duration;

use crate::liveness::{Time, answers};

/// At most one probe at a time. A call that is made meanwhile shares it.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    state: State,
    /// How many probes were answered.
    done: u32,
    /// The round-trip time of the last one.
    rtt: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Asked for, not handed to the inner.
    Wanted,
    /// Handed to the inner, which has not flushed it yet.
    Handed { number: u32, at: Time },
    /// On its way.
    Sent { number: u32, at: Time },
}

impl Probe {
    /// Asks for a probe. Returns the ticket for `result`.
    pub(crate) fn ask(&mut self) -> u32 {
        if let State::Idle = self.state {
            self.state = State::Wanted;
        }
        self.done.wrapping_add(1)
    }

    pub(crate) fn result(&self, ticket: u32) -> Option<Duration> {
        answers(self.done, ticket).then_some(self.rtt)
    }

    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self.state, State::Wanted)
    }

    pub(crate) fn handle_handed(&mut self, number: u32, now: Time) {
        self.state = State::Handed { number, at: now };
    }

    pub(crate) fn handle_flushed(&mut self, now: Time) {
        if let State::Handed { number, .. } = self.state {
            self.state = State::Sent { number, at: now };
        }
    }

    /// Returns the round-trip time, if this answer was the probe's.
    pub(crate) fn handle_answer(&mut self, answer: u32, now: Time) -> Option<Duration> {
        let (State::Handed { number, at } | State::Sent { number, at }) = self.state else { return None };
        answers(answer, number).then(|| {
            let rtt = now.since(at);
            *self = Self { state: State::Idle, done: self.done.wrapping_add(1), rtt };
            rtt
        })
    }
}
