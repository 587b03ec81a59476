//! A look that comes late is not held against a live peer, nor against one that drains (J5).
//!
//! With T = 20 s and a ping that is flushed at 20 s, looks fall at 25 s, 30 s, 35 s, 39.999 s and 40 s; with W = 30 s at
//! 27.5 s, 35 s, 42.5 s, 49.999 s and 50 s.

use std::time::Duration;

use crate::scripted::*;
use futures_util::StreamExt;
use tokio::time::advance;
use ws_liveness::{Cause, End, Health};

/// Reads until `from`; then nothing of ours runs until `until`.
async fn stalled(peer: &Peer, ws: &mut Live, from: Duration, until: Duration) {
    idle(ws, from - peer.elapsed()).await;
    advance(until - from).await;
}

/// Stalls from some moment until another, in milliseconds, and when a peer that is dead since 20 s is closed.
const STALLS: [(u64, u64, u64); 13] = [
    // A tick is not late.
    (21_000, 25_001, 40_000),
    (38_000, 40_000, 40_000),
    (39_999, 40_001, 40_001),
    // All of T but what is before the next look.
    (21_000, 25_002, 40_002),
    (21_000, 46_000, 61_000),
    (26_000, 46_000, 56_000),
    (31_000, 46_000, 51_000),
    (36_000, 46_000, 46_001),
    (39_999, 46_000, 46_001),
    (21_000, 4_000_000, 4_015_000),
    (24_999, 4_000_000, 4_015_000),
    (25_000, 4_000_000, 4_010_000),
    (39_999, 4_000_000, 4_000_001),
];

#[tokio::test(start_paused = true)]
async fn j5_a_late_look_counts_what_was_waited_before_it_was_due() {
    for (from, until, end) in STALLS {
        let (peer, mut ws) = live(exact());
        stalled(&peer, &mut ws, ms(from), ms(until)).await;
        assert_eq!(reads_to_death(&peer, ws).await, (ms(end), End::PongTimeout), "{from}..{until}");
    }
}

/// Whatever pings leave meanwhile, T is that of the oldest, and its answer may come in the last millisecond.
#[tokio::test(start_paused = true)]
async fn j5_a_peer_that_answers_in_what_is_left_is_alive() {
    for (from, until, end) in STALLS {
        let (peer, mut ws) = live(exact());
        stalled(&peer, &mut ws, ms(from), ms(until)).await;
        assert!(read(&mut ws).is_pending() != (end == until), "{from}..{until}");
        if end == until {
            continue;
        }
        peer.at(ms(end - 1), |peer| {
            peer.answers(0);
            peer.set_echo(Some(secs(0)));
        });
        // A later ping than the first has T from then on, which ends before the next that is answered is due.
        let answers = ms(end) + secs(1);
        peer.at(answers, |peer| peer.answers(peer.pings().len() - 1));
        idle(&mut ws, secs(3_600)).await;
        assert_eq!((ws.monitor().health(), ws.monitor().stats().misses), (Health::Alive, 0), "{from}..{until}");
    }
}

/// N frames put off the verdict as they do in time, and N is not used up by a late look.
#[tokio::test(start_paused = true)]
async fn j5_a_stall_is_no_deferral() {
    let (peer, mut ws) = live(exact());
    stalled(&peer, &mut ws, secs(21), secs(46)).await;
    peer.talks(secs(1), secs(99));
    let monitor = ws.monitor();
    assert_eq!(reads_to_death(&peer, ws).await, (secs(81), End::PongTimeout), "the rest of T, and T");
    assert_eq!(monitor.stats().deferrals, 1);
}

/// The runtime is never in time: the last look is repeated three times, and no more.
#[tokio::test(start_paused = true)]
async fn j5_a_runtime_that_is_always_late_judges_at_the_fourth_look() {
    for late in [ms(3), ms(5), secs(1), secs(3_600)] {
        let (_peer, mut ws) = live(exact());
        idle(&mut ws, ms(39_999)).await;
        advance(ms(1)).await;
        for look in 0..3 {
            advance(late).await;
            assert!(read(&mut ws).is_pending(), "{late:?}, look {look}");
        }
        advance(late).await;
        assert_eq!(verdict(&mut ws).cause(), Cause::PongTimeout, "{late:?}");
    }
}

