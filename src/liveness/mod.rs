//! The machine that judges: no async, no clock, nothing of the crate around it.
//!
//! `now` is a parameter. What happens comes in by `handle_*`; what is to be done goes out by `poll_*`, to be asked until
//! there is nothing more: `poll_transmit` for the frame that is to leave, `poll_event` for what others are to hear, and
//! `poll_timeout` for when the timer is to fire. `is_*` are questions that change nothing.
//!
//! The order of calls in one poll of a connection:
//!
//! 1. `skip_writer` if the writer was away, then `handle_timeout` if the timer has fired;
//! 2. what `poll_transmit` wants is offered to the inner: `handle_handed`, `handle_moved`, `handle_flushed`, and
//!    `handle_blocked` if a ping is still waiting;
//! 3. what is read: `handle_frame`, `read_pong` and `handle_answer`, `handle_close`, and `handle_drained` if there is
//!    nothing left to read.
//!
//! Each input is complete in itself: when the caller's own code panics between two of them, the next poll goes on.

#[cfg(test)]
mod explore;
mod payload;
mod phase;
mod ping;
mod rules;
mod stopwatch;
#[cfg(test)]
mod tests;
mod time;

use std::sync::Arc;
use std::time::Duration;

use payload::Payloads;
pub(crate) use payload::{Reading, answers};
pub(crate) use phase::Farewell;
use phase::{Closing, Dying, LastWord, Open, Phase};
use ping::{Leaving, Pings, Sent};
pub(crate) use rules::Rules;
pub use rules::{Judging, PingWhen};
use stopwatch::Stopwatch;
pub(crate) use time::{Time, nanos};

/// The farewell after a verdict takes no longer, whatever C is (K1).
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
    /// C, and the handshake is not complete.
    Unclosed,
    /// The task that drove the connection is gone.
    Abandoned,
}

/// What the machine asks while it judges, and the account that it keeps of a death.
pub(crate) trait Witness<F> {
    /// Since when bytes have been standing still below the messages, if they have moved since the last look (P2).
    fn writes(&mut self, now: Time) -> Option<Time>;
    /// Since when T runs anew because of what moved below the messages (P3, P4). `frame`: a complete one came.
    fn answers(&mut self, frame: bool, now: Time) -> Option<Time>;
    fn account(&mut self, death: Death, now: Time) -> F;
}

