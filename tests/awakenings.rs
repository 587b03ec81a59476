//! What one half does that the other waits for: it is told, at once (V1, K4).

use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use scripted::*;
use tokio::time::{advance, timeout};
use ws_liveness::{Cause, Health, LivenessError};

#[path = "support/scripted.rs"]
mod scripted;

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
    assert_eq!(ws.monitor().health(), Health::Ended(Cause::StreamError));
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
    assert!(matches!(ready_by(&mut ws, &writer), Poll::Ready(Err(Fault::Reset))), "the socket's own answer");
}
