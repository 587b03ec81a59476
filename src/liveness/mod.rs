//! The pure machine: no async, no clock. `now` is a parameter, events come in by `handle_*` and `judge`, what is to be
//! done is asked by `poll_*`.
//!
//! Order of calls: after the timer fired `handle_timeout`, then what `poll_ping` wants is handed to the inner and
//! flushed, then, with the timer still expired, `judge`; after each of them the timer is armed for `poll_timeout`.

mod ask;
mod judge;
mod payload;
#[cfg(test)]
mod properties;
mod state;
#[cfg(test)]
mod tests;
mod time;

use std::time::Duration;

pub(crate) use judge::{Judgement, View};
use payload::Payloads;
pub(crate) use payload::{Reading, answers};
pub(crate) use state::Farewell;
use state::{Queued, Sent, State};
pub(crate) use time::{Time, nanos};

use crate::config::{LiveConfig, PingWhen};

/// The farewell after a verdict takes no longer, whatever C is (K1).
const MAX_GRACE: Duration = Duration::from_secs(1);

/// One connection's liveness.
#[derive(Debug)]
pub(crate) struct Liveness {
    config: LiveConfig,
    rng: fastrand::Rng,
    payloads: Payloads,
    state: State,
    heard: Heard,
    /// Consecutive misses (J4).
    misses: u32,
    /// A late judge has pardoned this silence already (J6).
    pardoned: bool,
    /// An answer came on this connection (J9).
    proven: bool,
}

/// Whether a complete frame came in since ...
#[derive(Debug, Default)]
struct Heard {
    /// ... the clock was last read. The only thing that happens per frame.
    inbound: bool,
    /// ... the last due time (S2).
    since_due: bool,
    /// ... the ping was queued, or flushed (K1).
    since_ping: bool,
    /// ... that, or the last deferral (J3).
    since_deferral: bool,
}

/// What an answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// From the flush (from the queueing, where the flush was not yet observed) of the ping it answers to now; none
    /// for an answer to a ping that was missed before.
    pub(crate) rtt: Option<Duration>,
}

/// How a closing handshake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseBy {
    User,
    Peer,
}

/// The times of the ping under way, for the error (K5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) queued: Option<Time>,
    pub(crate) flushed: Option<Time>,
    pub(crate) deferrals: u32,
}

impl Liveness {
    /// Born at `Time::START`. All randomness comes from `seed`.
    pub(crate) fn new(config: LiveConfig, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let payloads = Payloads::new(rng.u32(..));
        let due = Time::START.plus(first_delay(&config, &mut rng));
        Self {
            config,
            rng,
            payloads,
            state: State::Waiting { due },
            heard: Heard::default(),
            misses: 0,
            pardoned: false,
            proven: false,
        }
    }

    /// When to: for every complete inbound frame but the answers to our own pings.
    #[inline]
    pub(crate) fn handle_frame(&mut self) {
        self.heard.inbound = true;
    }

    /// When to: before every other input that takes `now`. Whether frames came since the last time.
    pub(crate) fn take_inbound(&mut self) -> bool {
        let inbound = std::mem::take(&mut self.heard.inbound);
        self.heard.since_due |= inbound;
        self.heard.since_ping |= inbound;
        self.heard.since_deferral |= inbound;
        inbound
    }

