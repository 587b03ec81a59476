//! What a connection keeps beside its wire, and what does not depend on the type of the socket: the machine, its timer,
//! and what others hear of it.

use std::error::Error;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use tracing::{debug, trace, warn};

use super::wire::Flush;
use crate::error::{Cause, LivenessError, Report};
use crate::heartbeat::Pace;
use crate::liveness::{CloseBy, Death, Event, Frame, Left, Liveness, Reason, Time, Witness};
use crate::monitor::{End, Event as Told, Health, Shared, count};
use crate::progress::Watch;
use crate::timer::{Rest, Timer, has_budget};
use crate::wake::Half;

/// What a `LiveStream` keeps of its own from one poll to the next.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) machine: Liveness<LivenessError>,
    pub(super) timer: Timer,
    /// What most connections never have.
    pub(super) aside: Option<Box<Aside>>,
}

#[derive(Debug, Default)]
pub(super) struct Aside {
    /// The sink's error that the stream half has met, or the error with which a failed sink goes on failing.
    pub(super) refusal: Option<LivenessError>,
    /// What looks below the messages (P).
    pub(super) watch: Option<Watch>,
    /// The connection below a heartbeat.
    pub(super) below: Option<Arc<Shared>>,
}

impl Core {
    pub(super) fn new(machine: Liveness<LivenessError>) -> Self {
        Self { machine, timer: Timer::default(), aside: None }
    }

    fn watch(&mut self) -> Option<&mut Watch> {
        self.aside.as_mut()?.watch.as_mut()
    }

    pub(super) fn below(&self) -> Option<&Arc<Shared>> {
        self.aside.as_ref()?.below.as_ref()
    }

    /// How the connection below a heartbeat has ended. Its stream tells it, so nothing is to be said of it here (L4).
    pub(super) fn end_below(&self) -> Option<End> {
        self.below()?.health().end()
    }

    pub(super) fn has_refusal(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.refusal.is_some())
    }
}

/// The core in a poll.
pub(super) struct Pilot<'a> {
    pub(super) core: &'a mut Core,
    pub(super) shared: &'a Arc<Shared>,
    /// When a flush was finished in this poll. The wait for its answer begins then: what is left of the poll is ours.
    pub(super) flushed_at: Option<Time>,
}

