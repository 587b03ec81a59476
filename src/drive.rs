//! One poll of a `LiveStream`: the timer, the judging and what it leads to. Our own frames are in `pump.rs`, reading is
//! in `read.rs`, the user's writing in `write.rs`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::waker_ref;
use futures_util::{Sink, Stream};
use tracing::{debug, warn};

use crate::deadline::Deadline;
use crate::error::{Cause, LivenessError, Report};
use crate::frame::Protocol;
use crate::liveness::{Judgement, Liveness, Time, UnderWay, View};
use crate::monitor::{Health, Shared};
use crate::outbox::Outbox;
use crate::waker::Half;

/// What a `LiveStream` keeps for itself.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) machine: Liveness,
    pub(crate) timer: Deadline,
    /// Kept from the moment the sink has failed; the stream yields it once.
    pub(crate) error: Option<LivenessError>,
    /// The stream has nothing more to tell.
    pub(crate) told: bool,
    /// There is more to do in a poll than to pass on messages.
    pub(crate) busy: bool,
    /// The last `poll_next` returned an item.
    pub(crate) after_item: bool,
    /// The expiry was noticed by a `poll_next` whose predecessor returned an item (J7).
    pub(crate) backlogged: bool,
    /// The stream half was polled since it last missed its turn at a deadline (V4).
    pub(crate) reader: bool,
    /// A probe waits to be handed to the inner, or to be flushed.
    pub(crate) probing: bool,
    /// Our ping holds back the user's writes (J1).
    holds: bool,
}

impl Driver {
    pub(crate) fn new(machine: Liveness) -> Self {
        Self {
            machine,
            timer: Deadline::default(),
            error: None,
            told: false,
            busy: false,
            after_item: false,
            backlogged: false,
            reader: false,
            probing: false,
            holds: false,
        }
    }

    pub(crate) fn machine(&self) -> &Liveness {
        &self.machine
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.machine.is_over() && (self.told || self.error.is_none())
    }
}

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
        let now = self.shared.clock.now();
        if self.driver.machine.take_inbound() {
            self.shared.board().stats.last_inbound = Some(now);
        }
        now
    }

    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.driver.busy || self.shared.wants_attention()
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
        let backlogged = half == Half::Stream && self.driver.after_item;
        if half == Half::Stream && self.driver.machine.take_over() {
            self.driver.timer.arm(self.shared.clock, self.driver.machine.poll_timeout());
            self.look_at_timer(backlogged);
        } else if self.shared.take_attention() && !self.driver.timer.is_expired() {
            self.look_at_timer(backlogged);
        }
        self.settle(cx, backlogged);
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
            self.pump(cx);
            let at = self.driver.machine.poll_timeout();
            let again = match self.driver.timer.expired() {
                // What has expired and is not for `handle_timeout` waits for its judge.
                Some(expired) if at <= expired => self.driver.machine.is_due(expired),
                _ => self.driver.timer.arm(self.shared.clock, at),
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
            || !driver.machine.is_open()
            || driver.machine.is_queued()
            || driver.machine.is_lapsed()
            || driver.timer.is_expired();
    }

    /// Who was held back waits for no event of the inner's: he is told.
    fn release(&mut self) {
        let holds = self.driver.machine.holds_writer();
        if std::mem::replace(&mut self.driver.holds, holds) && !holds {
            self.shared.fan.wake_all();
        }
    }

    fn show_health(&mut self) {
        let machine = &self.driver.machine;
        let health = match machine.is_suspect() {
            _ if machine.is_closed() => Health::Ended(Cause::Closed),
            true => Health::Suspect,
            false => Health::Alive,
        };
        if self.shared.set_health(health) && health == Health::Suspect {
            debug!(misses = machine.misses(), deferrals = machine.under_way().deferrals, "suspect");
        }
    }

    pub(crate) fn answer(&mut self, number: u32) {
        let now = self.now();
        let rtt = self.driver.machine.handle_answer(number, now).rtt;
        let mut board = self.shared.board();
        board.stats.pongs_received += 1;
        board.stats.last_inbound = Some(now);
        board.stats.last_pong = Some(now);
        board.judging = self.driver.machine.is_judging();
        if let Some(rtt) = rtt {
            board.stats.handle_rtt(rtt);
        }
        let probed = board.probe().is_some_and(|probe| probe.handle_answer(number, now));
        // Whoever hears of it may want to look at the board.
        if probed {
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
        let under_way = self.driver.machine.under_way();
        let judgement = self.driver.machine.judge(now, view);
        self.note_judgement(judgement, under_way, now, view);
        self.settle(cx, false);
    }

    fn note_judgement(&mut self, judgement: Judgement, under_way: UnderWay, now: Time, view: View) {
        match judgement {
            Judgement::Deferred => self.shared.board().stats.deferrals += 1,
            Judgement::Missed => self.shared.board().stats.misses += 1,
            Judgement::Unjudged if matches!(view, View::Sink { .. }) => {
                self.driver.reader &= self.driver.machine.is_lapsed();
            }
            Judgement::Verdict(cause) => self.condemn(cause, under_way, now),
            Judgement::Closed => {
                self.shared.set_health(Health::Ended(Cause::Closed));
            }
            _ => {}
        }
    }

    /// The inner refused one of our frames: kept, while reading goes on (S9).
    pub(crate) fn fail(&mut self, error: <S as Sink<M>>::Error) {
        let source = Protocol::<M, S::Error>::source(self.protocol, error);
        let now = self.now();
        let under_way = self.driver.machine.under_way();
        self.outbox.give_up();
        self.driver.machine.handle_failure();
        if self.driver.machine.is_failed() {
            debug!(cause = %Cause::PingFailed, error = %source, "suspect");
            self.driver.error = Some(self.report(Cause::PingFailed, under_way, now, Some(source)));
            self.shared.fan.wake_all();
        }
    }

    pub(crate) fn condemn(&mut self, cause: Cause, under_way: UnderWay, now: Time) {
        if cause == Cause::PongTimeout {
            self.shared.board().stats.misses += 1;
        }
        let error = match self.driver.error.take() {
            Some(kept) => kept,
            None => self.report(cause, under_way, now, None),
        };
        warn!(%cause, misses = error.misses(), deferrals = error.deferrals(), "connection is dead: {error}");
        self.driver.error = Some(error);
        self.shared.set_health(Health::Ended(cause));
        self.shared.fan.wake_all();
    }

    /// Nobody drives the socket any more: an error for whoever still waits, and no end of waiting for nobody (B6).
    pub(crate) fn abandon(&mut self) {
        if self.driver.machine.is_over() {
            return;
        }
        let now = self.now();
        let under_way = self.driver.machine.under_way();
        self.driver.machine.handle_end();
        // A timer of a runtime that is gone is not to be polled again.
        self.driver.timer.arm(self.shared.clock, self.driver.machine.poll_timeout());
        let error = self.report(Cause::Dropped, under_way, now, None);
        self.driver.error.get_or_insert(error);
        self.shared.set_health(Health::Ended(Cause::Dropped));
        self.shared.fan.wake_all();
    }

    fn report(
        &self,
        cause: Cause,
        under_way: UnderWay,
        now: Time,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> LivenessError {
        let board = self.shared.board();
        LivenessError::new(Report {
            cause,
            since_queued: under_way.queued.map(|at| now.since(at)),
            since_flushed: under_way.flushed.map(|at| now.since(at)),
            since_pong: board.stats.last_pong.map(|at| now.since(at)),
            deferrals: under_way.deferrals,
            misses: self.driver.machine.misses(),
            stats: board.stats.public(now),
            source,
        })
    }
}
