//! A connection with a task of its own, beneath a consumer that does something else (B).

use crate::scripted::*;
use futures_util::stream::FusedStream;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, End, Health, LivenessError, Spawned};

type Handle = Spawned<Socket>;

fn cause(fault: &Fault) -> Cause {
    LivenessError::find(fault).unwrap_or_else(|| panic!("{fault:?}")).cause()
}

async fn dies(ws: &mut Handle) -> Cause {
    let fault = ws.next().await.expect("an error").expect_err("a message");
    assert!(ws.next().await.is_none() && ws.is_terminated());
    cause(&fault)
}

#[tokio::test(start_paused = true)]
async fn b1_pings_leave_and_pongs_are_judged_while_the_handler_works() {
    let (peer, live) = answered(exact(), ms(100));
    let mut ws = live.spawn(4);
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    sleep(secs(610)).await;
    assert_eq!(peer.ping_times(), (1..=30).map(|n| secs(20) * n).collect::<Vec<_>>());
    assert_eq!((ws.monitor().stats().pongs_received, ws.monitor().health()), (30, Health::Alive));
    peer.set_echo(None);
    let end = ws.monitor();
    assert_eq!(end.ended().await, End::PongTimeout);
    assert_eq!(peer.elapsed(), secs(640), "judged although the handler still works");
    assert_eq!(dies(&mut ws).await, Cause::PongTimeout);
}

#[tokio::test(start_paused = true)]
async fn b2_the_task_reads_ahead_as_far_as_it_may_and_keeps_the_order() {
    for capacity in [0, 1, 3, 10] {
        let (peer, live) = live(exact());
        let mut ws = live.spawn(capacity);
        (0..10).for_each(|number| peer.sends(Msg::Data(number)));
        sleep(ms(1)).await;
        assert_eq!(peer.unread(), 10 - capacity.max(1), "{capacity}");
        for number in 0..10 {
            assert!(matches!(ws.next().await, Some(Ok(Msg::Data(found))) if found == number));
        }
        assert!(ws.next().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn b2_a_full_buffer_stops_reading_but_not_the_pings_and_judges_nobody() {
    let (peer, live) = answered(exact(), ms(100));
    let mut ws = live.spawn(2);
    let monitor = ws.monitor();
    (0..4).for_each(|number| peer.sends(Msg::Data(number)));
    assert!(monitor.is_reading());
    sleep(secs(190)).await;
    assert!(!monitor.is_reading());
    assert_eq!(peer.ping_times(), (1..=9).map(|n| secs(20) * n).collect::<Vec<_>>());
    assert_eq!((monitor.stats().pongs_received, monitor.stats().misses), (0, 0), "nothing was read, nothing judged");
    for number in 0..4 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(found))) if found == number));
    }
    sleep(secs(5)).await;
    assert!(monitor.is_reading());
    assert_eq!(monitor.health(), Health::Alive);
    assert!(monitor.stats().pongs_received > 0, "the answers waited behind the messages");
}

#[tokio::test(start_paused = true)]
async fn b2_t_runs_from_when_reading_goes_on() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(1);
    peer.sends(Msg::Data(0));
    peer.sends(Msg::Data(1));
    // Full from the start; a ping every 20 s, none of them answered. At 95 s there is room again.
    sleep(secs(95)).await;
    assert_eq!(peer.pings().len(), 4);
    assert!(ws.next().await.is_some() && ws.next().await.is_some());
    assert_eq!(ws.monitor().ended().await, End::PongTimeout);
    assert_eq!(peer.elapsed(), secs(95 + 20 + 20), "all of T, and once more for the last message");
    assert_eq!(dies(&mut ws).await, Cause::PongTimeout);
}

#[tokio::test(start_paused = true)]
async fn j1_w_is_judged_with_a_full_buffer() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(1);
    peer.sends(Msg::Data(0));
    peer.set_flushes(false);
    let monitor = ws.monitor();
    assert_eq!(monitor.ended().await, End::WriteStalled);
    assert_eq!(peer.elapsed(), secs(50));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(0)))), "what was read before is delivered first");
    assert_eq!(dies(&mut ws).await, Cause::WriteStalled);
}

#[tokio::test(start_paused = true)]
async fn b4_a_verdict_wakes_the_waiting_reader_and_the_waiting_writer() {
    let (peer, live) = live(exact());
    let (mut tx, mut rx) = live.spawn(4).split();
    peer.at(secs(25), |peer| peer.set_ready(false));
    let far = peer.clone();
    let writer = tokio::spawn(async move {
        sleep(secs(30)).await;
        (tx.send(Msg::Data(1)).await.unwrap_err(), far.elapsed())
    });
    let read = rx.next().await.unwrap().unwrap_err();
    // The peer takes nothing any more: the farewell has its second.
    assert_eq!((cause(&read), peer.elapsed()), (Cause::PongTimeout, secs(41)));
    let (written, at) = writer.await.unwrap();
    assert_eq!((cause(&written), at), (Cause::PongTimeout, secs(40)));
}

