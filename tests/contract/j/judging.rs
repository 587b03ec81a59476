//! What answers a ping, what defers its deadline, and the exact instant of the verdict (J2 to J4, J8, J9, promise 1).

use std::task::Poll;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::advance;
use ws_liveness::{End, Health, Judging, LiveConfigBuilder};

#[tokio::test(start_paused = true)]
async fn p1_the_defaults_kill_a_silent_peer_at_40_s() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, ms(39_999)).await;
    assert_eq!(ws.monitor().health(), Health::Alive, "a verdict has no forewarning here");
    assert_eq!(reads_to_death(&peer, ws).await, (secs(40), End::PongTimeout));
    assert!(matches!(&peer.messages()[..], [Msg::Ping(_), Msg::Close(..)]), "no ping leaves with the verdict");
}

#[tokio::test(start_paused = true)]
async fn p1_the_defaults_kill_a_talker_that_never_answers_at_60_s() {
    let (peer, ws) = live(exact());
    peer.talks(ms(900), secs(100));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(60), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn p1_the_defaults_kill_a_peer_that_does_not_read_at_50_s() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(50), End::WriteStalled));
}

/// Pongs of other connections, of the user, of nobody.
fn foreign(peer: &Peer) -> Vec<Vec<u8>> {
    let payload = peer.payload(0);
    let mut foreign = vec![vec![], payload[..7].to_vec(), [payload.as_slice(), &[0]].concat(), vec![0; 8]];
    for byte in 0..8 {
        let mut other = payload.clone();
        other[byte] ^= 1 << byte;
        foreign.push(other);
    }
    foreign
}

#[tokio::test(start_paused = true)]
async fn j2_a_pong_that_is_not_ours_answers_nothing_and_is_the_users() {
    let (peer, mut ws) = live(exact().max_deferrals(0));
    idle(&mut ws, secs(21)).await;
    for payload in foreign(&peer) {
        peer.sends(Msg::Pong(payload.clone()));
        assert!(matches!(read(&mut ws), Poll::Ready(Some(Ok(Msg::Pong(seen)))) if seen == payload));
    }
    assert_eq!(ws.monitor().stats().pongs_received, 0);
    assert_eq!(reads_to_death(&peer, ws).await.0, secs(40));
}

#[tokio::test(start_paused = true)]
async fn j2_a_ping_of_the_user_and_its_pong_are_the_users() {
    let (peer, mut ws) = live(exact());
    ws.send(Msg::Ping(vec![9; 8])).await.unwrap();
    peer.sends(Msg::Pong(vec![9; 8]));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Pong(payload))) if payload == [9; 8]));
    assert_eq!(ws.monitor().stats().pings_sent, 0);
}

#[tokio::test(start_paused = true)]
async fn j2_every_payload_that_we_issued_is_hidden_and_the_first_answer_counts() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(22)).await;
    for _ in 0..3 {
        peer.answers(0);
    }
    idle(&mut ws, secs(20)).await;
    peer.answers(0);
    idle(&mut ws, secs(1)).await;
    let stats = ws.monitor().stats();
    assert_eq!((stats.pongs_received, stats.last_rtt), (1, Some(secs(2))));
    peer.answers(1);
    idle(&mut ws, secs(15)).await;
    assert_eq!(ws.monitor().stats().pongs_received, 2);
}

#[tokio::test(start_paused = true)]
async fn j2_a_pong_answers_every_ping_before_its_own() {
    let config = exact().pong_timeout(secs(5)).missed_pongs(3).max_deferrals(0);
    let (peer, mut ws) = live(config);
    peer.at(secs(26), |peer| peer.answers(1));
    peer.at(secs(27), |peer| peer.answers(0));
    idle(&mut ws, secs(44)).await;
    assert_eq!(peer.ping_times(), [20, 25].map(secs));
    assert_eq!(ws.monitor().stats().pongs_received, 1, "the other answer came too late to be one");
    // All misses are forgotten: three more are needed.
    assert_eq!(reads_to_death(&peer, ws).await.0, secs(60));
    assert_eq!(peer.ping_times(), [20, 25, 45, 50, 55].map(secs));
}

#[tokio::test(start_paused = true)]
async fn j2_a_pong_counts_and_is_hidden_before_our_own_flush_was_observed() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    peer.at(secs(23), |peer| peer.answers(0));
    idle(&mut ws, secs(39)).await;
    let stats = ws.monitor().stats();
    assert_eq!((stats.pongs_received, stats.last_rtt), (1, Some(secs(3))));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(70), End::WriteStalled), "W of the next ping");
}

#[tokio::test(start_paused = true)]
async fn j3_a_talker_is_deferred_n_times_by_exactly_t() {
    for (deferrals, end) in [(0, 40), (1, 60), (3, 100)] {
        let (peer, ws) = live(exact().max_deferrals(deferrals));
        let monitor = ws.monitor();
        peer.talks(ms(900), secs(200));
        assert_eq!(reads_to_death(&peer, ws).await, (secs(end), End::PongTimeout), "N = {deferrals}");
        assert_eq!(monitor.stats().deferrals, u64::from(deferrals));
    }
}

