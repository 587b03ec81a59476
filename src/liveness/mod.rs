//! The machine that judges. It has no async, no clock, and nothing of the crate around it.
//!
//! `now` is a parameter. What happens comes in by `handle_*`; what is to be done goes out by `poll_*`, to be asked
//! until there is nothing more: `poll_transmit` for the frame that is to leave, `poll_event` for what others are to
//! hear, and `poll_timeout` for when the timer is to fire. `is_*` are questions that change nothing.
//!
//! The order of calls in one poll of a connection:
//!
//! 1. `skip_writer` if the writer was away, then `handle_timeout` if the timer has fired;
//! 2. what `poll_transmit` wants is offered to the inner: `handle_handed`, `handle_moved`, `handle_flushed`, and
//!    `handle_emptied`,
//!    and `handle_blocked` if a ping is still waiting or `is_flooded`;
//! 3. what is read: `handle_frame`, `handle_ping`, `read_pong` and `handle_answer`, `handle_close`, and `handle_drained` if there is
//!    nothing left to read.
//!
//! Each input is complete in itself: when the caller's own code panics between two of them, the next poll goes on.

#[cfg(test)]
mod explore;
mod input;
mod output;
mod payload;
mod phase;
mod ping;
mod question;
mod rules;
mod steps;
mod stopwatch;
#[cfg(test)]
mod tests;
mod time;

use std::sync::Arc;
use std::time::Duration;

use payload::Payloads;
pub(crate) use payload::{Reading, answers, number};
pub(crate) use phase::Farewell;
use phase::{Open, Phase};
use ping::Pings;
pub(crate) use rules::Rules;
pub use rules::{Judging, PingWhen};
pub(crate) use time::{Time, nanos};

/// What an inner may keep for a pong beside its payload: a header, and an entry of a queue that may have doubled (H1).
const PONG_OVERHEAD: u32 = 128;

/// The longest time for the farewell after a verdict, whatever C is (K1).
const MAX_GRACE: Duration = Duration::from_secs(1);

/// One connection's liveness. `F` is the caller's account of a failure.
#[derive(Clone, Debug)]
pub(crate) struct Liveness<F> {
    rules: Arc<Rules>,
    payloads: Payloads,
    phase: Phase<F>,
    /// A complete frame came in since the clock was last read: the only thing that happens per frame.
    inbound: bool,
    /// What was told last of the ping that waits for longer than it should.
    suspected: bool,
    /// The same of the user's writes that are held back.
    held: bool,
    news: Option<Event>,
    /// What the inner's answers to the peer's pings weigh that may not have been sent (H1).
    owed: u32,
}

/// Why a connection is given up, with the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Death {
    pub(crate) reason: Reason,
    pub(crate) queued: Option<Time>,
    pub(crate) flushed: Option<Time>,
    pub(crate) deferrals: u32,
    /// Consecutive ones, the last included.
    pub(crate) misses: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// M times T of attention, and no answer.
    Unanswered,
    /// W of attention, and the ping could not leave.
    Unsent,
    /// The inner refused one of our frames.
    Refused,
    /// C, and the handshake is not complete. Whether our Close was sent, and the peer's received.
    Unclosed { sent: bool, received: bool },
    /// The task that drove the connection is gone.
    Abandoned,
    /// The peer sends pings and does not read the answers, which weigh so much.
    Flooded { owed: u32 },
}

/// What the machine asks while it judges, and the account that it keeps of a death.
pub(crate) trait Witness<F> {
    /// Since when bytes have been standing still below the messages, if they have moved since the last look (P2).
    fn writes(&mut self, now: Time) -> Option<Time>;
    /// Since when T runs anew because of what moved below the messages (P3, P4). `frame`: a complete one came.
    fn answers(&mut self, frame: bool, now: Time) -> Option<Time>;
    fn account(&mut self, death: Death, now: Time) -> F;
}

/// One of our frames that is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Frame {
    Ping([u8; 8]),
    Probe([u8; 8]),
    Close,
}

/// What others are to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    /// A frame came instead of the pong: T starts again.
    Deferred,
    /// A ping was missed, and the next is queued.
    Missed,
    /// The verdict.
    Died,
    /// The closing handshake is complete.
    Closed,
    /// It was not completed in time.
    Unclosed,
    /// Nothing more comes: the farewell, or what followed an error, is over.
    Over,
    /// A ping waits for longer than it should.
    Suspected,
    /// It does not any more.
    Trusted,
    /// The user's writes are no longer held back.
    Released,
}

/// What an answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// From the flush of the newest ping that it answers (from the queueing, if no flush was seen yet) to now; none if
    /// that ping's time is no longer known.
    pub(crate) rtt: Option<Duration>,
    /// Later pings are unanswered, and T starts again.
    pub(crate) in_part: bool,
}

/// A ping that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// With no other unanswered: T starts.
    First,
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CloseBy {
    /// The user means to: the Close is handed over when the inner has room.
    Intent,
    User,
    Peer,
}

impl<F: Clone> Liveness<F> {
    /// Born at `Time::START`. All randomness comes from `seed`.
    pub(crate) fn new(rules: Arc<Rules>, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let payloads = Payloads::new(rng.u32(..));
        let due = Time::START.plus(rules.first_delay(&mut rng));
        let open = Open { due, pings: Pings::None, misses: 0, proven: false, heard: false };
        let phase = Phase::Open(open);
        Self { rules, payloads, phase, inbound: false, suspected: false, held: false, news: None, owed: 0 }
    }
}
