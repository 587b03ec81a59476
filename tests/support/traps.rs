//! A connection all of whose user's code can be made to panic: protocol, progress source and inner socket.

#![allow(dead_code, reason = "compiled into several programs, each of which uses its part")]

use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::Instant;
use ws_liveness::progress::Snapshot;
use ws_liveness::{LiveConfigBuilder, LiveStream, LivenessError, MessageKind, Progress, Protocol, WsMessage};

use crate::scripted::{Fault, Msg, Peer, Socket, socket};

/// What of the user's is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Look,
    Kind,
    Ping,
    Close,
    Error,
    Source,
    IsTransient,
    InnerNext,
    InnerReady,
    InnerSend,
    InnerFlush,
}

/// Panics when it is stepped on: at one spot, after `spared` calls, for `left` calls.
#[derive(Debug)]
struct Trap {
    spot: Spot,
    spared: usize,
    left: usize,
    sprung: usize,
}

/// What the panics of these tests carry; any other is not caught.
pub(crate) const TRAPPED: &str = "trapped";

#[derive(Clone, Debug)]
pub(crate) struct Traps(Arc<Mutex<Trap>>);

impl Traps {
    pub(crate) fn set(spot: Spot, spared: usize, left: usize) -> Self {
        Self(Arc::new(Mutex::new(Trap { spot, spared, left, sprung: 0 })))
    }

    pub(crate) fn unset() -> Self {
        Self::set(Spot::Look, 0, 0)
    }

    /// The next call of `spot` panics.
    pub(crate) fn arm(&self, spot: Spot) {
        *self.0.lock().unwrap() = Trap { spot, spared: 0, left: 1, sprung: 0 };
    }

    fn step(&self, spot: Spot) {
        let mut trap = self.0.lock().unwrap();
        if trap.spot != spot || trap.left == 0 {
            return;
        }
        if trap.spared > 0 {
            trap.spared -= 1;
            return;
        }
        trap.left -= 1;
        trap.sprung += 1;
        assert!(trap.sprung < 1_000, "{spot:?} is called again and again");
        drop(trap);
        // As a panic, without the hook's message.
        resume_unwind(Box::new(TRAPPED));
    }

    pub(crate) fn sprung(&self) -> usize {
        self.0.lock().unwrap().sprung
    }
}

/// The protocol of the scripted socket.
pub(crate) struct Trapped(Traps);

impl Protocol<Msg, Fault> for Trapped {
    fn kind<'a>(&self, message: &'a Msg) -> MessageKind<'a> {
        self.0.step(Spot::Kind);
        message.kind()
    }

    fn ping(&self, payload: &[u8]) -> Msg {
        self.0.step(Spot::Ping);
        Msg::ping(payload)
    }

    fn close(&self, code: u16, reason: &str) -> Msg {
        self.0.step(Spot::Close);
        Msg::close(code, reason)
    }

    fn error(&self, error: LivenessError) -> Fault {
        self.0.step(Spot::Error);
        error.into()
    }

    fn source(&self, error: Fault) -> Box<dyn Error + Send + Sync> {
        self.0.step(Spot::Source);
        Box::new(error)
    }

    fn is_transient(&self, error: &Fault) -> bool {
        self.0.step(Spot::IsTransient);
        Msg::is_transient(error)
    }
}

/// Nothing has ever moved.
struct Blind(Traps);

impl Progress for Blind {
    fn look(&self) -> Snapshot {
        self.0.step(Spot::Look);
        Snapshot::default()
    }
}

/// A socket that panics before it does anything.
pub(crate) struct Brittle {
    socket: Socket,
    traps: Traps,
}

impl Stream for Brittle {
    type Item = Result<Msg, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.traps.step(Spot::InnerNext);
        self.socket.poll_next_unpin(cx)
    }
}

impl Sink<Msg> for Brittle {
    type Error = Fault;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.traps.step(Spot::InnerReady);
        self.socket.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        self.traps.step(Spot::InnerSend);
        self.socket.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.traps.step(Spot::InnerFlush);
        self.socket.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.socket.poll_close_unpin(cx)
    }
}

/// 10 kB in each second come in and go out, until it stops.
struct Moving {
    traps: Traps,
    start: Instant,
    stops: Duration,
}

impl Progress for Moving {
    fn look(&self) -> Snapshot {
        self.traps.step(Spot::Look);
        let bytes = self.start.elapsed().min(self.stops).as_secs() * 10_000;
        let mut sight = Snapshot::default();
        (sight.read, sight.written) = (Some(bytes), Some(bytes));
        sight
    }
}

pub(crate) type Fragile = LiveStream<Brittle, Trapped>;

pub(crate) fn fragile(config: LiveConfigBuilder, traps: &Traps) -> (Peer, Fragile) {
    over(config, traps, Blind(traps.clone()))
}

/// Over a path on which bytes move until it stops.
pub(crate) fn fragile_moving(config: LiveConfigBuilder, traps: &Traps, stops: Duration) -> (Peer, Fragile) {
    over(config, traps, Moving { traps: traps.clone(), start: Instant::now(), stops })
}

fn over(config: LiveConfigBuilder, traps: &Traps, source: impl Progress + 'static) -> (Peer, Fragile) {
    let (peer, socket) = socket();
    let inner = Brittle { socket, traps: traps.clone() };
    let ws = LiveStream::with_protocol(inner, config.build().unwrap(), Trapped(traps.clone()));
    (peer, ws.with_progress(source))
}

/// Polls again at once after a panic of a trap.
pub(crate) async fn caught<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| poll(cx))).unwrap_or_else(|panic| {
            if panic.downcast_ref() != Some(&TRAPPED) {
                resume_unwind(panic);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    })
    .await
}
