//! What an observer hears, and when (O4).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use ws_liveness::{End, Event, Health, LiveConfigBuilder};

use crate::scripted::*;

type Heard = Mutex<Vec<(Duration, Event)>>;

/// As `live`, with an observer; and what that has heard.
fn observed(config: LiveConfigBuilder) -> (Peer, Live, Arc<Heard>) {
    let (peer, ws) = live(config);
    let (heard, witness) = (Arc::<Heard>::default(), peer.clone());
    let ear = heard.clone();
    let ws = ws.with_observer(move |event: &Event| ear.lock().unwrap().push((witness.elapsed(), *event)));
    (peer, ws, heard)
}

/// As text: a round trip can only be made by the crate.
fn told(heard: &Heard) -> Vec<String> {
    let tell = |(at, event): &(Duration, Event)| format!("{at:?} {event:?}");
    heard.lock().unwrap().iter().map(tell).collect()
}

#[tokio::test(start_paused = true)]
async fn o4_an_observer_hears_every_event_as_it_happens() {
    let (peer, ws, heard) = observed(exact().pong_timeout(secs(8)).missed_pongs(2));
    for (ping, at) in [(0, ms(20_010)), (1, ms(40_925)), (2, ms(60_015))] {
        peer.at(at, move |peer| peer.answers(ping));
    }
    // A frame instead of an answer, then the answer, late.
    peer.at(secs(85), |peer| peer.sends(Msg::Data(1)));
    peer.at(secs(90), |peer| peer.answers(3));
    let stats = ws.monitor();
    reads_to_death(&peer, ws).await;
    assert_eq!(
        told(&heard),
        [
            "20.01s RoundTrip { rtt: 10ms }",
            "40.925s RoundTrip { rtt: 925ms }",
            "60.015s RoundTrip { rtt: 15ms }",
            "88s Deferred",
            "88s Suspected",
            "90s RoundTrip { rtt: 10s }",
            "90s Trusted",
            "108s Missed",
            "108s Suspected",
            "116s Missed",
            "116s Ended(PongTimeout)",
        ]
    );
    let stats = stats.stats();
    assert_eq!((stats.min_rtt, stats.max_rtt, stats.last_rtt), (Some(ms(10)), Some(secs(10)), Some(secs(10))));
}

#[tokio::test(start_paused = true)]
async fn o4_an_observer_hears_of_probes_and_of_every_end() {
    let (peer, mut ws, heard) = observed(exact());
    peer.set_echo(Some(ms(30)));
    let monitor = ws.monitor();
    let asked = tokio::spawn(async move { monitor.probe().await });
    idle(&mut ws, secs(1)).await;
    assert_eq!(asked.await.unwrap(), Ok(ms(30)));
    drop(ws);
    assert_eq!(told(&heard), ["30ms RoundTrip { rtt: 30ms }", "1s Ended(Dropped)"]);

    let (peer, mut ws, heard) = observed(exact());
    peer.ends();
    assert!(ws.next().await.is_none());
    drop(ws);
    assert_eq!(told(&heard), ["0ns Ended(EndOfStream)"]);
}

#[tokio::test(start_paused = true)]
async fn o4_an_observer_may_ask_the_monitor() {
    let (peer, ws) = live(exact());
    let monitor = ws.monitor();
    let asks = monitor.clone();
    let ws = ws.with_observer(move |event: &Event| match event {
        Event::Ended(end) => assert_eq!(asks.health(), Health::Ended(*end)),
        Event::RoundTrip { rtt, .. } => assert_eq!(asks.stats().last_rtt, Some(*rtt)),
        _ => {}
    });
    peer.at(ms(20_100), |peer| peer.answers(0));
    reads_to_death(&peer, ws).await;
    assert_eq!(monitor.stats().pongs_received, 1);
}

#[tokio::test(start_paused = true)]
async fn o4_a_spawned_connection_keeps_its_observer() {
    let (peer, ws, heard) = observed(exact());
    let mut ws = ws.spawn(4);
    peer.at(ms(20_100), |peer| peer.answers(0));
    assert!(ws.next().await.unwrap().is_err());
    assert_eq!(told(&heard), ["20.1s RoundTrip { rtt: 100ms }", "60s Missed", "60s Ended(PongTimeout)"]);
}

/// Each event panics, and each panic is caught: the connection lives and dies as it would without an observer.
#[tokio::test(start_paused = true)]
async fn v6_an_observer_that_panics_hides_nothing() {
    let (peer, ws) = live(exact().pong_timeout(secs(8)).missed_pongs(2));
    let mut ws = ws.with_observer(|_: &Event| panic!("an observer"));
    let monitor = ws.monitor();
    peer.at(ms(20_100), |peer| peer.answers(0));
    peer.at(secs(45), |peer| peer.sends(Msg::Data(1)));
    let mut panics = 0;
    let mut seen = Vec::new();
    loop {
        let polled = std::future::poll_fn(|cx: &mut Context<'_>| {
            match catch_unwind(AssertUnwindSafe(|| ws.poll_next_unpin(cx))) {
                Ok(polled) => polled.map(Some),
                Err(panic) if panic.downcast_ref() == Some(&"an observer") => Poll::Ready(None),
                Err(other) => resume_unwind(other),
            }
        })
        .await;
        match polled {
            None => panics += 1,
            Some(Some(item)) => seen.push(item.is_ok()),
            Some(None) => break,
        }
    }
    // The message, and the one error.
    assert_eq!((seen.as_slice(), monitor.health()), ([true, false].as_slice(), Health::Ended(End::PongTimeout)));
    assert_eq!(peer.elapsed(), secs(64), "deferred at 48 s, missed at 56 s, and again");
    // Of the end it hears that a ping was missed, and panics.
    assert_eq!(panics, 5, "a round trip, a deferral, a suspicion, a miss, the end");
    assert!(ws.next().now_or_never().flatten().is_none());
}
