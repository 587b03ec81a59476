//! How a connection is, and how it ended.

use std::error::Error;
use std::fmt;

/// How a connection is. More variants may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Health {
    /// Nothing speaks against it.
    Alive,
    /// A ping waits for longer than it should, and the verdict is not taken yet: it could not be flushed within half of `write_timeout`, an
    /// inbound frame has deferred its deadline, or it was missed and more are allowed. With the defaults a peer that falls
    /// silent is never suspect: its first miss is the verdict.
    Suspect,
    /// It is over.
    Ended(End),
}

impl Health {
    /// A word for labels and logs, which stays what it is: `alive`, `suspect`, `ended`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Ended(_) => "ended",
        }
    }

    /// How it ended, if it has.
    pub const fn end(self) -> Option<End> {
        match self {
            Self::Ended(end) => Some(end),
            _ => None,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(end) => write!(f, "ended: {end}"),
            _ => f.write_str(self.as_str()),
        }
    }
}

/// Why a connection ended. Where several things happen, the first one counts. More variants may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// A verdict: our ping was flushed and not answered.
    PongTimeout,
    /// A verdict: our ping could not be flushed while the write side made no progress.
    WriteStalled,
    /// A verdict: the inner refused one of our own frames.
    PingFailed,
    /// A verdict: the peer sends pings and does not read the answers.
    PingFlood,
    /// The peer did not complete the closing handshake in time.
    CloseTimeout,
    /// Both sides sent their Close.
    Closed,
    /// The inner stream ended without a complete closing handshake.
    EndOfStream,
    /// The inner stream failed with an error of its own, which the stream delivered.
    StreamError,
    /// The `LiveStream` was dropped or taken apart before its end, or its task is gone.
    Dropped,
}

impl End {
    /// A word for labels and logs, which stays what it is: `pong_timeout`, `write_stalled`, `ping_failed`,
    /// `ping_flood`, `close_timeout`, `closed`, `end_of_stream`, `stream_error`, `dropped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PongTimeout => "pong_timeout",
            Self::WriteStalled => "write_stalled",
            Self::PingFailed => "ping_failed",
            Self::PingFlood => "ping_flood",
            Self::CloseTimeout => "close_timeout",
            Self::Closed => "closed",
            Self::EndOfStream => "end_of_stream",
            Self::StreamError => "stream_error",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(self.as_str(), f)
    }
}

/// What [`Monitor::probe`](crate::Monitor::probe) fails with.
impl Error for End {}

/// `pong_timeout` as people write it.
pub(crate) fn words(label: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, word) in label.split('_').enumerate() {
        if number > 0 {
            f.write_str(" ")?;
        }
        f.write_str(word)?;
    }
    Ok(())
}
