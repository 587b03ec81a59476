//! Peers that send pings and do not read the answers: what waits to be sent is bounded (H1, H2).

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::sleep;
use ws_liveness::progress::Snapshot;
use ws_liveness::{Cause, End, Health, LiveConfigBuilder, Progress};

use crate::scripted::*;

/// What a pong counts as beside its payload.
const OVERHEAD: u32 = 128;
/// Room for ten empty pings.
const TEN: u32 = 10 * OVERHEAD;

fn ping(len: usize) -> Msg {
    Msg::Ping(vec![7; len])
}

fn bounded() -> LiveConfigBuilder {
    exact().max_pong_backlog(TEN)
}

/// The peer reads nothing, and sends so many pings.
fn floods(config: LiveConfigBuilder, pings: usize, len: usize) -> (Peer, Live) {
    let (peer, ws) = live(config);
    peer.set_flushes(false);
    (0..pings).for_each(|_| peer.sends(ping(len)));
    (peer, ws)
}

/// How many messages are read at once, and what comes then.
fn reads(ws: &mut Live) -> (usize, Option<Option<Result<Msg, Fault>>>) {
    for count in 0.. {
        match ws.next().now_or_never() {
            Some(Some(Ok(_))) => {}
            other => return (count, other),
        }
    }
    unreachable!()
}

fn cause(fault: &Fault) -> Cause {
    match fault {
        Fault::Dead(error) => error.cause(),
        other => panic!("{other:?}"),
    }
}

/// A source that has always seen bytes move.
#[derive(Default)]
struct Moving(AtomicU64);

impl Progress for Moving {
    fn look(&self) -> Snapshot {
        let mut sight = Snapshot::default();
        let now = Some(self.0.fetch_add(1 << 20, Ordering::Relaxed));
        (sight.read, sight.written) = (now, now);
        sight
    }
}

