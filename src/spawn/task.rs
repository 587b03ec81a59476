//! The task: the stream half of the `LiveStream`, and its end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};

use super::{Line, State, wake_outside};
use crate::message::ProtocolOf;

/// A task that closes gives way to others after so many messages.
const DISCARDED_PER_POLL: u32 = 64;

/// The task's hold on the line; lets go of it however the task ends.
pub(super) struct Tie<S, P, M, E>(pub(super) Arc<Line<S, P>>)
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>;

impl<S, P, M, E> Drop for Tie<S, P, M, E>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.live.as_mut().abandon();
        wake_outside(state, |state| state.reader.take());
    }
}

pub(super) async fn drive<S, P, M, E>(tie: Tie<S, P, M, E>)
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    poll_fn(|cx| {
        let mut state = tie.0.lock();
        let polled = state.poll_drive(cx);
        wake_outside(state, |state| if state.buffer.is_empty() && !state.ended { None } else { state.reader.take() });
        polled
    })
    .await;
}

impl<S, P, M, E> State<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    /// One poll of the task; ready where it is done.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.driver = Some(cx.waker().clone());
        if self.dropped {
            return self.poll_end(cx);
        }
        while self.has_room() || self.live.as_mut().poll_unread(cx).is_ready() {
            match ready!(self.live.as_mut().poll_next(cx)) {
                Some(item) => self.buffer.push_back(item),
                None => {
                    self.ended = true;
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }

    /// Whether to read on; notes where that changes.
    fn has_room(&mut self) -> bool {
        let full = self.buffer.len() >= self.capacity;
        if full != self.full {
            self.full = full;
            self.live.show_reading(!full);
        }
        !full
    }

    /// The handle is gone: a closing handshake, bounded by C in time. What still comes is discarded.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Its outcome is nobody's any more; the stream ends in any case.
        let _ = self.poll_close(cx);
        let read = self.discard(cx);
        if read == Poll::Ready(false) {
            cx.waker().wake_by_ref();
        }
        if read == Poll::Ready(true) || self.live.as_mut().end_if_overdue() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the stream has come to its end.
    fn discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        for _ in 0..DISCARDED_PER_POLL {
            if ready!(self.live.as_mut().poll_next(cx)).is_none() {
                return Poll::Ready(true);
            }
        }
        Poll::Ready(false)
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        let closed = self.live.as_mut().poll_close(cx);
        self.closed = closed.is_ready();
        closed
    }
}
