//! What waits for the inner's write side, and the Sink contract: each `start_send` follows its own `poll_ready` (S6).

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Sink;

/// The book of the write side. `I` is the inner's item, since that is the only name for its message type here.
#[derive(Debug)]
pub(crate) struct Outbox<I> {
    /// The user's message whose permit a ping has used. Boxed: it is nearly always empty.
    slot: Option<Box<I>>,
    permit: Permit,
    /// The inner was not ready when it was last asked.
    blocked: bool,
    /// The inner went from not ready to ready.
    progress: bool,
    /// The inner had no room for our frame although it was ready: a flush comes first.
    full: bool,
    /// The last flush was not finished.
    flushing: bool,
    /// Something that is not the user's to flush has to leave.
    unflushed: bool,
    /// Our ping holds back the user's writes (J1).
    holds: bool,
}

/// The user's right to one `start_send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permit {
    None,
    /// The inner's.
    Held,
    /// The inner's was used for a ping; the user's message goes to the slot.
    Owed,
}

impl<I> Default for Outbox<I> {
    fn default() -> Self {
        Self {
            slot: None,
            permit: Permit::None,
            blocked: false,
            progress: false,
            full: false,
            flushing: false,
            unflushed: false,
            holds: false,
        }
    }
}

impl<I> Outbox<I> {
    /// There is something to write or to flush that the user does not drive.
    pub(crate) fn is_busy(&self) -> bool {
        self.slot.is_some() || self.unflushed || self.permit == Permit::Owed
    }

    pub(crate) fn has_slot(&self) -> bool {
        self.slot.is_some()
    }

    pub(crate) fn into_slot(self) -> Option<I> {
        self.slot.map(|item| *item)
    }

    pub(crate) fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// When to: the inner holds something that has to leave although the user may never write (S8).
    pub(crate) fn want_flush(&mut self) {
        self.unflushed = true;
    }

    /// Ready where a flush is finished; then whether that is write progress: not where there was nothing to flush, since
    /// there are sinks that are full and flushed at the same time.
    #[inline]
    pub(crate) fn poll_flush<S: Sink<M>, M>(
        &mut self,
        inner: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, S::Error>> {
        let waited = self.flushing;
        match inner.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.full = false;
                self.flushing = false;
                self.unflushed = false;
                Poll::Ready(Ok(waited))
            }
            Poll::Pending => {
                self.flushing = true;
                Poll::Pending
            }
            Poll::Ready(Err(error)) => {
                self.flushing = false;
                Poll::Ready(Err(error))
            }
        }
    }

    /// When to: the user's message goes straight to the inner.
    #[inline]
    pub(crate) fn use_permit(&mut self) {
        self.permit = Permit::None;
    }

    /// When to: the inner's write side is of no use any more. What belongs to the user stays.
    pub(crate) fn give_up(&mut self) {
        *self = Self { slot: self.slot.take(), permit: self.permit, ..Self::default() };
    }

    /// Whether the user's writes are held back. What was before.
    pub(crate) fn hold(&mut self, holds: bool) -> bool {
        std::mem::replace(&mut self.holds, holds)
    }

    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// The user's `poll_ready`: the permit is his.
    #[inline]
    pub(crate) fn poll_permit<S: Sink<M>, M>(
        &mut self,
        inner: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>> {
        let polled = self.poll_ready(inner, cx);
        if let Poll::Ready(Ok(())) = polled {
            self.permit = Permit::Held;
        }
        polled
    }

    #[inline]
    pub(crate) fn poll_ready<S: Sink<M>, M>(
        &mut self,
        inner: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>> {
        match inner.poll_ready(cx) {
            Poll::Pending => {
                self.blocked = true;
                Poll::Pending
            }
            Poll::Ready(ready) => {
                self.progress |= std::mem::take(&mut self.blocked);
                Poll::Ready(ready)
            }
        }
    }

    /// Hands over a frame of ours; the inner was asked for its permit just before.
    pub(crate) fn send_ours<S: Sink<M>, M>(&mut self, inner: Pin<&mut S>, frame: M) -> Result<(), S::Error> {
        if self.permit == Permit::Held {
            self.permit = Permit::Owed;
        }
        self.unflushed = true;
        inner.start_send(frame)
    }

    /// When to: the inner refused our frame for now; it kept its permit as far as the user is concerned.
    pub(crate) fn handle_full(&mut self) {
        self.full = true;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }
}

impl<M, E> Outbox<Result<M, E>> {
    /// The user's `start_send`.
    pub(crate) fn send<S: Sink<M>>(&mut self, mut inner: Pin<&mut S>, item: M) -> Result<(), S::Error> {
        let owed = std::mem::replace(&mut self.permit, Permit::None) == Permit::Owed;
        if !owed && self.slot.is_none() {
            return inner.start_send(item);
        }
        // Only a caller that did not ask `poll_ready` finds the slot occupied; order is kept all the same.
        let before = self.slot.replace(Box::new(Ok(item)));
        match before.map(|item| *item) {
            Some(Ok(before)) => inner.as_mut().start_send(before),
            _ => Ok(()),
        }
    }

    /// Hands over the user's message that waits in the slot; the inner was asked for its permit just before.
    pub(crate) fn send_slot<S: Sink<M>>(&mut self, inner: Pin<&mut S>) -> Result<(), S::Error> {
        match self.slot.take().map(|item| *item) {
            Some(Ok(item)) => inner.start_send(item),
            _ => Ok(()),
        }
    }

    /// Takes back the permit that a ping has used, where the inner has one.
    pub(crate) fn reclaim<S: Sink<M>>(&mut self, inner: Pin<&mut S>, cx: &mut Context<'_>) -> Result<(), S::Error> {
        if self.permit == Permit::Owed && self.poll_ready(inner, cx)?.is_ready() {
            self.permit = Permit::Held;
        }
        Ok(())
    }
}
