//! J6, J3, S9 over a narrow pipe: the pong behind megabytes that a slow consumer has yet to take, a peer that talks
//! and never answers, a peer that says its last and dies.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, End, LiveConfig, LiveConfigBuilder, Monitor};

use crate::pair::{
    Live, ROLES, TEXT, WIDE, Ws, died_of, exact, frame, millis, other, over_tcp, piped, piped_raw, quick, secs,
};

const MEBIBYTE: usize = 1 << 20;
const NARROW: usize = 64 << 10;

/// Queues `count` messages at once, then reads and writes for ever: a pong has to wait behind all of them.
fn flood(mut peer: Ws<DuplexStream>, count: usize) {
    for _ in 0..count {
        // Taken without room: tungstenite keeps it.
        Pin::new(&mut peer).start_send(Message::binary(vec![7; MEBIBYTE])).unwrap();
    }
    let (mut sink, mut stream) = peer.split();
    tokio::spawn(async move {
        sink.flush().await.unwrap();
        while stream.next().await.is_some() {}
    });
}

/// A peer whose first ping finds twelve messages before its pong, and a consumer that takes `each` for one.
async fn slow_consumer(each: Duration, config: &LiveConfig) {
    for role in ROLES {
        let (mut live, peer) = piped(NARROW, role, config).await;
        let monitor = live.monitor();
        tokio::spawn(async move {
            sleep(secs(1)).await;
            flood(peer, 12);
        });
        for n in 0..12 {
            let item = live.next().await.unwrap();
            assert_eq!(item.unwrap_or_else(|error| panic!("{each:?}, message {n}: {error}")).len(), MEBIBYTE);
            sleep(each).await;
        }
        assert!(timeout(secs(200), live.next()).await.is_err(), "{each:?}");
        let stats = monitor.stats();
        assert!(stats.pongs_received >= 10 && stats.misses == 0, "{each:?}: {stats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_consumer_that_takes_5_to_60_seconds_a_message_keeps_a_live_peer() {
    for each in [5, 15, 19, 20, 21, 25, 30, 60] {
        slow_consumer(secs(each), &LiveConfig::default()).await;
        slow_consumer(secs(each), &exact().build().unwrap()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j6_needs_neither_deferrals_nor_generous_times() {
    let strict = exact().max_deferrals(0).ping_interval(secs(5)).pong_timeout(secs(2)).write_timeout(secs(5));
    let strict = strict.build().unwrap();
    for each in [1, 2, 3, 10, 60] {
        slow_consumer(secs(each), &strict).await;
    }
}

/// Says something every second, and never answers.
async fn babble(mut far: DuplexStream, role: Role) {
    let (mut read, mut write) = tokio::io::split(&mut far);
    let talk = async {
        while write.write_all(&frame(role, TEXT, b"x")).await.is_ok() {
            sleep(secs(1)).await;
        }
    };
    let mut nowhere = tokio::io::sink();
    let _ = tokio::join!(talk, tokio::io::copy(&mut read, &mut nowhere));
}

async fn ended(monitor: Monitor) -> (End, Duration) {
    let start = Instant::now();
    (monitor.ended().await, start.elapsed())
}

/// A peer that talks but never answers: verdict after I + M (N + 1) T, and the error a grace of 1 s later.
async fn babbler_dies_after(seconds: u64, config: LiveConfigBuilder) {
    for role in ROLES {
        let (mut live, far) = piped_raw(NARROW, role, &config.clone().build().unwrap()).await;
        let verdict = tokio::spawn(ended(live.monitor()));
        let peer = tokio::spawn(babble(far, other(role)));
        let start = Instant::now();
        let error = loop {
            match live.next().await {
                Some(Ok(message)) => assert_eq!(message, Message::text("x")),
                last => break last,
            }
        };
        assert_eq!((died_of(error), start.elapsed()), (Cause::PongTimeout, secs(seconds + 1)));
        assert_eq!(verdict.await.unwrap(), (End::PongTimeout, secs(seconds)));
        peer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn j3_a_peer_that_talks_and_never_answers_dies_at_its_bound() {
    babbler_dies_after(20 + 2 * 20, exact()).await;
    babbler_dies_after(20 + 20, exact().max_deferrals(0)).await;
    babbler_dies_after(20 + 4 * 20, exact().max_deferrals(3)).await;
    babbler_dies_after(20 + 2 * 2 * 20, exact().missed_pongs(2)).await;
    babbler_dies_after(20 + 2 * 30, exact().pong_timeout(secs(30))).await;
}

/// A consumer slower than the babble is backlogged at every look: what it has not read it cannot judge. Once it keeps
/// up, the bound counts.
#[tokio::test(start_paused = true)]
async fn j6_a_babbler_gains_only_while_the_consumer_is_behind() {
    let (mut live, far) = piped_raw(NARROW, ROLES[0], &exact().build().unwrap()).await;
    tokio::spawn(babble(far, ROLES[1]));
    for _ in 0..5 {
        live.next().await.unwrap().unwrap();
        sleep(secs(60)).await;
    }
    let start = Instant::now();
    let error = loop {
        match live.next().await {
            Some(Ok(_)) => {}
            last => break last,
        }
    };
    assert_eq!(died_of(error), Cause::PongTimeout);
    assert!(start.elapsed() <= secs(20 + 2 * 20 + 1), "{:?}", start.elapsed());
}

/// All that was said before the end comes before the end.
async fn last_words<T: AsyncRead + AsyncWrite + Unpin>(live: &mut Live<T>) {
    for word in ["one", "two", "three"] {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text(word));
    }
    let end = live.next().await;
    assert!(
        matches!(end, Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_)))),
        "{end:?}"
    );
    assert!(live.next().await.is_none());
    assert_eq!(live.monitor().ended().await, End::StreamError);
}

async fn say_last_words<T: AsyncRead + AsyncWrite + Unpin>(mut peer: Ws<T>) {
    for word in ["one", "two", "three"] {
        peer.send(Message::text(word)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn s9_j8_three_messages_of_a_peer_that_died_while_a_ping_was_due() {
    for (role, away) in [(ROLES[0], 20), (ROLES[1], 20), (ROLES[0], 21), (ROLES[1], 100)] {
        let (mut live, peer) = piped(WIDE, role, &exact().build().unwrap()).await;
        assert!(timeout(secs(1), live.next()).await.is_err());
        say_last_words(peer).await;
        sleep(secs(away - 1)).await;
        last_words(&mut live).await;
    }
}

#[tokio::test]
async fn s9_j8_three_messages_of_a_peer_that_reset_the_connection() {
    for role in ROLES {
        let (mut live, peer) = over_tcp(role, &quick(millis(100))).await;
        // Unread at the peer's end, so that its end is a reset.
        live.send(Message::text("unread")).await.unwrap();
        sleep(millis(20)).await;
        say_last_words(peer).await;
        sleep(millis(130)).await;
        last_words(&mut live).await;
    }
}

/// The same with the reader waiting: the failure of our ping is noticed while messages are on their way.
#[tokio::test(start_paused = true)]
async fn s9_a_message_behind_a_failed_ping_is_delivered_over_a_narrow_pipe() {
    for role in ROLES {
        let (mut live, peer) = piped(16, role, &exact().build().unwrap()).await;
        tokio::spawn(async move {
            sleep(secs(20)).await;
            say_last_words(peer).await;
        });
        last_words(&mut live).await;
    }
}
