//! Loops as people write them: one task that works, sends and reads by turns, and still a dead peer is noticed.

use futures_util::{SinkExt, StreamExt};
use scripted::*;
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, LiveConfigBuilder, LivenessError};

#[path = "support/scripted.rs"]
mod scripted;

/// Works for `work` seconds, sends, then looks for what has come in. When the death is noticed, by whichever half.
async fn reports(config: LiveConfigBuilder, work: u64) -> (u64, Cause) {
    let (peer, mut ws) = live(config);
    loop {
        sleep(secs(work)).await;
        let sent = ws.send(Msg::Data(0)).await.err();
        let read = timeout(ms(1), ws.next()).await.ok().flatten().and_then(Result::err);
        if let Some(error) = sent.or(read) {
            return (peer.elapsed().as_secs(), LivenessError::find(&error).unwrap().cause());
        }
        assert!(peer.elapsed() < secs(7_200), "never noticed");
    }
}

#[tokio::test(start_paused = true)]
async fn v4_a_task_that_works_then_sends_then_reads_notices_a_dead_peer() {
    // The ping leaves with the first send at or after I; the first look after T finds it missing, late by more than T/4
    // it is pardoned, and the ping after that decides.
    for (work, noticed) in [(10, 40), (15, 90), (24, 48), (26, 78), (45, 135)] {
        assert_eq!(reports(exact(), work).await, (noticed, Cause::PongTimeout), "work of {work} s");
    }
}

/// Reads, and is busy with every message; the time and the cause of the end.
async fn handles(mut ws: Live, peer: &Peer, work: u64) -> (u64, Cause) {
    loop {
        match timeout(secs(7_200), ws.next()).await.expect("a verdict") {
            Some(Ok(_)) => sleep(ms(work)).await,
            Some(Err(error)) => return (peer.elapsed().as_secs(), LivenessError::find(&error).unwrap().cause()),
            None => panic!("ended"),
        }
    }
}

/// The deadline falls into the consumer's work again and again, in lock-step.
#[tokio::test(start_paused = true)]
async fn j7_a_talker_that_never_answers_is_noticed_by_a_consumer_that_is_in_step_with_it() {
    for (period, work, first) in [(1_000, 100, 20_050), (10, 9, 20_005), (1_000, 900, 20_050), (7, 5, 20_003)] {
        let (peer, ws) = live(exact().ping_interval(ms(first)));
        peer.talks(ms(period), secs(7_200));
        let (at, cause) = handles(ws, &peer, work).await;
        assert_eq!(cause, Cause::PongTimeout);
        // I, and as long as it takes to wait for 2T beside the work.
        let due = 20 + 2 * 20 * period / (period - work);
        assert!((due - 1..=due + 2).contains(&at), "{period} {work}: {at} s, not {due} s");
    }
}

#[tokio::test(start_paused = true)]
async fn j9_where_nothing_is_judged_pings_leave_every_interval() {
    let quiet = exact().ping_interval(secs(5));
    for config in [quiet.clone().keep_alive_only(true), quiet.judge_after_first_pong(true)] {
        let (peer, mut ws) = live(config);
        idle(&mut ws, secs(26)).await;
        assert_eq!(peer.ping_times(), [5, 10, 15, 20, 25].map(secs));
    }
}
