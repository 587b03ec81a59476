//! The program whose machine code `size` measures: two socket types, wrapped, with every method of both traits called.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::runtime::Builder;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveConfig, LiveExt};

/// A socket whose methods the compiler knows nothing about. Each size is a type of its own.
struct Inner<const SIZE: usize> {
    _state: [u64; SIZE],
}

impl<const SIZE: usize> Stream for Inner<SIZE> {
    type Item = Result<Message, Error>;

    #[inline(never)]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        black_box((self, cx));
        black_box(Poll::Pending)
    }
}

impl<const SIZE: usize> Sink<Message> for Inner<SIZE> {
    type Error = Error;

    #[inline(never)]
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        black_box((self, cx));
        black_box(Poll::Pending)
    }

    #[inline(never)]
    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        black_box((self, message));
        black_box(Ok(()))
    }

    #[inline(never)]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        black_box((self, cx));
        black_box(Poll::Pending)
    }

    #[inline(never)]
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        black_box((self, cx));
        black_box(Poll::Pending)
    }
}

#[inline(never)]
fn call<S>(inner: S)
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let (cx, mut socket) = (&mut Context::from_waker(Waker::noop()), inner.live(LiveConfig::default()));
    black_box(socket.size_hint());
    let _ = black_box(socket.poll_next_unpin(cx));
    let _ = black_box(socket.poll_ready_unpin(cx));
    let _ = black_box(socket.start_send_unpin(black_box(Message::text(""))));
    let _ = black_box(socket.poll_flush_unpin(cx));
    let _ = black_box(socket.poll_close_unpin(cx));
}

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    call(black_box(Inner { _state: [0; 5] }));
    call(black_box(Inner { _state: [0; 7] }));
}
