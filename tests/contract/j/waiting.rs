//! T runs while the reader waits (J6): while nobody reads, a pong may have no room to arrive.

use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{advance, sleep, timeout};
use ws_liveness::{Cause, End, Health, Judging, LiveConfigBuilder, LivenessError};

/// From 39 s on, until the next ping is judged.
const UNTIL_THE_NEXT: Duration = Duration::from_millis(20_999);

/// N = 0: nothing but the reader's absence makes T longer.
fn strict() -> LiveConfigBuilder {
    exact().max_deferrals(0)
}

/// A ping left at 20 s, a message came at 21 s. For 18 s our user does what `away` does with it; the pong behind it needs
/// as long again as `needs` to come after the next read, or never comes. When our user learns of a death, and its cause.
async fn comes_back<F: AsyncFnOnce(&mut Live)>(needs: Option<Duration>, away: F) -> Option<(Duration, Cause)> {
    let (peer, mut ws) = live(strict());
    idle(&mut ws, ms(20_500)).await;
    peer.at(secs(21), |peer| peer.sends(Msg::Data(1)));
    away(&mut ws).await;
    assert_eq!(peer.elapsed(), secs(39));
    if let Some(needs) = needs {
        peer.at(secs(39) + needs, |peer| peer.answers(0));
    }
    let (at, fault) = death(&peer, &mut ws, UNTIL_THE_NEXT).await?;
    Some((at, LivenessError::find(&fault).unwrap().cause()))
}

/// Takes the message, and is busy with it.
async fn works(ws: &mut Live) {
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    sleep(secs(18)).await;
}

/// Has dropped its `next()` for another branch of a `select!`, which keeps it busy.
async fn is_elsewhere(_: &mut Live) {
    sleep(ms(18_500)).await;
}

