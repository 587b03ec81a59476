//! The sink half: the user's messages, and the verdict where there is one.

use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};

use crate::drive::Parts;
use crate::error::LivenessError;
use crate::frame::{Kind, Protocol};
use crate::liveness::{CloseBy, View};
use crate::waker::Half;

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.tend(cx, Half::Sink);
        self.judge_from_sink(cx);
        self.check()?;
        if self.driver.machine.holds_writer() {
            return Poll::Pending;
        }
        ready!(self.poll_before(cx))?;
        let polled = self.outbox.poll_permit(self.inner.as_mut(), cx);
        self.note_progress();
        polled
    }

    pub(crate) fn start_send(&mut self, item: M) -> Result<(), <S as Sink<M>>::Error> {
        self.check()?;
        let closes = Protocol::<M, E>::kind(self.protocol, &item) == Kind::Close;
        let sent = self.outbox.send(self.inner.as_mut(), item);
        let refused = matches!(&sent, Err(error) if Protocol::<M, S::Error>::is_transient(self.protocol, error));
        if closes && !refused {
            self.user_closes();
            self.outbox.want_flush();
            // The timer is armed for C in a poll, and the other half may be the only one that will be polled.
            self.shared.fan.wake_all();
        }
        sent
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.tend(cx, Half::Sink);
        self.judge_from_sink(cx);
        self.check()?;
        ready!(self.poll_before(cx))?;
        let progress = ready!(self.outbox.poll_flush(self.inner.as_mut(), cx))?;
        if self.driver.machine.awaits_flush() || self.driver.probing {
            self.note_flushed(progress);
            self.settle(cx, false);
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.check_verdict()?;
        self.user_closes();
        self.tend(cx, Half::Sink);
        self.check_verdict()?;
        if self.poll_before(cx)?.is_ready() {
            if let Poll::Ready(closed) = self.inner.as_mut().poll_close(cx) {
                self.note_flushed(true);
                return Poll::Ready(closed.and_then(|()| self.check()));
            }
        }
        self.judge_from_sink(cx);
        self.check_verdict()?;
        if self.driver.machine.is_over() { Poll::Ready(self.check()) } else { Poll::Pending }
    }

    /// The user's message whose permit a ping has used goes before whatever the user wants now.
    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if !self.outbox.has_slot() {
            return Poll::Ready(Ok(()));
        }
        let polled = self.poll_slot(cx);
        self.settle(cx, false);
        polled
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

    /// The sink has failed for good, or the stream half has met an error that is the sink's to tell, once.
    #[inline]
    fn check(&mut self) -> Result<(), <S as Sink<M>>::Error> {
        self.check_verdict()?;
        let kept = self.driver.aside.as_mut().and_then(|aside| aside.write_error.take());
        self.tell(kept)
    }

    #[inline]
    fn check_verdict(&self) -> Result<(), <S as Sink<M>>::Error> {
        self.tell(self.driver.error().cloned())
    }

    #[inline]
    fn tell(&self, error: Option<LivenessError>) -> Result<(), <S as Sink<M>>::Error> {
        match error {
            None => Ok(()),
            Some(error) => Err(Protocol::<M, S::Error>::error(self.protocol, error)),
        }
    }
}