impl Pilot<'_> {
    /// Reads the clock. What came in before counts as of now.
    pub(super) fn now(&mut self) -> Time {
        let now = self.shared.clock().now();
        self.take_inbound(now);
        now
    }

    fn take_inbound(&mut self, now: Time) {
        if self.core.machine.take_inbound(now) {
            self.show_inbound(now);
        }
    }

    #[inline(never)]
    fn show_inbound(&self, now: Time) {
        self.shared.board().stats.last_inbound = Some(now);
    }

    /// The first step of every long poll: handles what happened since the last one. Returns whether there is something
    /// to do.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, half: Half, rest: Rest) -> bool {
        if self.core.machine.is_leaving() {
            self.skip_writer();
        }
        let fired = self.core.timer.wants_poll() && self.fire(cx, half);
        fired || rest == Rest::Busy || self.core.timer.wants_poll() || self.shared.fan.is_called()
    }

    #[inline(never)]
    fn skip_writer(&mut self) {
        if let Some(away) = self.shared.fan.away(Half::Sink) {
            let now = self.now();
            self.core.machine.skip_writer(away, now);
        }
    }

    /// Whether none of our frames is to be written.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.core.machine.is_resting() && !self.shared.fan.is_called()
    }

    /// The last step of every long poll. `busy` says that something waits for the inner.
    pub(super) fn finish(&mut self, busy: bool) {
        if !self.is_quiet() {
            self.wait_to_write();
            return;
        }
        // A handle that is polled first leaves the timer to the task. Without a budget, a timer that fired is still to be seen.
        let timed = !self.core.timer.waits_for_task() && !self.core.timer.wants_poll();
        if !busy && timed && !self.core.has_refusal() {
            self.core.timer.rest = if self.core.machine.counts_reader() { Rest::Waiting } else { Rest::Quiet };
        }
    }

    #[inline(never)]
    fn wait_to_write(&mut self) {
        if self.core.machine.is_leaving() && self.shared.fan.away(Half::Sink).is_some() {
            let now = self.now();
            self.shared.fan.wait(Half::Sink, now);
        }
    }

    /// Whether the timer has fired.
    #[inline]
    fn fire(&mut self, cx: &mut Context<'_>, half: Half) -> bool {
        self.core.timer.poll(self.shared.clock(), cx).map(|now| self.fired(half, now)).is_some()
    }

    #[inline(never)]
    fn fired(&mut self, half: Half, now: Time) {
        self.shared.fan.set_alarm(Time::NEVER);
        self.take_inbound(now);
        self.core.machine.handle_timeout(now);
        // Only a reader decides what is due. It may be parked, and nothing else may have woken it.
        if half == Half::Sink && self.core.machine.is_due() {
            self.shared.fan.wake_stream();
        }
    }

    /// Sets the timer for what comes next. Returns whether that has come already.
    pub(super) fn set_timer(&mut self, cx: &mut Context<'_>, half: Half) -> bool {
        if half == Half::Sink && self.core.timer.waits_for_task() {
            return false;
        }
        let at = self.core.machine.poll_timeout();
        // Every absence moves the end of T; the timer follows when it fires.
        let lazy = self.core.machine.counts_reader();
        if !self.core.timer.set(self.shared.clock(), at, lazy) {
            return false;
        }
        self.shared.fan.set_alarm(at);
        self.fire(cx, half)
    }

    /// Watches a ping that waits to leave below the messages, from the time at which it was queued.
    pub(super) fn watch_ping(&mut self) {
        let queued = self.core.machine.queued_at();
        if let Some(watch) = self.core.watch() {
            watch.catch_up(queued);
        }
    }

    /// Records that the ping that waits to leave, or the inner's pongs, were polled to `Pending`. Returns whether that was
    /// the verdict.
    pub(super) fn blocked(&mut self) -> bool {
        if !self.core.machine.is_leaving() && !self.core.machine.is_flooded() {
            return false;
        }
        if !has_budget() {
            self.shared.fan.rouse();
            return false;
        }
        self.judge(|machine, now, examiner| machine.handle_blocked(now, examiner));
        self.core.machine.is_dying()
    }

    /// Records that there is nothing left to read. Returns whether that was waited for: then there may be more to do,
    /// and this is to be called again.
    #[inline]
    pub(super) fn drained(&mut self) -> bool {
        (self.core.machine.counts_reader() || self.core.machine.is_failed()) && self.reader_waits()
    }

    #[inline(never)]
    fn reader_waits(&mut self) -> bool {
        if !has_budget() {
            // This may only look so; the next poll shows it.
            self.shared.fan.rouse();
            return false;
        }
        let away = self.shared.fan.away(Half::Stream);
        let now = self.flushed_at.take().unwrap_or_else(|| self.shared.clock().now());
        let again = self.judge_at(now, |machine, examiner| machine.handle_drained(away, now, examiner));
        // From here on it waits, also if this is called again: the absence is taken out once.
        self.shared.fan.wait(Half::Stream, now);
        again
    }

    /// Records that reading has stopped because there is no room. What was sent before a failure is still to be read,
    /// but monitors need not wait for it.
    pub(super) fn unread(&mut self) {
        self.shared.fan.come(Half::Stream);
        if self.core.machine.is_failed() {
            self.shared.set_end(End::PingFailed, self.core.machine.account());
        }
    }

    /// Records that nobody drives the connection any more (B6).
    pub(super) fn abandon(&mut self) {
        if !self.core.machine.is_over() {
            self.judge(|machine, now, examiner| machine.handle_abandoned(now, examiner));
            // The timer of a runtime that is gone must not be polled again.
            self.core.timer.forget();
            self.shared.set_end(End::Dropped, self.core.machine.account());
            self.shared.fan.rouse();
        }
    }

    /// Whether the handshake has taken longer than C. If so, the sink fails with that from now on.
    pub(super) fn overdue(&mut self) -> bool {
        let overdue = self.core.machine.is_overdue();
        if overdue {
            self.judge(|machine, now, examiner| machine.handle_overdue(now, examiner));
        }
        overdue
    }

    /// The same for a connection whose handle was dropped, which ends with it.
    pub(super) fn end_if_overdue(&mut self) -> bool {
        let overdue = self.overdue();
        if overdue {
            self.judge(|machine, now, examiner| machine.handle_abandoned(now, examiner));
            self.tell_dead();
        }
        overdue
    }

    fn judge<T>(&mut self, step: impl FnOnce(&mut Liveness<LivenessError>, Time, &mut Examiner<'_>) -> T) -> T {
        let now = self.shared.clock().now();
        self.judge_at(now, |machine, examiner| step(machine, now, examiner))
    }

    fn judge_at<T>(&mut self, now: Time, step: impl FnOnce(&mut Liveness<LivenessError>, &mut Examiner<'_>) -> T) -> T {
        self.take_inbound(now);
        let rate = self.core.machine.rules().min_progress_rate;
        let Core { machine, aside, .. } = &mut *self.core;
        let watch = aside.as_mut().and_then(|aside| aside.watch.as_mut());
        step(machine, &mut Examiner { watch, rate, shared: self.shared })
    }

    /// Records a Close from the user or the peer.
    pub(super) fn close(&mut self, by: CloseBy) {
        let now = self.now();
        let began = self.core.machine.handle_close(by, now);
        if began && by != CloseBy::Peer {
            // A poll sets the timer for C, and a poll of the reader shows whether it waits.
            self.shared.fan.rouse();
        }
    }

    /// Records that the inner took one of our frames.
    pub(super) fn handed(&mut self, frame: Frame) {
        if let Frame::Probe(_) = frame {
            self.shared.fan.take_call();
        }
        let number = self.core.machine.handle_handed(frame);
        match frame {
            Frame::Ping(_) => {
                count(&mut self.shared.board().stats.pings_sent);
                trace!(number, "ping");
            }
            Frame::Probe(_) => {
                let now = self.now();
                let mut board = self.shared.board();
                count(&mut board.stats.pings_sent);
                if let Some(probe) = board.probe() {
                    probe.handle_handed(number, now);
                }
                drop(board);
                trace!(number, "probe");
            }
            Frame::Close => {}
        }
    }

    /// Whether a monitor waits for a ping to be sent.
    pub(super) fn wants_probe(&self) -> bool {
        // Cleared before the look, so that a request after it calls again.
        if !self.shared.fan.take_call() {
            return false;
        }
        let wanted = self.shared.board().probe().is_some_and(|probe| probe.is_wanted());
        if wanted {
            self.shared.fan.keep_call();
        }
        wanted
    }

    /// Records that the inner went from not ready to ready.
    pub(super) fn moved(&mut self) {
        if self.core.machine.is_leaving() {
            let now = self.now();
            self.core.machine.handle_moved(now);
        }
    }

    /// Records that the inner finished a flush. `slot` says that one of the user's messages still waits for its own
    /// flush.
    pub(super) fn flushed(&mut self, half: Half, flush: Flush, slot: bool) {
        self.core.machine.handle_emptied();
        let awaited = self.core.machine.awaits_flush(slot);
        if !awaited && !flush.probed {
            return;
        }
        let now = self.now();
        self.flushed_at = Some(now);
        let left = if awaited { self.core.machine.handle_flushed(now, flush.blocked) } else { None };
        if flush.probed {
            if let Some(probe) = self.shared.board().probe() {
                probe.handle_flushed(now);
            }
        }
        if let Some(left) = left {
            // A poll of the reader shows whether it waits.
            if half == Half::Sink {
                self.shared.fan.wake_stream();
            }
            if let Some(watch) = self.core.watch() {
                watch.handle_flushed(now, left == Left::First);
            }
        }
    }

    /// Records a pong that answers the ping of this number, and all before it.
    pub(super) fn answer(&mut self, number: u32) {
        let now = self.now();
        let answer = self.core.machine.handle_answer(number, now);
        let mut board = self.shared.board();
        count(&mut board.stats.pongs_received);
        board.stats.last_inbound = Some(now);
        board.stats.last_pong = Some(now);
        board.foreign = false;
        board.judging = self.core.machine.is_judging();
        let probed = board.probe().and_then(|probe| probe.handle_answer(number, now));
        // It answers both; the later one gives the round-trip time.
        let rtt = probed.into_iter().chain(answer.rtt).min();
        if let Some(rtt) = rtt {
            board.stats.handle_rtt(rtt);
        }
        let heard = board.is_heard();
        drop(board);
        debug!(number, rtt_seconds = rtt.map(|rtt| rtt.as_secs_f64()), "pong");
        if let Some(watch) = self.core.watch().filter(|_| answer.in_part) {
            watch.handle_answered_in_part(now);
        }
        if heard {
            self.tell_answer(probed.is_some(), rtt);
        }
    }

    /// A sign of life came in. Returns whether it was waited for.
    pub(super) fn sign(&mut self) -> bool {
        let now = self.now();
        let awaited = self.core.machine.handle_sign(now);
        let mut board = self.shared.board();
        board.judging = self.core.machine.is_judging();
        board.stats.last_inbound = Some(now);
        board.stats.last_pong = Some(now);
        if awaited {
            count(&mut board.stats.pongs_received);
        }
        awaited
    }

    /// The service says how often it wants heartbeats.
    pub(super) fn pace(&mut self, pace: Pace) {
        let now = self.now();
        self.core.machine.handle_pace(pace.interval, pace.first, now);
    }

    /// A pong came in that answers no ping of ours.
    pub(super) fn note_foreign_pong(&self) {
        self.shared.board().foreign = true;
    }

    #[cold]
    #[inline(never)]
    fn tell_answer(&self, probed: bool, rtt: Option<Duration>) {
        if probed {
            self.shared.announce();
        }
        if let Some(rtt) = rtt {
            self.shared.observe(Told::RoundTrip { rtt });
        }
    }

    /// Keeps the error with which the inner refused one of our frames, while reading goes on (S9).
    pub(super) fn fail(&mut self, source: Box<dyn Error + Send + Sync>) {
        if self.core.end_below().is_some() {
            return;
        }
        let now = self.now();
        let death = self.core.machine.facts(Reason::Refused);
        debug!(cause = Cause::PingFailed.as_str(), error = %source, "suspect");
        let error = report(Cause::PingFailed, death, now, None, self.shared, Some(source));
        self.core.machine.handle_failure(error);
        self.shared.fan.rouse();
    }

    /// Keeps an error for the user's next call: the inner refused the user's message while only the stream half was
    /// polled, or the sink had failed before.
    pub(super) fn keep(&mut self, source: Option<Box<dyn Error + Send + Sync>>) {
        let now = self.now();
        let death = Death { queued: None, flushed: None, deferrals: 0, ..self.core.machine.facts(Reason::Refused) };
        let error = report(Cause::SendFailed, death, now, None, self.shared, source);
        self.core.aside.get_or_insert_default().refusal = Some(error);
        self.shared.fan.rouse();
    }

    /// Returns what the sink fails with: the verdict; or, once, the error that the stream half has met; or, for ever,
    /// that the sink has `failed` before.
    pub(super) fn complaint(&mut self, failed: bool) -> Option<LivenessError> {
        if let Some(account) = self.core.machine.account() {
            return Some(account.clone());
        }
        if failed && !self.core.has_refusal() {
            self.keep(None);
        }
        let refusal = &mut self.core.aside.as_mut()?.refusal;
        if failed { refusal.clone() } else { refusal.take() }
    }

    /// Tells others what has happened.
    pub(super) fn tell(&mut self) {
        while let Some(event) = self.core.machine.poll_event() {
            self.tell_of(event);
        }
    }

    #[inline(never)]
    fn tell_of(&self, event: Event) {
        match event {
            Event::Deferred => self.shared.count_event(Told::Deferred),
            Event::Missed => self.shared.count_event(Told::Missed),
            Event::Suspected => self.tell_suspect(),
            Event::Trusted => _ = self.shared.set_health(Health::Alive),
            Event::Closed => _ = self.shared.set_health(Health::Ended(End::Closed)),
            Event::Died | Event::Unclosed => self.tell_dead(),
            Event::Over | Event::Released => self.shared.fan.rouse(),
        }
    }

    fn tell_suspect(&self) {
        if self.shared.set_health(Health::Suspect) {
            let death = self.core.machine.facts(Reason::Unanswered);
            debug!(misses = death.misses, deferrals = death.deferrals, "suspect");
        }
    }

    fn tell_dead(&self) {
        let Some(error) = self.core.machine.account() else { return };
        let cause = error.cause();
        let (layer, cause_word) = (error.layer().as_str(), cause.as_str());
        warn!(
            layer,
            cause = cause_word,
            misses = error.misses(),
            deferrals = error.deferrals(),
            "connection is dead: {error}"
        );
        let Some(end) = cause.end() else { return };
        let first = self.shared.mark_health(Health::Ended(end), Some(error));
        // Whoever is told may panic: each knows as much as can be.
        self.shared.fan.rouse();
        if first {
            self.shared.announce();
            if cause == Cause::PongTimeout {
                self.shared.observe(Told::Missed);
            }
            self.shared.observe(Told::Ended(end));
        }
    }
}

/// What the machine asks while it judges.
struct Examiner<'a> {
    watch: Option<&'a mut Watch>,
    rate: u64,
    shared: &'a Shared,
}

