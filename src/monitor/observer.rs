//! Who wants to hear of it as it happens (O4).

use std::time::Duration;

use super::End;

/// What happens to a connection. More variants may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A pong answered a ping.
    #[non_exhaustive]
    RoundTrip {
        /// From the flush of the ping to its pong.
        rtt: Duration,
    },
    /// An inbound frame came instead of the pong, and the timeout starts again.
    Deferred,
    /// A ping was not answered in time.
    Missed,
    /// A ping waits for longer than it should: [`Health::Suspect`](super::Health::Suspect).
    Suspected,
    /// It does not any more: [`Health::Alive`](super::Health::Alive).
    Trusted,
    /// It is over: the last event.
    Ended(End),
}

/// Hears of every event of a connection as it happens: see
/// [`LiveStream::with_observer`](crate::LiveStream::with_observer). Every `Fn(&Event)` is one.
pub trait Observer: Send + Sync {
    /// Called in a poll of the connection, or where it is dropped, and by the task that does so: it must not block. No lock
    /// of the connection is held; its [`Monitor`](crate::Monitor) may be asked.
    fn on_event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn on_event(&self, event: &Event) {
        self(event);
    }
}
