//! One half is polled and the other is not: pings leave by either (S3), W runs by either (J1), and T runs only while the
//! reader waits (J6).

use std::task::Poll;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{advance, sleep};
use ws_liveness::{Cause, End, Health};

/// Polls only the sink half, every 100 ms, until `until`.
async fn only_sends(peer: &Peer, ws: &mut Live, until: Duration) {
    while peer.elapsed() < until {
        assert!(ready(ws).is_ready() && flush(ws).is_ready(), "{:?}", peer.elapsed());
        advance(ms(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j6_with_only_the_sink_polled_pings_leave_and_t_rests() {
    for t in [secs(7), secs(20), secs(27), Duration::MAX] {
        let (peer, mut ws) = live(exact().pong_timeout(t));
        only_sends(&peer, &mut ws, ms(100_100)).await;
        assert_eq!(peer.ping_times(), [20, 40, 60, 80, 100].map(secs), "T = {t:?}");
        assert_eq!((ws.monitor().health(), ws.monitor().stats().misses), (Health::Alive, 0));
    }
}

/// From the first read on that finds nothing, a dead peer has T, however many pings went before.
#[tokio::test(start_paused = true)]
async fn j6_t_runs_from_when_the_reader_comes() {
    for t in [7, 20, 27] {
        let (peer, mut ws) = live(exact().pong_timeout(secs(t)));
        only_sends(&peer, &mut ws, secs(90)).await;
        assert_eq!(reads_to_death(&peer, ws).await, (secs(90 + t), End::PongTimeout), "T = {t} s");
    }
}

#[tokio::test(start_paused = true)]
async fn j1_with_only_the_sink_polled_w_is_judged() {
    let (peer, mut ws) = live(exact());
    peer.set_ready(false);
    let sent = ws.send(Msg::Data(1)).await;
    assert!(matches!(sent, Err(Fault::Dead(error)) if error.cause() == Cause::WriteStalled));
    assert_eq!(peer.elapsed(), secs(50));
}

/// Nobody waits in `send`: a user looks every now and then whether the sink is ready.
#[tokio::test(start_paused = true)]
async fn j1_with_only_the_sink_polled_now_and_then_w_takes_at_most_8_polls_more() {
    for pause in [ms(10), ms(700), secs(3), secs(11), secs(40)] {
        for interval in [secs(1), secs(20)] {
            let (peer, mut ws) = live(exact().ping_interval(interval));
            let monitor = ws.monitor();
            peer.set_flushes(false);
            while monitor.health() != Health::Ended(End::WriteStalled) {
                sleep(pause).await;
                let _ = ready(&mut ws);
                assert!(peer.elapsed() <= interval + secs(30) + 9 * pause, "I of {interval:?}, every {pause:?}");
            }
            assert!(peer.elapsed() >= interval + secs(30));
        }
    }
}

/// It found nothing once, when no ping was out, and was not polled when one was.
#[tokio::test(start_paused = true)]
async fn j6_a_reader_that_stays_away_is_waited_for() {
    for t in [secs(7), secs(20), secs(27)] {
        let (peer, mut ws) = live(exact().pong_timeout(t));
        assert!(read(&mut ws).is_pending());
        only_sends(&peer, &mut ws, secs(90)).await;
        assert_eq!(peer.ping_times(), [20, 40, 60, 80].map(secs), "T = {t:?}");
        assert_eq!((ws.monitor().health(), ws.monitor().stats().misses), (Health::Alive, 0));
        // At most a look's distance of its absence counts.
        let (at, cause) = reads_to_death(&peer, ws).await;
        assert_eq!(cause, End::PongTimeout);
        assert!(at >= secs(90) + t * 3 / 4 && at <= secs(90) + t, "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_busy_sink_leaves_the_verdict_to_the_parked_reader_and_wakes_it_in_time() {
    for t in [7, 20] {
        let (peer, mut ws) = live(exact().pong_timeout(secs(t)));
        let reader = Task::new();
        assert!(read_by(&mut ws, &reader).is_pending());
        while peer.elapsed() < secs(20 + t) {
            if reader.take() > 0 {
                assert!(read_by(&mut ws, &reader).is_pending());
            }
            advance(ms(1)).await;
            assert!(ready(&mut ws).is_ready() && flush(&mut ws).is_ready());
        }
        assert_eq!(ws.monitor().health(), Health::Alive, "the sink half judges no T");
        assert!(reader.take() > 0);
        assert!(matches!(read_by(&mut ws, &reader), Poll::Ready(Some(Err(Fault::Dead(_))))));
        assert_eq!(peer.elapsed(), secs(20 + t));
    }
}

#[tokio::test(start_paused = true)]
async fn j2_a_writer_on_another_task_does_not_put_off_the_verdict() {
    for t in [7, 15, 20] {
        let (peer, ws) = live(exact().pong_timeout(secs(t)));
        let obituary = obituary(&peer, &ws);
        let (mut tx, mut rx) = ws.split();
        let writer = tokio::spawn(async move {
            while tx.feed(Msg::Data(1)).await.is_ok() && tx.flush().await.is_ok() {
                sleep(ms(5)).await;
            }
        });
        assert!(matches!(rx.next().await, Some(Err(Fault::Dead(_)))));
        assert_eq!(obituary.await.unwrap(), (secs(20 + t), End::PongTimeout));
        writer.await.unwrap();
    }
}
