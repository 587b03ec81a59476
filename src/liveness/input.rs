//! The inputs of the machine: what happens to the connection.

use std::sync::Arc;
use std::time::Duration;

use super::phase::{Closing, LastWord, Phase};
use super::ping::{Leaving, Sent};
use super::stopwatch::Stopwatch;
use super::{
    Answer, CloseBy, Event, Farewell, Frame, Left, Liveness, PONG_OVERHEAD, PingWhen, Reading, Reason, Time, Witness,
    answers,
};

impl<F: Clone> Liveness<F> {
    /// Records that the timer fired. A spurious call changes nothing.
    #[inline]
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Open(open) => {
                let mut queues = false;
                if let Some(awaited) = open.pings.awaited_mut() {
                    awaited.t.fire(now);
                }
                if let Some(leaving) = open.pings.leaving_mut() {
                    leaving.w.fire(now);
                    leaving.holds |= self.rules.holds_from(leaving.queued) <= now;
                } else if open.due <= now {
                    let skips = self.rules.ping_when == PingWhen::Idle && open.heard && open.proven;
                    open.heard = false;
                    queues = !skips;
                    self.schedule(now);
                }
                if queues {
                    self.queue(now);
                }
            }
            Phase::Broken { c } => c.fire(now),
            Phase::Closing(closing) => {
                closing.c.fire(now);
                closing.overdue |= closing.until <= now;
            }
            Phase::Dying(dying) if dying.until <= now => self.end_farewell(),
            _ => {}
        }
    }

    /// Records that the inner woke us at `from` and that nobody has polled its write side until now.
    pub(crate) fn skip_writer(&mut self, from: Time, now: Time) {
        let limit = self.rules.write_timeout;
        if let Some(leaving) = self.leaving_mut() {
            leaving.w.skip(from, now, limit);
        }
    }

    /// Records that the inner took `frame`, the last one that `poll_transmit` returned. Returns its number if it is a
    /// ping.
    pub(crate) fn handle_handed(&mut self, frame: Frame) -> u32 {
        let number = if frame == Frame::Close { 0 } else { self.payloads.issue() };
        match (frame, &mut self.phase) {
            (Frame::Ping(_), Phase::Open(open)) => {
                if let Some(leaving) = open.pings.leaving_mut() {
                    leaving.number = Some(number);
                }
            }
            (Frame::Close, Phase::Dying(dying)) => dying.farewell = Farewell::Handed,
            _ => {}
        }
        number
    }

    /// Records that bytes moved: the inner went from not ready to ready.
    pub(crate) fn handle_moved(&mut self, now: Time) {
        let limit = self.rules.write_timeout;
        if let Some(leaving) = self.leaving_mut() {
            leaving.w = leaving.w.moved(now, now, limit);
        }
    }

    /// Records that the inner finished a flush. `moved` says that it had not finished the one before. Returns the ping
    /// that left with it, if there is one.
    #[inline]
    pub(crate) fn handle_flushed(&mut self, now: Time, moved: bool) -> Option<Left> {
        match &mut self.phase {
            Phase::Open(open) => match open.pings.leaving().copied() {
                Some(Leaving { queued, number: Some(number), .. }) => {
                    let left = if open.pings.awaited().is_none() { Left::First } else { Left::Behind };
                    open.pings.flush(Sent::new(queued, now, number), now, &self.rules);
                    self.reschedule(now);
                    return Some(left);
                }
                Some(_) if moved => self.handle_moved(now),
                _ => {}
            },
            Phase::Closing(closing) if closing.handed => {
                let sent = std::mem::replace(&mut closing.sent, true);
                if !sent && closing.received {
                    self.news = Some(Event::Closed);
                }
            }
            Phase::Dying(dying) if dying.farewell == Farewell::Handed => self.farewell_done(),
            _ => {}
        }
        None
    }

    /// Records that the inner finished a flush, so that none of its pongs waits any more.
    #[inline]
    pub(crate) fn handle_emptied(&mut self) {
        self.owed = 0;
    }

    /// Records that the write side was polled to `Pending`, with cooperative budget left, while a ping waits to leave or
    /// too many pongs do.
    pub(crate) fn handle_blocked(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if self.is_flooded() {
            self.end_flooded(now, witness);
            return;
        }
        let limit = self.rules.write_timeout;
        let Some(leaving) = self.leaving_mut().filter(|leaving| leaving.w.is_due()) else { return };
        if !leaving.w.is_over(now, limit) {
            return;
        }
        if let Some(since) = witness.writes(now) {
            leaving.w = leaving.w.moved(since, now, limit);
        } else {
            let talking = leaving.w.heard;
            self.die(Reason::Unsent, talking, now, witness);
        }
    }

    /// Records that a complete frame came in that does not answer one of our pings.
    #[inline]
    pub(crate) fn handle_frame(&mut self) {
        self.inbound = true;
    }

    /// Records that a Ping with so many bytes came in, which the inner answers. The frame is reported besides.
    pub(crate) fn handle_ping(&mut self, payload: usize) {
        let payload = u32::try_from(payload).unwrap_or(u32::MAX);
        self.owed = self.owed.saturating_add(payload).saturating_add(PONG_OVERHEAD);
    }

    /// Records that the clock was read. Returns whether frames came in since the last time.
    pub(crate) fn take_inbound(&mut self, now: Time) -> bool {
        let inbound = std::mem::take(&mut self.inbound);
        if inbound {
            self.hear(now);
        }
        inbound
    }

    /// A complete frame came in.
    #[inline(never)]
    fn hear(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Open(open) => {
                open.heard = true;
                if let Some(leaving) = open.pings.leaving_mut() {
                    leaving.w.heard = true;
                }
                if let Some(awaited) = open.pings.awaited_mut() {
                    awaited.t.heard = true;
                }
            }
            Phase::Failed { talking, .. } => *talking = true,
            // What the inner still yields starts C again.
            Phase::Broken { c } => *c = Stopwatch::start(now, self.rules.close_timeout),
            _ => {}
        }
    }

    /// Records that a pong came in whose payload reads as `Answer(number)`.
    #[inline]
    pub(crate) fn handle_answer(&mut self, number: u32, now: Time) -> Answer {
        self.payloads.answer(number);
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return Answer { rtt: None, in_part: false } };
        open.misses = 0;
        open.proven = true;
        let (mut since, mut in_part) = (None, false);
        if let Some(pings) = open.pings.awaited_mut() {
            let newest = pings.newest();
            if answers(number, newest.number) {
                since = Some(newest.flushed);
                open.pings.drop_awaited();
            } else {
                // The peer was alive just now, so the pings that are left have all of T.
                since = (number == pings.oldest.number).then_some(pings.oldest.flushed);
                pings.belong_to_newest(now, limit);
                in_part = true;
            }
        }
        let ours = open.pings.leaving().filter(|ping| ping.number.is_some_and(|ours| answers(number, ours)));
        let left = ours.map(|ping| ping.queued);
        if left.is_some() {
            open.pings.drop_leaving();
            self.reschedule(now);
        }
        let since = left.or(since);
        Answer { rtt: since.map(|since| now.since(since)), in_part }
    }

    /// The first ping is due a whole interval after the beginning, as every later one is after a sign of life.
    pub(crate) fn expect(&mut self) {
        let interval = self.rules.ping_interval;
        if let Phase::Open(open) = &mut self.phase {
            open.due = Time::START.plus(interval);
        }
    }

    /// Records a sign of life: it answers every ping, and the next is due a whole interval from now. Returns whether a ping
    /// was unanswered.
    pub(crate) fn handle_sign(&mut self, now: Time) -> bool {
        let reading = self.payloads.read_all();
        if let Reading::Answer(number) = reading {
            self.handle_answer(number, now);
        }
        let interval = self.rules.ping_interval;
        if let Phase::Open(open) = &mut self.phase {
            open.due = now.plus(interval);
        }
        reading != Reading::Stale
    }

    /// Records that pings are to leave in another interval from now on, the next one after `first`.
    pub(crate) fn handle_pace(&mut self, interval: Duration, first: Duration, now: Time) {
        if interval.is_zero() {
            return;
        }
        Arc::make_mut(&mut self.rules).ping_interval = interval;
        if let Phase::Open(open) = &mut self.phase {
            open.due = now.plus(first);
        }
    }

    /// Records that there is nothing left to read. `away` is since when the reader had not waited, if it had not.
    /// Returns whether this was waited for, because a look was due or a failure is to be told.
    #[inline]
    pub(crate) fn handle_drained(&mut self, away: Option<Time>, now: Time, witness: &mut dyn Witness<F>) -> bool {
        let (limit, close_limit) = (self.rules.pong_timeout, self.rules.close_timeout);
        let (watch, limit) = match &mut self.phase {
            Phase::Open(open) => match open.pings.awaited_mut() {
                Some(awaited) if self.rules.is_judging(open.proven) => (&mut awaited.t, limit),
                _ => return false,
            },
            Phase::Broken { c } => (c, close_limit),
            Phase::Closing(closing) => (&mut closing.c, close_limit),
            Phase::Failed { account, talking } => {
                let (account, talking) = (account.clone(), *talking);
                self.say_farewell(account, talking, now);
                return true;
            }
            Phase::Dying(_) | Phase::Over(_) => return false,
        };
        let due = watch.is_due();
        if let Some(away) = away {
            watch.skip(away, now, limit);
        }
        if watch.is_over(now, limit) {
            match self.phase {
                Phase::Open(_) => self.judge_pong(now, witness),
                Phase::Closing(_) => self.end_closing(now, witness),
                _ => self.end(LastWord::Nothing),
            }
        }
        due
    }

    /// Records that a Close came in, or that the user means to close, hands a Close to the sink, or closes it. Returns whether
    /// the closing handshake begins with it.
    pub(crate) fn handle_close(&mut self, by: CloseBy, now: Time) -> bool {
        let (received, handed) = (by == CloseBy::Peer, by != CloseBy::Intent);
        match &mut self.phase {
            Phase::Closing(closing) => {
                let before = closing.received;
                closing.received |= received;
                closing.handed |= handed;
                if received && !before && closing.sent {
                    self.news = Some(Event::Closed);
                }
            }
            Phase::Dying(_) if received => self.end_farewell(),
            Phase::Dying(_) | Phase::Over(_) => {}
            Phase::Broken { .. } if received => {}
            _ => {
                let c = self.rules.close_timeout;
                let (until, c) = (now.plus(c), Stopwatch::start(now, c));
                let broken = matches!(self.phase, Phase::Broken { .. });
                let closing =
                    Closing { until, overdue: false, c, handed, sent: false, received, broken, account: None };
                self.phase = Phase::Closing(closing);
                return true;
            }
        }
        false
    }

    /// Records that C has passed in time, so that the sink, or the task that drives what is left of a dropped
    /// connection, waits no longer (K4).
    pub(crate) fn handle_overdue(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if let Phase::Closing(Closing { sent, received, .. }) = self.phase {
            self.account_for_closing(Reason::Unclosed { sent, received }, now, witness);
        }
    }

    /// Records that the inner refused one of our frames for good.
    pub(crate) fn handle_failure(&mut self, account: F) {
        match &mut self.phase {
            Phase::Open(open) => {
                let leaving = open.pings.leaving().is_some_and(|leaving| leaving.w.heard);
                let talking = leaving || open.pings.awaited().is_some_and(|awaited| awaited.t.heard);
                self.phase = Phase::Failed { account, talking };
            }
            Phase::Dying(dying) => {
                dying.talking = false;
                self.farewell_done();
            }
            _ => {}
        }
    }

    /// Records that the inner stream yielded an error of its own.
    pub(crate) fn handle_stream_error(&mut self, now: Time) {
        match self.phase {
            Phase::Dying(_) => self.end_farewell(),
            Phase::Over(_) => {}
            _ => self.phase = Phase::Broken { c: Stopwatch::start(now, self.rules.close_timeout) },
        }
    }

    /// Records that the inner stream ended.
    pub(crate) fn handle_end(&mut self) {
        match &self.phase {
            Phase::Dying(_) => self.end_farewell(),
            // A bare end explains nothing; the failure before it does (S9).
            Phase::Failed { account, .. } => {
                let account = account.clone();
                self.end(LastWord::Failure { account, told: false });
                self.news = Some(Event::Died);
            }
            Phase::Over(_) => {}
            _ => self.end(LastWord::Nothing),
        }
    }

    /// Records that nobody drives the connection any more.
    pub(crate) fn handle_abandoned(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if !self.is_over() {
            let account = self.account().cloned();
            let account = account.unwrap_or_else(|| witness.account(self.facts(Reason::Abandoned), now));
            self.end(LastWord::Failure { account, told: false });
        }
    }
}
