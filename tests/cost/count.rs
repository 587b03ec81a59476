//! What `run` counts: `in`, `alone` (in, and the reader waits for each) or `out`, `bare` or `live`, so many messages over an
//! inner that does nothing; or the `bytes` of a connection beyond its inner.

use std::hint::black_box;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::runtime::Builder;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};

/// Always writable; what it yields is what was last written, every time or every other time. Its functions are never
/// inlined, so that only what is around them differs.
#[derive(Clone)]
struct Inner {
    message: Message,
    came: bool,
    /// Where it is one message at a time.
    reader: Option<Arc<AtomicWaker>>,
}

impl Stream for Inner {
    type Item = Result<Message, Error>;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(reader) = self.reader.clone() {
            self.came = !self.came;
            if !self.came {
                reader.register(cx.waker());
                return Poll::Pending;
            }
        }
        Poll::Ready(Some(Ok(self.message.clone())))
    }
}

impl Sink<Message> for Inner {
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

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

#[inline(never)]
fn read<S: Stream<Item = Result<Message, Error>> + Unpin>(mut socket: S, messages: usize) {
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..messages {
        let _ = black_box(socket.poll_next_unpin(cx));
    }
}

#[inline(never)]
fn read_alone<S: Stream<Item = Result<Message, Error>> + Unpin>(mut socket: S, reader: &AtomicWaker, messages: usize) {
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..messages {
        let _ = black_box(socket.poll_next_unpin(cx));
        reader.wake();
        let _ = black_box(socket.poll_next_unpin(cx));
    }
}

#[inline(never)]
fn write<S: Sink<Message, Error = Error> + Unpin>(mut socket: S, messages: usize) {
    let (cx, message) = (&mut Context::from_waker(Waker::noop()), Message::Binary(Bytes::from_static(&[7; 32])));
    for _ in 0..messages {
        let _ = black_box(socket.poll_ready_unpin(cx));
        let _ = black_box(socket.start_send_unpin(message.clone()));
        let _ = black_box(socket.poll_flush_unpin(cx));
    }
}

/// As `src/cost.rs` counts them.
fn bytes(inner: Inner) {
    let (config, mut made) = (LiveConfig::default(), None);
    let heap = allocation_counter::measure(|| {
        let mut live = inner.live(config.clone());
        let _ = live.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        made = Some(live);
    });
    println!("{}", size_of::<LiveStream<Inner>>() as i64 - size_of::<Inner>() as i64 + heap.bytes_current);
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let inner = Inner { message: Message::Binary(Bytes::from_static(&[7; 32])), came: true, reader: None };
    let reader = Arc::<AtomicWaker>::default();
    let alone = Inner { reader: Some(reader.clone()), ..inner.clone() };
    let live = |inner: Inner| inner.live(LiveConfig::default());
    let messages = args.get(2).and_then(|number| number.parse().ok()).unwrap_or(0);
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    match args.iter().take(2).map(String::as_str).collect::<Vec<_>>()[..] {
        ["in", "bare"] => read(inner, messages),
        ["in", "live"] => read(live(inner), messages),
        ["alone", "bare"] => read_alone(alone, &reader, messages),
        ["alone", "live"] => read_alone(live(alone), &reader, messages),
        ["out", "bare"] => write(inner, messages),
        ["out", "live"] => write(live(inner), messages),
        ["bytes"] => bytes(inner),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
