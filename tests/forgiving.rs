//! A late judge is not held against a live peer, nor against one that drains (J6; J7 for W).

use std::time::Duration;

use futures_util::StreamExt;
use scripted::*;
use tokio::time::advance;
use ws_liveness::{Cause, Health};

#[path = "support/scripted.rs"]
mod scripted;

/// Reads until a second after the first ping; then nobody polls until `until`.
async fn stalled(peer: &Peer, ws: &mut Live, until: Duration) {
    idle(ws, secs(21)).await;
    advance(until - peer.elapsed()).await;
}

#[tokio::test(start_paused = true)]
async fn j6_a_late_judge_sends_a_fresh_ping_and_gives_it_a_full_t_without_deferrals() {
    let (peer, mut ws) = live(exact().max_deferrals(9));
    stalled(&peer, &mut ws, secs(46)).await;
    idle(&mut ws, secs(1)).await;
    assert_eq!(peer.ping_times(), [20, 46].map(secs));
    assert_eq!(ws.monitor().health(), Health::Suspect);
    peer.talks(secs(1), secs(99));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(66), Cause::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j6_late_is_more_than_a_quarter_of_t_or_250_ms() {
    for (t, limit) in [(secs(20), secs(5)), (ms(400), ms(250)), (secs(1), ms(250)), (secs(2), ms(500))] {
        for (late, pardoned) in [(limit, false), (limit + ms(1), true)] {
            let (peer, mut ws) = live(exact().pong_timeout(t));
            idle(&mut ws, secs(20) + t / 2).await;
            advance(t / 2 + late).await;
            assert_eq!(read(&mut ws).is_pending(), pardoned, "T = {t:?}, late by {late:?}");
            assert_eq!(peer.pings().len(), 1 + usize::from(pardoned));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_second_pardon_needs_an_answer_in_between() {
    for answer in [false, true] {
        let (peer, mut ws) = live(exact());
        stalled(&peer, &mut ws, secs(46)).await;
        idle(&mut ws, secs(1)).await;
        if answer {
            peer.answers(1);
            idle(&mut ws, secs(20)).await;
            assert_eq!(peer.ping_times(), [20, 46, 66].map(secs));
        }
        advance(secs(99)).await;
        assert_eq!(read(&mut ws).is_pending(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_peer_that_answers_the_fresh_ping_is_alive() {
    let (peer, mut ws) = live(exact());
    stalled(&peer, &mut ws, secs(4_000)).await;
    peer.set_echo(Some(ms(19_999)));
    idle(&mut ws, secs(3_600)).await;
    assert_eq!(ws.monitor().health(), Health::Alive);
    assert_eq!(ws.monitor().stats().misses, 0);
}

#[tokio::test(start_paused = true)]
async fn j6_w_starts_again_once_where_its_judge_is_late() {
    for (until, end) in [(ms(57_500), ms(57_500)), (ms(57_501), ms(87_501)), (secs(200), secs(230))] {
        let (peer, mut ws) = live(exact());
        peer.set_flushes(false);
        stalled(&peer, &mut ws, until).await;
        assert_eq!(reads_to_death(&peer, ws).await, (end, Cause::WriteStalled));
    }
}

#[tokio::test(start_paused = true)]
async fn j6_w_is_pardoned_once_per_ping() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(60)).await;
    idle(&mut ws, secs(1)).await;
    advance(secs(100)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(161), Cause::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j6_a_peer_that_drains_once_we_are_back_is_alive() {
    let (peer, mut ws) = answered(exact(), secs(1));
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(200)).await;
    peer.at(secs(215), |peer| peer.set_flushes(true));
    idle(&mut ws, secs(99)).await;
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn j7_w_starts_again_where_the_consumer_was_busy_and_the_judge_is_late() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    idle(&mut ws, secs(21)).await;
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    advance(secs(39)).await;
    // At 60 s, which costs no pardon: that is for the stall until 98 s.
    idle(&mut ws, secs(29)).await;
    advance(secs(9)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(128), Cause::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j7_a_stream_that_always_has_something_to_read_does_not_put_off_w() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.set_flushes(false);
    peer.set_floods(true);
    while monitor.health() != Health::Ended(Cause::WriteStalled) {
        assert!(peer.elapsed() < secs(51));
        let _ = read(&mut ws);
        advance(ms(10)).await;
    }
    assert_eq!(peer.elapsed(), ms(50_010), "one step after the poll at 50 s");
}