/// The answer is there when the late look is repeated, or when it is repeated for the last time.
#[tokio::test(start_paused = true)]
async fn j5_an_answer_that_comes_while_the_last_look_is_repeated_is_in_time() {
    for repeats in 1..=3 {
        let (peer, mut ws) = live(exact());
        idle(&mut ws, ms(39_999)).await;
        advance(ms(1)).await;
        for _ in 0..repeats {
            advance(ms(5)).await;
            assert!(read(&mut ws).is_pending());
        }
        peer.answers(0);
        peer.set_echo(Some(secs(0)));
        advance(ms(5)).await;
        assert!(read(&mut ws).is_pending(), "{repeats}");
        peer.answers(peer.pings().len() - 1);
        idle(&mut ws, secs(3_600)).await;
        assert_eq!(ws.monitor().stats().misses, 0);
    }
}

/// The same for a ping that waits, queued at 20 s.
const STALLED_WRITES: [(u64, u64, u64); 8] = [
    (21_000, 27_501, 50_000),
    (48_000, 50_000, 50_000),
    (49_999, 50_001, 50_001),
    (21_000, 27_502, 50_002),
    (21_000, 57_500, 80_000),
    (21_000, 200_000, 222_500),
    (43_000, 200_000, 200_001),
    (49_999, 200_000, 200_001),
];

#[tokio::test(start_paused = true)]
async fn j5_a_late_look_at_w_counts_what_was_waited_before_it_was_due() {
    for shut in [Peer::set_flushes, Peer::set_ready] {
        for (from, until, end) in STALLED_WRITES {
            let (peer, mut ws) = live(exact());
            shut(&peer, false);
            stalled(&peer, &mut ws, ms(from), ms(until)).await;
            assert_eq!(reads_to_death(&peer, ws).await, (ms(end), End::WriteStalled), "{from}..{until}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j5_a_runtime_that_is_always_late_judges_w_at_the_fourth_look() {
    for poll in [|ws: &mut Live| read(ws).is_pending(), |ws: &mut Live| ready(ws).is_pending()] {
        for late in [ms(3), ms(5), secs(1), secs(3_600)] {
            let (peer, mut ws) = live(exact());
            let monitor = ws.monitor();
            peer.set_flushes(false);
            idle(&mut ws, ms(49_999)).await;
            advance(ms(1)).await;
            for look in 0..3 {
                advance(late).await;
                assert!(poll(&mut ws) && monitor.health() == Health::Suspect, "{late:?}, look {look}");
            }
            advance(late).await;
            poll(&mut ws);
            assert_eq!(monitor.health(), Health::Ended(End::WriteStalled), "{late:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j5_every_stall_gives_w_no_more_than_the_stall_itself() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(21), secs(60)).await;
    // The first quarter is over at 60 s, the second at 161 s.
    stalled(&peer, &mut ws, secs(61), secs(161)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(176), End::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j5_a_peer_that_drains_once_we_are_back_is_alive() {
    let (peer, mut ws) = answered(exact(), secs(1));
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(21), secs(200)).await;
    peer.at(ms(222_499), |peer| peer.set_flushes(true));
    idle(&mut ws, secs(99)).await;
    assert_eq!(ws.monitor().health(), Health::Alive);
}

/// Its poll at 21 s has left the flush pending: from then on the writer waits, and a wait ends with the next look.
#[tokio::test(start_paused = true)]
async fn j5_w_also_counts_up_to_the_next_look_where_the_consumer_is_busy() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    idle(&mut ws, secs(21)).await;
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    advance(secs(39)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (ms(82_500), End::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j1_a_stream_that_always_has_something_to_read_does_not_put_off_w() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.set_flushes(false);
    peer.set_floods(true);
    while monitor.health() != Health::Ended(End::WriteStalled) {
        assert!(peer.elapsed() < secs(51));
        let _ = read(&mut ws);
        advance(ms(1)).await;
    }
    assert_eq!(peer.elapsed(), ms(50_001), "one step after the poll at 50 s");
}
