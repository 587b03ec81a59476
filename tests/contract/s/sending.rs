//! When a ping leaves, and when none does (S1 to S5).

use std::task::Poll;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::advance;
use ws_liveness::{End, LiveConfig, PingWhen};

#[tokio::test(start_paused = true)]
async fn s1_without_jitter_every_interval_is_exactly_i_the_first_included() {
    let (peer, mut ws) = answered(exact().ping_interval(ms(1_234)).pong_timeout(ms(900)), ms(100));
    idle(&mut ws, ms(1_234) * 5 - ms(1)).await;
    assert_eq!(peer.ping_times(), (1..=4).map(|n| ms(1_234) * n).collect::<Vec<_>>());
    assert!(peer.pings().iter().all(|ping| ping.flushed == Some(ping.at)));
}

#[tokio::test(start_paused = true)]
async fn s1_the_first_ping_leaves_within_i_and_later_ones_between_eight_tenths_of_i_and_i() {
    let (mut least, mut most, mut shortest, mut longest) = (secs(99), secs(0), secs(99), secs(0));
    for _ in 0..200 {
        let (peer, mut ws) = answered(LiveConfig::builder(), secs(0));
        idle(&mut ws, secs(101)).await;
        let times = peer.ping_times();
        (least, most) = (least.min(times[0]), most.max(times[0]));
        for pair in times.windows(2) {
            (shortest, longest) = (shortest.min(pair[1] - pair[0]), longest.max(pair[1] - pair[0]));
        }
    }
    // 200 first delays and 800 intervals; a timer fires within the millisecond after.
    assert!(least > secs(0) && least < secs(1), "{least:?}");
    assert!(most > secs(17) && most < ms(20_001), "{most:?}");
    assert!(shortest >= ms(15_999) && shortest < ms(16_100), "{shortest:?}");
    assert!(longest > ms(19_900) && longest < ms(20_001), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn s2_by_default_pings_leave_whatever_comes_in() {
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.talks(ms(700), secs(100));
    assert!(death(&peer, &mut ws, secs(90)).await.is_none());
    assert_eq!(peer.ping_times(), [20, 40, 60, 80].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s2_idle_a_frame_since_the_last_due_time_skips_the_ping_and_our_own_pong_does_not() {
    let (peer, mut ws) = answered(exact().ping_when(PingWhen::Idle), secs(1));
    for at in [5, 25, 59, 101] {
        peer.at(secs(at), |peer| peer.sends(Msg::Data(1)));
    }
    assert!(death(&peer, &mut ws, secs(130)).await.is_none());
    // The first is not skipped: nothing was answered before.
    assert_eq!(peer.ping_times(), [20, 80, 100].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s2_idle_a_frame_counts_that_is_read_before_anybody_is_woken_for_it() {
    let (peer, mut ws) = answered(exact().ping_when(PingWhen::Idle), secs(1));
    idle(&mut ws, secs(25)).await;
    peer.sends_in_silence(Msg::Data(1));
    assert!(read(&mut ws).is_ready());
    idle(&mut ws, secs(30)).await;
    assert_eq!(peer.ping_times(), [secs(20)]);
}

#[tokio::test(start_paused = true)]
async fn s2_idle_silence_is_noticed_within_2i_and_t() {
    for last in 21..80 {
        let (peer, mut ws) = answered(exact().ping_when(PingWhen::Idle).pong_timeout(secs(7)), secs(0));
        peer.at(secs(last), |peer| {
            peer.sends(Msg::Data(1));
            peer.set_echo(None);
        });
        let (at, _) = death(&peer, &mut ws, secs(200)).await.unwrap();
        // The due time after the frame is skipped, the one after it is not, and nothing defers.
        let due = last.div_ceil(20) * 20;
        let skipped = if last % 20 == 0 { due } else { due + 20 };
        assert!(at - secs(last) <= secs(47), "{last}: {at:?}");
        if last % 20 != 0 {
            assert_eq!(at, secs(skipped + 7), "{last}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s2_a_steady_sender_postpones_neither_a_ping_nor_a_deadline() {
    for when in [PingWhen::Always, PingWhen::Idle] {
        let (peer, ws) = live(exact().ping_when(when).pong_timeout(secs(15)));
        let monitor = ws.monitor();
        let (mut tx, mut rx) = ws.split();
        let writer = tokio::spawn(async move {
            while tx.send(Msg::Data(7)).await.is_ok() {
                tokio::time::sleep(ms(100)).await;
            }
        });
        assert!(matches!(rx.next().await, Some(Err(Fault::Dead(_)))));
        assert_eq!(peer.elapsed(), secs(35), "{when:?}");
        assert_eq!(peer.ping_times(), [secs(20)]);
        assert_eq!(monitor.stats().deferrals, 0);
        writer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn s3_pings_leave_when_they_are_due_whatever_is_unanswered() {
    let (peer, ws) = live(exact().ping_interval(secs(10)).pong_timeout(secs(60)));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(70), End::PongTimeout), "T is that of the first");
    assert_eq!(peer.ping_times(), [10, 20, 30, 40, 50, 60].map(secs), "not in the poll of the verdict");
}

#[tokio::test(start_paused = true)]
async fn j2_an_answer_while_later_pings_are_unanswered_starts_t_again() {
    // When an answer comes, and to which of the pings at 10 s, 20 s, 30 s and 40 s.
    for (answers, end) in [(&[(47, 0)][..], 107), (&[(47, 2)], 107), (&[(47, 3)], 110), (&[(47, 0), (69, 1)], 129)] {
        let (peer, ws) = live(exact().ping_interval(secs(10)).pong_timeout(secs(60)));
        for &(at, ping) in answers {
            peer.at(secs(at), move |peer| peer.answers(ping));
        }
        assert_eq!(reads_to_death(&peer, ws).await, (secs(end), End::PongTimeout), "{answers:?}");
        let due = (1..).map(|n| secs(10 * n)).take_while(|due| *due < secs(end)).collect::<Vec<_>>();
        assert_eq!(peer.ping_times(), due, "the due times are the same");
    }
}

/// A miss forgets all that were flushed, and the interval runs from the ping that it sends.
#[tokio::test(start_paused = true)]
async fn j4_a_miss_sends_a_ping_at_once_between_the_due_times() {
    let (peer, mut ws) = live(exact().ping_interval(secs(10)).pong_timeout(secs(25)).missed_pongs(2));
    assert_eq!(death(&peer, &mut ws, secs(99)).await.unwrap().0, secs(60));
    assert_eq!(peer.ping_times(), [10, 20, 30, 35, 45, 55].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s3_an_answer_read_at_the_instant_when_the_next_is_due_does_not_stop_the_pings() {
    // I = T: the deadline of one ping and the due time of the next are the same instant.
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(39)).await;
    peer.answers(0);
    advance(secs(1)).await;
    peer.set_echo(Some(secs(0)));
    idle(&mut ws, secs(60)).await;
    assert_eq!(peer.ping_times(), [20, 40, 60, 80, 100].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s3_a_long_pause_causes_one_ping_and_no_burst() {
    let (peer, mut ws) = answered(exact(), secs(0));
    idle(&mut ws, secs(50)).await;
    advance(secs(3_607)).await;
    idle(&mut ws, ms(19_999)).await;
    assert_eq!(peer.ping_times(), [20, 40, 3_657].map(secs));
    idle(&mut ws, secs(1)).await;
    assert_eq!(peer.ping_times(), [20, 40, 3_657, 3_677].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s4_no_ping_after_a_close_was_sent() {
    let (peer, mut ws) = live(exact().close_timeout(secs(100)));
    ws.send(Msg::Close(1000, String::new())).await.unwrap();
    idle(&mut ws, secs(90)).await;
    assert_eq!(peer.messages(), [Msg::Close(1000, String::new())]);
}

#[tokio::test(start_paused = true)]
async fn s4_no_ping_after_the_sink_was_closed() {
    let (peer, mut ws) = live(exact().close_timeout(secs(100)));
    ws.close().await.unwrap();
    idle(&mut ws, secs(90)).await;
    assert_eq!(peer.messages(), []);
}

#[tokio::test(start_paused = true)]
async fn s4_no_ping_after_a_close_was_received_not_even_one_that_was_queued() {
    let (peer, mut ws) = live(exact().close_timeout(secs(100)));
    peer.set_ready(false);
    peer.at(secs(25), |peer| peer.sends(Msg::Close(1001, String::new())));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Close(1001, _)))));
    peer.set_ready(true);
    idle(&mut ws, secs(90)).await;
    assert_eq!(peer.messages(), []);
}

#[tokio::test(start_paused = true)]
async fn s4_no_ping_after_the_end_and_after_an_error() {
    for ends in [Peer::ends, Peer::fails] {
        let (peer, mut ws) = live(exact());
        ends(&peer);
        assert!(!matches!(ws.next().await, Some(Ok(_))));
        for _ in 0..9 {
            advance(secs(20)).await;
            assert!(ready(&mut ws).is_ready());
            assert!(flush(&mut ws).is_ready());
        }
        assert_eq!(peer.messages(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn s5_the_due_ping_is_handed_at_the_next_poll_of_a_stream_that_is_always_ready() {
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.set_floods(true);
    for _ in 0..5_000 {
        for _ in 0..3 {
            assert!(matches!(read(&mut ws), Poll::Ready(Some(Ok(Msg::Data(_))))));
        }
        advance(ms(20)).await;
    }
    assert_eq!(peer.ping_times(), [20, 40, 60, 80].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s5_the_due_ping_is_handed_at_the_next_poll_of_a_sink_that_is_written_without_pause() {
    let (peer, mut ws) = live(exact().pong_timeout(secs(5)));
    for number in 0..500 {
        assert!(ready(&mut ws).is_ready());
        ws.start_send_unpin(Msg::Data(number)).unwrap();
        if number % 7 == 0 {
            assert!(flush(&mut ws).is_ready());
        }
        advance(ms(100)).await;
    }
    assert_eq!(peer.ping_times(), [20, 40].map(secs));
    let data = peer.messages().into_iter().filter(|message| matches!(message, Msg::Data(_)));
    assert!(data.eq((0..500).map(Msg::Data)));
}

#[tokio::test(start_paused = true)]
async fn s5_a_connection_that_was_first_polled_late_pings_in_that_poll() {
    for poll in [|ws: &mut Live| read(ws).is_pending(), |ws: &mut Live| ready(ws).is_ready()] {
        let (peer, mut ws) = live(exact());
        advance(Duration::from_secs(1_000)).await;
        assert!(poll(&mut ws));
        assert_eq!(peer.ping_times(), [secs(1_000)]);
    }
}
