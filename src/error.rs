//! The one error, and what it says.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::liveness::Reason;
use crate::monitor::{End, LiveStats, words};
use crate::progress::Diagnosis;

/// What a [`LivenessError`] says. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A verdict: our ping was flushed and not answered.
    PongTimeout,
    /// A verdict: our ping could not be flushed while the write side made no progress.
    WriteStalled,
    /// A verdict: the inner refused one of our own frames; its error is the [`source`](Error::source).
    PingFailed,
    /// A verdict: the peer sends pings and does not read the answers, of which more than
    /// [`max_pong_backlog`](crate::LiveConfigBuilder::max_pong_backlog) wait.
    PingFlood,
    /// The peer did not complete the closing handshake in time.
    CloseTimeout,
    /// The sink refused what is the user's, or has failed before; the inner's error is the [`source`](Error::source), if it
    /// is known. Only a sink says so, and the stream may go on.
    SendFailed,
    /// The task of a spawned connection is gone: its runtime was shut down.
    Dropped,
}

impl Cause {
    /// A word for labels and logs, which stays what it is: `pong_timeout`, `write_stalled`, `ping_failed`,
    /// `ping_flood`, `close_timeout`, `send_failed`, `dropped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PongTimeout => "pong_timeout",
            Self::WriteStalled => "write_stalled",
            Self::PingFailed => "ping_failed",
            Self::PingFlood => "ping_flood",
            Self::CloseTimeout => "close_timeout",
            Self::SendFailed => "send_failed",
            Self::Dropped => "dropped",
        }
    }

    /// The close reason of a verdict (K2).
    pub(crate) fn close_reason(self) -> &'static str {
        match self {
            Self::WriteStalled => "write stalled",
            Self::PingFailed => "ping failed",
            Self::PingFlood => "ping flood",
            _ => "pong timeout",
        }
    }

    /// The end that it means, if it is one.
    pub(crate) fn end(self) -> Option<End> {
        match self {
            Self::PongTimeout => Some(End::PongTimeout),
            Self::WriteStalled => Some(End::WriteStalled),
            Self::PingFailed => Some(End::PingFailed),
            Self::PingFlood => Some(End::PingFlood),
            Self::CloseTimeout => Some(End::CloseTimeout),
            Self::SendFailed => None,
            Self::Dropped => Some(End::Dropped),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(self.as_str(), f)
    }
}

impl End {
    /// The cause with which a [`LivenessError`](crate::LivenessError) tells the same; none for an end that the inner tells.
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::PongTimeout => Some(Cause::PongTimeout),
            Self::WriteStalled => Some(Cause::WriteStalled),
            Self::PingFailed => Some(Cause::PingFailed),
            Self::PingFlood => Some(Cause::PingFlood),
            Self::CloseTimeout => Some(Cause::CloseTimeout),
            Self::Dropped => Some(Cause::Dropped),
            Self::Closed | Self::EndOfStream | Self::StreamError => None,
        }
    }
}

/// What was watched when a connection was given up. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The WebSocket itself: its pings and pongs, and its closing handshake.
    Protocol,
    /// The session above it: a [`Heartbeat`](crate::Heartbeat) of the service's own.
    Heartbeat,
    /// What should have come: an [`Expectation`](crate::Expectation).
    Expectation,
}

impl Layer {
    /// A word for labels and logs: `protocol`, `heartbeat`, `expectation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Heartbeat => "heartbeat",
            Self::Expectation => "expectation",
        }
    }

    /// What is sent and awaited.
    const fn signal(self) -> &'static str {
        match self {
            Self::Protocol => "ping",
            Self::Heartbeat | Self::Expectation => "heartbeat",
        }
    }
}

/// The one error that a `LiveStream` adds to those of its socket: why the connection was given up, and what is known.
///
/// It travels inside the socket's own error type; [`find`](Self::find) gets it back from there. Its text is one line
/// for a log. All ages are as of the moment at which it was made. Cloning it is cheap.
#[derive(Clone)]
pub struct LivenessError(Arc<Report>);

