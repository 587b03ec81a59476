//! The phases of a connection.
//!
//! ```text
//!            .--- due, flushed, answered: pings come and go (ping.rs) ---.
//!            |                                                           |
//!            '--------------------------> Open <-------------------------'
//!                                          |
//!     our frame refused                    |  W, or M times T, of attention in vain
//!   .--------------------------------------+------------------------------------------.
//!   v                                      |                                          v
//! Failed --- nothing left to read, or reading has stopped -----------------------> Dying
//!   |                                      |                                          |
//!   |  Close sent or received              |  error of the inner stream               |  Close sent, or the grace over
//!   +-----------> Closing <----------------+------------> Broken                      |
//!                    |    C, or the end of the stream       |  the same               v
//!                    '--------------------------------------+--------------------> Over
//!
//!   Any phase ends in Over when the inner stream ends; after Failed, the failure is still told.
//!   Every transition, input by input: transitions.txt, which `explore` prints and compares.
//!   W write_timeout   T pong_timeout   M missed_pongs   C close_timeout
//! ```

use super::Time;
use super::ping::Pings;
use super::stopwatch::Stopwatch;

/// `F` is the caller's account of a failure: what it tells its own users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase<F> {
    /// Pings leave, and answers are awaited.
    Open(Open),
    /// The inner refused one of our frames; what the peer sent before is still delivered (S9).
    Failed { account: F, talking: bool },
    /// The inner stream yielded an error of its own. What it still yields is passed on for C (S4).
    Broken { c: Stopwatch },
    /// A Close is on its way or was received.
    Closing(Closing<F>),
    /// The verdict has fallen, and our Close is on its way.
    Dying(Dying<F>),
    /// Nothing more comes of this connection.
    Over(LastWord<F>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Open {
    /// When the next ping is due.
    pub(super) due: Time,
    pub(super) pings: Pings,
    /// Consecutive misses (J4).
    pub(super) misses: u32,
    /// The peer has answered once (J9).
    pub(super) proven: bool,
    /// A complete frame came since the last due time (S2).
    pub(super) heard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Closing<F> {
    /// The bound in time, for `poll_close` and for a dropped handle (K4).
    pub(super) until: Time,
    /// That bound has passed.
    pub(super) overdue: bool,
    /// The bound in attention, for what is still read.
    pub(super) c: Stopwatch,
    /// The inner has our Close: the user's, or its own answer to the peer's.
    pub(super) handed: bool,
    /// Our Close was flushed.
    pub(super) sent: bool,
    pub(super) received: bool,
    /// The stream has yielded an error already: it yields no other.
    pub(super) broken: bool,
    /// What the sink was told when its bound had passed.
    pub(super) account: Option<F>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dying<F> {
    pub(super) account: F,
    /// When the farewell ends at the latest (K1).
    pub(super) until: Time,
    /// The peer was talking. What it still sends is read, so that our Close does not turn into a reset.
    pub(super) talking: bool,
    pub(super) farewell: Farewell,
}

/// How far our own Close has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Farewell {
    Unsaid,
    Handed,
    /// Flushed, or impossible.
    Done,
}

/// What is left to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LastWord<F> {
    Nothing,
    /// The sink fails with it, and the stream yields it once.
    Failure {
        account: F,
        told: bool,
    },
}