impl Witness<LivenessError> for Examiner<'_> {
    fn writes(&mut self, now: Time) -> Option<Time> {
        self.watch.as_mut()?.writes(now)
    }

    fn answers(&mut self, frame: bool, now: Time) -> Option<Time> {
        self.watch.as_mut()?.answers(now, frame, self.rate)
    }

    fn account(&mut self, death: Death, now: Time) -> LivenessError {
        if death.reason == Reason::Unanswered {
            count(&mut self.shared.board().stats.misses);
        }
        let (cause, judged) = match death.reason {
            Reason::Unanswered => (Cause::PongTimeout, true),
            Reason::Unsent => (Cause::WriteStalled, true),
            Reason::Refused => (Cause::PingFailed, false),
            Reason::Unclosed { .. } => (Cause::CloseTimeout, false),
            Reason::Abandoned => (Cause::Dropped, false),
            Reason::Flooded { .. } => (Cause::PingFlood, false),
        };
        let watch = self.watch.as_deref().filter(|_| judged);
        report(cause, death, now, watch, self.shared, None)
    }
}

fn report(
    cause: Cause,
    death: Death,
    now: Time,
    watch: Option<&Watch>,
    shared: &Shared,
    source: Option<Box<dyn Error + Send + Sync>>,
) -> LivenessError {
    let board = shared.board();
    LivenessError::new(Report {
        cause,
        layer: board.layer(),
        reason: death.reason,
        diagnosis: watch.map(|watch| watch.diagnose(cause)),
        since_queued: death.queued.map(|at| now.since(at)),
        since_flushed: death.flushed.map(|at| now.since(at)),
        since_pong: board.stats.last_pong.map(|at| now.since(at)),
        deferrals: death.deferrals,
        misses: death.misses,
        foreign: board.foreign,
        stats: board.stats.public(now),
        source,
    })
}