#[tokio::test(start_paused = true)]
async fn j6_a_pong_that_had_no_room_has_as_long_as_nobody_read() {
    // One second of T was waited before the message: the verdict falls at 58 s, and the farewell takes one.
    for needs in [ms(1), secs(2), ms(18_999)] {
        assert_eq!(comes_back(Some(needs), works).await, None, "{needs:?}");
        assert_eq!(comes_back(Some(needs), is_elsewhere).await, None, "{needs:?}");
    }
    for needs in [Some(ms(19_001)), None] {
        assert_eq!(comes_back(needs, works).await, Some((secs(59), Cause::PongTimeout)), "{needs:?}");
        assert_eq!(comes_back(needs, is_elsewhere).await, Some((secs(59), Cause::PongTimeout)), "{needs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn j6_also_for_one_that_stands_in_send() {
    for needs in [Some(secs(2)), None] {
        let (peer, mut ws) = live(strict());
        idle(&mut ws, ms(20_500)).await;
        peer.set_ready(false);
        peer.at(secs(21), |peer| peer.sends(Msg::Data(1)));
        peer.at(secs(39), |peer| peer.set_ready(true));
        ws.send(Msg::Data(7)).await.unwrap();
        if let Some(needs) = needs {
            peer.at(secs(39) + needs, |peer| peer.answers(0));
        }
        let end = death(&peer, &mut ws, UNTIL_THE_NEXT).await.map(|(at, _)| at);
        assert_eq!(end, if needs.is_some() { None } else { Some(secs(59)) });
    }
}

/// Nothing was there to read, so its absence was nobody's loss: but it shows only by a look that our process ran.
#[tokio::test(start_paused = true)]
async fn j5_a_reader_that_is_neither_woken_nor_polls_waits_until_the_next_look() {
    // Since the flush at 20 s there is a look each 5 s.
    for (until, end) in [(24_000, 40_000), (25_001, 40_000), (25_002, 40_002), (39_500, 54_500), (99_000, 114_000)] {
        let (peer, mut ws) = live(strict());
        idle(&mut ws, ms(20_500)).await;
        sleep(ms(until - 20_500)).await;
        assert_eq!(reads_to_death(&peer, ws).await, (ms(end), End::PongTimeout), "away until {until} ms");
    }
}

/// It read before the wake-up came, and was busy from then on.
#[tokio::test(start_paused = true)]
async fn j6_a_wait_also_ends_where_the_consumer_comes_of_itself() {
    let (peer, mut ws) = live(strict());
    idle(&mut ws, secs(22)).await;
    peer.sends_in_silence(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    sleep(secs(17)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(57), End::PongTimeout));
}

/// Ten times as long beside nine parts of work.
#[tokio::test(start_paused = true)]
async fn j6_all_waits_count_together() {
    let (peer, mut ws) = live(strict());
    peer.talks(secs(1), secs(1_000));
    let monitor = ws.monitor();
    while ws.next().await.is_some_and(|item| item.is_ok()) {
        sleep(ms(900)).await;
    }
    let at = peer.elapsed().as_secs();
    assert!((20 + 199..=20 + 202).contains(&at), "{at}");
    assert_eq!(monitor.health(), Health::Ended(End::PongTimeout));
}

/// The sink half does not know whether the reader waits: it asks. Whoever else polls the inner takes its waker along.
#[tokio::test(start_paused = true)]
async fn j6_a_reader_that_waits_while_the_writer_flushes_the_ping_has_waited_from_then_on() {
    let (peer, ws) = live(strict());
    let obituary = obituary(&peer, &ws);
    peer.set_flushes(false);
    let (mut tx, mut rx) = ws.split();
    let reader = tokio::spawn(async move { rx.next().await });
    sleep(secs(25)).await;
    assert_eq!(peer.pings().len(), 1);
    peer.flushes_in_silence();
    tx.flush().await.unwrap();
    assert_eq!(obituary.await.unwrap(), (secs(45), End::PongTimeout));
    assert!(reader.await.unwrap().is_some_and(|item| item.is_err()));
}

#[tokio::test(start_paused = true)]
async fn b2_t_rests_while_a_task_has_stopped_reading() {
    for (needs, end) in [(Some(ms(17_999)), None), (Some(ms(19_500)), Some(secs(53))), (None, Some(secs(53)))] {
        let (peer, live) = live(strict());
        let mut ws = live.spawn(1);
        peer.at(secs(22), |peer| peer.sends(Msg::Data(1)));
        // Reading stops at 22 s and goes on at 35 s.
        sleep(secs(35)).await;
        if let Some(needs) = needs {
            peer.at(secs(35) + needs, |peer| peer.answers(0));
        }
        let obituary = ws.monitor();
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
        let ended = timeout(secs(19), obituary.ended()).await.ok().map(|_| peer.elapsed());
        assert_eq!(ended, end, "{needs:?}");
    }
}

/// It fills a buffer of one for a moment, which is no reason to let the ping pass.
#[tokio::test(start_paused = true)]
async fn b2_a_message_in_the_very_moment_of_the_deadline_does_not_put_off_the_verdict() {
    let (peer, live) = live(strict());
    let mut ws = live.spawn(1);
    let obituary = ws.monitor();
    assert!(timeout(secs(39), ws.next()).await.is_err());
    // The task finds both when the timer wakes it.
    peer.sends_in_silence(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    assert_eq!((obituary.ended().await, peer.elapsed()), (End::PongTimeout, secs(40)));
}

/// Until then nothing was judged, and nobody noted who waited.
#[tokio::test(start_paused = true)]
async fn j9_the_ping_that_is_under_way_at_the_first_answer_has_t_from_then_on() {
    let (peer, mut ws) = live(strict().judging(Judging::AfterFirstPong));
    idle(&mut ws, secs(45)).await;
    peer.answers(0);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(65), End::PongTimeout));
}

/// Takes `pace` for each of twelve messages, behind which the pong waits.
async fn consume_slowly(ws: &mut Live, pace: Duration) {
    for number in 0..12 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number), "{pace:?}");
        sleep(pace).await;
    }
    idle(ws, secs(300)).await;
    let stats = ws.monitor().stats();
    assert_eq!((stats.misses, stats.deferrals), (0, 0), "{pace:?}");
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn j6_a_slow_consumer_kills_no_peer_whose_pong_is_behind_twelve_messages() {
    for pace in [5, 15, 21, 30, 60] {
        let (peer, mut ws) = answered(exact(), secs(0));
        idle(&mut ws, ms(19_500)).await;
        for number in 0..12 {
            peer.sends(Msg::Data(number));
            peer.stumbles();
        }
        consume_slowly(&mut ws, secs(pace)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j6_neither_where_the_peer_itself_is_held_up_by_backpressure() {
    for pace in [5, 15, 21, 30, 60] {
        let (peer, mut ws) = live(exact());
        idle(&mut ws, secs(19)).await;
        let far = peer.clone();
        tokio::spawn(async move {
            for number in 0..12 {
                far.sends(Msg::Data(number));
                while far.unread() > 0 {
                    sleep(ms(10)).await;
                }
            }
            far.answers(0);
            far.set_echo(Some(secs(0)));
        });
        consume_slowly(&mut ws, secs(pace)).await;
    }
}

/// It had not found the backlog's end when it went away for longer than T.
#[tokio::test(start_paused = true)]
async fn j6_an_absence_uses_up_no_deferral() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(20)).await;
    peer.sends(Msg::Data(1));
    peer.sends(Msg::Data(2));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    advance(secs(26)).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(2)))));
    // From 46 s on T runs; it ends at 66 s, and for the two messages it starts again.
    idle(&mut ws, ms(19_999)).await;
    assert_eq!(ws.monitor().stats().deferrals, 0);
    idle(&mut ws, ms(2)).await;
    assert_eq!(ws.monitor().stats().deferrals, 1);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(86), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j6_t_rests_also_where_the_sink_half_sent_the_ping_while_the_consumer_was_busy() {
    let (peer, mut ws) = live(exact());
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    while peer.elapsed() < secs(41) {
        assert!(ready(&mut ws).is_ready() && flush(&mut ws).is_ready());
        advance(ms(100)).await;
    }
    assert_eq!(peer.ping_times(), [20, 40].map(secs));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(61), End::PongTimeout));
    assert_eq!(peer.ping_times(), [20, 40, 60].map(secs));
}

/// It waits in `next`, and comes 1 s late for the end of T: the frame starts T again all the same, once.
#[tokio::test(start_paused = true)]
async fn j3_a_frame_defers_also_where_the_look_is_late() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(21)).await;
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    idle(&mut ws, secs(18)).await;
    advance(secs(2)).await;
    assert!(read(&mut ws).is_pending());
    assert_eq!(ws.monitor().stats().deferrals, 0, "a late look decides nothing");
    assert_eq!(reads_to_death(&peer, ws).await, (ms(61_001), End::PongTimeout), "a tick, and T");
}
