//! Why a connection ended, and the error that says so.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::monitor::stats::LiveStats;
use crate::progress::Diagnosis;

/// Why a connection ended. The first cause is the one that is reported (K5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A verdict: our ping was flushed and not answered.
    PongTimeout,
    /// A verdict: our ping could not be flushed while the write side made no progress.
    WriteStalled,
    /// A verdict: the inner refused one of our own frames; its error is the [`source`](Error::source).
    PingFailed,
    /// No end: a message that the sink had accepted was refused by the inner later, while only the stream was polled.
    /// The sink returns it once, and its [`source`](Error::source) is the inner's error.
    SendFailed,
    /// The peer did not complete the closing handshake in time.
    CloseTimeout,
    /// Both sides sent their Close.
    Closed,
    /// The inner stream ended without a complete closing handshake.
    EndOfStream,
    /// The inner stream failed with an error of its own, which the stream delivered.
    StreamError,
    /// The `LiveStream` was dropped or taken apart before its end.
    Dropped,
}

impl Cause {
    /// The close reason of a verdict (K2).
    pub(crate) fn close_reason(self) -> &'static str {
        match self {
            Self::WriteStalled => "write stalled",
            Self::PingFailed => "ping failed",
            _ => "pong timeout",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PongTimeout => "pong timeout",
            Self::WriteStalled => "write stalled",
            Self::PingFailed => "ping failed",
            Self::SendFailed => "send failed",
            Self::CloseTimeout => "close timeout",
            Self::Closed => "closed",
            Self::EndOfStream => "end of stream",
            Self::StreamError => "stream error",
            Self::Dropped => "dropped",
        })
    }
}

impl Error for Cause {}

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
    pub(crate) since_queued: Option<Duration>,
    pub(crate) since_flushed: Option<Duration>,
    pub(crate) since_pong: Option<Duration>,
    pub(crate) deferrals: u32,
    pub(crate) misses: u32,
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
    /// # #[cfg(feature = "tungstenite")]
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

    /// Why the connection ended.
    pub fn cause(&self) -> Cause {
        self.0.cause
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
        write!(f, "{}: ", self.0.cause)?;
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
        match (self.cause, self.since_flushed, self.since_queued) {
            (Cause::CloseTimeout, ..) => f.write_str("the closing handshake was not completed in time"),
            (Cause::SendFailed, ..) if self.source.is_some() => {
                f.write_str("a message that was accepted was refused later")
            }
            (Cause::SendFailed, ..) => f.write_str("the sink has failed before"),
            (Cause::Dropped, ..) => f.write_str("the task that drove the connection is gone"),
            (_, Some(age), _) => write!(f, "ping sent {age:.3?} ago was not answered"),
            (_, None, Some(age)) => write!(f, "ping queued {age:.3?} ago could not be sent"),
            (_, None, None) => f.write_str("one of our frames was refused"),
        }
    }

    /// When the peer was last heard of, and whether it has ever answered a ping.
    fn write_last_signs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stats.last_inbound {
            Some(age) => write!(f, ", last frame seen {age:.3?} ago")?,
            None => f.write_str(", no frame was ever seen")?,
        }
        match self.stats.pongs_received {
            0 if self.stats.pings_sent > 1 => write!(f, ", none of {} pings was answered", self.stats.pings_sent),
            _ => Ok(()),
        }
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

/// Of kind [`TimedOut`](io::ErrorKind::TimedOut).
impl From<LivenessError> for io::Error {
    fn from(error: LivenessError) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}

#[cfg(test)]
mod tests;
