//! The pings under way: one that waits to leave, and those that left and are unanswered.

use std::time::Duration;

use super::stopwatch::{Stopwatch, TICK};
use super::{Rules, Time};

/// The pings under way. At most one waits to leave; of those that left, the oldest and the newest are known.
///
/// The tag is a byte of its own, since it is read many times in a cycle, and deriving it from the content takes longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Pings {
    #[default]
    None,
    Leaving(Leaving),
    Awaited(Awaited),
    /// Boxed for the same reason as a later ping.
    Both(Box<(Leaving, Awaited)>),
}

/// A ping that waits for the inner to take it, then for the flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaving {
    pub(super) queued: Time,
    pub(super) w: Stopwatch,
    /// Its number, once the inner has taken it.
    pub(super) number: Option<u32>,
    /// It has waited longer than W/2, so the user's writes are held back.
    pub(super) holds: bool,
}

/// Pings that were flushed and are unanswered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Awaited {
    /// T belongs to this one.
    pub(super) oldest: Sent,
    /// The newest ping that left after it. Boxed, because a ping usually finds the one before answered.
    pub(super) later: Option<Box<Sent>>,
    pub(super) t: Stopwatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(super) flushed: Time,
    pub(super) number: u32,
    /// How long before the flush it was queued, in milliseconds: 49 days at most.
    waited: u32,
}

impl Leaving {
    pub(super) fn new(now: Time, rules: &Rules) -> Self {
        Self { queued: now, w: Stopwatch::start(now, rules.write_timeout), number: None, holds: false }
    }
}

impl Awaited {
    fn first(sent: Sent, now: Time, rules: &Rules) -> Self {
        Self { oldest: sent, later: None, t: Stopwatch::start(now, rules.pong_timeout) }
    }

    pub(super) fn newest(&self) -> Sent {
        self.later.as_ref().map_or(self.oldest, |later| **later)
    }

    /// Whether the newest left within this tick and is not the one to which T belongs.
    pub(super) fn has_just_left(&self, now: Time) -> bool {
        self.later.as_ref().is_some_and(|later| now.since(later.flushed) < TICK)
    }

    /// Starts T with the newest, because those before it are answered or missed.
    pub(super) fn belong_to_newest(&mut self, from: Time, limit: Duration) {
        self.oldest = self.newest();
        self.later = None;
        self.t = Stopwatch::start(from, limit);
    }
}

impl Sent {
    pub(super) fn new(queued: Time, flushed: Time, number: u32) -> Self {
        let waited = u32::try_from(flushed.since(queued).as_millis()).unwrap_or(u32::MAX);
        Self { flushed, number, waited }
    }

    /// To the millisecond.
    pub(super) fn queued(&self) -> Time {
        self.flushed.before(Duration::from_millis(self.waited.into()))
    }
}

impl Pings {
    pub(super) fn leaving(&self) -> Option<&Leaving> {
        match self {
            Self::Leaving(leaving) => Some(leaving),
            Self::Both(both) => Some(&both.0),
            _ => None,
        }
    }

    pub(super) fn leaving_mut(&mut self) -> Option<&mut Leaving> {
        match self {
            Self::Leaving(leaving) => Some(leaving),
            Self::Both(both) => Some(&mut both.0),
            _ => None,
        }
    }

    pub(super) fn awaited(&self) -> Option<&Awaited> {
        match self {
            Self::Awaited(awaited) => Some(awaited),
            Self::Both(both) => Some(&both.1),
            _ => None,
        }
    }

    pub(super) fn awaited_mut(&mut self) -> Option<&mut Awaited> {
        match self {
            Self::Awaited(awaited) => Some(awaited),
            Self::Both(both) => Some(&mut both.1),
            _ => None,
        }
    }

    /// Queues a ping that falls due while none waits to leave.
    pub(super) fn queue(&mut self, leaving: Leaving) {
        *self = match self.take_awaited() {
            None => Self::Leaving(leaving),
            Some(awaited) => Self::Both(Box::new((leaving, awaited))),
        };
    }

    pub(super) fn drop_leaving(&mut self) {
        *self = self.take_awaited().map_or(Self::None, Self::Awaited);
    }

    pub(super) fn drop_awaited(&mut self) {
        *self = self.leaving().map_or(Self::None, |&leaving| Self::Leaving(leaving));
    }

    /// Records that the waiting ping has left. It is the newest of those that are awaited, and the oldest if there was
    /// none.
    pub(super) fn flush(&mut self, sent: Sent, now: Time, rules: &Rules) {
        *self = Self::Awaited(match self.take_awaited() {
            None => Awaited::first(sent, now, rules),
            Some(awaited) => Awaited { later: Some(Box::new(sent)), ..awaited },
        });
    }

    fn take_awaited(&mut self) -> Option<Awaited> {
        match std::mem::take(self) {
            Self::None | Self::Leaving(_) => None,
            Self::Awaited(awaited) => Some(awaited),
            Self::Both(both) => Some(both.1),
        }
    }
}
