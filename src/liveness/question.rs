//! The queries of the machine. Nothing here changes anything.

use std::sync::Arc;

use super::phase::{Closing, Dying, LastWord, Open, Phase};
use super::ping::Pings;
use super::{Death, Farewell, Liveness, Reading, Reason, Rules, Time};

impl<F: Clone> Liveness<F> {
    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    pub(crate) fn read_pong(&self, payload: &[u8]) -> Reading {
        self.payloads.read(payload)
    }

    /// Returns what an answer says that has no payload: to the ping of this number, or to all.
    pub(crate) fn read_answer(&self, number: Option<u32>) -> Reading {
        number.map_or_else(|| self.payloads.read_all(), |number| self.payloads.read_number(number))
    }

    /// Returns what the sink fails with.
    pub(crate) fn account(&self) -> Option<&F> {
        match &self.phase {
            Phase::Failed { account, .. }
            | Phase::Dying(Dying { account, .. })
            | Phase::Over(LastWord::Failure { account, .. }) => Some(account),
            Phase::Closing(closing) => closing.account.as_ref(),
            Phase::Open(_) | Phase::Broken { .. } | Phase::Over(LastWord::Nothing) => None,
        }
    }

    /// Whether there is nothing to do until the timer fires or something comes in.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(&self.phase, Phase::Open(Open { pings: Pings::None | Pings::Awaited(_), .. }))
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed { .. })
    }

    pub(crate) fn is_dying(&self) -> bool {
        matches!(self.phase, Phase::Dying(_))
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether the stream has nothing more to yield.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Over(LastWord::Nothing | LastWord::Failure { told: true, .. }))
    }

    /// Whether both sides have sent their Close.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closing(Closing { sent: true, received: true, .. }))
    }

    /// Whether the user means to close and neither side has sent a Close.
    pub(crate) fn is_unsaid(&self) -> bool {
        matches!(self.phase, Phase::Closing(Closing { handed: false, .. }))
    }

    /// Whether the closing handshake has taken longer than C in time.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self.phase, Phase::Closing(Closing { overdue: true, .. }))
    }

    /// Whether a finished flush matters. `slot` says that one of the user's messages still waits for its own flush.
    pub(crate) fn awaits_flush(&self, slot: bool) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.leaving().is_some(),
            Phase::Closing(closing) => closing.handed && !closing.sent && !slot,
            Phase::Dying(dying) => dying.farewell == Farewell::Handed && !slot,
            _ => false,
        }
    }

    /// Whether more pongs wait to be sent than may, so that `handle_blocked` ends the connection.
    pub(crate) fn is_flooded(&self) -> bool {
        self.owed > self.rules.max_pong_backlog && !matches!(self.phase, Phase::Dying(_) | Phase::Over(_))
    }

    /// Whether nothing is to be read, since the peer's pings would only be answered into memory (H2).
    pub(crate) fn is_deaf(&self) -> bool {
        self.owed > self.rules.max_pong_backlog && self.is_dying()
    }

    /// Whether a look at what the reader waits for is due.
    pub(crate) fn is_due(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.awaited().is_some_and(|awaited| awaited.t.is_due()),
            Phase::Broken { c } | Phase::Closing(Closing { c, .. }) => c.is_due(),
            _ => false,
        }
    }

    /// Whether a ping waits to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.pings.leaving().is_some())
    }

    /// Returns when the ping that waits to leave was queued.
    pub(crate) fn queued_at(&self) -> Option<Time> {
        match &self.phase {
            Phase::Open(open) => Some(open.pings.leaving()?.queued),
            _ => None,
        }
    }

    /// Whether it matters how long the reader waits.
    #[inline]
    pub(crate) fn counts_reader(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.awaited().is_some() && self.rules.is_judging(open.proven),
            Phase::Broken { .. } | Phase::Closing(_) => true,
            _ => false,
        }
    }

    /// Whether the user's writes are held back until our ping has left.
    pub(crate) fn holds_writer(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.pings.leaving().is_some_and(|leaving| leaving.holds))
    }

    /// Whether silence counts against the peer.
    pub(crate) fn is_judging(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => self.rules.is_judging(open.proven),
            _ => self.rules.is_judging(false),
        }
    }

    /// Whether a ping waits for longer than it should.
    pub(super) fn is_suspect(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.misses > 0 || open.pings.awaited().is_some_and(|awaited| awaited.t.restarts > 0),
            Phase::Failed { .. } => true,
            _ => false,
        }
    }

    /// Returns the facts as they are now, for an account.
    pub(crate) fn facts(&self, reason: Reason) -> Death {
        let none = Death { reason, queued: None, flushed: None, deferrals: 0, misses: 0 };
        let Phase::Open(open) = &self.phase else { return none };
        let death = Death { misses: open.misses, ..none };
        match (open.pings.leaving(), open.pings.awaited()) {
            // The ping that the reason is about takes precedence.
            (Some(leaving), _) if reason != Reason::Unanswered => Death { queued: Some(leaving.queued), ..death },
            (_, Some(awaited)) => Death {
                queued: Some(awaited.oldest.queued()),
                flushed: Some(awaited.oldest.flushed),
                deferrals: awaited.t.restarts,
                ..death
            },
            (Some(leaving), None) => Death { queued: Some(leaving.queued), ..death },
            (None, None) => death,
        }
    }
}
