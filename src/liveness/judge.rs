//! The judging: what an expired deadline means (J, V4, K4).

use std::time::Duration;

use super::state::{Farewell, Queued, Sent, State};
use super::{Liveness, MAX_GRACE, Time};
use crate::error::Cause;

/// A judge is late from here on, or a quarter of the timeout where that is more (J6).
const MIN_LATENESS: Duration = Duration::from_millis(250);

/// Who looks at an expired deadline, and how much has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The stream half, with nothing left to read. `backlogged`: the consumer was busy when the expiry was noticed.
    Drained { backlogged: bool },
    /// The stream half, and there was something to read: the pong may be behind it. `backlogged` as above.
    Item { backlogged: bool },
    /// The sink half, which reads nothing. `reader`: a stream half has been polled since it last missed its turn.
    Sink { reader: bool },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Nothing has expired, or it is for another view to judge.
    Nothing,
    /// The consumer was busy: W starts again (J7).
    Backlogged,
    /// A frame came instead of the pong: T starts again (J3).
    Deferred,
    /// A miss, the next ping is queued (J4).
    Missed,
    /// The judge was late: a fresh ping is queued, or W starts again (J6).
    Pardoned,
    /// The stream half has its turn first; or the deadline passed where nothing may be judged (J9, V4).
    Unjudged,
    /// The connection is dead.
    Verdict(Cause),
    /// The handshake was complete, only the transport's end was missing (K4).
    Closed,
    /// The time for the farewell is over.
    GraceOver,
}

impl Liveness {
    /// When to: the timer was polled as expired, after the flush and, for `View::Drained`, after the inner stream was
    /// polled to `Pending`, all in one poll (J5).
    pub(crate) fn judge(&mut self, now: Time, view: View) -> Judgement {
        match self.state {
            State::Queued { ping, .. } => self.judge_write(ping, now, view),
            State::Sent { ping, .. } if now < ping.deadline => Judgement::Nothing,
            State::Sent { due, ping } => self.judge_pong(due, ping, now, view),
            State::Closing { until, .. } if now >= until => self.judge_close(),
            State::Dying { until, .. } if now >= until => {
                self.state = State::Over;
                Judgement::GraceOver
            }
            _ => Judgement::Nothing,
        }
    }

    /// When to: the inner has nothing more to read and `is_failed`.
    pub(crate) fn judge_failure(&mut self, now: Time) -> Judgement {
        self.condemn(Cause::PingFailed, now, self.heard.since_ping)
    }

    /// When to: the stream half is polled. A deadline that was left to it becomes due again; whether there was one.
    pub(crate) fn take_over(&mut self) -> bool {
        match &mut self.state {
            State::Sent { ping, .. } => ping.lapsed.take().is_some(),
            _ => false,
        }
    }

    /// What can be judged without reading to the end: W, C and the grace, but T only where it judges nobody.
    pub(crate) fn judges_undrained(&self) -> bool {
        !matches!(self.state, State::Sent { .. }) || !self.is_judging()
    }

    /// From here on a judge of T is late.
    pub(crate) fn lateness(&self) -> Duration {
        lateness(self.config.pong_timeout())
    }

    fn judge_write(&mut self, mut ping: Queued, now: Time, view: View) -> Judgement {
        let w = self.config.write_timeout();
        let deadline = ping.progress.plus(w);
        if now < deadline {
            return Judgement::Nothing;
        }
        let late = now.since(deadline) > lateness(w);
        let judgement = match view {
            View::Drained { backlogged: true } | View::Item { backlogged: true } if late => Judgement::Backlogged,
            _ if late && !ping.pardoned => Judgement::Pardoned,
            _ => return self.condemn(Cause::WriteStalled, now, self.heard.since_ping),
        };
        ping.pardoned |= judgement == Judgement::Pardoned;
        ping.progress = now;
        if let State::Queued { ping: queued, .. } = &mut self.state {
            *queued = ping;
        }
        judgement
    }

    fn judge_pong(&mut self, due: Time, mut ping: Sent, now: Time, view: View) -> Judgement {
        let judgement = match view {
            _ if !self.is_judging() => return self.let_pass(due),
            View::Item { .. } => return Judgement::Nothing,
            View::Sink { reader: false } => return self.let_pass(due),
            View::Sink { reader: true } => match ping.lapsed {
                Some(until) if until <= now => return self.let_pass(due),
                Some(_) => return Judgement::Nothing,
                None => {
                    ping.lapsed = Some(now.plus(self.lateness()));
                    Judgement::Unjudged
                }
            },
            View::Drained { .. } if self.may_defer(&ping) => {
                self.heard.since_deferral = false;
                ping.deferrals += 1;
                ping.late = false;
                ping.deadline = now.plus(self.config.pong_timeout());
                Judgement::Deferred
            }
            View::Drained { .. } => return self.miss(&ping, now),
        };
        self.state = State::Sent { due, ping };
        judgement
    }

    fn may_defer(&self, ping: &Sent) -> bool {
        self.heard.since_deferral && !self.pardoned && ping.deferrals < self.config.max_deferrals()
    }

    fn miss(&mut self, ping: &Sent, now: Time) -> Judgement {
        if self.misses + 1 < self.config.missed_pongs() {
            self.misses += 1;
            self.queue(now);
            Judgement::Missed
        } else if (ping.late || now.since(ping.deadline) > self.lateness()) && !self.pardoned {
            self.pardoned = true;
            self.queue(now);
            Judgement::Pardoned
        } else {
            self.misses += 1;
            self.condemn(Cause::PongTimeout, now, self.heard.since_ping)
        }
    }

    /// The ping is no longer outstanding, and nobody's fault; the next goes out when due.
    fn let_pass(&mut self, due: Time) -> Judgement {
        self.state = State::Waiting { due };
        Judgement::Unjudged
    }

    fn condemn(&mut self, cause: Cause, now: Time, talking: bool) -> Judgement {
        let until = now.plus(self.config.close_timeout().min(MAX_GRACE));
        self.state = State::Dying { until, talking, farewell: Farewell::Unsaid };
        Judgement::Verdict(cause)
    }

    fn judge_close(&mut self) -> Judgement {
        let closed = self.is_closed();
        self.state = State::Over;
        if closed { Judgement::Closed } else { Judgement::Verdict(Cause::CloseTimeout) }
    }
}

fn lateness(timeout: Duration) -> Duration {
    (timeout / 4).max(MIN_LATENESS)
}