#[tokio::test(start_paused = true)]
async fn h1_one_ping_too_many_is_the_verdict_and_says_what_to_do() {
    let (peer, mut ws) = floods(bounded(), 10, 0);
    let monitor = ws.monitor();
    assert_eq!(reads(&mut ws).0, 10);
    assert_eq!(monitor.health(), Health::Alive, "as much as may wait");
    peer.sends(ping(0));
    assert_eq!(reads(&mut ws).0, 1, "what was read is delivered");
    assert_eq!(monitor.health(), Health::Ended(End::PingFlood));
    let (at, fault) = death(&peer, &mut ws, secs(5)).await.unwrap();
    assert_eq!((at, cause(&fault)), (secs(1), Cause::PingFlood), "after the grace in which no Close could leave");
    let Fault::Dead(error) = fault else { unreachable!() };
    assert_eq!(
        error.to_string(),
        "ping flood: the peer sends pings and does not read the answers; 1408 bytes of them wait to be sent, more than \
         `max_pong_backlog` allows"
    );
    assert_eq!((error.cause().as_str(), End::PingFlood.as_str()), ("ping_flood", "ping_flood"));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ConnectionAborted);
    assert!(ws.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn h1_a_pong_counts_as_its_payload_and_128_bytes() {
    for (len, allowed) in [(0, 8), (1, 7), (125, 4)] {
        let limit = 1024;
        let (_peer, mut ws) = floods(exact().max_pong_backlog(limit), 50, len);
        assert_eq!(reads(&mut ws).0, allowed + 1, "{len}");
        assert_eq!(ws.monitor().health(), Health::Ended(End::PingFlood));
    }
}

#[tokio::test(start_paused = true)]
async fn h1_the_default_is_a_mebibyte() {
    let (peer, mut ws) = floods(exact(), 8192, 0);
    assert_eq!(reads(&mut ws).0, 8192);
    assert_eq!(ws.monitor().health(), Health::Alive);
    peer.sends(ping(0));
    reads(&mut ws);
    assert_eq!(ws.monitor().health(), Health::Ended(End::PingFlood));
}

#[tokio::test(start_paused = true)]
async fn h1_a_finished_flush_empties_the_count() {
    let (peer, mut ws) = live(bounded());
    for round in 0..20 {
        peer.set_flushes(false);
        (0..10).for_each(|_| peer.sends(ping(0)));
        assert_eq!(reads(&mut ws).0, 10, "{round}");
        peer.set_flushes(true);
        assert!(read(&mut ws).is_pending());
    }
    assert_eq!(ws.monitor().health(), Health::Alive);
    assert_eq!(peer.own_pongs().len(), 200);
}

/// What the peer reads before the flush that follows its last ping saves it, whoever flushes.
#[tokio::test(start_paused = true)]
async fn h1_a_flush_that_nobody_was_told_of_counts() {
    let (peer, mut ws) = floods(bounded(), 10, 0);
    reads(&mut ws);
    sleep(secs(1000)).await;
    peer.flushes_in_silence();
    (0..11).for_each(|_| peer.sends_in_silence(ping(0)));
    assert_eq!(reads(&mut ws).0, 11);
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn h1_the_users_own_flush_empties_the_count_too() {
    let (peer, mut ws) = live(bounded());
    for _ in 0..5 {
        peer.set_flushes(false);
        (0..10).for_each(|_| peer.sends_in_silence(ping(0)));
        assert_eq!(reads(&mut ws).0, 10);
        peer.flushes_in_silence();
        assert!(flush(&mut ws).is_ready());
    }
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn h1_neither_bytes_that_move_nor_a_source_empty_it() {
    let (peer, ws) = live(bounded());
    let mut ws = ws.with_progress(Moving::default());
    peer.set_flushes(false);
    for round in 0..11 {
        assert_eq!(ws.monitor().health(), Health::Alive, "{round}");
        peer.sends(ping(0));
        reads(&mut ws);
        peer.set_ready(false);
        // A permit that was given stays, until it is used.
        if ready(&mut ws).is_ready() && ws.start_send_unpin(Msg::Data(0)).is_ok() {
            assert!(ready(&mut ws).is_pending());
        }
        peer.set_ready(true);
        sleep(secs(1)).await;
        let _ = ready(&mut ws);
    }
    assert_eq!(ws.monitor().health(), Health::Ended(End::PingFlood));
}

/// Data between the pings, a user that never writes, one that writes all the time: it makes no difference.
#[tokio::test(start_paused = true)]
async fn h1_data_frames_and_writers_change_nothing() {
    for writes in [false, true] {
        let (peer, mut ws) = floods(bounded(), 0, 0);
        for number in 0..11 {
            peer.sends(Msg::Data(number));
            peer.sends(ping(0));
        }
        let mut read = 0;
        while let Some(Some(Ok(_))) = ws.next().now_or_never() {
            read += 1;
            if writes && ready(&mut ws).is_ready() {
                let _ = ws.start_send_unpin(Msg::Data(0));
            }
        }
        assert_eq!((read, ws.monitor().health()), (22, Health::Ended(End::PingFlood)), "{writes}");
    }
}

#[tokio::test(start_paused = true)]
async fn h1_a_reader_alone_and_a_writer_that_is_parked_both_hear_of_it() {
    let (peer, ws) = floods(bounded(), 0, 0);
    peer.set_ready(false);
    let (mut sink, mut stream) = ws.split();
    let writer = tokio::spawn(async move { (sink.send(Msg::Data(1)).await, tokio::time::Instant::now()) });
    let reader = tokio::spawn(async move {
        loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(fault)) => return cause(&fault),
                None => panic!("no error"),
            }
        }
    });
    sleep(secs(1)).await;
    (0..11).for_each(|_| peer.sends(ping(0)));
    let (sent, at) = writer.await.unwrap();
    assert_eq!((cause(&sent.unwrap_err()), at.elapsed()), (Cause::PingFlood, Duration::ZERO));
    assert_eq!(reader.await.unwrap(), Cause::PingFlood);
}

