//! What the inner's write side refuses or never finishes, and who hears of it: nothing is lost in silence, nothing hangs.

use std::task::Poll;

use crate::scripted::*;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, LivenessError};

fn goodbye() -> Msg {
    Msg::Close(1000, String::new())
}

/// A user whose permit a ping has used, over an inner that has no second one; `message` waits for it.
async fn waiting(message: Msg) -> (Peer, Live) {
    let (peer, mut ws) = answered(exact(), secs(0));
    assert!(ready(&mut ws).is_ready());
    peer.set_ready(false);
    idle(&mut ws, secs(25)).await;
    ws.start_send_unpin(message).unwrap();
    (peer, ws)
}

fn is_reset<T: std::fmt::Debug>(result: &Result<T, Fault>) -> bool {
    matches!(result, Err(Fault::Reset))
}

/// The liveness error's cause.
fn cause_of(result: Result<(), Fault>) -> Option<Cause> {
    match result {
        Err(Fault::Dead(error)) => Some(error.cause()),
        _ => None,
    }
}

/// The error of the inner that the stream half met in the sink's place.
fn kept(result: Result<(), Fault>) -> Option<String> {
    match result {
        Err(Fault::Dead(error)) if error.cause() == Cause::SendFailed => {
            Some(std::error::Error::source(&error).unwrap().to_string())
        }
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn v2_a_message_that_waits_at_the_end_of_the_stream_leaves_with_the_next_flush() {
    for closes in [false, true] {
        let (peer, mut ws) = waiting(if closes { goodbye() } else { Msg::Data(1) }).await;
        peer.ends();
        assert!(ws.next().await.is_none());
        peer.set_ready(true);
        timeout(secs(1), ws.flush()).await.unwrap().unwrap();
        assert_eq!(peer.messages().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn s6_a_message_that_is_refused_for_now_is_the_writers_error_and_no_verdict() {
    let (peer, mut ws) = waiting(Msg::Data(1)).await;
    peer.set_ready(true);
    peer.set_refuses(Some(Fault::Full));
    assert!(matches!(ws.flush().await, Err(Fault::Full)));
    peer.set_refuses(None);
    ws.send(Msg::Data(2)).await.unwrap();
    idle(&mut ws, secs(100)).await;
    assert!(peer.messages().contains(&Msg::Data(2)) && !peer.messages().contains(&Msg::Data(1)));
}

#[tokio::test(start_paused = true)]
async fn s6_where_only_the_stream_is_polled_the_refusal_waits_for_the_writer_who_is_told_once() {
    let (peer, mut ws) = waiting(Msg::Data(1)).await;
    let writer = Task::new();
    assert!(flush_by(&mut ws, &writer).is_pending());
    peer.set_refuses(Some(Fault::Full));
    let _ = writer.take();
    peer.set_ready(true);
    idle(&mut ws, secs(1)).await;
    assert!(writer.take() > 0);
    assert_eq!(kept(ws.flush().await), Some(Fault::Full.to_string()));
    peer.set_refuses(None);
    ws.send(Msg::Data(2)).await.unwrap();
    idle(&mut ws, secs(100)).await;
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_that_waits_and_is_refused_is_not_reported_as_sent() {
    let (peer, mut ws) = waiting(goodbye()).await;
    peer.set_ready(true);
    peer.set_refuses(Some(Fault::Reset));
    assert!(is_reset(&ws.flush().await));
    let (peer, mut ws) = waiting(goodbye()).await;
    peer.resets();
    assert!(is_reset(&ws.flush().await));
}

#[tokio::test(start_paused = true)]
async fn s4_after_an_error_of_the_stream_the_inners_refusal_is_the_writers() {
    let (peer, mut ws) = waiting(Msg::Data(1)).await;
    peer.fails();
    assert!(ws.next().await.is_some_and(|item| is_reset(&item)));
    peer.set_ready(true);
    peer.set_refuses(Some(Fault::Reset));
    assert!(is_reset(&ws.flush().await));
}

#[tokio::test(start_paused = true)]
async fn s8_a_failed_answer_to_a_close_is_the_writers_next_error() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    peer.sends(goodbye());
    assert!(ws.next().await.is_some());
    peer.resets_in_silence();
    assert!(ws.next().now_or_never().is_none());
    assert_eq!(kept(ws.flush().await), Some(Fault::Reset.to_string()));
    let last = ws.next().await.unwrap().unwrap_err();
    assert_eq!(LivenessError::find(&last).unwrap().cause(), Cause::CloseTimeout, "our Close never left");
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_that_is_never_flushed_ends_for_reader_and_writer_within_c() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    let (mut sink, mut stream) = ws.split();
    let writer = tokio::spawn(async move { sink.send(goodbye()).await });
    sleep(secs(1)).await;
    peer.sends(goodbye());
    assert_eq!(stream.next().await.unwrap().unwrap(), goodbye());
    let last = stream.next().await.unwrap().unwrap_err();
    // The reader waits from 1 s on.
    assert_eq!((peer.elapsed(), LivenessError::find(&last).unwrap().cause()), (secs(11), Cause::CloseTimeout));
    let written = timeout(secs(1), writer).await.unwrap().unwrap();
    assert_eq!(LivenessError::find(&written.unwrap_err()).unwrap().cause(), Cause::CloseTimeout);
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_that_is_refused_for_now_begins_nothing() {
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.set_refuses(Some(Fault::Full));
    assert!(matches!(ws.send(goodbye()).await, Err(Fault::Full)));
    peer.set_refuses(None);
    idle(&mut ws, secs(50)).await;
    assert_eq!(peer.ping_times(), [20, 40].map(secs));
}

/// A failure that a Close makes nobody's does not cost the inner the permit a ping has used.
#[tokio::test(start_paused = true)]
async fn s6_a_failed_ping_keeps_the_book_of_permits() {
    let (peer, mut ws) = live(exact());
    assert!(ready(&mut ws).is_ready());
    peer.set_ready(false);
    idle(&mut ws, secs(19)).await;
    peer.set_flushes(false);
    idle(&mut ws, secs(3)).await;
    peer.sends(Msg::Data(1));
    peer.sends(goodbye());
    peer.resets_in_silence();
    assert_eq!(ws.next().await.unwrap().unwrap(), Msg::Data(1));
    assert!(matches!(ready(&mut ws), Poll::Ready(Err(_))), "the ping has failed");
    assert_eq!(ws.next().await.unwrap().unwrap(), goodbye());
    // The strict inner panics when anything is handed over without a permit, or after it has failed.
    assert_eq!(cause_of(ws.flush().await), Some(Cause::SendFailed));
    assert_eq!(cause_of(ws.start_send_unpin(Msg::Data(2))), Some(Cause::SendFailed));
    assert_eq!(cause_of(ws.flush().await), Some(Cause::SendFailed));
}

#[tokio::test(start_paused = true)]
async fn k4_closing_goes_its_way_although_there_is_an_error_to_tell() {
    let (peer, mut ws) = waiting(Msg::Data(1)).await;
    peer.set_refuses(Some(Fault::Full));
    peer.set_ready(true);
    idle(&mut ws, secs(1)).await;
    peer.set_refuses(None);
    assert_eq!(kept(ws.close().await), Some(Fault::Full.to_string()));
    assert!(peer.is_closed());
    assert!(ws.next().await.unwrap().is_err(), "no Close came back");
    assert_eq!(peer.elapsed(), secs(36));
}

#[tokio::test(start_paused = true)]
async fn k4_while_the_peer_closes_the_inners_refusal_is_the_writers() {
    let (peer, mut ws) = waiting(Msg::Data(1)).await;
    peer.sends(goodbye());
    assert_eq!(ws.next().await.unwrap().unwrap(), goodbye());
    peer.set_ready(true);
    peer.set_refuses(Some(Fault::Reset));
    assert!(ws.next().now_or_never().is_none());
    assert_eq!(kept(ws.flush().await), Some(Fault::Reset.to_string()));
}

#[tokio::test(start_paused = true)]
async fn k4_a_flush_of_what_went_before_does_not_send_a_close_that_waits() {
    let (peer, mut ws) = waiting(goodbye()).await;
    assert!(flush(&mut ws).is_pending());
    peer.sends(goodbye());
    assert_eq!(ws.next().await.unwrap().unwrap(), goodbye());
    let last = ws.next().await.unwrap().unwrap_err();
    assert_eq!(LivenessError::find(&last).unwrap().cause(), Cause::CloseTimeout, "our Close never left");
}
