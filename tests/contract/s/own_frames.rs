//! What our own frames look like, what leaves by a flush of ours, and what follows where one is refused (S7 to S9).

use std::collections::HashSet;
use std::error::Error;
use std::task::Poll;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::advance;
use ws_liveness::{Cause, End, Health};

#[tokio::test(start_paused = true)]
async fn s7_payloads_have_8_bytes_and_differ_within_and_between_connections() {
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let (peer, mut ws) = answered(exact(), secs(0));
        idle(&mut ws, secs(210)).await;
        assert_eq!(peer.pings().len(), 10);
        for ping in 0..10 {
            let payload = peer.payload(ping);
            assert_eq!(payload.len(), 8);
            assert!(seen.insert(payload));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s7_the_close_reason_is_cut_on_a_character_boundary() {
    for (reason, kept) in [("é".repeat(100), "é".repeat(61)), ("x".repeat(124), "x".repeat(123))] {
        let (peer, mut ws) = live(exact().close_code(4000).close_reason(reason));
        assert!(death(&peer, &mut ws, secs(40)).await.is_some());
        assert_eq!(peer.messages().pop(), Some(Msg::Close(4000, kept)));
    }
}

#[tokio::test(start_paused = true)]
async fn s8_a_ping_of_the_peer_is_surfaced_and_its_answer_leaves_although_the_user_never_writes() {
    let (peer, mut ws) = live(exact());
    peer.at(secs(3), |peer| peer.sends(Msg::Ping(vec![1, 2])));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Ping(payload))) if payload == [1, 2]));
    assert_eq!(peer.own_pongs(), [secs(3)]);
    assert_eq!(peer.messages(), [], "no pong of ours");
}

#[tokio::test(start_paused = true)]
async fn s8_an_answer_that_cannot_leave_at_once_leaves_as_soon_as_it_can() {
    for message in [Msg::Ping(vec![]), Msg::Close(1000, String::new())] {
        let (peer, mut ws) = live(exact());
        peer.set_flushes(false);
        peer.sends(message);
        assert!(matches!(ws.next().await, Some(Ok(_))));
        peer.at(secs(5), |peer| peer.set_flushes(true));
        idle(&mut ws, secs(9)).await;
        assert_eq!(peer.own_pongs(), [secs(5)]);
        assert_eq!(peer.messages(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn s8_the_answer_to_a_close_leaves_although_the_user_never_writes() {
    let (peer, mut ws) = live(exact());
    peer.sends(Msg::Close(1000, String::new()));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(1000, _)))));
    assert_eq!(peer.own_pongs(), [secs(0)]);
    assert_eq!(ws.monitor().health(), Health::Ended(End::Closed));
}

/// A connection whose ping, due now, will be refused, with three messages that were not read yet.
async fn about_to_fail() -> (Peer, Live) {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(19)).await;
    peer.set_refuses(Some(Fault::Reset));
    for number in 1..=3 {
        peer.sends(Msg::Data(number));
    }
    advance(secs(1)).await;
    (peer, ws)
}

async fn reads_three(ws: &mut Live) {
    for number in 1..=3 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
        assert!(matches!(ready(ws), Poll::Ready(Err(Fault::Dead(error))) if error.cause() == Cause::PingFailed));
    }
}

#[tokio::test(start_paused = true)]
async fn s9_what_the_peer_sent_is_delivered_before_the_one_error_whose_source_is_the_inners() {
    let (peer, mut ws) = about_to_fail().await;
    let monitor = ws.monitor();
    reads_three(&mut ws).await;
    assert_eq!(monitor.health(), Health::Suspect, "no verdict yet");
    let error = verdict(&mut ws);
    assert_eq!(error.cause(), Cause::PingFailed);
    assert!(matches!(error.source().unwrap().downcast_ref(), Some(Fault::Reset)));
    assert_eq!(monitor.health(), Health::Ended(End::PingFailed));
    assert!(ws.next().await.is_none() && ws.next().await.is_none());
    assert!(ws.send(Msg::Data(9)).await.is_err());
    assert_eq!(peer.elapsed(), secs(20));
}

#[tokio::test(start_paused = true)]
async fn s9_a_failed_flush_is_a_failed_ping() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    peer.at(secs(24), |peer| {
        peer.sends(Msg::Data(1));
        peer.resets();
    });
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    assert!(matches!(flush(&mut ws), Poll::Ready(Err(_))));
    let error = verdict(&mut ws);
    assert_eq!((error.cause(), error.since_queued()), (Cause::PingFailed, Some(secs(4))));
    assert!(matches!(error.source().unwrap().downcast_ref(), Some(Fault::Reset)));
}