#[tokio::test(start_paused = true)]
async fn j3_every_deferral_needs_a_frame_of_its_own_since_the_flush_or_the_last_one() {
    for (frames, end) in [(&[19][..], 40), (&[21], 60), (&[39], 60), (&[21, 22, 23], 60), (&[21, 41, 42], 80)] {
        let (peer, ws) = live(exact().max_deferrals(5));
        for &at in frames {
            peer.at(secs(at), |peer| peer.sends(Msg::Data(1)));
        }
        assert_eq!(reads_to_death(&peer, ws).await, (secs(end), End::PongTimeout), "{frames:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn j3_a_frame_between_the_queueing_and_the_flush_defers_nothing() {
    for (frame, end) in [(22, 45), (26, 65)] {
        let (peer, ws) = live(exact());
        peer.set_flushes(false);
        peer.at(secs(frame), |peer| peer.sends(Msg::Data(1)));
        peer.at(secs(25), |peer| peer.set_flushes(true));
        assert_eq!(reads_to_death(&peer, ws).await, (secs(end), End::PongTimeout));
    }
}

#[tokio::test(start_paused = true)]
async fn j3_any_kind_of_frame_defers_and_a_pong_after_that_still_saves() {
    for frame in [Msg::Data(1), Msg::Ping(vec![]), Msg::Pong(vec![1])] {
        let (peer, mut ws) = live(exact());
        peer.at(secs(30), |peer| peer.sends(frame));
        peer.at(ms(59_999), |peer| peer.answers(0));
        assert!(death(&peer, &mut ws, secs(79)).await.is_none());
        assert_eq!(ws.monitor().stats().last_rtt, Some(ms(39_999)));
    }
}

#[tokio::test(start_paused = true)]
async fn j4_a_miss_sends_the_next_ping_at_once_and_the_third_is_the_verdict() {
    let (peer, ws) = live(exact().pong_timeout(secs(5)).missed_pongs(3));
    let monitor = ws.monitor();
    assert_eq!(reads_to_death(&peer, ws).await, (secs(35), End::PongTimeout));
    assert_eq!(peer.ping_times(), [20, 25, 30].map(secs));
    assert_eq!(monitor.stats().misses, 3);
}

#[tokio::test(start_paused = true)]
async fn j4_a_late_answer_resets_the_count() {
    let (peer, ws) = live(exact().pong_timeout(secs(5)).missed_pongs(3).max_deferrals(0));
    peer.at(secs(32), |peer| peer.answers(0));
    // Misses at 25 and 30; the third would be at 35. The answer is older than the ping that is out: T starts again.
    assert_eq!(reads_to_death(&peer, ws).await.0, secs(47));
    assert_eq!(peer.ping_times(), [20, 25, 30, 37, 42].map(secs));
}

#[tokio::test(start_paused = true)]
async fn j8_the_end_and_the_errors_of_the_inner_win_over_a_verdict_in_the_same_poll() {
    for writable in [true, false] {
        for ends in [Peer::ends, Peer::fails] {
            let (peer, mut ws) = live(exact().write_timeout(secs(20)));
            peer.set_flushes(writable);
            idle(&mut ws, secs(39)).await;
            ends(&peer);
            advance(secs(1)).await;
            let last = read(&mut ws);
            assert!(matches!(last, Poll::Ready(None | Some(Err(Fault::Reset)))), "{last:?}");
            let health = ws.monitor().health();
            assert!(matches!(health, Health::Ended(End::EndOfStream | End::StreamError)), "{health:?}");
        }
    }
}

/// Nothing is judged, whatever T.
async fn never_judges(builder: impl Fn() -> LiveConfigBuilder, pong_timeout: Duration, floods: bool) {
    let (peer, mut ws) = live(builder().pong_timeout(pong_timeout));
    peer.set_floods(floods);
    for _ in 0..5_000 {
        let polled = read(&mut ws);
        assert!(matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))), "{polled:?}");
        advance(ms(20)).await;
    }
    assert!(!ws.monitor().is_judging());
    assert_eq!(peer.ping_times(), [20, 40, 60, 80].map(secs), "T = {pong_timeout:?}, floods: {floods}");
}

#[tokio::test(start_paused = true)]
async fn j9_judging_never_judges_nothing_and_pings_go_on() {
    for (timeout, floods) in [(7, false), (7, true), (20, false), (20, true)] {
        never_judges(|| exact().judging(Judging::Never), secs(timeout), floods).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j9_a_t_of_never_never_judges_and_pings_go_on() {
    for floods in [false, true] {
        never_judges(exact, Duration::MAX, floods).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j9_without_a_first_pong_nothing_is_judged_and_pings_go_on() {
    for (timeout, floods) in [(7, false), (7, true), (20, false), (20, true)] {
        never_judges(|| exact().judging(Judging::AfterFirstPong), secs(timeout), floods).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j9_the_first_pong_makes_silence_count() {
    let (peer, mut ws) = live(exact().pong_timeout(secs(7)).judging(Judging::AfterFirstPong));
    peer.at(secs(61), |peer| peer.answers(2));
    idle(&mut ws, secs(60)).await;
    assert!(!ws.monitor().is_judging());
    idle(&mut ws, secs(2)).await;
    assert!(ws.monitor().is_judging());
    assert_eq!(reads_to_death(&peer, ws).await, (secs(87), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j9_w_is_judged_all_the_same() {
    let never = [exact().judging(Judging::Never), exact().pong_timeout(Duration::MAX)];
    for config in never.into_iter().chain([exact().judging(Judging::AfterFirstPong)]) {
        let (peer, ws) = live(config);
        peer.set_flushes(false);
        assert_eq!(reads_to_death(&peer, ws).await, (secs(50), End::WriteStalled));
    }
}
