//! One poll from outside: which waker the inner sees, and who is parked.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::task::waker_ref;
use futures_util::{Sink, Stream};

use crate::drive::Parts;
use crate::frame::Protocol;
use crate::stream::LiveStream;
use crate::waker::Half;

/// Not inlined, so that a poll that only passes on a message stays small.
impl<S: Stream, P> LiveStream<S, P> {
    /// One poll of one half.
    #[inline(never)]
    pub(crate) fn polled_by<T>(
        self: Pin<&mut Self>,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Parts<'_, S, P>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.fan().begin();
        self.parked_by(half, cx, poll)
    }

    /// The rest of a poll that has begun: the inner sees the combined waker, the caller's is parked where there is nothing
    /// to return.
    #[inline(never)]
    pub(crate) fn parked_by<T>(
        self: Pin<&mut Self>,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Parts<'_, S, P>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut parts = self.parts();
        let shared = parts.shared;
        let polled = poll(&mut parts, &mut Context::from_waker(&waker_ref(shared)));
        if polled.is_pending() {
            shared.fan.park(half, cx.waker());
        }
        polled
    }

    /// The end of a poll that was the inner's alone, and has nothing to return.
    #[inline(never)]
    pub(crate) fn park(&self, half: Half, cx: &Context<'_>) {
        self.fan().park(half, cx.waker());
    }
}

impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    #[inline(never)]
    pub(crate) fn sent_by(self: Pin<&mut Self>, item: M) -> Result<(), <S as Sink<M>>::Error> {
        self.parts().start_send(item)
    }
}
