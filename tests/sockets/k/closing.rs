//! K4, K7, S4, S8: closing handshakes, whoever begins and whoever leaves them unfinished, and what a drop leaves behind.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use ws_liveness::{Cause, End, Health, LiveConfig, LiveExt};

use crate::pair::{
    CLOSE, Live, PING, ROLES, WIDE, bare_with, cause_of, died_of, exact, farewell, frame, millis, other, piped,
    piped_raw, read_frame, read_frames, secs,
};

fn exactly() -> LiveConfig {
    exact().build().unwrap()
}

fn goodbye() -> Message {
    Message::Close(Some(CloseFrame { code: 1001.into(), reason: "bye".into() }))
}

/// The two ways of a user to say it.
#[derive(Clone, Copy, Debug)]
enum Saying {
    Close,
    Send,
}

const SAYINGS: [Saying; 2] = [Saying::Close, Saying::Send];

async fn say(live: &mut Live<DuplexStream>, saying: Saying) -> Vec<u8> {
    match saying {
        Saying::Close => {
            live.close().await.unwrap();
            vec![]
        }
        Saying::Send => {
            live.send(goodbye()).await.unwrap();
            farewell(1001, "bye")
        }
    }
}

async fn ends(live: &mut Live<DuplexStream>, end: End) {
    assert!(live.next().await.is_none());
    assert!(live.next().await.is_none());
    assert_eq!(live.monitor().health(), Health::Ended(end));
}

#[tokio::test(start_paused = true)]
async fn k4_s4_a_peer_that_never_echoes_has_until_c_and_hears_no_ping() {
    for role in ROLES {
        for saying in SAYINGS {
            // Before the first ping, and with one outstanding whose deadline would fall within C.
            for (at, pings) in [(secs(15), 0), (secs(35), 1)] {
                let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
                assert!(timeout(at, live.next()).await.is_err());
                let said = say(&mut live, saying).await;
                let start = Instant::now();
                assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::CloseTimeout, secs(10)));
                ends(&mut live, End::CloseTimeout).await;
                assert_eq!(cause_of(&live.send(Message::text("x")).await.unwrap_err()), Cause::CloseTimeout);
                drop(live);
                let heard = read_frames(&mut far).await;
                assert_eq!(heard.iter().filter(|(opcode, _)| *opcode == PING).count(), pings);
                assert_eq!(heard[pings..], [(CLOSE, said)]);
            }
        }
    }
}

