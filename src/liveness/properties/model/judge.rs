//! What an expired deadline means, once more.

use super::super::{Judgement, View};
use super::{End, Model, Ping, later, whole};
use crate::error::Cause;

const SECOND: u64 = 1_000_000_000;

/// J6.
pub(super) fn late_after(timeout: u64) -> u64 {
    (timeout / 4).max(SECOND / 4)
}

impl Model {
    pub(in super::super) fn judge(&mut self, now: u64, view: View) -> Judgement {
        match (self.end, self.ping) {
            (Some(End::Closing { until, .. }), _) if until <= now => {
                let closed = self.is_closed();
                self.end = Some(End::Over);
                if closed { Judgement::Closed } else { Judgement::Verdict(Cause::CloseTimeout) }
            }
            (Some(End::Dying { until, .. }), _) if until <= now => {
                self.end = Some(End::Over);
                Judgement::GraceOver
            }
            (None, Some(ping)) if self.deadline(&ping) <= now => match ping.flushed {
                None => self.judge_write(ping, now, view),
                Some(_) => self.judge_pong(ping, now, view),
            },
            _ => Judgement::Nothing,
        }
    }

    fn dies(&mut self, cause: Cause, now: u64) -> Judgement {
        let until = later(now, whole(self.config.close_timeout()).min(SECOND));
        self.end = Some(End::Dying { until, talking: self.ping.is_some_and(|ping| ping.heard) });
        self.ping = None;
        Judgement::Verdict(cause)
    }

    /// J1, J6, J7: W.
    fn judge_write(&mut self, mut ping: Ping, now: u64, view: View) -> Judgement {
        let late = now - self.deadline(&ping) > late_after(self.w());
        let busy = matches!(view, View::Drained { backlogged: true } | View::Item { backlogged: true });
        if !late || (!busy && ping.forgiven) {
            return self.dies(Cause::WriteStalled, now);
        }
        ping.forgiven |= !busy;
        ping.since = now;
        self.ping = Some(ping);
        if busy { Judgement::Backlogged } else { Judgement::Pardoned }
    }

    /// J9, V4, J3, J4, J6, in this order: T.
    fn judge_pong(&mut self, ping: Ping, now: u64, view: View) -> Judgement {
        match view {
            _ if !self.judging() => self.passes(),
            View::Item { .. } => Judgement::Nothing,
            View::Sink { reader } => match ping.left_until {
                _ if !reader => self.passes(),
                Some(until) if until <= now => self.passes(),
                Some(_) => Judgement::Nothing,
                None => {
                    let until = later(now, late_after(self.t()));
                    self.ping = Some(Ping { left_until: Some(until), ..ping });
                    Judgement::Unjudged
                }
            },
            View::Drained { .. } => self.judge_silence(ping, now),
        }
    }

    fn judge_silence(&mut self, ping: Ping, now: u64) -> Judgement {
        if ping.frame && !self.pardoned && ping.deferrals < self.config.max_deferrals() {
            self.ping =
                Some(Ping { frame: false, deferrals: ping.deferrals + 1, since: now, extra: 0, late: false, ..ping });
            return Judgement::Deferred;
        }
        self.misses += 1;
        if self.misses < self.config.missed_pongs() {
            self.queue(now);
            return Judgement::Missed;
        }
        if (ping.late || now - self.deadline(&ping) > late_after(self.t())) && !self.pardoned {
            self.misses -= 1;
            self.pardoned = true;
            self.queue(now);
            return Judgement::Pardoned;
        }
        self.dies(Cause::PongTimeout, now)
    }

    /// The ping is outstanding no longer, and nobody's fault.
    fn passes(&mut self) -> Judgement {
        self.ping = None;
        Judgement::Unjudged
    }

    /// The stream half takes its turn at a deadline that was left to it (V4).
    pub(in super::super) fn take_over(&mut self) -> bool {
        self.ping.as_mut().is_some_and(|ping| ping.left_until.take().is_some())
    }
}
