//! What one half does that the other waits for: it is told, at once (V1, K4).

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::scripted::*;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::task::coop::{consume_budget, has_budget_remaining, unconstrained};
use tokio::time::{advance, timeout};
use ws_liveness::{Cause, End, Health, LiveConfigBuilder, LivenessError};

/// The writer, held back since W/2, is woken when `release` has reached the stream half, although it looked before.
async fn held_writer_is_woken(release: fn(&Peer)) {
    let (peer, mut ws) = live(exact().ping_interval(secs(3_600)));
    let (reader, writer) = (Task::new(), Task::new());
    idle(&mut ws, secs(3_599)).await;
    peer.set_flushes(false);
    idle(&mut ws, secs(16)).await;
    assert!(read_by(&mut ws, &reader).is_pending());
    assert!(ready_by(&mut ws, &writer).is_pending(), "held back since W/2");
    release(&peer);
    assert!(ready_by(&mut ws, &writer).is_pending(), "the stream half has not seen it yet");
    let _ = writer.take();
    let _ = read_by(&mut ws, &reader);
    assert_eq!(writer.take(), 1);
    assert!(ready_by(&mut ws, &writer).is_ready());
}

#[tokio::test(start_paused = true)]
async fn v1_a_writer_that_was_held_back_is_woken_by_the_answer() {
    held_writer_is_woken(|peer| peer.answers(0)).await;
}

#[tokio::test(start_paused = true)]
async fn v1_a_writer_that_was_held_back_is_woken_by_the_peers_close() {
    held_writer_is_woken(|peer| peer.sends(Msg::Close(1000, String::new()))).await;
}

#[tokio::test(start_paused = true)]
async fn v1_a_writer_that_was_held_back_is_woken_by_an_error_and_by_the_end() {
    held_writer_is_woken(Peer::fails).await;
    held_writer_is_woken(Peer::ends).await;
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_that_is_only_fed_starts_c_for_a_reader_that_waits_already() {
    let (peer, mut ws) = live(exact().ping_interval(secs(3_600)));
    let (reader, writer) = (Task::new(), Task::new());
    assert!(read_by(&mut ws, &reader).is_pending());
    assert!(ready_by(&mut ws, &writer).is_ready());
    let _ = reader.take();
    ws.start_send_unpin(Msg::Close(1000, String::new())).unwrap();
    assert_eq!(reader.take(), 1);
    let (at, fault) = death(&peer, &mut ws, secs(100)).await.expect("C ends it");
    assert_eq!((at, LivenessError::find(&fault).unwrap().cause()), (secs(10), Cause::CloseTimeout));
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_after_an_error_of_the_stream_is_bounded_all_the_same() {
    let (peer, mut ws) = live(exact());
    peer.fails();
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    ws.feed(Msg::Data(1)).await.unwrap();
    peer.set_flushes(false);
    let closed = timeout(secs(100), ws.close()).await.expect("hangs").unwrap_err();
    assert_eq!(LivenessError::find(&closed).unwrap().cause(), Cause::CloseTimeout);
    assert_eq!(peer.elapsed(), secs(10));
    assert!(ws.next().await.is_none(), "its one error was told");
}

#[tokio::test(start_paused = true)]
async fn b5_a_handle_dropped_after_an_error_of_the_stream_leaves_nothing_behind() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(4);
    peer.fails();
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError));
    drop(ws);
    tokio::task::yield_now().await;
    advance(secs(11)).await;
    tokio::task::yield_now().await;
    assert!(peer.is_alone(), "the task keeps the socket");
}

#[tokio::test(start_paused = true)]
async fn s9_an_error_of_the_stream_replaces_the_failure_that_was_kept() {
    let (peer, mut ws) = live(exact());
    peer.set_refuses(Some(Fault::Reset));
    advance(secs(20)).await;
    let writer = Task::new();
    assert!(matches!(ready_by(&mut ws, &writer), Poll::Ready(Err(Fault::Dead(_)))));
    peer.fails();
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    let told = ready_by(&mut ws, &writer);
    assert!(matches!(told, Poll::Ready(Err(Fault::Dead(error))) if error.cause() == Cause::SendFailed));
}

/// The timer wakes both halves; the writer comes first, may not judge T, and waits again. Then the reader judges.
#[tokio::test(start_paused = true)]
async fn k1_the_half_that_takes_the_verdict_wakes_the_other() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(21)).await;
    peer.set_ready(false);
    let (reader, writer) = (Task::new(), Task::new());
    assert!(read_by(&mut ws, &reader).is_pending() && ready_by(&mut ws, &writer).is_pending());
    while peer.elapsed() < secs(40) {
        advance(ms(1)).await;
        if reader.take() > 0 && peer.elapsed() < secs(40) {
            assert!(read_by(&mut ws, &reader).is_pending());
        }
    }
    assert!(ready_by(&mut ws, &writer).is_pending(), "the sink half judges no T");
    let _ = writer.take();
    let _ = read_by(&mut ws, &reader);
    assert_eq!(ws.monitor().health(), Health::Ended(End::PongTimeout));
    assert_eq!(writer.take(), 1, "the writer sleeps on");
    assert!(matches!(ready_by(&mut ws, &writer), Poll::Ready(Err(_))));
}