/// What is known about a death.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) cause: Cause,
    pub(crate) layer: Layer,
    pub(crate) reason: Reason,
    pub(crate) since_queued: Option<Duration>,
    pub(crate) since_flushed: Option<Duration>,
    pub(crate) since_pong: Option<Duration>,
    pub(crate) deferrals: u32,
    pub(crate) misses: u32,
    pub(crate) foreign: bool,
    pub(crate) diagnosis: Option<Diagnosis>,
    pub(crate) stats: LiveStats,
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

impl LivenessError {
    pub(crate) fn new(report: Report) -> Self {
        Self(Arc::new(report))
    }

    /// Finds the liveness error in `error`, in its chain of sources, or inside an [`io::Error`] among them.
    ///
    /// It is `None` for an error of the socket's own. A `Box<dyn Error>` is given as `&*error`.
    ///
    /// ```
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # {
    /// # use futures_util::StreamExt;
    /// # use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    /// # runtime.block_on(async {
    /// use ws_liveness::{Cause, LiveConfig, LiveExt, LivenessError};
    ///
    /// # let (near, _silent_peer) = tokio::io::duplex(1024);
    /// # let socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    /// let mut ws = socket.live(LiveConfig::default());
    /// // The peer is silent, so the first item is the error: a `tungstenite::Error`, as the socket's own are.
    /// let error = ws.next().await.unwrap().unwrap_err();
    /// let dead = LivenessError::find(&error).expect("the peer is dead");
    /// assert_eq!(dead.cause(), Cause::PongTimeout);
    /// assert_eq!(dead.since_flushed(), Some(std::time::Duration::from_secs(20)));
    /// assert!(dead.to_string().starts_with("pong timeout: ping sent 20.000s ago was not answered"));
    /// # });
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match within {
                Some(within) => Some(within),
                None => error.source(),
            };
        }
        None
    }

    /// Why it was made.
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// What was watched.
    pub fn layer(&self) -> Layer {
        self.0.layer
    }

    /// The close reason of a verdict (K2).
    pub(crate) fn close_reason(&self) -> &'static str {
        match (self.layer(), self.cause()) {
            (Layer::Expectation, Cause::PongTimeout) => "nothing came in time",
            (Layer::Heartbeat, Cause::PongTimeout) => "heartbeat timeout",
            (Layer::Heartbeat | Layer::Expectation, Cause::PingFailed) => "heartbeat failed",
            (_, cause) => cause.close_reason(),
        }
    }

    /// How long ago the unanswered ping was queued, if one was under way.
    pub fn since_queued(&self) -> Option<Duration> {
        self.0.since_queued
    }

    /// How long ago the unanswered ping was flushed, if it was.
    pub fn since_flushed(&self) -> Option<Duration> {
        self.0.since_flushed
    }

    /// Age of the last inbound frame, or `None` if there never was one.
    ///
    /// Frames only set a flag, and the clock is read when the timer fires or a pong comes in. So the frame may be older
    /// than this by the time between two such moments.
    pub fn since_inbound(&self) -> Option<Duration> {
        self.0.stats.last_inbound
    }

    /// Age of the last answer to one of our pings, or `None` if none was ever answered.
    pub fn since_pong(&self) -> Option<Duration> {
        self.0.since_pong
    }

    /// How often an inbound frame extended the deadline of the unanswered ping.
    pub fn deferrals(&self) -> u32 {
        self.0.deferrals
    }

    /// How many pings in a row were not answered, the last one included.
    pub fn misses(&self) -> u32 {
        self.0.misses
    }

    /// Whether pongs came since the last answer that do not carry the payload of one of our pings.
    ///
    /// The peer, or something on the path, does not return the payload, which RFC 6455 section 5.5.3 requires.
    pub fn saw_foreign_pongs(&self) -> bool {
        self.0.foreign
    }

    /// Which layer died, if a progress source was given and the cause is [`PongTimeout`](Cause::PongTimeout) or
    /// [`WriteStalled`](Cause::WriteStalled).
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.0.diagnosis.as_ref()
    }

    /// The statistics of the whole connection, round-trip times among them.
    pub fn stats(&self) -> &LiveStats {
        &self.0.stats
    }
}

impl fmt::Debug for LivenessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LivenessError").field(&self.0).finish()
    }
}

