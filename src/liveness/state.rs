//! The states of a connection.
//!
//! ```text
//!             due            handed, flushed              T, M-th miss
//!   Waiting ------> Queued -----------------> Sent ------------------------> Dying
//!      ^              |  ^                     |  |                            ^ |
//!      |   answer     |  | miss, pardon (J4,J6)|  | answer, or nothing to      | | said, or grace over
//!      +--------------+  +---------------------+  | judge (J9, V4)             | v
//!      +------------------------------------------+                            | Over
//!   Queued --W without write progress------------------------------------------+  ^
//!   any --inner refused our frame--> Failed --nothing left to read-------------+  |
//!   any --Close sent or received---> Closing --C, end of stream-------------------+
//!   any --error of the inner stream----> Broken --end of stream-------------------+
//!   any --end of stream-----------------------------------------------------------+
//!
//!   T pong_timeout   W write_timeout   C close_timeout   M missed_pongs
//! ```

use std::time::Duration;

use super::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No ping of ours under way.
    Waiting { due: Time },
    /// A ping waits for the inner to take it, then for the flush.
    Queued { due: Time, ping: Queued },
    /// A flushed ping waits for its answer.
    Sent { due: Time, ping: Sent },
    /// The inner refused one of our frames; what the peer sent before is still delivered (S9).
    Failed,
    /// The inner stream yielded an error of its own; what it still yields is passed on (S4).
    Broken,
    /// A Close is on its way or was received; the handshake has until `until`. `sent`: flushed, ours or the inner's answer.
    Closing { until: Time, sent: bool, received: bool },
    /// The verdict stands; the farewell has until `until`. `talking`: frames came while it was awaited (K1).
    Dying { until: Time, talking: bool, farewell: Farewell },
    /// Nothing more comes of this connection.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) at: Time,
    /// The last write progress, or the moment it was queued: W runs from here.
    pub(crate) progress: Time,
    /// The number, once the inner has taken it.
    pub(crate) number: Option<u32>,
    /// It waits longer than W/2: the user's writes are held back (J1).
    pub(crate) holds: bool,
    /// A late judge has restarted W once.
    pub(crate) pardoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) flushed: Time,
    pub(crate) deadline: Time,
    pub(crate) number: u32,
    pub(crate) deferrals: u32,
    /// How long before the flush it was queued.
    pub(crate) queued_micros: u32,
    /// The next due time has passed meanwhile.
    pub(crate) overdue: bool,
    /// The consumer was away past the deadline for as long as makes a judge late (J6).
    pub(crate) late: bool,
    /// The sink half saw the deadline pass and leaves the judging to the stream half until then (V4).
    pub(crate) lapsed: Option<Time>,
}

impl Sent {
    pub(crate) fn new(queued: Time, flushed: Time, deadline: Time, number: u32) -> Self {
        Self {
            flushed,
            deadline,
            number,
            deferrals: 0,
            queued_micros: u32::try_from(flushed.since(queued).as_micros()).unwrap_or(u32::MAX),
            overdue: false,
            late: false,
            lapsed: None,
        }
    }

    /// To the microsecond.
    pub(crate) fn queued(&self) -> Time {
        self.flushed.before(Duration::from_micros(self.queued_micros.into()))
    }
}

/// How far our own Close has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    Unsaid,
    Handed,
    /// Flushed, or impossible.
    Done,
}