#[tokio::test(start_paused = true)]
async fn b4_send_waits_as_on_the_socket() {
    let (peer, live) = answered(exact(), ms(1));
    let mut ws = live.spawn(4);
    peer.set_ready(false);
    assert!(timeout(secs(2), ws.send(Msg::Data(1))).await.is_err());
    peer.at(secs(3), |peer| peer.set_ready(true));
    ws.send(Msg::Data(2)).await.unwrap();
    assert_eq!(peer.elapsed(), secs(3));
    assert_eq!(peer.messages(), [Msg::Data(2)]);
}

#[tokio::test(start_paused = true)]
async fn b5_dropping_the_handle_closes_within_c() {
    for answers in [true, false] {
        let (peer, live) = answered(exact(), ms(1));
        let mut ws = live.spawn(4);
        let monitor = ws.monitor();
        ws.feed(Msg::Data(7)).await.unwrap();
        drop(ws);
        let closed = peer.clone();
        if answers {
            peer.at(secs(2), |peer| {
                peer.sends(Msg::Close(1000, String::new()));
                peer.ends();
            });
        }
        let cause = monitor.ended().await;
        let (expected, at) = if answers { (End::Closed, secs(2)) } else { (End::CloseTimeout, secs(10)) };
        assert_eq!((cause, closed.elapsed()), (expected, at));
        assert!(peer.messages().starts_with(&[Msg::Data(7)]), "what was accepted is flushed");
    }
}

#[tokio::test(start_paused = true)]
async fn b5_a_peer_that_talks_on_does_not_keep_a_dropped_connection() {
    let (peer, live) = live(exact());
    let ws = live.spawn(4);
    peer.talks(ms(100), secs(60));
    let monitor = ws.monitor();
    sleep(secs(1)).await;
    drop(ws);
    assert_eq!(monitor.ended().await, End::CloseTimeout);
    assert_eq!(peer.elapsed(), secs(11));
}

/// The task discards a bounded number in each poll, and asks for the next one itself.
#[tokio::test(start_paused = true)]
async fn b5_however_much_is_unread_when_the_handle_is_dropped_closing_takes_no_time() {
    for unread in [63, 64, 65, 1_000] {
        let (peer, live) = answered(exact(), ms(1));
        let ws = live.spawn(4);
        let monitor = ws.monitor();
        sleep(ms(1)).await;
        let start = peer.elapsed();
        (0..unread).for_each(|number| peer.sends_in_silence(Msg::Data(number)));
        peer.sends_in_silence(Msg::Close(1000, String::new()));
        peer.ends();
        drop(ws);
        assert_eq!(timeout(secs(60), monitor.ended()).await, Ok(End::Closed), "{unread} unread");
        sleep(ms(1)).await;
        assert!(peer.is_alone(), "the task keeps the socket");
        assert_eq!(peer.elapsed(), start + ms(1), "{unread} unread");
    }
}

#[test]
fn b6_nobody_waits_for_a_task_whose_runtime_is_gone() {
    let first = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (peer, ws) = first.block_on(async {
        let (peer, live) = live(exact());
        let ws = live.spawn(4);
        peer.sends(Msg::Data(1));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        (peer, ws)
    });
    let second = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (mut tx, mut rx) = ws.split();
    let waiting = second.spawn(async move {
        assert!(matches!(rx.next().await, Some(Ok(Msg::Data(1)))), "what was read is delivered");
        let fault = rx.next().await.unwrap().unwrap_err();
        (cause(&fault), rx.next().await.is_none())
    });
    second.block_on(tokio::task::yield_now());
    drop(first);
    second.block_on(async {
        assert_eq!(timeout(secs(5), waiting).await.expect("waits for ever").unwrap(), (Cause::Dropped, true));
        let fault = timeout(secs(5), tx.send(Msg::Data(2))).await.expect("waits for ever").unwrap_err();
        assert_eq!(cause(&fault), Cause::Dropped);
    });
    assert!(peer.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn b7_end_and_errors_are_the_sockets_own() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(4);
    let monitor = ws.monitor();
    peer.sends(Msg::Data(1));
    peer.fails();
    peer.ends();
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    assert!(ws.next().await.is_none() && ws.is_terminated());
    assert_eq!(monitor.health(), Health::Ended(End::StreamError));
}

#[tokio::test(start_paused = true)]
async fn b7_whoever_closes_completes_the_handshake() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(4);
    let monitor = ws.monitor();
    peer.at(secs(1), |peer| {
        peer.sends(Msg::Close(1000, String::new()));
        peer.ends();
    });
    ws.send(Msg::Close(1001, String::new())).await.unwrap();
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(1000, _)))));
    assert!(ws.next().await.is_none());
    assert_eq!(monitor.health(), Health::Ended(End::Closed));
}

#[tokio::test(start_paused = true)]
async fn j6_a_prompt_consumer_with_a_buffer_of_one_keeps_no_peer_that_talks_but_never_answers() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(1);
    peer.talks(secs(1), secs(200));
    while ws.next().await.is_some() {}
    assert_eq!(peer.elapsed(), secs(61), "I + 2T, and the farewell to a peer that talks");
}