/// One line for a person: the cause, what happened, when the peer was last heard of, and the layer that died if a
/// progress source could tell.
impl fmt::Display for LivenessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.layer, self.0.cause) {
            (Layer::Expectation, Cause::PongTimeout) => return self.0.write_unmet(f),
            (Layer::Heartbeat, Cause::PongTimeout) => f.write_str("heartbeat timeout: ")?,
            (Layer::Heartbeat | Layer::Expectation, Cause::PingFailed) => f.write_str("heartbeat failed: ")?,
            (_, cause) => write!(f, "{cause}: ")?,
        }
        self.0.write_event(f)?;
        if matches!(self.0.cause, Cause::PongTimeout | Cause::WriteStalled | Cause::PingFailed) {
            self.0.write_last_signs(f)?;
        }
        match self.diagnosis() {
            Some(diagnosis) if diagnosis.is_known() => write!(f, "; {diagnosis}"),
            _ => Ok(()),
        }
    }
}

impl Report {
    /// What happened, in words.
    fn write_event(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = self.layer.signal();
        match (self.cause, self.since_flushed, self.since_queued) {
            (Cause::CloseTimeout, ..) => f.write_str(match self.reason {
                Reason::Unclosed { sent: true, .. } => "our Close was not answered in time",
                Reason::Unclosed { received: true, .. } => "the peer's Close could not be answered in time",
                _ => "our Close could not be sent in time",
            }),
            (Cause::SendFailed, ..) if self.source.is_some() => {
                f.write_str("a message that was accepted was refused later")
            }
            (Cause::SendFailed, ..) => f.write_str("the sink has failed before"),
            (Cause::PingFlood, ..) => {
                let owed = if let Reason::Flooded { owed } = self.reason { owed } else { 0 };
                write!(
                    f,
                    "the peer sends pings and does not read the answers; {owed} bytes of them wait to be sent, more than \
                     `max_pong_backlog` allows"
                )
            }
            (Cause::Dropped, ..) => f.write_str("the task that drove the connection is gone"),
            (_, Some(age), _) => write!(f, "{signal} sent {age:.3?} ago was not answered"),
            (_, None, Some(age)) => write!(f, "{signal} queued {age:.3?} ago could not be sent"),
            (_, None, None) => f.write_str("one of our frames was refused"),
        }
    }

    /// When what is expected came last.
    fn write_unmet(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.since_pong {
            Some(age) => write!(f, "nothing came in time: the last that was expected came {age:.3?} ago"),
            None => f.write_str("nothing came in time: what was expected never came"),
        }
    }

    /// When the peer was last heard of, whether it has ever answered a ping, and whether its pongs are ours.
    fn write_last_signs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stats.last_inbound {
            Some(age) => write!(f, ", last frame seen {age:.3?} ago")?,
            None => f.write_str(", no frame was ever seen")?,
        }
        if self.stats.pongs_received == 0 && self.stats.pings_sent > 1 {
            write!(f, ", none of {} {}s was answered", self.stats.pings_sent, self.layer.signal())?;
        }
        if self.foreign {
            f.write_str("; pongs came whose payload was not ours")?;
        }
        Ok(())
    }
}

impl Error for LivenessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

/// The kind depends on the cause. It is [`TimedOut`](io::ErrorKind::TimedOut) if something did not happen in time. If the
/// socket refused a frame, it is the kind of the socket's own [`io::Error`], or [`BrokenPipe`](io::ErrorKind::BrokenPipe)
/// if there is none. It is [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) if the task is gone, or if the peer
/// does not read the answers to its pings.
impl From<LivenessError> for io::Error {
    fn from(error: LivenessError) -> Self {
        let kind = match error.cause() {
            Cause::PongTimeout | Cause::WriteStalled | Cause::CloseTimeout => io::ErrorKind::TimedOut,
            Cause::PingFailed | Cause::SendFailed => io_kind(&error).unwrap_or(io::ErrorKind::BrokenPipe),
            Cause::PingFlood | Cause::Dropped => io::ErrorKind::ConnectionAborted,
        };
        io::Error::new(kind, Carrier(error))
    }
}

/// What an `io::Error` holds: a source more, because an error that is transparent over an `io::Error` passes on only the
/// sources of what that holds.
#[derive(Debug)]
struct Carrier(LivenessError);

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Carrier {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The kind of the first `io::Error` among the sources.
fn io_kind(error: &LivenessError) -> Option<io::ErrorKind> {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = source.source();
    }
    None
}

#[cfg(test)]
mod tests;