#[tokio::test(start_paused = true)]
async fn h1_spawned_it_ends_as_well_and_a_full_buffer_ends_nothing() {
    let (peer, ws) = floods(bounded(), 100, 0);
    let monitor = ws.monitor();
    let mut ws = ws.spawn(4);
    sleep(secs(1)).await;
    assert_eq!(monitor.health(), Health::Alive, "what is not read is not answered");
    assert!(peer.unread() > 90);
    let mut read = 0;
    let fault = loop {
        match ws.next().await.unwrap() {
            Ok(_) => read += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!((read, cause(&fault)), (11, Cause::PingFlood));
}

/// An honest peer that pings once a second while one transfer takes an hour.
#[tokio::test(start_paused = true)]
async fn h1_a_peer_that_pings_each_second_lives_through_a_slow_transfer() {
    let (peer, ws) = live(exact());
    let mut ws = ws.with_progress(Moving::default());
    peer.set_flushes(false);
    for _ in 0..3600 {
        peer.sends(ping(8));
        assert!(matches!(read(&mut ws), Poll::Ready(Some(Ok(_)))));
        idle(&mut ws, secs(1)).await;
    }
    peer.set_flushes(true);
    idle(&mut ws, secs(1)).await;
    assert_eq!(peer.own_pongs().len(), 3600);
}

#[tokio::test(start_paused = true)]
async fn h1_without_a_bound_nothing_ends() {
    let (_peer, mut ws) = floods(exact().max_pong_backlog(u32::MAX), 40_000, 125);
    assert_eq!(reads(&mut ws).0, 40_000);
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn h2_after_the_verdict_nothing_more_is_read() {
    let (peer, mut ws) = floods(bounded(), 100, 0);
    let (at, _) = death(&peer, &mut ws, secs(5)).await.unwrap();
    assert_eq!((peer.unread(), at), (89, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn h2_the_close_leaves_if_it_can() {
    let (peer, mut ws) = floods(bounded(), 11, 0);
    reads(&mut ws);
    assert_eq!(peer.messages(), [Msg::Close(3008, "ping flood".into())]);
    peer.set_flushes(true);
    assert_eq!(verdict(&mut ws).cause(), Cause::PingFlood);
    assert_eq!(peer.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn h2_another_verdict_stays_the_first_and_reading_stops_all_the_same() {
    // The peer talks, so that its rest is read when our ping could not leave.
    let (peer, mut ws) = floods(bounded().write_timeout(secs(4)), 0, 0);
    peer.talks(secs(1), secs(30));
    let obituary = obituary(&peer, &ws);
    while !obituary.is_finished() {
        tokio::select! { biased; item = ws.next() => assert!(item.unwrap().is_ok()), () = sleep(ms(1)) => {} }
    }
    assert_eq!(obituary.await.unwrap().1, End::WriteStalled);
    (0..10_000).for_each(|_| peer.sends(ping(0)));
    let (_, fault) = death(&peer, &mut ws, secs(5)).await.unwrap();
    assert_eq!(cause(&fault), Cause::WriteStalled);
    assert!(peer.unread() > 9_900, "{}", peer.unread());
}

#[tokio::test(start_paused = true)]
async fn h2_a_flood_during_the_closing_handshake_ends_it() {
    let (peer, mut ws) = floods(bounded(), 0, 0);
    assert!(ready(&mut ws).is_ready());
    ws.start_send_unpin(Msg::Close(1000, String::new())).unwrap();
    (0..100).for_each(|_| peer.sends(ping(0)));
    let (read, then) = reads(&mut ws);
    assert_eq!((read, peer.unread()), (11, 89));
    let Some(Some(Err(fault))) = then else { panic!("{then:?}") };
    assert_eq!((cause(&fault), ws.monitor().health()), (Cause::PingFlood, Health::Ended(End::PingFlood)));
    assert!(ws.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn h2_a_user_that_means_to_close_hears_of_it() {
    let (peer, mut ws) = floods(bounded(), 0, 0);
    peer.set_ready(false);
    (0..100).for_each(|_| peer.sends(ping(0)));
    let error = ws.close_with(1001, "").unwrap().await.unwrap_err();
    assert_eq!(cause(&error), Cause::PingFlood);
    assert!(peer.unread() > 80);
}

#[tokio::test(start_paused = true)]
async fn h2_a_sink_that_has_failed_and_a_flood_end_with_the_first_cause() {
    let (peer, mut ws) = floods(bounded(), 100, 0);
    peer.resets_in_silence();
    let (_, fault) = death(&peer, &mut ws, secs(5)).await.unwrap();
    assert_eq!(cause(&fault), Cause::PingFailed);
    assert!(peer.unread() > 80, "{}", peer.unread());
}

#[tokio::test(start_paused = true)]
async fn h2_after_an_error_of_the_stream_a_flood_ends_what_is_still_read() {
    let (peer, mut ws) = floods(bounded(), 0, 0);
    peer.fails();
    (0..100).for_each(|_| peer.sends(ping(0)));
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    let (read, then) = reads(&mut ws);
    assert!(matches!((read, then), (11, Some(None))));
}

#[test]
fn h1_a_limit_below_a_few_pings_is_refused() {
    let error = exact().max_pong_backlog(1023).build().unwrap_err();
    assert_eq!(error.to_string(), "`max_pong_backlog` is 1023, allowed is 1024 or more");
    assert_eq!(exact().max_pong_backlog(1024).build().unwrap().max_pong_backlog(), 1024);
    assert_eq!(exact().build().unwrap().max_pong_backlog(), 1 << 20);
}
