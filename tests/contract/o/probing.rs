//! `Monitor::probe`: an extra ping now, and nothing else moves (O2).

use crate::scripted::*;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use ws_liveness::End;

/// What a probe that should be over has come to.
async fn result<T>(probe: JoinHandle<T>) -> T {
    timeout(secs(1), probe).await.expect("a result").unwrap()
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_leaves_at_once_and_returns_its_round_trip_time() {
    let (peer, mut ws) = answered(exact(), ms(300));
    let monitor = ws.monitor();
    let far = peer.clone();
    let probe = tokio::spawn(async move {
        tokio::time::sleep(secs(5)).await;
        (monitor.probe().await, far.elapsed())
    });
    idle(&mut ws, secs(50)).await;
    assert_eq!(result(probe).await, (Ok(ms(300)), ms(5_300)));
    assert_eq!(peer.ping_times(), [5, 20, 40].map(secs), "the due times have not moved");
    assert!(peer.pings().iter().all(|ping| ping.flushed == Some(ping.at)));
    assert_eq!(ws.monitor().stats().pings_sent, 3);
    assert_eq!(ws.monitor().stats().pongs_received, 3);
}

#[tokio::test(start_paused = true)]
async fn o2_probes_at_the_same_time_share_one_ping() {
    let (peer, mut ws) = answered(exact(), ms(300));
    let mut probes = Vec::new();
    for after in [0, 0, 0, 100, 299] {
        let monitor = ws.monitor();
        probes.push(tokio::spawn(async move {
            tokio::time::sleep(secs(1) + ms(after)).await;
            monitor.probe().await
        }));
    }
    idle(&mut ws, secs(2)).await;
    for probe in probes {
        assert_eq!(result(probe).await, Ok(ms(300)));
    }
    assert_eq!(peer.pings().len(), 1);
    let next = ws.monitor();
    let next = tokio::spawn(async move { next.probe().await });
    idle(&mut ws, secs(1)).await;
    assert_eq!(result(next).await, Ok(ms(300)));
    assert_eq!(peer.ping_times(), [1, 2].map(secs), "one that comes after has its own");
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_does_not_move_t_and_fails_with_the_connection() {
    let (peer, ws) = live(exact());
    let monitor = ws.monitor();
    let far = peer.clone();
    let probe = tokio::spawn(async move {
        tokio::time::sleep(secs(30)).await;
        (monitor.probe().await, far.elapsed())
    });
    assert_eq!(reads_to_death(&peer, ws).await, (secs(40), End::PongTimeout));
    assert_eq!(result(probe).await, (Err(End::PongTimeout), secs(40)));
    assert_eq!(peer.ping_times(), [20, 30].map(secs));
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_is_judged_by_nobody() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    let probe = tokio::spawn(async move { monitor.probe().await });
    peer.at(secs(21), |peer| peer.answers(1));
    idle(&mut ws, ms(39_999)).await;
    assert_eq!(result(probe).await, Ok(secs(21)), "the answer to a later ping answers it too");
    assert_eq!(ws.monitor().stats().misses, 0);
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_that_is_answered_answers_the_ping_before_it() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.at(secs(25), move |peer| {
        peer.set_echo(Some(ms(100)));
        tokio::spawn(async move { monitor.probe().await });
    });
    idle(&mut ws, secs(70)).await;
    assert_eq!(peer.ping_times(), [20, 25, 40, 60].map(secs));
    assert_eq!(ws.monitor().stats().misses, 0);
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_waits_for_the_write_side_and_counts_from_its_flush() {
    let (peer, mut ws) = answered(exact(), ms(300));
    let monitor = ws.monitor();
    peer.set_ready(false);
    peer.set_flushes(false);
    peer.at(secs(4), |peer| peer.set_ready(true));
    peer.at(secs(7), |peer| peer.set_flushes(true));
    let probe = tokio::spawn(async move { monitor.probe().await });
    idle(&mut ws, secs(19)).await;
    assert_eq!(result(probe).await, Ok(ms(300)));
    assert_eq!((peer.pings()[0].at, peer.pings()[0].flushed), (secs(4), Some(secs(7))));
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_that_is_dropped_harms_nobody() {
    let (peer, mut ws) = answered(exact(), secs(2));
    let monitor = ws.monitor();
    assert!(monitor.probe().now_or_never().is_none());
    idle(&mut ws, secs(10)).await;
    assert_eq!(peer.ping_times(), [secs(0)], "its ping has left all the same");
    let next = tokio::spawn(async move { timeout(secs(5), monitor.probe()).await });
    idle(&mut ws, secs(6)).await;
    assert_eq!(result(next).await, Ok(Ok(secs(2))));
    assert_eq!(peer.ping_times(), [0, 10].map(secs));
}

#[tokio::test(start_paused = true)]
async fn o2_no_probe_after_a_close_and_it_fails_with_the_end() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    ws.send(Msg::Close(1000, String::new())).await.unwrap();
    let probe = tokio::spawn(async move { monitor.probe().await });
    peer.at(secs(3), |peer| peer.sends(Msg::Close(1000, String::new())));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(..)))));
    assert_eq!(result(probe).await, Err(End::Closed));
    assert_eq!(peer.pings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_fails_where_the_connection_is_dropped() {
    let (_peer, ws) = live(exact());
    let monitor = ws.monitor();
    let probe = tokio::spawn(async move { monitor.probe().await });
    tokio::task::yield_now().await;
    drop(ws);
    assert_eq!(result(probe).await, Err(End::Dropped));
}

#[tokio::test(start_paused = true)]
async fn o2_a_probe_leaves_although_only_a_parked_stream_half_is_there() {
    let (peer, ws) = answered(exact(), ms(50));
    let monitor = ws.monitor();
    let (tx, mut rx) = ws.split();
    let reader = tokio::spawn(async move { rx.next().await.is_none() });
    tokio::time::sleep(secs(3)).await;
    assert_eq!(monitor.probe().await, Ok(ms(50)));
    assert_eq!(peer.ping_times(), [secs(3)]);
    reader.abort();
    drop(tx);
}

/// A peer may answer only the newest ping (RFC 6455 section 5.5.3): the time since the older one is no round trip.
#[tokio::test(start_paused = true)]
async fn o3_the_pong_of_a_probe_counts_for_the_statistics_and_for_itself_alone() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    idle(&mut ws, secs(25)).await;
    let probe = tokio::spawn(async move { monitor.probe().await });
    idle(&mut ws, secs(1)).await;
    peer.answers(1);
    idle(&mut ws, secs(10)).await;
    assert_eq!(result(probe).await, Ok(secs(1)));
    assert_eq!(ws.monitor().stats().last_rtt, Some(secs(1)));
    assert_eq!(peer.ping_times(), [20, 25].map(secs));
}
