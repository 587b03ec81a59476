//! What a judgement leads to, and every other failure: who is told, and what.

use std::error::Error;

use futures_util::{Sink, Stream};
use tracing::{debug, warn};

use crate::drive::Parts;
use crate::error::{Cause, LivenessError, Report};
use crate::frame::Protocol;
use crate::liveness::{Judgement, Time, UnderWay, View};
use crate::monitor::Health;
use crate::stats::count;

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn note_judgement(&mut self, judgement: Judgement, under_way: UnderWay, now: Time, view: View) {
        match judgement {
            Judgement::Deferred => count(&mut self.shared.board().stats.deferrals),
            Judgement::Missed => count(&mut self.shared.board().stats.misses),
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
            self.driver.aside().error = Some(self.report(Cause::PingFailed, under_way, now, Some(source)));
            self.shared.fan.wake_all();
        }
    }

    /// The inner refused what is the user's, and the stream half was the one to hear of it.
    pub(crate) fn keep(&mut self, error: <S as Sink<M>>::Error) {
        let source = Protocol::<M, S::Error>::source(self.protocol, error);
        let now = self.now();
        self.outbox.give_up();
        self.driver.aside().write_error = Some(self.report(Cause::SendFailed, UnderWay::default(), now, Some(source)));
        self.shared.fan.wake_all();
    }

    pub(crate) fn condemn(&mut self, cause: Cause, under_way: UnderWay, now: Time) {
        if cause == Cause::PongTimeout {
            count(&mut self.shared.board().stats.misses);
        }
        let error = match self.driver.error() {
            Some(kept) => kept.clone(),
            None => self.report(cause, under_way, now, None),
        };
        warn!(%cause, misses = error.misses(), deferrals = error.deferrals(), "connection is dead: {error}");
        self.driver.aside().error = Some(error);
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
        self.driver.busy = true;
        // A timer of a runtime that is gone is not to be polled again.
        self.driver.timer.arm(self.shared.clock(), self.driver.machine.poll_timeout());
        let error = self.report(Cause::Dropped, under_way, now, None);
        self.driver.aside().error.get_or_insert(error);
        self.shared.set_health(Health::Ended(Cause::Dropped));
        self.shared.fan.wake_all();
    }

    fn report(
        &self,
        cause: Cause,
        under_way: UnderWay,
        now: Time,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> LivenessError {
        let judged = matches!(cause, Cause::PongTimeout | Cause::WriteStalled);
        let watch = self.driver.aside.as_ref().and_then(|aside| aside.watch.as_ref()).filter(|_| judged);
        let board = self.shared.board();
        LivenessError::new(Report {
            cause,
            diagnosis: watch.map(|watch| watch.diagnose(cause)),
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
