//! Row 3: an inner stream that yields.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};
use ws_liveness::{End, Health, LiveStream};

use super::{micros, reader};
use crate::scripted::{Fault, Msg, Peer, Socket, exact, live, ms, secs, socket};

/// What wakes a reader whose runtime was blocked.
#[derive(Clone, Copy, Debug)]
enum Woken {
    ByTheInner,
    /// The timer alone: tokio runs timers before it has asked for the sockets' events.
    ByTheTimer,
}

/// The inner stream yields `count` times, and then has the pong.
fn yields_before_the_pong(peer: &Peer, count: u32, woken: Woken) {
    for _ in 0..count {
        match woken {
            Woken::ByTheInner => peer.stumbles(),
            Woken::ByTheTimer => peer.stumbles_in_silence(),
        }
    }
    peer.sends_in_silence(Msg::Pong(peer.payload(0)));
}

/// A ping left at 20 s, and from `from` until `until` the runtime is blocked.
async fn a_live_peer_is_kept(from: Duration, until: Duration, count: u32, woken: Woken) {
    let case = format!("{from:?}..{until:?}, {count} times, {woken:?}");
    let (peer, ws) = live(exact());
    let monitor = ws.monitor();
    let reader = reader(&peer, ws);
    sleep(from).await;
    peer.set_echo(Some(ms(100)));
    yields_before_the_pong(&peer, count, woken);
    // No other task has run since the inner stream was changed.
    advance(until - from).await;
    sleep(secs(100)).await;
    assert_eq!((monitor.health(), monitor.stats().misses), (Health::Alive, 0), "{case}");
    assert!(peer.pings().len() >= 5, "{case}: {:?}", peer.ping_times());
    reader.abort();
}

/// Row 3: an inner stream that yields (`Pending`, and wakes itself) after a runtime that was blocked for more than T.
#[tokio::test(start_paused = true)]
async fn j5_an_inner_that_yields_after_a_blocked_runtime_shows_its_pong_in_time() {
    for woken in [Woken::ByTheInner, Woken::ByTheTimer] {
        for count in 1..=4 {
            for until in [ms(41_000), ms(43_000), ms(44_900), secs(46), secs(120)] {
                a_live_peer_is_kept(ms(20_001), until, count, woken).await;
                a_live_peer_is_kept(ms(39_500), until, count, woken).await;
            }
        }
    }
}

/// A socket that wakes its task in every poll that finds nothing.
struct Restless(Socket);

impl Stream for Restless {
    type Item = Result<Msg, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.0.poll_next_unpin(cx);
        if polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    }
}

impl Sink<Msg> for Restless {
    type Error = Fault;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        self.0.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_close_unpin(cx)
    }
}

const T: Duration = Duration::from_millis(400);
/// The ping and the verdict are each less than a tick, and a step of the clock, late.
const LATE: Duration = Duration::from_millis(3);

/// A connection over a `Restless` socket with a reader, and its end. I is T.
fn restless() -> (Peer, JoinHandle<(Duration, End)>) {
    let (peer, socket) = socket();
    let config = exact().ping_interval(T).pong_timeout(T).build().unwrap();
    let mut ws = LiveStream::new(Restless(socket), config);
    let (monitor, witness) = (ws.monitor(), peer.clone());
    tokio::spawn(async move { while ws.next().await.is_some() {} });
    let end = tokio::spawn(async move {
        let end = monitor.ended().await;
        (witness.elapsed(), end)
    });
    (peer, end)
}

/// The clock goes on by half a tick at a time: it never does so by itself, since there is always a task that is awake.
async fn passes(peer: &Peer, until: Duration) {
    while peer.elapsed() < until {
        advance(micros(500)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j5_an_inner_that_wakes_itself_for_ever_and_never_answers_is_closed_after_t() {
    let (peer, end) = restless();
    passes(&peer, 2 * T + LATE).await;
    assert!(end.is_finished(), "I + T");
    let (at, cause) = end.await.unwrap();
    assert_eq!(cause, End::PongTimeout);
    assert!(at >= 2 * T && at <= 2 * T + LATE, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn j5_the_same_after_a_blocked_runtime() {
    for (from, until) in [(T + ms(1), 3 * T), (2 * T - ms(50), 2 * T + ms(20)), (2 * T - ms(1), 9 * T)] {
        let (peer, end) = restless();
        passes(&peer, from).await;
        advance(until - from).await;
        passes(&peer, until + T + LATE).await;
        assert!(end.is_finished(), "{from:?}..{until:?}");
        assert_eq!(end.await.unwrap().1, End::PongTimeout, "{from:?}..{until:?}");
    }
}
