//! The outputs of the machine: what is to be done.

use super::phase::{Dying, LastWord, Phase};
use super::ping::Leaving;
use super::{Event, Farewell, Frame, Liveness, Time};

impl<F: Clone> Liveness<F> {
    /// Returns the frame that is to leave, and the same one again until it is handed over. `probe` says that somebody
    /// wants an extra ping.
    pub(crate) fn poll_transmit(&self, probe: bool) -> Option<Frame> {
        match &self.phase {
            Phase::Open(open) => match open.pings.leaving() {
                Some(Leaving { number: None, .. }) => Some(Frame::Ping(self.payloads.next())),
                _ => probe.then(|| Frame::Probe(self.payloads.next())),
            },
            Phase::Dying(Dying { farewell: Farewell::Unsaid, .. }) => Some(Frame::Close),
            _ => None,
        }
    }

    /// Returns the next event that others are to hear, until there is none.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        if let Some(news) = self.news.take() {
            return Some(news);
        }
        let holds = self.holds_writer();
        let suspect = holds || self.is_suspect();
        if std::mem::replace(&mut self.held, holds) && !holds {
            return Some(Event::Released);
        }
        let changed = std::mem::replace(&mut self.suspected, suspect) != suspect;
        changed.then_some(if suspect { Event::Suspected } else { Event::Trusted })
    }

    /// Returns when the timer is to fire.
    #[inline]
    pub(crate) fn poll_timeout(&self) -> Time {
        match &self.phase {
            Phase::Open(open) => {
                let t = match open.pings.awaited() {
                    Some(awaited) if self.rules.is_judging(open.proven) => awaited.t.next(),
                    _ => Time::NEVER,
                };
                match open.pings.leaving() {
                    None => t.min(open.due),
                    Some(leaving) if leaving.holds => t.min(leaving.w.next()),
                    Some(leaving) => t.min(leaving.w.next()).min(self.rules.holds_from(leaving.queued)),
                }
            }
            Phase::Broken { c } => c.next(),
            Phase::Closing(closing) if closing.overdue => closing.c.next(),
            Phase::Closing(closing) => closing.c.next().min(closing.until),
            Phase::Dying(dying) => dying.until,
            Phase::Failed { .. } | Phase::Over(_) => Time::NEVER,
        }
    }

    /// Returns what the stream yields at its end: the account of the failure, until it was told.
    pub(crate) fn poll_last_word(&self) -> Option<&F> {
        match &self.phase {
            Phase::Over(LastWord::Failure { account, told: false }) => Some(account),
            _ => None,
        }
    }

    /// Records that the stream has yielded the account of the failure.
    pub(crate) fn handle_told(&mut self) {
        if let Phase::Over(LastWord::Failure { told, .. }) = &mut self.phase {
            *told = true;
        }
    }
}