    /// When to: the timer fired, before anything is written or read. A spurious call changes nothing.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        match &mut self.state {
            State::Waiting { due } if *due <= now => {
                let skip = self.config.ping_when() == PingWhen::Idle && self.heard.since_due;
                self.heard.since_due = false;
                if skip {
                    *due = now.plus(next_interval(&self.config, &mut self.rng));
                } else {
                    self.queue(now);
                }
            }
            State::Queued { ping, .. } => ping.holds |= half_of_w(&self.config, ping.at) <= now,
            State::Sent { due, ping } => ping.overdue |= *due <= now,
            _ => {}
        }
    }

    /// When to: the inner took the ping of `poll_ping`. Its number.
    pub(crate) fn handle_handed(&mut self) -> u32 {
        let number = self.payloads.issue();
        if let State::Queued { ping, .. } = &mut self.state {
            ping.number = Some(number);
        }
        number
    }

    /// When to: the inner took an extra ping, with the payload of `next_payload`. Its number.
    pub(crate) fn handle_probe_handed(&mut self) -> u32 {
        self.payloads.issue()
    }

    /// When to: the inner finished a flush, and `awaits_flush`.
    pub(crate) fn handle_flushed(&mut self, now: Time) {
        match &mut self.state {
            State::Queued { due, ping: Queued { at, number: Some(number), .. } } => {
                let (due, at, number) = (*due, *at, *number);
                let deadline = self.pong_deadline(now, due);
                let ping = Sent::new(at, now, deadline, number);
                self.state = State::Sent { due, ping };
                self.forget_frames();
            }
            State::Queued { ping, .. } => ping.progress = now,
            State::Closing { sent, .. } => *sent = true,
            State::Dying { farewell: farewell @ Farewell::Handed, .. } => *farewell = Farewell::Done,
            _ => {}
        }
    }

    /// When to: a ping is queued, and the inner went from not ready to ready, or a progress source has seen bytes leave.
    pub(crate) fn handle_progress(&mut self, at: Time) {
        if let State::Queued { ping, .. } = &mut self.state {
            ping.progress = ping.progress.max(at);
        }
    }

    /// When to: a pong came in whose payload reads as `Answer(number)`.
    pub(crate) fn handle_answer(&mut self, number: u32, now: Time) -> Answer {
        self.payloads.answer(number);
        self.misses = 0;
        self.pardoned = false;
        let judged = self.is_judging();
        self.proven = true;
        let answered = match self.state {
            State::Queued { due, ping: Queued { at, number: Some(ours), .. } } if answers(number, ours) => {
                Some((due, at))
            }
            State::Sent { due, ping } if answers(number, ping.number) => Some((due, ping.flushed)),
            _ => None,
        };
        match answered {
            Some((due, _)) => self.state = State::Waiting { due },
            // An answer to an older ping is an inbound frame like any other (J3), but no traffic of the user's.
            None => self.heard.since_deferral = true,
        }
        if !judged {
            self.begin_judging();
        }
        Answer { rtt: answered.map(|(_, since)| now.since(since)) }
    }

    /// When to: a progress source has seen bytes move although the deadline has passed. T runs from `since` (P3, P4).
    pub(crate) fn handle_moving(&mut self, since: Time) {
        let timeout = self.config.pong_timeout();
        if let State::Sent { ping, .. } = &mut self.state {
            ping.deadline = ping.deadline.max(since.plus(timeout));
        }
    }

    /// When to: the inner has nothing more to read, and our consumer did not wait for it since `since`. That time is not
    /// the peer's, whose answer may have had no room (J7). Who went away past the deadline had waited for all of T.
    pub(crate) fn handle_absence(&mut self, since: Time, now: Time) {
        let (judging, lateness) = (self.is_judging(), self.lateness());
        if let State::Sent { ping, .. } = &mut self.state {
            if judging && since < ping.deadline {
                ping.late |= now.since(ping.deadline) > lateness;
                ping.deadline = ping.deadline.plus(now.since(since.max(ping.flushed)));
            }
        }
    }

    /// When to: a Close came in, or the user handed one to the sink or closes it.
    pub(crate) fn handle_close(&mut self, by: CloseBy, now: Time) {
        let until = now.plus(self.config.close_timeout());
        match &mut self.state {
            State::Closing { received, .. } => match by {
                CloseBy::User => {}
                CloseBy::Peer => *received = true,
            },
            State::Dying { .. } | State::Over => {}
            State::Broken if by == CloseBy::Peer => {}
            _ => self.state = State::Closing { until, sent: false, received: by == CloseBy::Peer },
        }
    }

    /// When to: the inner refused one of our frames, and not just for now.
    pub(crate) fn handle_failure(&mut self) {
        match &mut self.state {
            State::Waiting { .. } | State::Queued { .. } | State::Sent { .. } => self.state = State::Failed,
            State::Dying { farewell, talking, .. } => {
                *farewell = Farewell::Done;
                *talking = false;
            }
            _ => {}
        }
    }

    /// When to: the inner took our Close.
    pub(crate) fn handle_farewell(&mut self) {
        if let State::Dying { farewell, .. } = &mut self.state {
            *farewell = Farewell::Handed;
        }
    }

    /// When to: the inner stream yielded an error of its own.
    pub(crate) fn handle_stream_error(&mut self) {
        self.state = State::Broken;
    }

    /// When to: the inner stream ended, or the farewell is over.
    pub(crate) fn handle_end(&mut self) {
        self.state = State::Over;
    }

    fn queue(&mut self, now: Time) {
        let due = now.plus(next_interval(&self.config, &mut self.rng));
        let ping = Queued { at: now, progress: now, number: None, holds: false, pardoned: false };
        self.state = State::Queued { due, ping };
        self.forget_frames();
    }

    fn forget_frames(&mut self) {
        self.heard.since_ping = false;
        self.heard.since_deferral = false;
    }

    /// Where nothing is judged, the ping is outstanding until the next falls due: it must not stop the keepalive.
    fn pong_deadline(&self, flushed: Time, due: Time) -> Time {
        if self.is_judging() { flushed.plus(self.config.pong_timeout()) } else { due }
    }

    /// From the first answer on (J9), for the ping under way too.
    fn begin_judging(&mut self) {
        if let State::Sent { due, mut ping } = self.state {
            ping.deadline = self.pong_deadline(ping.flushed, due);
            self.state = State::Sent { due, ping };
        }
    }
}

/// What is left, at a random moment, of an interval such as the later ones are: so pings of many connections are even from
/// the beginning. The longer an interval, the likelier the moment falls into it.
fn first_delay(config: &LiveConfig, rng: &mut fastrand::Rng) -> Duration {
    match config.ping_interval() {
        Duration::MAX => Duration::MAX,
        interval if config.jitter() == 0.0 => interval,
        interval => {
            let (whole, shortest) = (nanos(interval), (1.0 - config.jitter()).powi(2));
            let fallen_into = (shortest + (1.0 - shortest) * rng.f64()).sqrt();
            let left = (whole as f64 * fallen_into * rng.f64()) as u64;
            Duration::from_nanos(left.clamp(1, whole))
        }
    }
}

fn next_interval(config: &LiveConfig, rng: &mut fastrand::Rng) -> Duration {
    match config.ping_interval() {
        Duration::MAX => Duration::MAX,
        interval => {
            let whole = nanos(interval);
            let off = (whole as f64 * config.jitter() * rng.f64()) as u64;
            Duration::from_nanos(whole.saturating_sub(off).max(1))
        }
    }
}

fn half_of_w(config: &LiveConfig, queued: Time) -> Time {
    match config.write_timeout() {
        Duration::MAX => Time::NEVER,
        timeout => queued.plus(timeout / 2),
    }
}