fn with_budget(poll: &mut impl FnMut(), cx: &mut Context<'_>) -> Poll<()> {
    let poll = unconstrained(poll_fn(|_| {
        poll();
        Poll::Ready(())
    }));
    pin!(poll).poll(cx)
}

/// Polls one half with no budget left, so that it decides nothing, then the other with as much as it wants.
async fn without_then_with_budget(mut without: impl FnMut(), mut with: impl FnMut()) {
    poll_fn(|cx| {
        while has_budget_remaining() {
            assert!(pin!(consume_budget()).poll(cx).is_ready());
        }
        without();
        with_budget(&mut with, cx)
    })
    .await;
}

/// A reader and a writer of one connection, polled in turn.
struct Both {
    ws: RefCell<Live>,
    reader: Arc<Task>,
    writer: Arc<Task>,
}

impl Both {
    fn new(ws: Live) -> Self {
        Self { ws: RefCell::new(ws), reader: Task::new(), writer: Task::new() }
    }

    fn read(&self) -> bool {
        read_by(&mut self.ws.borrow_mut(), &self.reader).is_pending()
    }

    fn write(&self) -> bool {
        ready_by(&mut self.ws.borrow_mut(), &self.writer).is_pending()
    }

    /// Both wait until `at`, and have not looked since.
    async fn wait_until(&self, peer: &Peer, at: Duration) {
        while peer.elapsed() < at {
            assert!(self.read() && self.write(), "{:?}", peer.elapsed());
            advance(ms(1)).await;
        }
    }

    fn health(&self) -> Health {
        self.ws.borrow().monitor().health()
    }
}

#[tokio::test(start_paused = true)]
async fn k1_a_verdict_of_the_reader_wakes_a_writer_that_looked_in_vain() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(21)).await;
    peer.set_ready(false);
    let both = Both::new(ws);
    both.wait_until(&peer, secs(40)).await;
    let writes = || {
        assert!(both.write(), "no budget, no verdict");
        let _ = both.writer.take();
    };
    let reads = || assert!(both.read(), "the Close cannot leave");
    without_then_with_budget(writes, reads).await;
    assert_eq!(both.health(), Health::Ended(End::PongTimeout));
    assert_eq!(both.writer.take(), 1, "the writer sleeps on");
}

/// Both wait for a ping that cannot leave, and W is over at `end`.
async fn stalled(config: LiveConfigBuilder, end: Duration) -> Both {
    let (peer, ws) = live(config);
    peer.set_ready(false);
    let both = Both::new(ws);
    both.wait_until(&peer, end).await;
    both
}

async fn writer_takes_the_verdict(both: Both) {
    let reads = || {
        assert!(both.read(), "no budget, no verdict");
        let _ = both.reader.take();
    };
    let writes = || assert!(!both.write(), "the verdict");
    without_then_with_budget(reads, writes).await;
    assert_eq!(both.health(), Health::Ended(End::WriteStalled));
    assert_eq!(both.reader.take(), 1, "the reader sleeps on");
}

async fn reader_takes_the_verdict(both: Both) {
    let writes = || {
        assert!(both.write(), "no budget, no verdict");
        let _ = both.writer.take();
    };
    let reads = || assert!(both.read(), "the Close cannot leave");
    without_then_with_budget(writes, reads).await;
    assert_eq!(both.health(), Health::Ended(End::WriteStalled));
    assert_eq!(both.writer.take(), 1, "the writer sleeps on");
}

#[tokio::test(start_paused = true)]
async fn k1_a_write_verdict_of_the_writer_wakes_a_reader_that_looked_in_vain() {
    writer_takes_the_verdict(stalled(exact(), secs(50)).await).await;
}

#[tokio::test(start_paused = true)]
async fn k1_a_write_verdict_of_the_reader_wakes_a_writer_that_looked_in_vain() {
    reader_takes_the_verdict(stalled(exact(), secs(50)).await).await;
}

/// W is over before a writer is held back: its release cannot be what wakes the other half.
async fn stalled_shortly() -> Both {
    stalled(exact().write_timeout(ms(1)), secs(20) + ms(1)).await
}

#[tokio::test(start_paused = true)]
async fn k1_a_write_verdict_of_the_writer_wakes_the_reader_also_if_no_write_was_held_back() {
    writer_takes_the_verdict(stalled_shortly().await).await;
}

#[tokio::test(start_paused = true)]
async fn k1_a_write_verdict_of_the_reader_wakes_the_writer_also_if_no_write_was_held_back() {
    reader_takes_the_verdict(stalled_shortly().await).await;
}

#[tokio::test(start_paused = true)]
async fn v5_a_send_before_the_first_poll_of_the_task_stops_no_ping() {
    let (_peer, live) = live(exact());
    let mut ws = live.spawn(4);
    assert!(ws.send(Msg::Data(1)).now_or_never().is_some(), "the task has not run yet");
    assert!(timeout(secs(21), ws.next()).await.is_err(), "nothing comes in");
    assert_eq!(ws.monitor().stats().pings_sent, 1, "the timer was never set");
}
