//! Rows 7 and 9: when pings leave.

use std::time::Duration;

use tokio::time::{advance, sleep};
use ws_liveness::{End, Health, Judging, LiveConfigBuilder, PingWhen};

use super::reader;
use crate::scripted::{Peer, exact, live, ms, secs};

const HOUR: Duration = Duration::from_secs(3_600);

/// Pings only while the peer is silent, and judges after the first answer.
fn lazy() -> LiveConfigBuilder {
    exact().ping_when(PingWhen::Idle).judging(Judging::AfterFirstPong)
}

/// Row 7: a peer talks for an hour and dies. It has answered the first ping, for none is skipped before an answer.
#[tokio::test(start_paused = true)]
async fn s2_a_peer_that_talked_for_an_hour_from_the_start_is_judged_when_it_dies() {
    for period in [ms(100), secs(3), secs(19)] {
        let (peer, ws) = live(lazy());
        peer.set_echo(Some(ms(50)));
        peer.talks(period, HOUR);
        peer.at(HOUR, |peer| peer.set_echo(None));
        let (at, cause) = reader(&peer, ws).await.unwrap();
        assert_eq!(peer.ping_times()[0], secs(20), "{period:?}");
        assert_eq!(cause, End::PongTimeout, "{period:?}");
        assert!(at > HOUR && at <= HOUR + secs(2 * 20 + 20), "{period:?}: {at:?}, not within 2I + T");
    }
}

/// The peer talks and leaves our pings unanswered for half an hour. None is skipped meanwhile.
#[tokio::test(start_paused = true)]
async fn s2_none_is_skipped_before_the_first_answer() {
    let (peer, ws) = live(lazy());
    let monitor = ws.monitor();
    peer.talks(secs(3), HOUR);
    peer.at(HOUR / 2 + secs(5), |peer| peer.set_echo(Some(ms(50))));
    peer.at(HOUR, |peer| peer.set_echo(None));
    let end = reader(&peer, ws);
    sleep(HOUR / 2 + secs(1)).await;
    assert_eq!(peer.ping_times(), (1..=90).map(|n| secs(20) * n).collect::<Vec<_>>());
    assert_eq!((monitor.health(), monitor.is_judging()), (Health::Alive, false));
    let (at, cause) = end.await.unwrap();
    assert_eq!(peer.ping_times()[90], HOUR / 2 + secs(20));
    assert!(peer.ping_times()[91] > HOUR, "after the first answer the peer's talk is enough");
    assert_eq!(cause, End::PongTimeout);
    assert!(at > HOUR && at <= HOUR + secs(2 * 20 + 20), "{at:?}, not within 2I + T");
}

/// A peer that never answered is not judged, even if it then falls silent.
#[tokio::test(start_paused = true)]
async fn j9_a_peer_that_never_answered_is_kept() {
    let (peer, ws) = live(lazy());
    let monitor = ws.monitor();
    peer.talks(secs(3), HOUR);
    let reader = reader(&peer, ws);
    sleep(2 * HOUR).await;
    assert_eq!((monitor.health(), monitor.is_judging()), (Health::Alive, false));
    reader.abort();
}

/// What keeps a ping from leaving.
#[derive(Clone, Copy, Debug)]
enum Held {
    Unready,
    Unflushed,
}

const HOLDS: [Held; 2] = [Held::Unready, Held::Unflushed];

impl Held {
    fn set(self, peer: &Peer, held: bool) {
        match self {
            Self::Unready => peer.set_ready(!held),
            Self::Unflushed => peer.set_flushes(!held),
        }
    }

    /// From the start until `until` nothing leaves.
    fn lasts(self, peer: &Peer, until: Duration) {
        self.set(peer, true);
        peer.at(until, move |peer| self.set(peer, false));
    }
}

/// Configurations with which nothing is judged by T while the peer answers nothing.
fn unjudged() -> [LiveConfigBuilder; 3] {
    [exact().judging(Judging::Never), exact().judging(Judging::AfterFirstPong), exact().pong_timeout(Duration::MAX)]
}

/// Returns when the pings of the first 100 s were flushed if nothing can leave before `until`.
async fn flushes(config: LiveConfigBuilder, held: Held, until: Duration) -> Vec<Duration> {
    let (peer, ws) = live(config);
    let monitor = ws.monitor();
    held.lasts(&peer, until);
    let reader = reader(&peer, ws);
    sleep(secs(100)).await;
    assert_eq!(monitor.health(), Health::Alive);
    reader.abort();
    peer.pings().iter().map(|ping| ping.flushed.unwrap()).collect()
}

/// Row 9: a ping is flushed after its next one fell due, and nothing is judged: the next counts from the flush.
#[tokio::test(start_paused = true)]
async fn s3_after_a_ping_that_left_too_late_the_next_counts_from_its_flush() {
    for config in unjudged() {
        for held in HOLDS {
            for (until, expected) in [(45_000, [45_000, 65_000, 85_000]), (40_700, [40_700, 60_700, 80_700])] {
                let flushed = flushes(config.clone(), held, ms(until)).await;
                assert_eq!(flushed[..3], expected.map(ms), "{config:?} {held:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s3_a_ping_that_left_before_the_next_was_due_moves_nothing() {
    for config in unjudged() {
        for held in HOLDS {
            let flushed = flushes(config.clone(), held, secs(35)).await;
            assert_eq!(flushed[..3], [35, 40, 60].map(secs), "{config:?} {held:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s3_no_two_pings_leave_in_the_same_millisecond() {
    for config in unjudged() {
        for held in HOLDS {
            for step in 1..42 {
                let flushed = flushes(config.clone(), held, secs(20) + ms(700) * step).await;
                assert!(flushed.windows(2).all(|pair| pair[1] >= pair[0] + ms(1)), "{config:?} {held:?}: {flushed:?}");
            }
        }
    }
}

/// After a pause of any length there is one ping.
#[tokio::test(start_paused = true)]
async fn s3_a_pause_of_three_hours_owes_one_ping() {
    for config in unjudged() {
        let (peer, ws) = live(config);
        let reader = reader(&peer, ws);
        sleep(ms(20_500)).await;
        advance(3 * HOUR).await;
        sleep(secs(10)).await;
        assert_eq!(peer.pings().len(), 2, "{:?}", peer.ping_times());
        reader.abort();
    }
}

/// A dead peer is closed T after the late flush, or W after the ping was queued if it never leaves.
#[tokio::test(start_paused = true)]
async fn s3_a_dead_peer_is_closed_t_after_the_late_flush() {
    for held in HOLDS {
        let (peer, ws) = live(exact().judging(Judging::FromStart));
        held.lasts(&peer, secs(45));
        assert_eq!(reader(&peer, ws).await.unwrap(), (secs(65), End::PongTimeout), "{held:?}");
        for config in unjudged() {
            let (peer, ws) = live(config);
            held.set(&peer, true);
            assert_eq!(reader(&peer, ws).await.unwrap(), (secs(50), End::WriteStalled), "{held:?}");
        }
    }
}