/// A frame of ours that is to leave.
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
        Self { rules, payloads, phase: Phase::Open(open), inbound: false, suspected: false, held: false, news: None }
    }

    // What happens.

    /// The timer fired. A spurious call changes nothing.
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

    /// The inner has woken us at `from`, and nobody has polled its write side until now.
    pub(crate) fn skip_writer(&mut self, from: Time, now: Time) {
        let limit = self.rules.write_timeout;
        if let Some(leaving) = self.leaving_mut() {
            leaving.w.skip(from, now, limit);
        }
    }

    /// The inner took `frame`, which was the last of `poll_transmit`. Its number, if it is a ping.
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

    /// Bytes moved: the inner went from not ready to ready.
    pub(crate) fn handle_moved(&mut self, now: Time) {
        let limit = self.rules.write_timeout;
        if let Some(leaving) = self.leaving_mut() {
            leaving.w = leaving.w.moved(now, now, limit);
        }
    }

    /// The inner finished a flush. `moved`: it had not finished the one before. The ping that has left by it, if one has.
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
            Phase::Closing(closing) => {
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

    /// The write side was polled to `Pending`, with cooperative budget left, and a ping waits to leave.
    pub(crate) fn handle_blocked(&mut self, now: Time, witness: &mut dyn Witness<F>) {
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

    /// A complete frame came in that is no answer to a ping of ours.
    #[inline]
    pub(crate) fn handle_frame(&mut self) {
        self.inbound = true;
    }

    /// The clock was read. Whether frames came since the last time.
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
            // What the inner still yields begins its time anew.
            Phase::Broken { c } => *c = Stopwatch::start(now, self.rules.close_timeout),
            _ => {}
        }
    }

    /// A pong came in whose payload reads as `Answer(number)`.
    #[inline]
    pub(crate) fn handle_answer(&mut self, number: u32, now: Time) -> Answer {
        self.payloads.answer(number);
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return Answer { rtt: None, in_part: false } };
        let judged = self.rules.is_judging(open.proven);
        open.misses = 0;
        open.proven = true;
        let (mut since, mut in_part) = (None, false);
        if let Some(pings) = open.pings.awaited_mut() {
            if answers(number, pings.newest.number) {
                since = Some(pings.newest.flushed);
                open.pings.drop_awaited();
            } else {
                // The peer was alive just now: those that are left have all of T.
                since = (number == pings.oldest.number).then_some(pings.oldest.flushed);
                pings.belong_to_newest(now, limit);
                in_part = true;
            }
        }
        let ours = open.pings.leaving().filter(|ping| ping.number.is_some_and(|ours| answers(number, ours)));
        let left = ours.map(|ping| ping.queued);
        if let Some(pings) = open.pings.awaited_mut().filter(|_| !judged) {
            pings.t = Stopwatch::start(now, limit);
        }
        if left.is_some() {
            open.pings.drop_leaving();
            self.reschedule(now);
        }
        let since = left.or(since);
        Answer { rtt: since.map(|since| now.since(since)), in_part }
    }

    /// There is nothing left to read. `away`: since when the reader had not waited, if it had not. Whether that was waited
    /// for: a look was due, or there was a failure to tell.
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

    /// A Close came in, or the user handed one to the sink or closes it. Whether the closing handshake begins by it.
    pub(crate) fn handle_close(&mut self, by: CloseBy, now: Time) -> bool {
        let received = by == CloseBy::Peer;
        match &mut self.phase {
            Phase::Closing(closing) => {
                let before = closing.received;
                closing.received |= received;
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
                let closing = Closing { until, overdue: false, c, sent: false, received, broken, account: None };
                self.phase = Phase::Closing(closing);
                return true;
            }
        }
        false
    }

    /// C has passed in time, and the sink, or what drives the rest of a dropped connection, waits no longer (K4).
    pub(crate) fn handle_overdue(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        let death = self.facts(Reason::Unclosed);
        if let Phase::Closing(closing) = &mut self.phase {
            closing.account.get_or_insert_with(|| witness.account(death, now));
        }
    }

    /// The inner refused one of our frames, and not just for now.
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

    /// The inner stream yielded an error of its own.
    pub(crate) fn handle_stream_error(&mut self, now: Time) {
        match self.phase {
            Phase::Dying(_) => self.end_farewell(),
            Phase::Over(_) => {}
            _ => self.phase = Phase::Broken { c: Stopwatch::start(now, self.rules.close_timeout) },
        }
    }

    /// The inner stream ended.
    pub(crate) fn handle_end(&mut self) {
        match self.phase {
            Phase::Dying(_) => self.end_farewell(),
            Phase::Over(_) => {}
            _ => self.end(LastWord::Nothing),
        }
    }

    /// Nobody drives the connection any more.
    pub(crate) fn handle_abandoned(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if !self.is_over() {
            let account = self.account().cloned();
            let account = account.unwrap_or_else(|| witness.account(self.facts(Reason::Abandoned), now));
            self.end(LastWord::Failure { account, told: false });
        }
    }

    // What is to be done.

    /// The frame that is to leave; the same again until it is handed over. `probe`: somebody wants an extra ping.
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

    /// When the timer is to fire.
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

    /// What the stream yields at its end: the account of the failure, until it is told.
    pub(crate) fn poll_last_word(&self) -> Option<&F> {
        match &self.phase {
            Phase::Over(LastWord::Failure { account, told: false }) => Some(account),
            _ => None,
        }
    }

    /// The stream has yielded the last word.
    pub(crate) fn handle_told(&mut self) {
        if let Phase::Over(LastWord::Failure { told, .. }) = &mut self.phase {
            *told = true;
        }
    }

    // Questions.

    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    pub(crate) fn read_pong(&self, payload: &[u8]) -> Reading {
        self.payloads.read(payload)
    }

    /// What the sink fails with.
    pub(crate) fn account(&self) -> Option<&F> {
        match &self.phase {
            Phase::Failed { account, .. }
            | Phase::Dying(Dying { account, .. })
            | Phase::Over(LastWord::Failure { account, .. }) => Some(account),
            Phase::Closing(closing) => closing.account.as_ref(),
            Phase::Open(_) | Phase::Broken { .. } | Phase::Over(LastWord::Nothing) => None,
        }
    }

    /// There is nothing to do until the timer fires or something comes in.
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

    /// The stream has nothing more to tell.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Over(LastWord::Nothing | LastWord::Failure { told: true, .. }))
    }

    /// Both sides have sent their Close.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closing(Closing { sent: true, received: true, .. }))
    }

    /// The closing handshake takes longer than C in time.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self.phase, Phase::Closing(Closing { overdue: true, .. }))
    }

    /// A finished flush means something. `slot`: a message of the user's still waits for its own.
    pub(crate) fn awaits_flush(&self, slot: bool) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.leaving().is_some(),
            Phase::Closing(closing) => !closing.sent && !slot,
            Phase::Dying(dying) => dying.farewell == Farewell::Handed && !slot,
            _ => false,
        }
    }

    /// A look at what the reader waits for is due.
    pub(crate) fn is_due(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.awaited().is_some_and(|awaited| awaited.t.is_due()),
            Phase::Broken { c } | Phase::Closing(Closing { c, .. }) => c.is_due(),
            _ => false,
        }
    }

    /// A ping waits to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.pings.leaving().is_some())
    }

    /// When the ping that waits to leave was queued.
    pub(crate) fn queued_at(&self) -> Option<Time> {
        match &self.phase {
            Phase::Open(open) => Some(open.pings.leaving()?.queued),
            _ => None,
        }
    }

    /// It matters how long the reader waits.
    #[inline]
    pub(crate) fn counts_reader(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.pings.awaited().is_some() && self.rules.is_judging(open.proven),
            Phase::Broken { .. } | Phase::Closing(_) => true,
            _ => false,
        }
    }

    /// The user's writes are held back until our ping has left.
    pub(crate) fn holds_writer(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.pings.leaving().is_some_and(|leaving| leaving.holds))
    }

    /// Silence counts against the peer.
    pub(crate) fn is_judging(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => self.rules.is_judging(open.proven),
            _ => self.rules.is_judging(false),
        }
    }

    /// A ping waits for its answer longer than it should.
    fn is_suspect(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.misses > 0 || open.pings.awaited().is_some_and(|awaited| awaited.t.restarts > 0),
            Phase::Failed { .. } => true,
            _ => false,
        }
    }

    /// The facts as they are now, for an account.
    pub(crate) fn facts(&self, reason: Reason) -> Death {
        let none = Death { reason, queued: None, flushed: None, deferrals: 0, misses: 0 };
        let Phase::Open(open) = &self.phase else { return none };
        let death = Death { misses: open.misses, ..none };
        match (open.pings.leaving(), open.pings.awaited()) {
            // The one that the reason speaks of comes first.
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

    // Steps that several inputs share.

    fn leaving_mut(&mut self) -> Option<&mut Leaving> {
        match &mut self.phase {
            Phase::Open(open) => open.pings.leaving_mut(),
            _ => None,
        }
    }

    /// T is over.
    fn judge_pong(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(awaited) = open.pings.awaited_mut() else { return };
        let t = &mut awaited.t;
        if let Some(since) = witness.answers(t.heard, now) {
            *t = t.moved(since, now, limit);
        } else if t.heard && t.restarts < self.rules.max_deferrals {
            *t = t.deferred(now, limit);
            self.news = Some(Event::Deferred);
        } else {
            // What came since the flush, not only since T started again.
            let talking = t.heard || t.restarts > 0;
            open.misses += 1;
            if open.misses < self.rules.missed_pongs {
                self.miss(now);
            } else {
                self.die(Reason::Unanswered, talking, now, witness);
            }
        }
    }

    fn miss(&mut self, now: Time) {
        self.news = Some(Event::Missed);
        let limit = self.rules.pong_timeout;
        let Phase::Open(open) = &mut self.phase else { return };
        match open.pings.awaited_mut() {
            // A ping that was due has only just left: it is the next one (S3).
            Some(pings) if pings.has_just_left(now) => pings.belong_to_newest(pings.newest.flushed, limit),
            _ => {
                open.pings.drop_awaited();
                if open.pings.leaving().is_none() {
                    self.schedule(now);
                    self.queue(now);
                }
            }
        }
    }

    /// The next ping is due an interval from now.
    fn schedule(&mut self, now: Time) {
        let mut rng = fastrand::Rng::with_seed(u64::from(self.payloads.nonce) << 32 ^ now.to_bits());
        let next = now.plus(self.rules.next_interval(&mut rng));
        if let Phase::Open(open) = &mut self.phase {
            open.due = next;
        }
    }

    /// A due time that has passed while a ping waited is dropped (S3).
    fn reschedule(&mut self, now: Time) {
        if matches!(&self.phase, Phase::Open(open) if open.due <= now) {
            self.schedule(now);
        }
    }

    fn queue(&mut self, now: Time) {
        if let Phase::Open(open) = &mut self.phase {
            open.pings.queue(Leaving::new(now, &self.rules));
        }
    }

    fn die(&mut self, reason: Reason, talking: bool, now: Time, witness: &mut dyn Witness<F>) {
        let account = witness.account(self.facts(reason), now);
        self.say_farewell(account, talking, now);
    }

    fn say_farewell(&mut self, account: F, talking: bool, now: Time) {
        let until = now.plus(self.rules.close_timeout.min(MAX_GRACE));
        self.phase = Phase::Dying(Dying { account, until, talking, farewell: Farewell::Unsaid });
        self.news = Some(Event::Died);
    }

    /// Our Close is out, or cannot get out: a silent peer is not waited for (K1).
    fn farewell_done(&mut self) {
        if let Phase::Dying(dying) = &mut self.phase {
            dying.farewell = Farewell::Done;
            if !dying.talking {
                self.end_farewell();
            }
        }
    }

    fn end_farewell(&mut self) {
        if let Phase::Dying(dying) = &self.phase {
            let account = dying.account.clone();
            self.end(LastWord::Failure { account, told: false });
        }
    }

    fn end_closing(&mut self, now: Time, witness: &mut dyn Witness<F>) {
        if self.is_closed() {
            self.end(LastWord::Nothing);
        } else {
            self.handle_overdue(now, witness);
            if let Phase::Closing(Closing { account: Some(account), broken, .. }) = &self.phase {
                let (account, told) = (account.clone(), *broken);
                self.end(LastWord::Failure { account, told });
                self.news = Some(Event::Unclosed);
            }
        }
    }

    fn end(&mut self, word: LastWord<F>) {
        self.phase = Phase::Over(word);
        self.news.get_or_insert(Event::Over);
    }
}
