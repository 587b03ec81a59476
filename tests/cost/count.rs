//! The program whose instructions `run` counts.
//!
//! - `in`, `alone` or `out`, then `bare`, `live` or `asked`, then a number: so many messages through an inner stream that
//!   does nothing. `alone` is `in` with a reader that waits for each message; `asked` is `live` with a ping outstanding.
//! - `cycle`, then `even` or `short`, then a number: so many ping cycles, with T = I or with T = I / 4.
//! - `bytes`: prints the bytes that a connection takes beyond its inner stream.

use std::hint::black_box;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::poll_immediate;
use futures_util::task::AtomicWaker;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};

/// Always writable; what it yields is what was last written, every time or every other time. It takes pings and never
/// answers them. Its functions are never inlined, so that only what is around them differs.
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
        if !message.is_ping() {
            self.message = message;
        }
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

/// Answers each ping in the reader's next turn, as a network would, so many times; then the stream ends.
struct Echo {
    cycles: usize,
    pong: Option<Message>,
    /// The answer is still on its way: the next poll does not find it.
    on_its_way: bool,
}

impl Stream for Echo {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.cycles == 0 {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.on_its_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pong.take().map_or(Poll::Pending, |pong| Poll::Ready(Some(Ok(pong))))
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

/// I of the counted cycles.
const INTERVAL: Duration = Duration::from_millis(20);

fn config(interval: Duration, timeout: Duration) -> LiveConfig {
    LiveConfig::builder().jitter(0.0).ping_interval(interval).pong_timeout(timeout).build().expect("valid")
}

/// A connection whose first ping is unanswered. No timer fires while its messages are counted, since nothing drives the
/// runtime then.
fn asked(runtime: &Runtime, inner: Inner) -> LiveStream<Inner> {
    let mut live = inner.live(config(Duration::from_millis(1), Duration::from_secs(3600)));
    runtime.block_on(async {
        loop {
            let _ = poll_immediate(live.next()).await;
            if live.monitor().stats().pings_sent > 0 {
                break;
            }
            sleep(INTERVAL).await;
        }
    });
    live
}

/// Waits as a task does that only reads.
fn cycle(runtime: &Runtime, cycles: usize, timeout: Duration) {
    runtime.block_on(async {
        let mut live = Echo { cycles, pong: None, on_its_way: false }.live(config(INTERVAL, timeout));
        while live.next().await.is_some() {}
    });
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
    let number = args.get(2).and_then(|number| number.parse().ok()).unwrap_or(0);
    // Cycles wait, and are counted exactly only if tokio's clock is paused.
    let paused = args.first().is_some_and(|what| what == "cycle");
    let runtime = Builder::new_current_thread().enable_time().start_paused(paused).build().expect("a runtime");
    let _guard = runtime.enter();
    let asked = |inner| asked(&runtime, inner);
    match args.iter().take(2).map(String::as_str).collect::<Vec<_>>()[..] {
        ["in", "bare"] => read(inner, number),
        ["in", "live"] => read(live(inner), number),
        ["in", "asked"] => read(asked(inner), number),
        ["alone", "bare"] => read_alone(alone, &reader, number),
        ["alone", "live"] => read_alone(live(alone), &reader, number),
        ["alone", "asked"] => read_alone(asked(alone), &reader, number),
        ["out", "bare"] => write(inner, number),
        ["out", "live"] => write(live(inner), number),
        ["out", "asked"] => write(asked(inner), number),
        ["cycle", "even"] => cycle(&runtime, number, INTERVAL),
        ["cycle", "short"] => cycle(&runtime, number, INTERVAL / 4),
        ["bytes"] => bytes(inner),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