#[tokio::test(start_paused = true)]
async fn s9_a_parked_writer_is_woken_by_the_failure() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    let (mut tx, mut rx) = ws.split();
    let writer = tokio::spawn(async move { tx.send(Msg::Data(1)).await });
    peer.at(secs(24), Peer::resets);
    assert!(matches!(rx.next().await, Some(Err(Fault::Dead(_)))));
    assert!(writer.await.unwrap().is_err());
    assert_eq!(peer.elapsed(), secs(24));
}

/// tokio-websockets ends its stream once its sink has failed: a bare end explains nothing, and the error does.
#[tokio::test(start_paused = true)]
async fn s9_a_bare_end_after_the_failure_yields_the_kept_error_once() {
    let (peer, mut ws) = about_to_fail().await;
    let monitor = ws.monitor();
    peer.ends();
    reads_three(&mut ws).await;
    let error = verdict(&mut ws);
    assert_eq!(error.cause(), Cause::PingFailed);
    assert!(matches!(error.source().unwrap().downcast_ref(), Some(Fault::Reset)));
    assert_eq!(monitor.health(), Health::Ended(End::PingFailed));
    assert!(ws.next().await.is_none() && ws.next().await.is_none());
    assert!(ws.send(Msg::Data(9)).await.is_err());
    assert_eq!(peer.elapsed(), secs(20), "the end is not waited for");
    assert!(!peer.messages().iter().any(|message| matches!(message, Msg::Close(..))), "no Close after the end");
}

#[tokio::test(start_paused = true)]
async fn s9_an_end_that_is_read_before_our_frame_fails_is_only_an_end() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(19)).await;
    peer.set_refuses(Some(Fault::Reset));
    peer.ends();
    assert!(ws.next().await.is_none());
    advance(secs(60)).await;
    assert!(ws.next().await.is_none());
    assert_eq!(ws.monitor().health(), Health::Ended(End::EndOfStream));
}

#[tokio::test(start_paused = true)]
async fn s9_an_error_of_the_inner_stream_that_comes_before_is_worth_more() {
    let (peer, mut ws) = about_to_fail().await;
    peer.fails();
    peer.ends();
    reads_three(&mut ws).await;
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    assert!(ws.next().await.is_none() && ws.next().await.is_none());
    assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError));
}

#[tokio::test(start_paused = true)]
async fn s9_a_close_that_comes_before_is_worth_more() {
    let (peer, mut ws) = about_to_fail().await;
    peer.sends(Msg::Close(1001, String::new()));
    peer.ends();
    reads_three(&mut ws).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(1001, _)))));
    assert!(ws.next().await.is_none() && ws.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn s9_after_a_close_the_failure_is_forgotten_and_c_runs() {
    let (peer, mut ws) = about_to_fail().await;
    peer.sends(Msg::Close(1001, String::new()));
    reads_three(&mut ws).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(1001, _)))));
    let Some((at, Fault::Dead(error))) = death(&peer, &mut ws, secs(99)).await else { panic!() };
    assert_eq!((at, error.cause()), (secs(30), Cause::CloseTimeout));
}

#[tokio::test(start_paused = true)]
async fn s9_a_transient_refusal_is_no_failure_and_w_runs() {
    let (peer, mut ws) = live(exact());
    peer.set_refuses(Some(Fault::Full));
    idle(&mut ws, ms(49_999)).await;
    assert_eq!(ws.monitor().health(), Health::Suspect);
    idle(&mut ws, ms(1)).await;
    assert_eq!(ws.monitor().health(), Health::Ended(End::WriteStalled), "exactly I + W");
    assert!(peer.polls() < 200, "{}", peer.polls());
}

#[tokio::test(start_paused = true)]
async fn s9_the_refused_ping_leaves_by_the_flush_that_makes_room() {
    let (peer, mut ws) = live(exact());
    peer.set_refuses(Some(Fault::Full));
    peer.set_flushes(false);
    peer.at(secs(49), |peer| {
        peer.set_refuses(None);
        peer.set_flushes(true);
    });
    assert_eq!(death(&peer, &mut ws, secs(99)).await.unwrap().0, secs(69));
    assert_eq!(peer.ping_times(), [secs(49)]);
}

#[tokio::test(start_paused = true)]
async fn s9_a_flush_that_ends_restarts_w_where_the_ping_is_refused_again() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.set_refuses(Some(Fault::Full));
    peer.set_flushes(false);
    peer.at(secs(45), |peer| peer.set_flushes(true));
    idle(&mut ws, ms(45_001)).await;
    peer.set_flushes(false);
    idle(&mut ws, ms(29_998)).await;
    assert_eq!(monitor.health(), Health::Suspect);
    idle(&mut ws, ms(1)).await;
    assert_eq!(monitor.health(), Health::Ended(End::WriteStalled), "W after the flush at 45 s");
}
