//! Heartbeats above WebSocket: a service's own, judged as pings are (L).

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Layer, LivenessError};
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
///     fn beat(&mut self, _number: u32) -> Option<Message> {
///         Some(Message::text("ping"))
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
    ///
    /// With `None` nothing is sent, and an answer is awaited all the same.
    fn beat(&mut self, number: u32) -> Option<M>;

    /// Tells what a message that came in says. Called once for each, in their order; none is consumed by it.
    fn hear(&mut self, message: &M) -> Heard;

    /// Whether the user sees the answers to heartbeats, too. Default is `false`: like pongs, they disappear.
    fn shows_answers(&self) -> bool {
        false
    }

    /// What is watched, for errors and logs. Default is [`Layer::Heartbeat`].
    fn layer(&self) -> Layer {
        Layer::Heartbeat
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
    /// It is a sign of life: it answers whatever is unanswered, and the next heartbeat leaves `ping_interval` after it. The
    /// user sees the message, and it counts for no round-trip time.
    Sign,
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

/// Something must come within a time: for feeds that have no heartbeat, and are never silent for long while they live.
///
/// It is a [`Heartbeat`] for [`LiveStream::with_heartbeat`](crate::LiveStream::with_heartbeat). The time is the sum of
/// `ping_interval` and `pong_timeout` in its configuration, counted from the last message; jitter has no effect. If there is
/// a [`challenge`](Self::challenge), it is sent after `ping_interval` of silence, and any message within `pong_timeout` is an
/// answer.
///
/// ```
/// # #[cfg(feature = "tungstenite-0-30")]
/// # mod example {
/// # use futures_util::{Sink, Stream};
/// # use tokio_tungstenite::tungstenite::{Error, Message};
/// use std::time::Duration;
/// use ws_liveness::{Expectation, LiveConfig, LiveExt};
///
/// # fn wrap<S>(socket: S) -> Result<impl Stream<Item = Result<Message, Error>>, ws_liveness::ConfigError>
/// # where
/// #     S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
/// # {
/// let within_30_s = LiveConfig::builder()
///     .ping_interval(Duration::from_secs(25)) // then it is asked,
///     .pong_timeout(Duration::from_secs(5)) // and has so long to answer
///     .build()?;
/// let trades = Expectation::of(|message: &Message| message.is_text()).challenge(|| Message::text(r#"{"op":"ping"}"#));
/// let ws = socket.live(LiveConfig::default()).with_heartbeat(trades, within_30_s);
/// # Ok(ws)
/// # }
/// # }
/// ```
pub struct Expectation<M> {
    counts: Box<dyn FnMut(&M) -> bool + Send>,
    challenge: Option<Box<dyn FnMut() -> M + Send>>,
}

impl<M> Expectation<M> {
    /// Any message will do, also a Ping or a Pong of the peer's.
    pub fn any() -> Self {
        Self::of(|_| true)
    }

    /// Only messages count for which `counts` returns `true`.
    pub fn of(counts: impl FnMut(&M) -> bool + Send + 'static) -> Self {
        Self { counts: Box::new(counts), challenge: None }
    }

    /// Asks for a sign of life with this message before the verdict.
    #[must_use]
    pub fn challenge(self, challenge: impl FnMut() -> M + Send + 'static) -> Self {
        Self { challenge: Some(Box::new(challenge)), ..self }
    }
}

impl<M> fmt::Debug for Expectation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("challenges", &self.challenge.is_some()).finish_non_exhaustive()
    }
}

impl<M> Heartbeat<M> for Expectation<M> {
    fn beat(&mut self, _number: u32) -> Option<M> {
        self.challenge.as_mut().map(|challenge| challenge())
    }

    fn hear(&mut self, message: &M) -> Heard {
        if (self.counts)(message) { Heard::Sign } else { Heard::Other }
    }

    fn layer(&self) -> Layer {
        Layer::Expectation
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

    pub(crate) fn layer<M>(&self) -> Layer
    where
        H: Heartbeat<M>,
    {
        self.heartbeat().layer()
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

    fn close_code(&self, message: &M) -> Option<u16> {
        self.below.close_code(message)
    }

    /// Not asked: `beat` takes its place.
    fn ping(&self, payload: &[u8]) -> M {
        self.below.ping(payload)
    }

    fn beat(&self, payload: &[u8]) -> Option<M> {
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
