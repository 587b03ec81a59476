//! The inner socket and what waits for its write side. Keeps the Sink contract, each `start_send` after its own
//! `poll_ready` (S6), never polls a sink that has failed (S10), and knows nothing of liveness.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use pin_project_lite::pin_project;

pin_project! {
    /// The inner, and the book of its write side.
    #[derive(Debug)]
    pub(super) struct Wire<S: Stream> {
        #[pin]
        inner: S,
        // Nearly always empty. The bound on the struct, and so the one on `LiveStream`, is for `S::Item` here; without it
        // the message would have to be a type parameter of its own that every user spells.
        kept: Option<Box<Kept<S::Item>>>,
        pub(super) book: Book,
    }
}

/// Messages on their way.
#[derive(Debug)]
struct Kept<I> {
    /// The user's message whose permit a ping has used.
    slot: Option<I>,
    /// What was read while something else was still to do. It stays where that panicked (V6).
    read: Option<I>,
}

impl<I> Default for Kept<I> {
    fn default() -> Self {
        Self { slot: None, read: None }
    }
}

#[derive(Debug, Default)]
pub(super) struct Book {
    permit: Permit,
    /// The inner was not ready when it was last asked.
    blocked: bool,
    /// It went from not ready to ready, and nobody has asked since.
    moved: bool,
    pub(super) flush: Flush,
    /// The sink has failed.
    failed: bool,
}

/// What the next flush that is finished ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flush {
    /// The last one was not finished: bytes move by this one. Else there may be nothing to flush, since there are sinks
    /// that are full and flushed at the same time.
    pub(super) blocked: bool,
    /// The inner had no room for our frame although it was ready.
    full: bool,
    /// Something that is not the user's to flush has to leave.
    unflushed: bool,
    /// A probe is among it.
    pub(super) probed: bool,
}

/// The user's right to one `start_send`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Permit {
    #[default]
    None,
    /// The inner's.
    Held,
    /// The inner's was used for a ping; the user's message goes to the slot.
    Owed,
}

impl Book {
    /// There is something to write or to flush that the user does not drive.
    #[inline]
    fn is_busy(&self) -> bool {
        self.flush.unflushed || self.permit == Permit::Owed
    }

    pub(super) fn is_full(&self) -> bool {
        self.flush.full
    }

    pub(super) fn is_unflushed(&self) -> bool {
        self.flush.unflushed && !self.failed
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failed
    }

    /// The inner holds something that has to leave although the user may never write (S8).
    pub(super) fn want_flush(&mut self) {
        self.flush.unflushed = true;
    }

    /// The inner refused our frame for now; it kept its permit as far as the user is concerned.
    pub(super) fn handle_full(&mut self) {
        self.flush.full = true;
    }

    /// The sink returned an error. Until that is known to be just for now the sink has failed: also if the code that is
    /// to know panics.
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    /// It is known: for good, or just for now. What belongs to the user stays.
    pub(super) fn settle_error(&mut self, transient: bool) {
        if transient {
            self.failed = false;
        } else {
            *self = Self { permit: self.permit, failed: true, ..Self::default() };
        }
    }

    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }
}

