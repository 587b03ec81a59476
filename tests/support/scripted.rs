//! A socket that does what its script says, and panics where anyone breaks the contract of `Stream` or `Sink`.

#![allow(dead_code, reason = "compiled into several programs, each of which uses its part")]

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use ws_liveness::{End, LiveConfig, LiveConfigBuilder, LiveStream, LivenessError};

#[path = "scripted/message.rs"]
mod message;
#[path = "scripted/peer.rs"]
mod peer;
#[path = "scripted/socket.rs"]
mod socket;
#[path = "scripted/task.rs"]
mod task;

pub(crate) use message::{Fault, Msg};
pub(crate) use peer::Peer;
#[allow(unused_imports, reason = "not every program breaks a method")]
pub(crate) use socket::{Socket, Step, socket};
#[allow(unused_imports, reason = "not every program counts wake-ups")]
pub(crate) use task::{Task, flush_by, read_by, ready_by};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) type Live = LiveStream<Socket>;

/// The defaults without jitter: I = T = 20 s, W = 30 s, C = 10 s, N = M = 1.
pub(crate) fn exact() -> LiveConfigBuilder {
    LiveConfig::builder().jitter(0.0)
}

pub(crate) fn live(config: LiveConfigBuilder) -> (Peer, Live) {
    let (peer, socket) = socket();
    (peer, LiveStream::new(socket, config.build().unwrap()))
}

/// As `live`, with a peer that answers every ping after `delay`.
pub(crate) fn answered(config: LiveConfigBuilder, delay: Duration) -> (Peer, Live) {
    let (peer, live) = live(config);
    peer.script().echo = Some(delay);
    (peer, live)
}

/// One poll of the stream half; who is woken does not matter.
pub(crate) fn read(ws: &mut Live) -> Poll<Option<Result<Msg, Fault>>> {
    ws.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

/// One poll of the sink half's readiness.
pub(crate) fn ready(ws: &mut Live) -> Poll<Result<(), Fault>> {
    ws.poll_ready_unpin(&mut Context::from_waker(Waker::noop()))
}

/// One poll of the sink half's flush.
pub(crate) fn flush(ws: &mut Live) -> Poll<Result<(), Fault>> {
    ws.poll_flush_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Reads for `span`, during which nothing comes.
pub(crate) async fn idle(ws: &mut Live, span: Duration) {
    if let Ok(item) = timeout(span, ws.next()).await {
        panic!("{item:?}");
    }
}

/// Reads for `span`, or until the stream yields an error; that is returned, with its time.
pub(crate) async fn death(peer: &Peer, ws: &mut Live, span: Duration) -> Option<(Duration, Fault)> {
    let read = async {
        loop {
            match ws.next().await {
                Some(Ok(_)) => {}
                Some(Err(fault)) => break (peer.elapsed(), fault),
                None => panic!("ended"),
            }
        }
    };
    timeout(span, read).await.ok()
}

/// When the monitor learns of the end, and of which.
pub(crate) fn obituary(peer: &Peer, ws: &Live) -> JoinHandle<(Duration, End)> {
    let (peer, monitor) = (peer.clone(), ws.monitor());
    tokio::spawn(async move {
        let end = monitor.ended().await;
        (peer.elapsed(), end)
    })
}

/// Reads until the stream has ended; when the verdict fell, and on what.
pub(crate) async fn reads_to_death(peer: &Peer, mut ws: Live) -> (Duration, End) {
    let obituary = obituary(peer, &ws);
    while timeout(secs(100_000), ws.next()).await.expect("a verdict").is_some() {}
    obituary.await.unwrap()
}

/// The liveness error that the stream yields now, in this poll.
pub(crate) fn verdict(ws: &mut Live) -> LivenessError {
    match ws.next().now_or_never() {
        Some(Some(Err(Fault::Dead(error)))) => error,
        other => panic!("{other:?}"),
    }
}
