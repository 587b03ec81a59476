//! The seam to a progress source, which sees below the messages (P), and the source that any transport can have.
//!
//! A stream of messages cannot see half a message. A source says how many bytes have moved; it is asked when a ping is
//! queued, when it is flushed, and when a deadline has passed, never per frame.

mod diagnosis;
mod io;
mod watch;

use std::time::Duration;

pub use diagnosis::{Diagnosis, Finding};
pub use io::{ProgressHandle, ProgressIo};
pub(crate) use watch::Watch;

/// A source of progress below the messages of one connection, for
/// [`LiveStream::with_progress`](crate::LiveStream::with_progress).
///
/// [`ProgressIo`] counts the bytes of any transport. With the feature `tcp`, a TCP socket itself can be asked.
/// Implement the trait for anything else that knows how many bytes have moved.
pub trait Progress: Send + Sync {
    /// Returns what has moved so far. Called a few times per ping, between two polls of the socket, so it must not
    /// block.
    fn look(&self) -> Sight;
}

/// What a source sees at one moment. Counters never shrink; `None` means that the source does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sight {
    /// Bytes that have come in.
    pub read: Option<u64>,
    /// Bytes that the transport below has taken from us.
    pub written: Option<u64>,
    /// What TCP knows, if the source is a socket.
    pub tcp: Option<TcpSight>,
}

/// What one end of a TCP connection knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpSight {
    /// Bytes that the peer's kernel, or the next TCP hop, has acknowledged since the connection began.
    pub acknowledged: u64,
    /// Bytes that our kernel has taken and that are not acknowledged yet, sent or not.
    pub unacknowledged: u64,
    /// The part of [`unacknowledged`](Self::unacknowledged) that was not sent yet.
    pub unsent: u64,
    /// How often in a row the oldest unacknowledged segment was sent again.
    pub retransmissions: u32,
    /// How many probes in a row, of a closed window or of keepalive, were not answered.
    pub probes: u32,
    /// How many bytes the peer's kernel last said it had room for. `None` if our kernel does not tell (Linux before
    /// 5.4).
    pub window: Option<u32>,
    /// The size of the largest segment that is sent, in bytes.
    pub segment: u32,
    /// Age of the last acknowledgement that came in, with data or without.
    pub since_acknowledged: Duration,
    /// Age of the last data that came in.
    pub since_received: Duration,
}
