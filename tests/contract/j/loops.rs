//! Loops as people write them: one task that works, sends and reads by turns, and still a dead peer is noticed.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, End, Health, Judging, LiveConfigBuilder, LivenessError};

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

/// The ping leaves with the first send at or after I. Then each quarter of T (5 s) takes as many turns as reach it, and
/// the last tick the wait of a millisecond that every turn has.
#[tokio::test(start_paused = true)]
async fn j5_a_task_that_works_then_sends_then_reads_notices_a_dead_peer() {
    for work in [7, 10, 15, 24, 26, 45, 600] {
        let noticed = 20_u64.div_ceil(work) * work + 4 * 5_u64.div_ceil(work) * work;
        assert_eq!(reports(exact(), work).await, (noticed, Cause::PongTimeout), "work of {work} s");
        assert!(noticed <= 20 + work + 20 + 8 * work, "the bound of promise 1");
    }
}

/// Due pings wake the task while it works, and that is no reason to count less.
#[tokio::test(start_paused = true)]
async fn j6_wake_ups_of_our_own_end_no_wait() {
    for (interval, work) in [(20, 1), (20, 2), (20, 3), (20, 4), (1, 3), (2, 4), (1, 7)] {
        let noticed = u64::div_ceil(interval, work) * work + 4 * 5_u64.div_ceil(work) * work;
        let config = exact().ping_interval(secs(interval));
        assert_eq!(reports(config, work).await, (noticed, Cause::PongTimeout), "I of {interval} s, work of {work} s");
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
async fn j6_a_talker_that_never_answers_is_noticed_by_a_consumer_that_is_in_step_with_it() {
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
    for config in [quiet.clone().judging(Judging::Never), quiet.judging(Judging::AfterFirstPong)] {
        let (peer, mut ws) = live(config);
        idle(&mut ws, secs(26)).await;
        assert_eq!(peer.ping_times(), [5, 10, 15, 20, 25].map(secs));
    }
}

/// Reads what there is, every `pause`, from a peer that sends nothing; when the verdict falls.
async fn polls(config: LiveConfigBuilder, unreading: bool, pause: Duration) -> (Duration, End) {
    let (peer, mut ws) = live(config);
    peer.set_flushes(!unreading);
    let monitor = ws.monitor();
    loop {
        sleep(pause).await;
        let polled = poll_fn(|cx| Poll::Ready(ws.poll_next_unpin(cx))).await;
        if let Health::Ended(end) = monitor.health() {
            return (peer.elapsed(), end);
        }
        assert!(polled.is_pending() && peer.elapsed() < secs(7_200), "never noticed, every {pause:?}");
    }
}

/// A poller adds at most 8 pauses to T and to W; and its ping is queued by a poll, which may be one pause late.
#[tokio::test(start_paused = true)]
async fn p1_a_user_who_polls_now_and_then_notices_a_dead_peer() {
    for interval in [1, 3, 20, 60].map(secs) {
        for pause in [ms(10), ms(700), ms(1_500), secs(3), secs(6), secs(11), secs(25), secs(70)] {
            for (unreading, span, end) in [(false, secs(20), End::PongTimeout), (true, secs(30), End::WriteStalled)] {
                let (at, found) = polls(exact().ping_interval(interval), unreading, pause).await;
                assert_eq!(found, end);
                let least = interval + span;
                let case = format!("I of {interval:?}, {end}, every {pause:?}: {at:?}");
                assert!(at >= least && at <= least + 9 * pause, "{case}");
            }
        }
    }
}