/// The peer talks on after our Close: that is delivered, and moves nothing.
#[tokio::test(start_paused = true)]
async fn k4_a_peer_that_talks_and_never_echoes_has_until_c() {
    for role in ROLES {
        let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
        say(&mut live, Saying::Close).await;
        let peer = tokio::spawn(async move {
            while far.write_all(&frame(other(role), 1, b"x")).await.is_ok() {
                sleep(secs(3)).await;
            }
        });
        let start = Instant::now();
        for _ in 0..4 {
            assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
        }
        assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::CloseTimeout, secs(10)));
        ends(&mut live, End::CloseTimeout).await;
        peer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn k4_a_peer_that_echoes_and_leaves_the_transport_open() {
    for (role, waits) in [(Role::Client, secs(10)), (Role::Server, Duration::ZERO)] {
        for saying in SAYINGS {
            let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
            say(&mut live, saying).await;
            let start = Instant::now();
            let (opcode, payload) = read_frame(&mut far).await.unwrap();
            far.write_all(&frame(other(role), opcode, &payload)).await.unwrap();
            assert!(live.next().await.unwrap().unwrap().is_close());
            ends(&mut live, End::Closed).await;
            assert_eq!(start.elapsed(), waits, "{role:?}: tungstenite's client waits for the server's end");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k4_s8_a_peer_that_closes_first_gets_its_answer_from_a_user_that_only_reads() {
    for (role, waits) in [(Role::Client, secs(10)), (Role::Server, Duration::ZERO)] {
        for at in [secs(5), secs(35)] {
            let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
            assert!(timeout(at, live.next()).await.is_err());
            let (bye, start) = (farewell(1001, "bye"), Instant::now());
            far.write_all(&frame(other(role), CLOSE, &bye)).await.unwrap();
            assert_eq!(live.next().await.unwrap().unwrap(), goodbye());
            ends(&mut live, End::Closed).await;
            assert_eq!(start.elapsed(), waits);
            drop(live);
            let heard = read_frames(&mut far).await;
            assert_eq!(heard.last(), Some(&(CLOSE, bye)));
            assert_eq!(heard.len(), 1 + usize::from(at > secs(20)), "{heard:?}");
        }
    }
}

/// The user gets the Close and does not poll again: it has left all the same.
#[tokio::test(start_paused = true)]
async fn s8_the_answer_to_a_close_leaves_with_the_poll_that_shows_it() {
    for role in ROLES {
        let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
        far.write_all(&frame(other(role), CLOSE, &farewell(1001, "bye"))).await.unwrap();
        assert_eq!(live.next().await.unwrap().unwrap(), goodbye());
        let heard = timeout(millis(1), read_frame(&mut far)).await.expect("it left").unwrap();
        assert_eq!(heard, (CLOSE, farewell(1001, "bye")));
    }
}

/// The same for a Ping of the peer's.
#[tokio::test(start_paused = true)]
async fn s8_the_answer_to_a_ping_leaves_with_the_poll_that_shows_it() {
    for role in ROLES {
        let (mut live, mut far) = piped_raw(WIDE, role, &exactly()).await;
        far.write_all(&frame(other(role), PING, b"q")).await.unwrap();
        assert_eq!(live.next().await.unwrap().unwrap(), Message::Ping("q".into()));
        let heard = timeout(millis(1), read_frame(&mut far)).await.expect("it left").unwrap();
        assert_eq!(heard, (crate::pair::PONG, b"q".to_vec()));
    }
}

#[tokio::test(start_paused = true)]
async fn k4_two_libraries_part_as_they_would_without_us() {
    for role in ROLES {
        for saying in SAYINGS {
            let (mut live, mut peer) = piped(WIDE, role, &exactly()).await;
            let peer = tokio::spawn(async move { while peer.next().await.is_some() {} });
            say(&mut live, saying).await;
            let start = Instant::now();
            // tungstenite's server ends at the Close; its client then sees the transport's end.
            assert!(live.next().await.unwrap().unwrap().is_close());
            if role == Role::Client {
                peer.await.unwrap();
            }
            ends(&mut live, End::Closed).await;
            assert!(start.elapsed() < millis(1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k4_poll_close_is_bounded_where_the_write_side_is_blocked() {
    for role in ROLES {
        let (mut live, _far) = piped_raw(16, role, &exactly()).await;
        live.feed(Message::binary(vec![7; 1000])).await.unwrap();
        let start = Instant::now();
        assert_eq!(cause_of(&live.close().await.unwrap_err()), Cause::CloseTimeout);
        assert_eq!(start.elapsed(), secs(10));
        assert_eq!(died_of(live.next().await), Cause::CloseTimeout);
        ends(&mut live, End::CloseTimeout).await;
    }
}

/// Many calls, each dropped: C runs from the first.
#[tokio::test(start_paused = true)]
async fn k4_c_counts_from_the_first_close() {
    for role in ROLES {
        let (near, _far) = tokio::io::duplex(16);
        let small = WebSocketConfig::default().write_buffer_size(0);
        let mut live = bare_with(near, role, small).await.live(exactly());
        live.feed(Message::binary(vec![7; 1000])).await.unwrap();
        let start = Instant::now();
        let error = loop {
            match timeout(secs(3), live.close()).await {
                Err(_) => {}
                Ok(closed) => break closed.unwrap_err(),
            }
        };
        assert_eq!((cause_of(&error), start.elapsed()), (Cause::CloseTimeout, secs(10)));
    }
}

/// Half closed by us, then the transport ends: the inner's own error, not ours.
#[tokio::test(start_paused = true)]
async fn j8_the_transports_end_within_c_is_the_inners_to_tell() {
    for role in ROLES {
        let (mut live, far) = piped_raw(WIDE, role, &exactly()).await;
        say(&mut live, Saying::Close).await;
        assert!(timeout(secs(5), live.next()).await.is_err());
        drop(far);
        let error = live.next().await.unwrap().unwrap_err();
        assert!(ws_liveness::LivenessError::find(&error).is_none(), "{error:?}");
        ends(&mut live, End::StreamError).await;
    }
}

/// A connection in each of its states, by what happened to it; whether its end was told before the drop.
#[tokio::test(start_paused = true)]
async fn k7_a_drop_leaves_nothing_behind_in_any_state() {
    let metrics = tokio::runtime::Handle::current().metrics();
    for role in ROLES {
        for (name, capacity, until, end) in [
            ("new", WIDE, secs(0), End::Dropped),
            ("waiting", WIDE, secs(10), End::Dropped),
            ("queued", 4, secs(25), End::Dropped),
            ("holding", 4, secs(40), End::Dropped),
            ("sent", WIDE, secs(30), End::Dropped),
            ("dying", 4, millis(50_500), End::WriteStalled),
            ("over", WIDE, secs(41), End::PongTimeout),
        ] {
            let (mut live, mut far) = piped_raw(capacity, role, &exactly()).await;
            let monitor = live.monitor();
            let _ = timeout(until, live.next()).await;
            drop(live);
            assert_eq!(metrics.num_alive_tasks(), 0, "{name}");
            assert_eq!(monitor.health(), Health::Ended(end), "{name}");
            let before = monitor.stats();
            read_frames(&mut far).await;
            assert_eq!(monitor.stats().pings_sent, before.pings_sent, "{name}");
        }
        for saying in SAYINGS {
            let (mut live, _far) = piped_raw(WIDE, role, &exactly()).await;
            let monitor = live.monitor();
            say(&mut live, saying).await;
            drop(live);
            assert_eq!(monitor.ended().await, End::Dropped);
        }
    }
}

/// Wrapped, unwrapped and wrapped again: the second life owes nothing to the first.
#[tokio::test(start_paused = true)]
async fn k7_a_second_life_starts_afresh() {
    for role in ROLES {
        let (mut live, _far) = piped_raw(WIDE, role, &exactly()).await;
        assert!(timeout(secs(39), live.next()).await.is_err());
        let (inner, waiting) = live.into_inner();
        assert_eq!(waiting, None);
        let mut live = inner.live(exactly());
        let start = Instant::now();
        assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::PongTimeout, secs(40)));
    }
}
