//! A progress source that panics now and then, and a program that catches it (V6).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::Progress;
use ws_liveness::progress::{ProgressHandle, Snapshot};

use super::log::Diary;
use super::ours::{NextItem, Socket};

/// Every so many looks panic, without a word.
pub struct Panicky {
    pub handle: ProgressHandle,
    pub every: usize,
    pub looks: AtomicUsize,
    pub diary: Diary,
}

impl Progress for Panicky {
    fn look(&self) -> Snapshot {
        if self.looks.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1 {
            self.diary.lock().panics += 1;
            resume_unwind(Box::new("a look"));
        }
        self.handle.look()
    }
}

/// Polls on where a poll panicked.
pub struct Caught<S>(pub S);

fn again<T>(cx: &mut Context<'_>, polled: Result<Poll<T>, Box<dyn Any + Send>>) -> Poll<T> {
    polled.unwrap_or_else(|_| {
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

impl<S: Socket> Stream for Caught<S> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<NextItem> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.poll_next_unpin(cx)));
        again(cx, polled)
    }
}

impl<S: Socket> Sink<Message> for Caught<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.poll_ready_unpin(cx)));
        again(cx, polled)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Message) -> Result<(), Error> {
        self.0.start_send_unpin(item)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.poll_flush_unpin(cx)));
        again(cx, polled)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.poll_close_unpin(cx)));
        again(cx, polled)
    }
}
