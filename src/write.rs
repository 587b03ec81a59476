//! The sink half: the user's messages, and the verdict where there is one.

use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};

use crate::drive::Parts;
use crate::frame::{Kind, Protocol};
use crate::liveness::{CloseBy, View};
use crate::waker::Half;

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if self.is_busy() {
            self.tend(cx, Half::Sink);
            self.judge_from_sink(cx);
            self.check()?;
            if self.driver.machine.holds_writer() || self.outbox.has_slot() {
                return Poll::Pending;
            }
        }
        ready!(self.outbox.poll_ready(self.inner.as_mut(), cx))?;
        self.note_progress();
        self.outbox.grant();
        Poll::Ready(Ok(()))
    }

    pub(crate) fn start_send(&mut self, item: M) -> Result<(), <S as Sink<M>>::Error> {
        self.check()?;
        if Protocol::<M, E>::kind(self.protocol, &item) == Kind::Close {
            self.user_closes();
            // The timer is armed for C in a poll, and the other half may be the only one that will be polled.
            self.shared.fan.wake_all();
        }
        self.outbox.send(self.inner.as_mut(), item)
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if self.is_busy() {
            self.tend(cx, Half::Sink);
            self.judge_from_sink(cx);
            self.check()?;
            if self.outbox.has_slot() {
                return Poll::Pending;
            }
        }
        let progress = ready!(self.outbox.poll_flush(self.inner.as_mut(), cx))?;
        if self.driver.machine.awaits_flush() || self.driver.probing {
            self.note_flushed(progress);
            self.settle(cx, false);
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.check()?;
        self.user_closes();
        self.tend(cx, Half::Sink);
        self.check()?;
        if !self.outbox.has_slot() {
            if let Poll::Ready(closed) = self.inner.as_mut().poll_close(cx) {
                return Poll::Ready(closed);
            }
        }
        self.judge_from_sink(cx);
        self.check()?;
        if self.driver.machine.is_over() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// No ping any more, and C runs; the timer is armed in the next poll.
    fn user_closes(&mut self) {
        if !self.driver.machine.is_over() {
            self.begin_close(CloseBy::User);
            self.driver.busy = true;
        }
    }

    fn judge_from_sink(&mut self, cx: &mut Context<'_>) {
        let reader = self.driver.reader;
        self.judge(cx, View::Sink { reader });
    }

    /// The sink has failed for good.
    #[inline]
    fn check(&self) -> Result<(), <S as Sink<M>>::Error> {
        match &self.driver.error {
            None => Ok(()),
            Some(error) => Err(Protocol::<M, S::Error>::error(self.protocol, error.clone())),
        }
    }
}
