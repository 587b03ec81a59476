//! Instructions per message, counted by callgrind: in and out, over an inner that does nothing.
//! `cargo bench -p ws-liveness-benches --bench instructions` (needs valgrind, and gungraun-runner of gungraun's version)

#![allow(missing_docs, reason = "the macros make public items")]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use futures_util::future::poll_immediate;
use futures_util::task::AtomicWaker;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};
use ws_liveness_benches::baselines::NEVER_DUE;
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::counted::MESSAGES;
use ws_liveness_benches::memory::{Alone, Trivial, message};

/// A socket, the runtime for its timer, and a message.
struct Set<S> {
    runtime: Runtime,
    socket: S,
    message: Message,
}

fn set<S>(size: usize, make: impl FnOnce(Trivial) -> S) -> Set<S> {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let socket = runtime.block_on(async { make(Trivial::new(size)) });
    Set { runtime, socket, message: message(size) }
}

/// A socket, what wakes its reader, and the runtime for its timer.
type Woken<S> = (S, Arc<AtomicWaker>, Runtime);

/// The timer is made at the first poll, which is not counted.
fn alone<S: Stream + Unpin>(make: impl FnOnce(Alone) -> S) -> Woken<S> {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let inner = Alone::new(32);
    let reader = inner.reader();
    let socket = runtime.block_on(async {
        let mut socket = make(inner);
        let _ = poll_immediate(socket.next()).await;
        reader.wake();
        socket.next().await;
        socket
    });
    (socket, reader, runtime)
}

fn bare(size: usize) -> Set<Trivial> {
    set(size, |inner| inner)
}

/// The timer is made at the first poll, which is not counted.
fn live(size: usize) -> Set<LiveStream<Trivial>> {
    let mut set = set(size, |inner| inner.live(LiveConfig::default()));
    set.runtime.block_on(set.socket.next());
    set
}

fn selected(size: usize) -> Set<Selected<Trivial>> {
    let mut set = set(size, |inner| Selected::new(inner, NEVER_DUE, NEVER_DUE));
    set.runtime.block_on(set.socket.next());
    set
}

/// Polled by hand: nothing but the socket is counted.
fn read<S: Stream<Item = Result<Message, Error>> + Unpin>(mut set: Set<S>) -> Set<S> {
    let _guard = set.runtime.enter();
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..MESSAGES {
        let _ = black_box(set.socket.poll_next_unpin(cx));
    }
    drop(_guard);
    set
}

/// The reader waits, is woken, and reads one message.
fn read_alone<S: Stream<Item = Result<Message, Error>> + Unpin>((mut socket, reader, runtime): Woken<S>) -> Woken<S> {
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..MESSAGES {
        let _ = black_box(socket.poll_next_unpin(cx));
        reader.wake();
        let _ = black_box(socket.poll_next_unpin(cx));
    }
    (socket, reader, runtime)
}

fn write<S: Sink<Message, Error = Error> + Unpin>(mut set: Set<S>) -> Set<S> {
    let _guard = set.runtime.enter();
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..MESSAGES {
        let _ = black_box(set.socket.poll_ready_unpin(cx));
        let _ = black_box(set.socket.start_send_unpin(set.message.clone()));
        let _ = black_box(set.socket.poll_flush_unpin(cx));
    }
    drop(_guard);
    set
}

#[library_benchmark]
#[bench::bytes_32(bare(32))]
#[bench::bytes_4096(bare(4096))]
fn bare_in(set: Set<Trivial>) -> Set<Trivial> {
    read(set)
}

#[library_benchmark]
#[bench::bytes_32(live(32))]
#[bench::bytes_4096(live(4096))]
fn live_in(set: Set<LiveStream<Trivial>>) -> Set<LiveStream<Trivial>> {
    read(set)
}

#[library_benchmark]
#[bench::bytes_32(alone(|inner| inner))]
fn bare_alone(set: Woken<Alone>) -> Woken<Alone> {
    read_alone(set)
}

#[library_benchmark]
#[bench::bytes_32(alone(|inner| inner.live(LiveConfig::default())))]
fn live_alone(set: Woken<LiveStream<Alone>>) -> Woken<LiveStream<Alone>> {
    read_alone(set)
}

#[library_benchmark]
#[bench::bytes_32(bare(32))]
#[bench::bytes_4096(bare(4096))]
fn bare_out(set: Set<Trivial>) -> Set<Trivial> {
    write(set)
}

#[library_benchmark]
#[bench::bytes_32(live(32))]
#[bench::bytes_4096(live(4096))]
fn live_out(set: Set<LiveStream<Trivial>>) -> Set<LiveStream<Trivial>> {
    write(set)
}

// As `next().await` in a task, which is how the loop with `select!` has to be driven.
#[library_benchmark]
#[bench::bytes_32(bare(32))]
fn bare_next(mut set: Set<Trivial>) -> Set<Trivial> {
    set.runtime.block_on(async {
        for _ in 0..MESSAGES {
            let _ = black_box(set.socket.next().await);
        }
    });
    set
}

#[library_benchmark]
#[bench::bytes_32(live(32))]
fn live_next(mut set: Set<LiveStream<Trivial>>) -> Set<LiveStream<Trivial>> {
    set.runtime.block_on(async {
        for _ in 0..MESSAGES {
            let _ = black_box(set.socket.next().await);
        }
    });
    set
}

#[library_benchmark]
#[bench::bytes_32(selected(32))]
fn select_next(mut set: Set<Selected<Trivial>>) -> Set<Selected<Trivial>> {
    set.runtime.block_on(async {
        let mut socket = pin!(&mut set.socket);
        for _ in 0..MESSAGES {
            let _ = black_box(socket.next().await);
        }
    });
    set
}

library_benchmark_group!(name = messages, benchmarks = [bare_in, live_in, bare_alone, live_alone, bare_out, live_out]);
library_benchmark_group!(name = tasks, benchmarks = [bare_next, live_next, select_next]);
main!(library_benchmark_groups = [messages, tasks]);
