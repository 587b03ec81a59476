//! Progress below the messages: sources that see bytes move, and what they say of a death.
//!
//! A stream of messages cannot see half a message. A source says how many bytes have moved; it is asked when a ping is
//! queued, when it is flushed, and when a deadline has passed, never per frame. [`guide::progress`](crate::guide::progress)
//! says when one is worth it.

mod diagnosis;
mod io;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use diagnosis::{Diagnosis, Finding};
pub use io::{ProgressHandle, ProgressIo};
pub(crate) use watch::Watch;

/// A source of progress below the messages of one connection, for
/// [`LiveStream::with_progress`](crate::LiveStream::with_progress).
///
/// [`ProgressIo`] counts the bytes of any transport. With the feature `tcp`, a TCP socket itself can be asked. A transport
/// that keeps its own counters can be a source, too. Behind an `Arc` it can be shared with the code that counts, or with
/// another connection:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ws_liveness::{LiveConfig, LiveExt, Progress};
/// use ws_liveness::progress::Snapshot;
///
/// #[derive(Default)]
/// struct Counters {
///     read: AtomicU64,
///     written: AtomicU64,
/// }
///
/// impl Progress for Counters {
///     fn look(&self) -> Snapshot {
///         Snapshot::new()
///             .with_read(self.read.load(Ordering::Relaxed))
///             .with_written(self.written.load(Ordering::Relaxed))
///     }
/// }
///
/// # #[cfg(feature = "tungstenite-0-30")]
/// # fn wrap(socket: tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>) {
/// let counters = Arc::new(Counters::default());
/// let live = socket.live(LiveConfig::default()).with_progress(counters.clone());
/// counters.read.fetch_add(1_400, Ordering::Relaxed);
/// # }
/// ```
pub trait Progress: Send + Sync {
    /// Returns what has moved so far. Called a few times per ping, between two polls of the socket, so it must not
    /// block.
    fn look(&self) -> Snapshot;
}

impl<P: Progress + ?Sized> Progress for &P {
    fn look(&self) -> Snapshot {
        (**self).look()
    }
}

impl<P: Progress + ?Sized> Progress for Box<P> {
    fn look(&self) -> Snapshot {
        (**self).look()
    }
}

impl<P: Progress + ?Sized> Progress for Arc<P> {
    fn look(&self) -> Snapshot {
        (**self).look()
    }
}

/// What a source sees at one moment. Counters never shrink; `None` means that the source does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Snapshot {
    /// Bytes that have come in.
    pub read: Option<u64>,
    /// Bytes that the transport below has taken from us.
    pub written: Option<u64>,
    /// What TCP knows, if the source is a socket.
    pub tcp: Option<TcpSnapshot>,
}

impl Snapshot {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { read: None, written: None, tcp: None }
    }

    /// Sets the number of bytes that have come in.
    #[must_use]
    pub const fn with_read(mut self, bytes: u64) -> Self {
        self.read = Some(bytes);
        self
    }

    /// Sets the number of bytes that the transport below has taken from us.
    #[must_use]
    pub const fn with_written(mut self, bytes: u64) -> Self {
        self.written = Some(bytes);
        self
    }

    /// Sets what TCP knows.
    #[must_use]
    pub const fn with_tcp(mut self, tcp: TcpSnapshot) -> Self {
        self.tcp = Some(tcp);
        self
    }
}

/// What one end of a TCP connection knows.
///
/// ```
/// use std::time::Duration;
/// use ws_liveness::progress::{Snapshot, TcpSnapshot};
///
/// let tcp = TcpSnapshot::new()
///     .with_acknowledged(70_000)
///     .with_unacknowledged(1_414)
///     .with_since_acknowledged(Duration::from_millis(40));
/// let seen = Snapshot::new().with_tcp(tcp);
/// assert_eq!(seen.tcp, Some(tcp));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TcpSnapshot {
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
    #[cfg_attr(feature = "serde", serde(rename = "since_acknowledged_seconds", with = "crate::forms::span"))]
    pub since_acknowledged: Duration,
    /// Age of the last data that came in.
    #[cfg_attr(feature = "serde", serde(rename = "since_received_seconds", with = "crate::forms::span"))]
    pub since_received: Duration,
}

impl TcpSnapshot {
    /// All counters and ages are zero, and the peer's window is not known.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            acknowledged: 0,
            unacknowledged: 0,
            unsent: 0,
            retransmissions: 0,
            probes: 0,
            window: None,
            segment: 0,
            since_acknowledged: Duration::ZERO,
            since_received: Duration::ZERO,
        }
    }

    /// Sets the number of bytes acknowledged since the connection began.
    #[must_use]
    pub const fn with_acknowledged(mut self, bytes: u64) -> Self {
        self.acknowledged = bytes;
        self
    }

    /// Sets the number of bytes taken by our kernel and not acknowledged, sent or not.
    #[must_use]
    pub const fn with_unacknowledged(mut self, bytes: u64) -> Self {
        self.unacknowledged = bytes;
        self
    }

    /// Sets how many of the unacknowledged bytes were not sent yet.
    #[must_use]
    pub const fn with_unsent(mut self, bytes: u64) -> Self {
        self.unsent = bytes;
        self
    }

    /// Sets how often in a row the oldest unacknowledged segment was sent again.
    #[must_use]
    pub const fn with_retransmissions(mut self, times: u32) -> Self {
        self.retransmissions = times;
        self
    }

    /// Sets the number of probes in a row that nobody answered.
    #[must_use]
    pub const fn with_probes(mut self, unanswered: u32) -> Self {
        self.probes = unanswered;
        self
    }

    /// Sets the room that the peer's kernel last announced, in bytes.
    #[must_use]
    pub const fn with_window(mut self, bytes: u32) -> Self {
        self.window = Some(bytes);
        self
    }

    /// Sets the size of the largest segment that is sent, in bytes.
    #[must_use]
    pub const fn with_segment(mut self, bytes: u32) -> Self {
        self.segment = bytes;
        self
    }

    /// Sets the age of the last acknowledgement.
    #[must_use]
    pub const fn with_since_acknowledged(mut self, age: Duration) -> Self {
        self.since_acknowledged = age;
        self
    }

    /// Sets the age of the last data that came in.
    #[must_use]
    pub const fn with_since_received(mut self, age: Duration) -> Self {
        self.since_received = age;
        self
    }
}
