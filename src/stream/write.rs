//! The sink half: the user's messages, and the verdict if there is one.

use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};

use super::driver::Driver;
use super::wire::Flush;
use crate::error::LivenessError;
use crate::liveness::CloseBy;
use crate::message::{MessageKind, Protocol, ProtocolOf};

/// What the user says in a Close.
pub(crate) struct Goodbye {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// What the user polls the sink for.
#[derive(Clone, Copy)]
pub(super) enum Want {
    Ready,
    Flush,
    Close,
}

impl<S, P, M, E> Driver<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    pub(super) fn poll_write(&mut self, want: Want, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        match want {
            Want::Ready => self.poll_ready(cx),
            Want::Flush => self.poll_flush_by_user(cx),
            Want::Close => self.poll_close(cx),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.begin(cx);
        self.check()?;
        if self.pilot.core.machine.holds_writer() {
            return Poll::Pending;
        }
        ready!(self.poll_before(cx))?;
        let polled = self.wire.as_mut().poll_permit(cx);
        self.note_moved();
        self.noting(polled)
    }

    fn poll_flush_by_user(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.begin(cx);
        self.check()?;
        ready!(self.poll_before(cx))?;
        let polled = self.poll_flush(cx);
        let polled = self.noting(polled);
        self.settle(cx);
        polled
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.check_verdict()?;
        self.user_closes();
        self.begin(cx);
        self.check_verdict()?;
        if self.wire.book.is_failed() {
            return Poll::Ready(self.check());
        }
        if self.poll_before(cx)?.is_ready() {
            let polled = self.wire.as_mut().poll_close(cx);
            if let Poll::Ready(closed) = self.noting(polled) {
                if closed.is_ok() {
                    self.pilot.flushed(self.half, Flush::default(), self.wire.has_slot());
                }
                self.settle(cx);
                return Poll::Ready(closed.and_then(|()| self.check()));
            }
        }
        self.settle(cx);
        if self.pilot.overdue() {
            return Poll::Ready(self.check_verdict());
        }
        if self.pilot.core.machine.is_over() { Poll::Ready(self.check()) } else { Poll::Pending }
    }

    /// The user's Close leaves as soon as the inner takes it; C runs from the first call.
    pub(super) fn poll_close_with(
        &mut self,
        goodbye: &mut Option<Goodbye>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if goodbye.is_some() {
            self.check_verdict()?;
            if !self.pilot.core.machine.is_over() {
                self.pilot.close(CloseBy::Intent);
            }
            self.begin(cx);
            if self.try_goodbye(goodbye, cx)?.is_pending() {
                self.settle(cx);
                if !self.pilot.overdue() {
                    return Poll::Pending;
                }
            }
        }
        self.poll_close(cx)
    }

    /// Ready when there is nothing more to say: it was said, or the inner has said something already.
    fn try_goodbye(
        &mut self,
        goodbye: &mut Option<Goodbye>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        // A sink may refuse for now what it was ready for; a flush may have made room.
        for _ in 0..2 {
            let unsaid = self.pilot.core.machine.is_unsaid() && !self.wire.book.is_failed();
            let Some(words) = goodbye.as_ref().filter(|_| unsaid) else { break };
            ready!(self.poll_before(cx))?;
            let polled = self.wire.as_mut().poll_permit(cx);
            self.note_moved();
            ready!(self.noting(polled))?;
            let close = Protocol::<M, E>::close(self.protocol, words.code, &words.reason);
            match self.start_send(close) {
                Ok(()) => break,
                Err(error) if self.wire.book.is_failed() => return Poll::Ready(Err(error)),
                Err(_) => ready!(self.poll_flush(cx))?,
            }
        }
        if self.pilot.core.machine.is_unsaid() && !self.wire.book.is_failed() {
            return Poll::Pending;
        }
        *goodbye = None;
        Poll::Ready(Ok(()))
    }

    pub(super) fn start_send(&mut self, item: M) -> Result<(), <S as Sink<M>>::Error> {
        self.check()?;
        let closes = Protocol::<M, E>::kind(self.protocol, &item) == MessageKind::Close;
        let sent = self.wire.as_mut().send(item);
        if let Err(error) = &sent {
            self.is_lasting(error);
        }
        let refused = sent.is_err() && !self.wire.book.is_failed();
        if closes && !refused {
            self.user_closes();
            self.wire.as_mut().book().want_flush();
        }
        sent
    }

    /// Sends the user's message whose permit a ping has used, before doing what the user wants now.
    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if !self.wire.has_slot() {
            return Poll::Ready(Ok(()));
        }
        let polled = self.poll_slot(cx);
        let polled = self.noting(polled);
        self.settle(cx);
        polled
    }

    /// Stops the pings and starts C. The next poll sets the timer.
    fn user_closes(&mut self) {
        if !self.pilot.core.machine.is_over() {
            self.pilot.close(CloseBy::User);
        }
    }

    fn noting<T>(&mut self, polled: Poll<Result<T, <S as Sink<M>>::Error>>) -> Poll<Result<T, <S as Sink<M>>::Error>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.is_lasting(error);
        }
        polled
    }

    #[inline(never)]
    fn check(&mut self) -> Result<(), <S as Sink<M>>::Error> {
        let complaint = self.pilot.complaint(self.wire.book.is_failed());
        self.complain(complaint)
    }

    #[inline(never)]
    fn check_verdict(&self) -> Result<(), <S as Sink<M>>::Error> {
        self.complain(self.pilot.core.machine.account().cloned())
    }

    fn complain(&self, error: Option<LivenessError>) -> Result<(), <S as Sink<M>>::Error> {
        match error {
            None => Ok(()),
            Some(error) => Err(Protocol::<M, S::Error>::error(self.protocol, error)),
        }
    }
}
