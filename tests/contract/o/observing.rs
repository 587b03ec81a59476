//! What a monitor and the error tell: health, ends, numbers (O2, O3, K5, K6).

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::advance;
use ws_liveness::{Cause, End, Health, LivenessError};

const VERDICT: Health = Health::Ended(End::PongTimeout);

/// Every change of health until the end, with its time.
fn changes(peer: &Peer, ws: &Live) -> JoinHandle<Vec<(Duration, Health)>> {
    let (peer, mut monitor) = (peer.clone(), ws.monitor());
    tokio::spawn(async move {
        let mut changes = Vec::new();
        loop {
            let health = monitor.changed().await;
            changes.push((peer.elapsed(), health));
            if matches!(health, Health::Ended(_)) {
                break changes;
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn o2_a_miss_is_suspect_an_answer_is_alive_and_the_verdict_is_the_end() {
    let (peer, ws) = live(exact().pong_timeout(secs(5)).missed_pongs(2));
    let changes = changes(&peer, &ws);
    peer.at(secs(27), |peer| peer.answers(1));
    assert_eq!(reads_to_death(&peer, ws).await.0, secs(55));
    let expected = [(25, Health::Suspect), (27, Health::Alive), (50, Health::Suspect), (55, VERDICT)];
    assert_eq!(changes.await.unwrap(), expected.map(|(at, health)| (secs(at), health)));
}

#[tokio::test(start_paused = true)]
async fn o2_a_deferred_deadline_is_suspect() {
    let (peer, ws) = live(exact());
    let changes = changes(&peer, &ws);
    peer.at(secs(30), |peer| peer.sends(Msg::Data(1)));
    reads_to_death(&peer, ws).await;
    assert_eq!(changes.await.unwrap(), [(secs(40), Health::Suspect), (secs(60), VERDICT)]);
}

#[tokio::test(start_paused = true)]
async fn o2_a_ping_that_waits_for_half_of_w_is_suspect_until_it_has_left() {
    let (peer, ws) = live(exact());
    let changes = changes(&peer, &ws);
    peer.set_flushes(false);
    peer.at(secs(37), |peer| peer.set_flushes(true));
    reads_to_death(&peer, ws).await;
    let expected = [(35, Health::Suspect), (37, Health::Alive), (57, VERDICT)];
    assert_eq!(changes.await.unwrap(), expected.map(|(at, health)| (secs(at), health)));
}

#[tokio::test(start_paused = true)]
async fn o2_changed_tells_each_monitor_its_own_news_and_the_end_again_and_again() {
    let (peer, mut ws) = live(exact());
    let (mut early, mut cancelled) = (ws.monitor(), ws.monitor());
    assert!(early.changed().now_or_never().is_none(), "no news yet");
    peer.at(secs(30), |peer| peer.sends(Msg::Data(1)));
    death(&peer, &mut ws, secs(45)).await;
    assert_eq!(early.health(), Health::Suspect);
    assert_eq!(early.clone().changed().now_or_never(), Some(Health::Suspect));
    assert_eq!(early.changed().now_or_never(), Some(Health::Suspect), "its clone has seen it, this one not");
    assert!(early.changed().now_or_never().is_none());
    let mut late = ws.monitor();
    assert!(late.changed().now_or_never().is_none(), "no news since it was made");
    drop(ws);
    for monitor in [&mut early, &mut cancelled, &mut late] {
        for _ in 0..3 {
            assert_eq!(monitor.changed().now_or_never(), Some(Health::Ended(End::Dropped)));
        }
    }
}

/// What the two waiting kinds of a monitor tell of an end, where the script is played by `act`.
async fn ending(act: impl AsyncFnOnce(&Peer, Live)) -> End {
    let (peer, ws) = live(exact());
    let (obituary, changes, monitor) = (obituary(&peer, &ws), changes(&peer, &ws), ws.monitor());
    act(&peer, ws).await;
    let (at, end) = obituary.await.unwrap();
    assert_eq!(changes.await.unwrap().last(), Some(&(at, Health::Ended(end))));
    assert_eq!(monitor.health(), Health::Ended(end));
    assert_eq!(monitor.probe().await, Err(end));
    end
}

async fn reads_on(mut ws: Live) {
    while ws.next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn o2_ended_covers_every_verdict() {
    assert_eq!(ending(async |_, ws| reads_on(ws).await).await, End::PongTimeout);
    let stalls = async |peer: &Peer, ws| {
        peer.set_ready(false);
        reads_on(ws).await;
    };
    assert_eq!(ending(stalls).await, End::WriteStalled);
    let refuses = async |peer: &Peer, ws| {
        peer.set_refuses(Some(Fault::Reset));
        reads_on(ws).await;
    };
    assert_eq!(ending(refuses).await, End::PingFailed);
    let closes = async |peer: &Peer, mut ws: Live| {
        ws.send(Msg::Close(1000, String::new())).await.unwrap();
        let Some((at, Fault::Dead(error))) = death(peer, &mut ws, secs(99)).await else { panic!() };
        assert_eq!((at, error.cause()), (secs(10), Cause::CloseTimeout));
    };
    assert_eq!(ending(closes).await, End::CloseTimeout);
}

#[tokio::test(start_paused = true)]
async fn o2_ended_covers_every_other_end() {
    let closes = async |peer: &Peer, mut ws: Live| {
        ws.send(Msg::Close(1000, String::new())).await.unwrap();
        peer.sends(Msg::Close(1000, String::new()));
        assert!(matches!(ws.next().await, Some(Ok(Msg::Close(..)))));
    };
    assert_eq!(ending(closes).await, End::Closed);
    let closed = async |peer: &Peer, mut ws: Live| {
        peer.sends(Msg::Close(1000, String::new()));
        peer.ends();
        assert!(matches!(ws.next().await, Some(Ok(Msg::Close(..)))));
        assert!(ws.next().await.is_none());
    };
    assert_eq!(ending(closed).await, End::Closed);
    let ends = async |peer: &Peer, ws| {
        peer.ends();
        reads_on(ws).await;
    };
    assert_eq!(ending(ends).await, End::EndOfStream);
    let fails = async |peer: &Peer, mut ws: Live| {
        peer.fails();
        assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    };
    assert_eq!(ending(fails).await, End::StreamError);
    assert_eq!(ending(async |_, ws| drop(ws)).await, End::Dropped);
    assert_eq!(ending(async |_, ws: Live| drop(ws.into_inner())).await, End::Dropped);
}

#[tokio::test(start_paused = true)]
async fn o3_the_numbers_are_those_of_rfc_6298() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    assert_eq!(monitor.stats(), Default::default());
    for (ping, rtt) in [100, 300, 200].into_iter().enumerate() {
        peer.at(secs(20) * (ping as u32 + 1) + ms(rtt), move |peer| peer.answers(ping));
    }
    idle(&mut ws, secs(61)).await;
    let stats = monitor.stats();
    assert_eq!((stats.pings_sent, stats.pongs_received, stats.misses, stats.deferrals), (3, 3, 0, 0));
    assert_eq!((stats.last_rtt, stats.min_rtt), (Some(ms(200)), Some(ms(100))));
    // 100, then 7/8 of it and 1/8 of 300, then 7/8 of that and 1/8 of 200.
    assert_eq!(stats.smoothed_rtt, Some(Duration::from_micros(134_375)));
    // 50, then 3/4 of it and 1/4 of |100 - 300|, then 3/4 of that and 1/4 of |125 - 200|.
    assert_eq!(stats.rtt_variance, Some(Duration::from_micros(84_375)));
    assert_eq!(stats.last_inbound, Some(ms(800)));
}

#[tokio::test(start_paused = true)]
async fn o3_misses_and_deferrals_are_counted_over_the_whole_connection() {
    let (peer, ws) = live(exact().missed_pongs(3));
    let monitor = ws.monitor();
    peer.at(secs(30), |peer| peer.sends(Msg::Data(1)));
    assert_eq!(reads_to_death(&peer, ws).await.0, secs(100));
    let stats = monitor.stats();
    assert_eq!(
        (stats.pings_sent, stats.pongs_received, stats.misses, stats.deferrals),
        (4, 0, 3, 1),
        "none leaves with the verdict"
    );
}

#[tokio::test(start_paused = true)]
async fn o3_the_age_of_the_last_frame_is_known_to_the_timers_granularity() {
    let (peer, mut ws) = answered(exact(), secs(0));
    for at in [25, 26, 27] {
        peer.at(secs(at), |peer| peer.sends(Msg::Data(1)));
    }
    death(&peer, &mut ws, secs(39)).await;
    let age = ws.monitor().stats().last_inbound.unwrap();
    assert!(age <= secs(19), "{age:?}");
    peer.set_echo(None);
    idle(&mut ws, secs(16)).await;
    let age = ws.monitor().stats().last_inbound.unwrap();
    assert!((secs(8)..=secs(28)).contains(&age), "{age:?}");
}

#[tokio::test(start_paused = true)]
async fn k5_the_error_carries_times_counts_and_numbers() {
    let (peer, mut ws) = answered(exact(), secs(1));
    idle(&mut ws, secs(30)).await;
    peer.set_echo(None);
    peer.set_flushes(false);
    peer.at(secs(42), |peer| peer.set_flushes(true));
    peer.at(secs(50), |peer| peer.sends(Msg::Data(1)));
    let Some((_, Fault::Dead(error))) = death(&peer, &mut ws, secs(70)).await else { panic!() };
    let grace = peer.elapsed() - secs(82);
    assert!(grace <= secs(1), "{grace:?}");
    assert_eq!(error.cause(), Cause::PongTimeout);
    assert_eq!((error.since_queued(), error.since_flushed()), (Some(secs(42)), Some(secs(40))));
    assert_eq!(error.since_pong(), Some(secs(61)));
    assert_eq!((error.deferrals(), error.misses()), (1, 1));
    let age = error.since_inbound().unwrap();
    assert!((secs(12)..=secs(32)).contains(&age), "{age:?}");
    let stats = error.stats();
    assert_eq!(
        (stats.pings_sent, stats.pongs_received, stats.deferrals, stats.misses),
        (4, 1, 1, 1),
        "the whole connection's"
    );
    assert_eq!(stats.last_rtt, Some(secs(1)));
    assert!(error.source().is_none());
}

#[tokio::test(start_paused = true)]
async fn k5_the_first_cause_is_the_reported_cause() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.at(secs(30), |peer| peer.sends(Msg::Data(1)));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    // The peer was talking: within the grace that follows the verdict at 60 s, more goes wrong.
    peer.at(ms(60_300), |peer| {
        peer.resets();
        peer.fails();
    });
    let Some((at, Fault::Dead(error))) = death(&peer, &mut ws, secs(70)).await else { panic!() };
    assert_eq!((at, error.cause()), (ms(60_300), Cause::PongTimeout));
    assert!(matches!(ws.send(Msg::Data(1)).await, Err(Fault::Dead(error)) if error.cause() == Cause::PongTimeout));
    drop(ws);
    assert_eq!(monitor.health(), VERDICT);
}

#[tokio::test(start_paused = true)]
async fn k6_the_error_is_found_wherever_it_is_nested() {
    let (_peer, mut ws) = live(exact());
    idle(&mut ws, secs(39)).await;
    advance(secs(1)).await;
    let error = verdict(&mut ws);
    let io = io::Error::from(error.clone());
    assert_eq!(io.kind(), io::ErrorKind::TimedOut);
    let nested: [Box<dyn Error>; 6] = [
        Box::new(error.clone()),
        Box::new(Fault::Dead(error.clone())),
        Box::new(io),
        Box::new(io::Error::other(Fault::Dead(error.clone()))),
        Box::new(io::Error::other(io::Error::from(error.clone()))),
        Box::new(io::Error::other(Box::<dyn Error + Send + Sync>::from(Fault::Dead(error)))),
    ];
    for error in &nested {
        assert_eq!(LivenessError::find(&**error).expect("found").cause(), Cause::PongTimeout, "{error:?}");
    }
    for other in [&Fault::Reset as &(dyn Error + 'static), &io::Error::other(Fault::Reset)] {
        assert!(LivenessError::find(other).is_none());
    }
}

/// A peer, or something on the path, that answers with payloads of its own: the error says what came.
#[tokio::test(start_paused = true)]
async fn k5_the_error_says_that_pongs_of_other_payloads_came() {
    for foreign in [false, true] {
        let (peer, mut ws) = live(exact());
        peer.at(ms(20_100), |peer| peer.answers(0));
        // Before that answer it does not matter.
        peer.at(secs(1), |peer| peer.sends(Msg::Pong(b"unasked".to_vec())));
        if foreign {
            peer.at(secs(41), |peer| peer.sends(Msg::Pong(b"12345678".to_vec())));
        }
        let fault = loop {
            if let Err(fault) = ws.next().await.expect("an error") {
                break fault;
            }
        };
        let error = LivenessError::find(&fault).unwrap();
        assert_eq!(error.saw_foreign_pongs(), foreign);
        assert_eq!(error.to_string().contains("payload"), foreign, "{error}");
    }
}

/// An error that is transparent over an `io::Error`, as `thiserror` makes it, passes on only the sources of what that holds.
#[test]
fn k6_the_error_is_found_behind_one_that_is_transparent_over_an_io_error() {
    #[derive(Debug)]
    struct Transparent(io::Error);

    impl std::fmt::Display for Transparent {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Error for Transparent {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.source()
        }
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let fault = runtime.block_on(async {
        let (_peer, mut ws) = live(exact());
        ws.next().await.unwrap().unwrap_err()
    });
    let error = Transparent(io::Error::from(LivenessError::find(&fault).unwrap().clone()));
    assert_eq!(LivenessError::find(&error).unwrap().cause(), Cause::PongTimeout);
    assert_eq!(error.0.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn o2_a_monitor_shows_how_the_connection_is() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    assert_eq!(
        format!("{monitor:?}"),
        "Monitor { health: Alive, last_rtt: None, smoothed_rtt: None, last_inbound: None, pings_sent: 0, \
         pongs_received: 0, misses: 0, is_judging: true, is_reading: true, .. }"
    );
    peer.at(ms(20_025), |peer| peer.answers(0));
    peer.at(secs(50), |peer| peer.sends(Msg::Data(1)));
    death(&peer, &mut ws, secs(65)).await;
    let shown = format!("{monitor:?}");
    for words in ["health: Suspect,", "last_rtt: Some(25ms),", "pings_sent: 3,"] {
        assert!(shown.contains(words), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn o2_a_monitor_knows_after_the_end_when_it_was_and_with_which_error() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    idle(&mut ws, secs(39)).await;
    assert!(monitor.since_end().is_none() && monitor.error().is_none(), "it goes on");
    let Some((_, Fault::Dead(error))) = death(&peer, &mut ws, secs(41)).await else { panic!() };
    drop(ws);
    advance(secs(5)).await;
    let kept = monitor.error().expect("a verdict");
    assert_eq!((monitor.since_end(), kept.cause()), (Some(secs(5)), Cause::PongTimeout));
    assert_eq!(kept.to_string(), error.to_string());
    assert_eq!(monitor.peer_close_code(), None);
}

#[tokio::test(start_paused = true)]
async fn o2_a_monitor_knows_with_which_code_the_peer_closed() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.sends(Msg::Close(1012, "restart".into()));
    assert!(ws.next().await.unwrap().is_ok());
    assert_eq!((monitor.peer_close_code(), monitor.since_end()), (Some(1012), Some(secs(0))));
    assert!(monitor.error().is_none(), "a complete handshake is no error");
}

#[tokio::test(start_paused = true)]
async fn o2_a_dropped_connection_ended_when_it_was_dropped_without_an_error() {
    let (_peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    idle(&mut ws, secs(3)).await;
    drop(ws);
    advance(secs(2)).await;
    assert_eq!((monitor.since_end(), monitor.error().is_none()), (Some(secs(2)), true));
}
