//! The trivial inner: always the same message in, and out into nothing. Its functions are never inlined, so that only what
//! is around them differs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use futures_util::{Sink, Stream};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What a socket costs that does nothing.
#[derive(Debug)]
pub struct Trivial {
    message: Message,
}

impl Trivial {
    /// Yields messages of this size without end; cloning one copies nothing.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { message: message(size) }
    }
}

/// A binary message of this size.
#[must_use]
pub fn message(size: usize) -> Message {
    Message::binary(vec![7; size])
}

impl Stream for Trivial {
    type Item = Result<Message, Error>;

    #[inline(never)]
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(self.message.clone())))
    }
}

impl Sink<Message> for Trivial {
    type Error = Error;

    #[inline(never)]
    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.message = message;
        Ok(())
    }

    #[inline(never)]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

/// One message at a time: the reader waits for each, and is woken from outside.
#[derive(Debug)]
pub struct Alone {
    message: Message,
    came: bool,
    reader: Arc<AtomicWaker>,
}

impl Alone {
    /// Yields such a message every other time, cloned.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { message: message(size), came: true, reader: Arc::default() }
    }

    /// Wakes whoever reads.
    #[must_use]
    pub fn reader(&self) -> Arc<AtomicWaker> {
        self.reader.clone()
    }
}

impl Stream for Alone {
    type Item = Result<Message, Error>;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.came = !self.came;
        if self.came {
            return Poll::Ready(Some(Ok(self.message.clone())));
        }
        self.reader.register(cx.waker());
        Poll::Pending
    }
}

impl Sink<Message> for Alone {
    type Error = Error;

    #[inline(never)]
    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), Error> {
        Ok(())
    }

    #[inline(never)]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

/// Answers pings as a network would, in the reader's next turn, so many times; then the stream ends.
#[derive(Debug)]
pub struct Echo {
    cycles: usize,
    pong: Option<Message>,
    on_its_way: bool,
    reader: Option<Waker>,
}

impl Echo {
    /// Ends at the last ping instead of answering it.
    #[must_use]
    pub fn new(cycles: usize) -> Self {
        Self { cycles, pong: None, on_its_way: false, reader: None }
    }
}

impl Stream for Echo {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.cycles == 0 {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.on_its_way) {
            cx.waker().wake_by_ref();
        } else if let Some(pong) = self.pong.take() {
            return Poll::Ready(Some(Ok(pong)));
        }
        match &mut self.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            None => self.reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Sink<Message> for Echo {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if let Message::Ping(payload) = message {
            self.cycles -= 1;
            self.pong = Some(Message::Pong(payload));
            self.on_its_way = true;
            // Where another task than the writer's reads.
            if let Some(reader) = &self.reader {
                reader.wake_by_ref();
            }
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}
