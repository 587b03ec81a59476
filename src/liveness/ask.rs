//! What the machine wants done, and what can be asked of it. Nothing here changes anything.

use std::time::Duration;

use super::state::{Farewell, Queued, Sent, State};
use super::{Liveness, Reading, Time, UnderWay, half_of_w};
use crate::config::LiveConfig;

impl Liveness {
    pub(crate) fn config(&self) -> &LiveConfig {
        &self.config
    }

    /// The payload of the keepalive ping that waits for the inner.
    pub(crate) fn poll_ping(&self) -> Option<[u8; 8]> {
        match self.state {
            State::Queued { ping: Queued { number: None, .. }, .. } => Some(self.payloads.next()),
            _ => None,
        }
    }

    /// The payload of an extra ping; none where no ping may leave any more (S4).
    pub(crate) fn next_payload(&self) -> Option<[u8; 8]> {
        self.is_open().then(|| self.payloads.next())
    }

    /// When the timer is to fire next.
    pub(crate) fn poll_timeout(&self) -> Time {
        let w = self.config.write_timeout();
        match &self.state {
            State::Waiting { due } => *due,
            State::Queued { ping, .. } if ping.holds => ping.progress.plus(w),
            State::Queued { ping, .. } => ping.progress.plus(w).min(half_of_w(&self.config, ping.at)),
            State::Sent { ping: Sent { lapsed: Some(until), .. }, .. } => *until,
            State::Sent { ping, .. } if ping.overdue => ping.deadline,
            // Mostly the answer has come by then, and the timer is armed once per cycle.
            State::Sent { due, ping } => ping.deadline.min(*due),
            State::Closing { until, .. } | State::Dying { until, .. } => *until,
            State::Failed | State::Broken | State::Over => Time::NEVER,
        }
    }

    /// `handle_timeout` has something to do at `now`.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        match self.state {
            State::Waiting { due } => due <= now,
            State::Queued { ping, .. } => !ping.holds && half_of_w(&self.config, ping.at) <= now,
            State::Sent { due, ping } => !ping.overdue && due <= now,
            _ => false,
        }
    }

    pub(crate) fn read_pong(&self, payload: &[u8]) -> Reading {
        self.payloads.read(payload)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Queued { .. } | State::Sent { .. })
    }

    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The farewell of a verdict, and whether the peer was talking.
    pub(crate) fn dying(&self) -> Option<(Farewell, bool)> {
        match self.state {
            State::Dying { farewell, talking, .. } => Some((farewell, talking)),
            _ => None,
        }
    }

    /// Both sides have sent their Close.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closing { sent: true, received: true, .. })
    }

    /// A finished flush means something.
    pub(crate) fn awaits_flush(&self) -> bool {
        matches!(
            self.state,
            State::Queued { .. } | State::Closing { sent: false, .. } | State::Dying { farewell: Farewell::Handed, .. }
        )
    }

    /// The stream half has its turn at an expired deadline.
    pub(crate) fn is_lapsed(&self) -> bool {
        matches!(self.state, State::Sent { ping: Sent { lapsed: Some(_), .. }, .. })
    }

    /// A ping waits for longer than it should.
    pub(crate) fn is_suspect(&self) -> bool {
        let ping = match self.state {
            State::Queued { ping, .. } => ping.holds || ping.pardoned,
            State::Sent { ping, .. } => ping.deferrals > 0,
            State::Failed => true,
            _ => false,
        };
        ping || self.misses > 0 || self.pardoned
    }

    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent { .. })
    }

    /// How long the consumer waits decides something (J7).
    #[inline]
    pub(crate) fn counts_waiting(&self) -> bool {
        self.is_sent() && self.is_judging()
    }

    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued { .. })
    }

    /// The user's writes are held back until our ping has left (J1).
    pub(crate) fn holds_writer(&self) -> bool {
        matches!(self.state, State::Queued { ping: Queued { holds: true, .. }, .. })
    }

    /// Silence counts against the peer.
    pub(crate) fn is_judging(&self) -> bool {
        let never = self.config.keep_alive_only() || self.config.pong_timeout() == Duration::MAX;
        !never && (self.proven || !self.config.judge_after_first_pong())
    }

    /// When the ping that waits for its flush was queued.
    pub(crate) fn queued_at(&self) -> Option<Time> {
        match self.state {
            State::Queued { ping, .. } => Some(ping.at),
            _ => None,
        }
    }

    /// W has passed at `now`, or T has where somebody is judged: a progress source is to be asked.
    pub(crate) fn is_expired(&self, now: Time) -> bool {
        match self.state {
            State::Queued { ping, .. } => ping.progress.plus(self.config.write_timeout()) <= now,
            State::Sent { ping, .. } => ping.deadline <= now && self.is_judging(),
            _ => false,
        }
    }

    /// A complete frame came since the flush or the last deferral.
    pub(crate) fn heard_frame(&self) -> bool {
        self.heard.since_deferral
    }

    pub(crate) fn under_way(&self) -> UnderWay {
        let (queued, flushed, deferrals) = match self.state {
            State::Queued { ping, .. } => (Some(ping.at), None, 0),
            State::Sent { ping, .. } => (Some(ping.queued()), Some(ping.flushed), ping.deferrals),
            _ => (None, None, 0),
        };
        UnderWay { queued, flushed, deferrals }
    }

    /// Consecutive ones.
    pub(crate) fn misses(&self) -> u32 {
        self.misses
    }
}
