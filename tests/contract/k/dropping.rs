//! A connection that is dropped or taken apart leaves nothing behind (K7).

use std::sync::Arc;
use std::task::Poll;

use crate::scripted::*;
use futures_util::StreamExt;
use tokio::time::advance;
use ws_liveness::{End, Health, LiveStream};

/// How to get to a state, and by when.
type Way = (fn(&Peer), u64);

/// Every state, with both halves parked where they can be.
fn states() -> [Way; 8] {
    [
        (|_| {}, 1),
        (|peer| peer.set_flushes(false), 21),
        (|peer| peer.set_flushes(false), 36),
        (|_| {}, 21),
        (|peer| peer.at(secs(30), |peer| peer.sends(Msg::Data(1))), 45),
        (|peer| peer.talks(secs(1), secs(60)), 60),
        (|peer| peer.sends(Msg::Close(1000, String::new())), 1),
        (|_| {}, 42),
    ]
}

async fn parked_in((way, until): Way) -> (Peer, Live, [Arc<Task>; 2]) {
    let (peer, mut ws) = live(exact());
    way(&peer);
    let tasks = [Task::new(), Task::new()];
    while peer.elapsed() < secs(until) {
        while let Poll::Ready(Some(_)) = read_by(&mut ws, &tasks[0]) {}
        let _ = flush_by(&mut ws, &tasks[1]);
        advance(ms(500)).await;
    }
    (peer, ws, tasks)
}

#[tokio::test(start_paused = true)]
async fn k7_a_dropped_connection_leaves_nothing_behind() {
    for (state, way) in states().into_iter().enumerate() {
        let (_peer, ws, tasks) = parked_in(way).await;
        let _ = ws.monitor();
        drop(ws);
        assert_eq!(tasks.map(|task| Arc::strong_count(&task)), [1, 1], "state {state}");
    }
}

#[tokio::test(start_paused = true)]
async fn k7_a_monitor_that_outlives_the_connection_keeps_no_task() {
    for (state, way) in states().into_iter().enumerate() {
        let (_peer, ws, tasks) = parked_in(way).await;
        let monitor = ws.monitor();
        drop(ws);
        assert!(matches!(monitor.health(), Health::Ended(_)));
        assert_eq!(tasks.map(|task| Arc::strong_count(&task)), [1, 1], "state {state}");
    }
}

#[tokio::test(start_paused = true)]
async fn k7_a_later_connection_starts_anew() {
    let (peer, mut ws) = answered(exact(), secs(0));
    idle(&mut ws, secs(30)).await;
    let (inner, _) = ws.into_inner();
    peer.set_echo(None);
    let mut ws = LiveStream::new(inner, exact().build().unwrap());
    idle(&mut ws, ms(19_999)).await;
    assert_eq!(peer.pings().len(), 1, "the first interval begins with the wrapping");
    assert_eq!(ws.monitor().stats(), Default::default());
    peer.sends(Msg::Pong(peer.payload(0)));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Pong(_)))), "the payload of another connection");
    assert_eq!(reads_to_death(&peer, ws).await, (secs(70), End::PongTimeout));
}