impl<S: Stream> Wire<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, kept: None, book: Book::default() }
    }

    pub(super) fn inner(&self) -> &S {
        &self.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    pub(super) fn inner_pin(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().inner
    }

    pub(super) fn book(self: Pin<&mut Self>) -> &mut Book {
        self.project().book
    }

    pub(super) fn into_parts(self) -> (S, Option<S::Item>) {
        (self.inner, self.kept.and_then(|kept| kept.slot))
    }

    #[inline]
    pub(super) fn has_slot(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.slot.is_some())
    }

    /// Something was read that the user has not seen.
    #[inline]
    pub(super) fn has_read(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.read.is_some())
    }

    /// Keeps what was read until `take_read`.
    pub(super) fn keep_read(self: Pin<&mut Self>, item: S::Item) {
        self.project().kept.get_or_insert_default().read = Some(item);
    }

    pub(super) fn take_read(self: Pin<&mut Self>) -> Option<S::Item> {
        let kept = self.project().kept;
        let read = kept.as_mut()?.read.take();
        if read.is_some() {
            kept.take_if(|kept| kept.slot.is_none());
        }
        read
    }

    /// There is something to write or to flush that the user does not drive, and a sink for it.
    #[inline]
    pub(super) fn is_busy(&self) -> bool {
        (self.book.is_busy() || self.has_slot()) && !self.book.failed
    }

    #[inline]
    pub(super) fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.project().inner.poll_next(cx)
    }

    #[inline]
    pub(super) fn poll_flush<M>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Sink<M>,
    {
        let this = self.project();
        let polled = this.inner.poll_flush(cx);
        match &polled {
            Poll::Pending => this.book.flush.blocked = true,
            Poll::Ready(_) => this.book.flush = Flush::default(),
        }
        polled
    }

    #[inline]
    pub(super) fn poll_ready<M>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Sink<M>,
    {
        let this = self.project();
        let polled = this.inner.poll_ready(cx);
        match &polled {
            Poll::Ready(_) if this.book.blocked => {
                (this.book.blocked, this.book.moved) = (false, true);
            }
            Poll::Ready(_) => {}
            Poll::Pending => this.book.blocked = true,
        }
        polled
    }

    /// The user's `poll_ready`: the permit is the user's.
    #[inline]
    pub(super) fn poll_permit<M>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Sink<M>,
    {
        let polled = self.as_mut().poll_ready(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.book().permit = Permit::Held;
        }
        polled
    }

    /// The user's `start_send` when nothing of ours is in between.
    #[inline]
    pub(super) fn send_at_once<M>(self: Pin<&mut Self>, item: M) -> Result<(), S::Error>
    where
        S: Sink<M>,
    {
        let this = self.project();
        this.book.permit = Permit::None;
        this.inner.start_send(item)
    }

    /// Hands over a frame of ours; the inner was asked for its permit just before.
    pub(super) fn send_ours<M>(self: Pin<&mut Self>, frame: M, probe: bool) -> Result<(), S::Error>
    where
        S: Sink<M>,
    {
        let this = self.project();
        if this.book.permit == Permit::Held {
            this.book.permit = Permit::Owed;
        }
        this.book.flush.unflushed = true;
        this.book.flush.probed |= probe;
        this.inner.start_send(frame)
    }

    /// Takes back the permit that a ping has used, if the inner has one.
    pub(super) fn reclaim<M>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<(), S::Error>
    where
        S: Sink<M>,
    {
        if self.book.permit == Permit::Owed && self.as_mut().poll_ready(cx)?.is_ready() {
            self.book().permit = Permit::Held;
        }
        Ok(())
    }

    pub(super) fn poll_close<M>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Sink<M>,
    {
        self.project().inner.poll_close(cx)
    }

    /// The user's `start_send`.
    pub(super) fn send<M, E>(self: Pin<&mut Self>, item: M) -> Result<(), <S as Sink<M>>::Error>
    where
        S: Stream<Item = Result<M, E>> + Sink<M>,
    {
        let this = self.project();
        let owed = std::mem::replace(&mut this.book.permit, Permit::None) == Permit::Owed;
        let message = if owed || this.kept.as_ref().is_some_and(|kept| kept.slot.is_some()) {
            // Only a caller that did not ask `poll_ready` finds the slot occupied; order is kept all the same.
            match this.kept.get_or_insert_default().slot.replace(Ok(item)) {
                Some(Ok(before)) => before,
                _ => return Ok(()),
            }
        } else {
            item
        };
        this.inner.start_send(message)
    }

    /// Hands over the user's message that waits in the slot; the inner was asked for its permit just before.
    pub(super) fn send_slot<M, E>(self: Pin<&mut Self>) -> Result<(), <S as Sink<M>>::Error>
    where
        S: Stream<Item = Result<M, E>> + Sink<M>,
    {
        let this = self.project();
        let item = this.kept.as_mut().and_then(|kept| kept.slot.take());
        this.kept.take_if(|kept| kept.read.is_none());
        match item {
            Some(Ok(item)) => this.inner.start_send(item),
            _ => Ok(()),
        }
    }
}
