//! The steps that several inputs share: the end of T, a miss, a verdict, an end.

use super::phase::{Closing, Dying, LastWord, Phase};
use super::ping::Leaving;
use super::{Event, Farewell, Liveness, MAX_GRACE, Reason, Time, Witness};

impl<F: Clone> Liveness<F> {
    pub(super) fn leaving_mut(&mut self) -> Option<&mut Leaving> {
        match &mut self.phase {
            Phase::Open(open) => open.pings.leaving_mut(),
            _ => None,
        }
    }

    /// Decides what follows when T is over.
    pub(super) fn judge_pong(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(awaited) = open.pings.awaited_mut() else { return };
        let t = &mut awaited.t;
        if let Some(since) = witness.answers(t.heard, now) {
            *t = t.moved(since, now, limit);
            // A frame that came before T started again does not extend it (J3).
            t.heard = false;
        } else if t.heard && t.restarts < self.rules.max_deferrals {
            *t = t.deferred(now, limit);
            self.news = Some(Event::Deferred);
        } else {
            // Counts what came since the flush, not only since T started again.
            let talking = t.heard || t.restarts > 0;
            open.misses += 1;
            if open.misses < self.rules.missed_pongs {
                self.miss(now);
            } else {
                self.die(Reason::Unanswered, talking, now, witness);
            }
        }
    }

    pub(super) fn miss(&mut self, now: Time) {
        self.news = Some(Event::Missed);
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return };
        match open.pings.awaited_mut() {
            // A ping that was due has only just left, and is the next one (S3).
            Some(pings) if pings.has_just_left(now) => pings.belong_to_newest(pings.newest().flushed, limit),
            _ => {
                open.pings.drop_awaited();
                if open.pings.leaving().is_none() {
                    self.schedule(now);
                    self.queue(now);
                }
            }
        }
    }

    /// Makes the next ping due an interval from now.
    pub(super) fn schedule(&mut self, now: Time) {
        let mut rng = fastrand::Rng::with_seed(u64::from(self.payloads.nonce) << 32 ^ now.to_bits());
        let next = now.plus(self.rules.next_interval(&mut rng));
        if let Phase::Open(open) = &mut self.phase {
            open.due = next;
        }
    }

    /// Drops a due time that passed while a ping waited (S3).
    pub(super) fn reschedule(&mut self, now: Time) {
        if matches!(&self.phase, Phase::Open(open) if open.due <= now) {
            self.schedule(now);
        }
    }

    pub(super) fn queue(&mut self, now: Time) {
        if let Phase::Open(open) = &mut self.phase {
            open.pings.queue(Leaving::new(now, &self.rules));
        }
    }

    pub(super) fn die(&mut self, reason: Reason, talking: bool, now: Time, witness: &mut dyn Witness<F>) {
        let account = witness.account(self.facts(reason), now);
        self.say_farewell(account, talking, now);
    }

    pub(super) fn say_farewell(&mut self, account: F, talking: bool, now: Time) {
        let until = now.plus(self.rules.close_timeout.min(MAX_GRACE));
        self.phase = Phase::Dying(Dying { account, until, talking, farewell: Farewell::Unsaid });
        self.news = Some(Event::Died);
    }

    /// Records that our Close is out, or cannot get out. The end does not wait for a silent peer (K1).
    pub(super) fn farewell_done(&mut self) {
        if let Phase::Dying(dying) = &mut self.phase {
            dying.farewell = Farewell::Done;
            if !dying.talking {
                self.end_farewell();
            }
        }
    }

    pub(super) fn end_farewell(&mut self) {
        if let Phase::Dying(dying) = &self.phase {
            let account = dying.account.clone();
            self.end(LastWord::Failure { account, told: false });
        }
    }

    /// Ends a connection whose peer sends pings and does not read the answers (H1, H2).
    pub(super) fn end_flooded(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        let reason = Reason::Flooded { owed: self.owed };
        match &self.phase {
            Phase::Open(_) => self.die(reason, false, now, witness),
            Phase::Failed { account, .. } => {
                let account = account.clone();
                self.say_farewell(account, false, now);
            }
            Phase::Closing(_) => self.end_closing_by(reason, now, witness),
            Phase::Broken { .. } => self.end(LastWord::Nothing),
            // Nothing is read until the farewell is over.
            Phase::Dying(_) | Phase::Over(_) => {}
        }
    }

    pub(super) fn end_closing(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if let Phase::Closing(Closing { sent, received, .. }) = self.phase {
            self.end_closing_by(Reason::Unclosed { sent, received }, now, witness);
        }
    }

    fn end_closing_by(&mut self, reason: Reason, now: Time, witness: &mut dyn Witness<F>) {
        if self.is_closed() {
            self.end(LastWord::Nothing);
        } else {
            self.account_for_closing(reason, now, witness);
            if let Phase::Closing(Closing { account: Some(account), broken, .. }) = &self.phase {
                let (account, told) = (account.clone(), *broken);
                self.end(LastWord::Failure { account, told });
                self.news = Some(Event::Unclosed);
            }
        }
    }

    pub(super) fn end(&mut self, word: LastWord<F>) {
        self.phase = Phase::Over(word);
        self.news.get_or_insert(Event::Over);
    }

    /// Makes the account of a handshake that was not completed, for the sink and in the end for the stream.
    pub(super) fn account_for_closing(&mut self, reason: Reason, now: Time, witness: &mut dyn Witness<F>) {
        let death = self.facts(reason);
        if let Phase::Closing(closing) = &mut self.phase {
            closing.account.get_or_insert_with(|| witness.account(death, now));
        }
    }
}
