//! One poll of a `LiveStream`: the timer and the judging. What that leads to is in `verdict.rs`, our own frames are in
//! `pump.rs`, reading is in `read.rs`, the user's writing in `write.rs`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::waker_ref;
use futures_util::{Sink, Stream};
use tracing::debug;

use crate::driver::Driver;
use crate::error::Cause;
use crate::frame::Protocol;
use crate::liveness::{Time, View};
use crate::monitor::{Health, Shared};
use crate::outbox::Outbox;
use crate::stats::count;
use crate::waker::Half;

/// A `LiveStream` in a poll.
pub(crate) struct Parts<'a, S: Stream, P> {
    pub(crate) inner: Pin<&'a mut S>,
    pub(crate) protocol: &'a P,
    pub(crate) outbox: &'a mut Outbox<S::Item>,
    pub(crate) driver: &'a mut Driver,
    pub(crate) shared: &'a Arc<Shared>,
}

impl<S: Stream, P> Parts<'_, S, P> {
    /// Reads the clock; what came in before counts as of now.
    pub(crate) fn now(&mut self) -> Time {
        let now = self.shared.clock().now();
        if self.driver.machine.take_inbound() {
            self.shared.board().stats.last_inbound = Some(now);
        }
        now
    }

    fn poll_timer(&mut self) -> Poll<()> {
        self.driver.timer.poll(&mut Context::from_waker(&waker_ref(self.shared)))
    }
}

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    /// The first step of every poll that is not idle: the timer's and the monitors' wishes, then our own frames.
    pub(crate) fn tend(&mut self, cx: &mut Context<'_>, half: Half) {
        self.driver.half = half;
        if self.shared.fan.take_call() {
            self.driver.probing |= self.shared.board().probe().is_some_and(|probe| probe.is_wanted());
        }
        if !self.driver.is_wanted(self.outbox.is_busy()) {
            return;
        }
        let backlogged = half == Half::Stream && self.driver.after_item;
        if self.driver.timer.wants_poll() {
            self.look_at_timer(backlogged);
        }
        self.settle(cx, backlogged);
    }

    /// When to: the stream half is about to read. A deadline that was left to it is due again (V4).
    pub(crate) fn take_over(&mut self) {
        if self.driver.machine.take_over() {
            self.driver.timer.arm(self.shared.clock(), self.driver.machine.poll_timeout());
        }
    }

    fn look_at_timer(&mut self, backlogged: bool) -> bool {
        let fired = self.poll_timer().is_ready();
        if fired {
            self.driver.backlogged = backlogged;
            let now = self.now();
            self.driver.machine.handle_timeout(now);
        }
        fired
    }

    /// Sends what is to be sent and arms the timer for what comes next, until neither changes anything.
    pub(crate) fn settle(&mut self, cx: &mut Context<'_>, backlogged: bool) {
        loop {
            self.watch_ping();
            self.pump(cx);
            let at = self.driver.machine.poll_timeout();
            let again = match self.driver.timer.expired() {
                // What has expired and is not for `handle_timeout` waits for its judge.
                Some(expired) if at <= expired => self.driver.machine.is_due(expired),
                // The deadline moves with every absence: the timer follows when it fires.
                _ if self.driver.machine.is_sent() && self.driver.timer.fires_by(at) => false,
                _ => self.driver.timer.arm(self.shared.clock(), at),
            };
            if !again || !self.look_at_timer(backlogged) {
                break;
            }
        }
        self.show_health();
        self.release();
        let driver = &mut *self.driver;
        driver.busy = self.outbox.is_busy()
            || driver.probing
            || driver.has_write_error()
            || driver.machine.counts_waiting()
            || !driver.machine.is_open()
            || driver.machine.is_queued();
    }

    /// What has moved below the messages moves the deadline (P).
    fn look_below(&mut self, now: Time, view: View) {
        let Some((machine, watch)) = self.driver.watched().filter(|(machine, _)| machine.is_expired(now)) else {
            return;
        };
        if machine.is_queued() {
            if let Some(since) = watch.writes(now) {
                machine.handle_progress(since);
            }
        } else if matches!(view, View::Drained { .. }) {
            let rate = machine.config().min_progress_rate();
            if let Some(since) = watch.answers(now, machine.heard_frame(), rate) {
                machine.handle_moving(since);
            }
        }
    }

    fn watch_ping(&mut self) {
        if let Some((machine, watch)) = self.driver.watched() {
            if let Some(at) = machine.queued_at() {
                watch.handle_queued(at);
            }
        }
    }

    /// Who was held back waits for no event of the inner's: he is told.
    fn release(&mut self) {
        let holds = self.driver.machine.holds_writer();
        if self.outbox.hold(holds) && !holds {
            self.shared.fan.wake_all();
        }
    }

    fn show_health(&mut self) {
        let machine = &self.driver.machine;
        let suspect = machine.is_suspect();
        let changed = std::mem::replace(&mut self.driver.suspect, suspect) != suspect;
        let health = match suspect {
            _ if machine.is_closed() => Health::Ended(Cause::Closed),
            // Mostly there is nothing to tell.
            _ if !changed => return,
            true => Health::Suspect,
            false => Health::Alive,
        };
        if self.shared.set_health(health) && health == Health::Suspect {
            debug!(misses = machine.misses(), deferrals = machine.under_way().deferrals, "suspect");
        }
    }

    pub(crate) fn answer(&mut self, number: u32) {
        let now = self.now();
        let answer = self.driver.machine.handle_answer(number, now);
        let mut board = self.shared.board();
        count(&mut board.stats.pongs_received);
        board.stats.last_inbound = Some(now);
        board.stats.last_pong = Some(now);
        board.judging = self.driver.machine.is_judging();
        let probed = board.probe().and_then(|probe| probe.handle_answer(number, now));
        // It answers both; the later one tells how long it took.
        let rtt = probed.into_iter().chain(answer.rtt).min();
        if let Some(rtt) = rtt {
            board.stats.handle_rtt(rtt);
        }
        // Whoever hears of it may want to look at the board.
        if probed.is_some() {
            self.shared.announce(board);
        } else {
            drop(board);
        }
        debug!(number, rtt = rtt.map(tracing::field::debug), "pong");
    }

    /// Judges where the timer, polled now, has expired: after everything else that this poll does (J5).
    pub(crate) fn judge(&mut self, cx: &mut Context<'_>, view: View) {
        if !self.driver.timer.is_expired() || self.poll_timer().is_pending() {
            return;
        }
        let now = self.now();
        self.look_below(now, view);
        let under_way = self.driver.machine.under_way();
        let judgement = self.driver.machine.judge(now, view);
        self.note_judgement(judgement, under_way, now, view);
        self.settle(cx, false);
    }
}
