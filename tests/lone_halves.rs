//! Who judges where one half is polled and the other is not (V4).

use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scripted::*;
use tokio::time::{advance, sleep};
use ws_liveness::{Cause, Health};

#[path = "support/scripted.rs"]
mod scripted;

/// Polls only the sink half, every 100 ms, until `until`.
async fn only_sends(peer: &Peer, ws: &mut Live, until: Duration) {
    while peer.elapsed() < until {
        assert!(ready(ws).is_ready() && flush(ws).is_ready(), "{:?}", peer.elapsed());
        advance(ms(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn v4_with_only_the_sink_polled_pings_leave_and_t_is_not_judged() {
    for t in [secs(7), secs(20), secs(27), Duration::MAX] {
        let (peer, mut ws) = live(exact().pong_timeout(t));
        only_sends(&peer, &mut ws, ms(100_100)).await;
        let expected: &[u64] = if t == secs(27) { &[20, 47, 74] } else { &[20, 40, 60, 80, 100] };
        assert!(peer.ping_times().into_iter().eq(expected.iter().copied().map(secs)), "T = {t:?}");
        assert_eq!(ws.monitor().health(), Health::Alive);
    }
}

#[tokio::test(start_paused = true)]
async fn v4_with_only_the_sink_polled_w_is_judged() {
    let (peer, mut ws) = live(exact());
    peer.set_ready(false);
    let sent = ws.send(Msg::Data(1)).await;
    assert!(matches!(sent, Err(Fault::Dead(error)) if error.cause() == Cause::WriteStalled));
    assert_eq!(peer.elapsed(), secs(50));
}

#[tokio::test(start_paused = true)]
async fn v4_a_reader_that_stays_away_is_waited_for_until_a_judge_would_be_late() {
    for (t, expected) in [(secs(7), [20, 40, 60]), (secs(20), [20, 45, 65])] {
        let (peer, mut ws) = live(exact().pong_timeout(t));
        assert!(read(&mut ws).is_pending());
        only_sends(&peer, &mut ws, secs(70)).await;
        assert_eq!(peer.ping_times(), expected.map(secs), "T = {t:?}");
        assert_eq!(ws.monitor().health(), Health::Alive);
    }
}

#[tokio::test(start_paused = true)]
async fn v4_a_busy_sink_leaves_the_verdict_to_the_parked_reader_and_wakes_it_in_time() {
    for t in [7, 20] {
        let (peer, mut ws) = live(exact().pong_timeout(secs(t)));
        let reader = Task::new();
        assert!(read_by(&mut ws, &reader).is_pending());
        while peer.elapsed() < secs(20 + t) {
            if reader.take() > 0 {
                assert!(read_by(&mut ws, &reader).is_pending());
            }
            advance(ms(100)).await;
            assert!(ready(&mut ws).is_ready() && flush(&mut ws).is_ready());
        }
        assert_eq!(ws.monitor().health(), Health::Alive, "the sink half judges no T");
        assert!(reader.take() > 0);
        assert!(matches!(read_by(&mut ws, &reader), Poll::Ready(Some(Err(Fault::Dead(_))))));
        assert_eq!(peer.elapsed(), secs(20 + t));
    }
}

#[tokio::test(start_paused = true)]
async fn v4_a_writer_on_another_task_does_not_put_off_the_verdict() {
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
        assert_eq!(obituary.await.unwrap(), (secs(20 + t), Cause::PongTimeout));
        writer.await.unwrap();
    }
}
