//! Rows 10 and 11: many wake-ups, each of them answered at once.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};
use ws_liveness::{End, Health, LiveConfigBuilder, Monitor};

use super::{micros, reader};
use crate::scripted::{Msg, Peer, exact, live, ms, secs};

/// How long the runtime takes from a wake-up to the poll. All are shorter than a tick.
const DELAYS: [Duration; 4] = [Duration::ZERO, micros(100), micros(400), micros(700)];

/// Lets the reader that was woken just now poll after `delay`, and `period` pass.
async fn lags(period: Duration, delay: Duration) {
    advance(delay).await;
    // The clock shows whole milliseconds again, as tokio's timers do.
    advance(ms(1) - delay).await;
    sleep(period - ms(1)).await;
}

/// The peer sends a message every `period`, until this is aborted. The reader polls `delay` after each woke it.
fn chatters(peer: &Peer, period: Duration, delay: Duration) -> JoinHandle<()> {
    let peer = peer.clone();
    tokio::spawn(async move {
        for number in 0.. {
            peer.sends(Msg::Data(number));
            lags(period, delay).await;
        }
    })
}

/// I is T is 2 s.
fn brisk() -> LiveConfigBuilder {
    exact().ping_interval(secs(2)).pong_timeout(secs(2))
}

/// Asserts that the verdict falls at `due`. A delay makes the ping late, and each of up to two T, whose last look may be
/// repeated three times (J5); each of them by itself and a tick.
#[track_caller]
fn is_prompt((at, cause): (Duration, End), due: Duration, delay: Duration, case: &str) {
    let late = if delay.is_zero() { delay } else { (1 + 2 * 4) * (ms(1) + delay) };
    assert_eq!(cause, End::PongTimeout, "{case}");
    assert!(at >= due && at <= due + late, "{case}: {at:?} instead of {due:?}");
}

/// Row 11: a peer that talks 100 to 1000 times a second and never answers.
#[tokio::test(start_paused = true)]
async fn j3_a_peer_that_talks_a_thousand_times_a_second_dies_at_its_bound() {
    for delay in DELAYS {
        for period in [10, 1] {
            for (n, due) in [(1, secs(6)), (0, secs(4))] {
                let (peer, ws) = live(brisk().max_deferrals(n));
                let chatter = chatters(&peer, ms(period), delay);
                let end = reader(&peer, ws).await.unwrap();
                chatter.abort();
                is_prompt(end, due, delay, &format!("every {period} ms, {delay:?}, N = {n}"));
            }
        }
    }
}

/// The same with the defaults: I + 2T is a minute.
#[tokio::test(start_paused = true)]
async fn j3_the_same_with_the_defaults() {
    let (peer, ws) = live(exact());
    let chatter = chatters(&peer, ms(10), micros(300));
    let end = reader(&peer, ws).await.unwrap();
    chatter.abort();
    is_prompt(end, secs(60), micros(300), "every 10 ms");
}

/// The peer answers 50 ms before the bound.
#[tokio::test(start_paused = true)]
async fn j3_a_peer_that_talks_a_thousand_times_a_second_and_answers_is_kept() {
    for delay in DELAYS {
        for period in [10, 1] {
            let (peer, ws) = live(brisk());
            let monitor = ws.monitor();
            let chatter = chatters(&peer, ms(period), delay);
            let reader = reader(&peer, ws);
            peer.at(ms(5_950), |peer| {
                peer.answers(peer.pings().len() - 1);
                peer.set_echo(Some(ms(50)));
            });
            sleep(secs(20)).await;
            assert_eq!((monitor.health(), monitor.stats().misses), (Health::Alive, 0), "{period} {delay:?}");
            chatter.abort();
            reader.abort();
        }
    }
}

/// Starts a probe every `period` until the connection ends; none is waited for. The reader polls `delay` after each woke it.
fn storms(monitor: &Monitor, period: Duration, delay: Duration) -> JoinHandle<()> {
    let monitor = monitor.clone();
    tokio::spawn(async move {
        while monitor.probe().now_or_never().is_none() {
            lags(period, delay).await;
        }
    })
}

/// T is shorter than I: the verdict falls before the next ping is due.
fn hasty() -> LiveConfigBuilder {
    exact().ping_interval(secs(1)).pong_timeout(ms(600))
}

/// Row 10: `probe()` in a storm moves neither T nor the next due time.
#[tokio::test(start_paused = true)]
async fn o2_a_storm_of_probes_does_not_move_t() {
    for delay in DELAYS {
        for period in [1, 3, 5, 20] {
            let (peer, ws) = live(hasty());
            let storm = storms(&ws.monitor(), ms(period), delay);
            let end = reader(&peer, ws).await.unwrap();
            storm.abort();
            is_prompt(end, ms(1_600), delay, &format!("every {period} ms, {delay:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn o2_a_peer_that_answers_in_a_storm_of_probes_is_kept() {
    for delay in DELAYS {
        for period in [1, 5, 20] {
            let (peer, ws) = live(hasty());
            peer.set_echo(Some(ms(550)));
            let monitor = ws.monitor();
            let storm = storms(&monitor, ms(period), delay);
            let reader = reader(&peer, ws);
            sleep(secs(5)).await;
            let stats = monitor.stats();
            assert_eq!((monitor.health(), stats.misses), (Health::Alive, 0), "every {period} ms, {delay:?}");
            assert!(stats.pongs_received >= 7, "{stats:?}");
            storm.abort();
            reader.abort();
        }
    }
}
