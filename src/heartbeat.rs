//! Heartbeats above WebSocket: a service's own, judged as pings are (H).

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::LivenessError;
use crate::message::{MessageKind, Protocol};

/// A service's own heartbeat: how it is made, and what answers it.
///
/// A socket that answers pings says nothing about the session above it. Many services have a heartbeat of their own for
/// that. Implement this for one, and give it to [`LiveStream::with_heartbeat`](crate::LiveStream::with_heartbeat): it is
/// then sent, and its answers are awaited, with the same judging as pings have.
///
/// ```
/// # #[cfg(feature = "tungstenite-0-30")]
/// # mod example {
/// use tokio_tungstenite::tungstenite::Message;
/// use ws_liveness::{Heard, Heartbeat};
///
/// /// Exchanges often answer the text `ping` with the text `pong`.
/// struct TextPing;
///
/// impl Heartbeat<Message> for TextPing {
///     fn beat(&mut self, _number: u32) -> Message {
///         Message::text("ping")
///     }
///
///     fn hear(&mut self, message: &Message) -> Heard {
///         match message {
///             Message::Text(text) if text.as_str() == "pong" => Heard::Answer,
///             _ => Heard::Other,
///         }
///     }
/// }
/// # }
/// ```
pub trait Heartbeat<M> {
    /// Makes the next heartbeat. Heartbeats are numbered from 1 on; the number that follows `u32::MAX` is 0.
    ///
    /// It may be called again for the same number if the heartbeat could not be sent.
    fn beat(&mut self, number: u32) -> M;

    /// Tells what a message that came in says. Called once for each, in their order; none is consumed by it.
    fn hear(&mut self, message: &M) -> Heard;

    /// Whether the user sees the answers to heartbeats, too. Default is `false`: like pongs, they disappear.
    fn shows_answers(&self) -> bool {
        false
    }
}

/// What a message says to a [`Heartbeat`]. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Heard {
    /// Nothing: it is a message like any other.
    Other,
    /// It answers every heartbeat that is unanswered.
    Answer,
    /// It answers the heartbeat of this number, and all before it.
    AnswerTo(u32),
    /// The service says how often it wants heartbeats. The user sees the message, too.
    Pace(Pace),
}

/// How often heartbeats are to leave from now on, and when the first. It takes the place of `ping_interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pace {
    pub(crate) interval: Duration,
    pub(crate) first: Duration,
}

impl Pace {
    /// One heartbeat in each `interval`, the first after one. Has no effect if `interval` is zero.
    pub const fn every(interval: Duration) -> Self {
        Self { interval, first: interval }
    }

    /// The first heartbeat leaves after `delay` instead.
    #[must_use]
    pub const fn first_after(self, delay: Duration) -> Self {
        Self { first: delay, ..self }
    }

    /// The first heartbeat leaves after a random part of the interval, so that many clients are not in step.
    #[must_use]
    pub fn first_at_random(self) -> Self {
        self.first_after(self.interval.mul_f64(fastrand::f64()))
    }
}

/// The [`Protocol`] of a socket with a [`Heartbeat`]: what [`LiveStream::with_heartbeat`](crate::LiveStream::with_heartbeat)
/// makes.
pub struct HeartbeatProtocol<H, P> {
    heartbeat: Mutex<H>,
    below: P,
}

impl<H, P> HeartbeatProtocol<H, P> {
    pub(crate) fn new(heartbeat: H, below: P) -> Self {
        Self { heartbeat: Mutex::new(heartbeat), below }
    }

    fn heartbeat(&self) -> MutexGuard<'_, H> {
        // What panics is the user's, and so is its state.
        self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H, P> fmt::Debug for HeartbeatProtocol<H, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatProtocol").finish_non_exhaustive()
    }
}

impl<H, P, M, E> Protocol<M, E> for HeartbeatProtocol<H, P>
where
    H: Heartbeat<M>,
    P: Protocol<M, E>,
{
    /// Pings and pongs are no concern of this layer.
    fn kind<'a>(&self, message: &'a M) -> MessageKind<'a> {
        match self.below.kind(message) {
            MessageKind::Close => MessageKind::Close,
            _ => MessageKind::Data,
        }
    }

    fn ping(&self, payload: &[u8]) -> M {
        self.heartbeat().beat(crate::liveness::number(payload))
    }

    fn close(&self, code: u16, reason: &str) -> M {
        self.below.close(code, reason)
    }

    fn error(&self, error: LivenessError) -> E {
        self.below.error(error)
    }

    fn source(&self, error: E) -> Box<dyn Error + Send + Sync> {
        self.below.source(error)
    }

    fn is_transient(&self, error: &E) -> bool {
        self.below.is_transient(error)
    }

    fn hears(&self) -> bool {
        true
    }

    fn hear(&self, message: &M) -> (Heard, bool) {
        let mut heartbeat = self.heartbeat();
        let heard = heartbeat.hear(message);
        (heard, heartbeat.shows_answers())
    }
}
