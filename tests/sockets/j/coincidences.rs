//! J8, S3, X1: two things that fall on one instant. What the peer did wins over a verdict in the same poll, and no
//! due time is lost where it is also another.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, End, Health, Judging, LiveConfig};

use crate::pair::{
    CLOSE, Item, Live, PONG, ROLES, TEXT, WIDE, died_of, exact, farewell, frame, millis, other, piped, piped_raw,
    read_frame, secs,
};

/// A poll at the deadline, for which the peer has sent `last` and, where `leaves`, has left: what the user gets.
async fn at_the_deadline(role: Role, last: &[u8], leaves: bool) -> (Live<DuplexStream>, Option<DuplexStream>, Item) {
    let (mut live, mut far) = piped_raw(WIDE, role, &exact().build().unwrap()).await;
    assert!(timeout(secs(25), live.next()).await.is_err());
    sleep(secs(15)).await;
    far.write_all(last).await.unwrap();
    let far = Some(far).filter(|_| !leaves);
    let item = live.next().await;
    (live, far, item)
}

#[tokio::test(start_paused = true)]
async fn j8_the_end_of_the_stream_wins() {
    for role in ROLES {
        let (mut live, _, item) = at_the_deadline(role, b"", true).await;
        let reset = ProtocolError::ResetWithoutClosingHandshake;
        assert!(matches!(item, Some(Err(Error::Protocol(error))) if error == reset));
        assert_eq!(live.monitor().health(), Health::Ended(End::StreamError));
        assert!(live.next().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn j8_an_error_of_the_stream_wins() {
    for role in ROLES {
        // A reserved opcode.
        let (mut live, _far, item) = at_the_deadline(role, &frame(other(role), 3, b""), false).await;
        assert!(matches!(item, Some(Err(Error::Protocol(ProtocolError::InvalidOpcode(3))))), "{item:?}");
        assert_eq!(live.monitor().health(), Health::Ended(End::StreamError));
        assert!(live.next().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn k4_a_close_wins_and_ends_the_judging() {
    for role in ROLES {
        let close = frame(other(role), CLOSE, &farewell(1001, ""));
        let (mut live, _far, item) = at_the_deadline(role, &close, false).await;
        assert!(matches!(item, Some(Ok(Message::Close(Some(_))))), "{item:?}");
        assert!(live.next().await.is_none());
        assert_eq!(live.monitor().health(), Health::Ended(End::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn j5_a_message_wins_time() {
    for role in ROLES {
        let (mut live, _far, item) = at_the_deadline(role, &frame(other(role), TEXT, b"x"), false).await;
        assert_eq!(item.unwrap().unwrap(), Message::text("x"));
        assert!(timeout(secs(19), live.next()).await.is_err());
        assert_eq!(died_of(live.next().await), Cause::PongTimeout);
    }
}

/// A live peer, answering at `answers`; the reader is away from `left` to `back`. How many pings there are in the
/// 1000 s after that.
async fn pings_after(config: LiveConfig, role: Role, answers: Duration, left: Duration, back: Duration) -> u64 {
    let (mut live, mut peer) = piped(WIDE, role, &config).await;
    let monitor = live.monitor();
    tokio::spawn(async move {
        sleep(answers).await;
        while peer.next().await.is_some() {}
    });
    assert!(timeout(left, live.next()).await.is_err());
    sleep(back - left).await;
    let before = monitor.stats().pings_sent;
    let read = timeout(secs(1000), live.next()).await;
    assert!(read.is_err(), "a live peer was closed: {read:?}");
    monitor.stats().pings_sent - before
}

/// The defaults, where I = T: the answer is read when its deadline, which is also the next due time, has fired.
#[tokio::test(start_paused = true)]
async fn s3_pings_go_on_where_the_answer_is_read_at_its_deadline() {
    for role in ROLES {
        for back in [secs(40), millis(40_500), secs(44), secs(59), secs(61)] {
            let pings = pings_after(exact().build().unwrap(), role, secs(30), secs(25), back).await;
            assert!((49..=51).contains(&pings), "{back:?}: {pings} pings in 50 intervals");
        }
    }
}

/// W/2 = I: the timer has fired for a ping that waits, and the flush succeeds in that poll.
#[tokio::test(start_paused = true)]
async fn s3_pings_go_on_where_half_of_w_is_the_interval() {
    let config = exact().ping_interval(secs(15)).write_timeout(secs(30)).build().unwrap();
    for role in ROLES {
        let (mut live, mut peer) = piped(64, role, &config).await;
        let monitor = live.monitor();
        live.feed(Message::binary(vec![7; 70])).await.unwrap();
        assert!(timeout(secs(16), live.next()).await.is_err());
        tokio::spawn(async move { while peer.next().await.is_some() {} });
        // The peer has made room for the rest, which nobody has written yet.
        sleep(secs(15)).await;
        assert!(timeout(secs(300), live.next()).await.is_err());
        assert!(monitor.stats().pings_sent >= 19, "{:?}", monitor.stats());
    }
}

/// T = `Duration::MAX`: a ping's passing and the next due time are one.
#[tokio::test(start_paused = true)]
async fn s3_pings_go_on_where_nothing_is_judged() {
    for config in
        [exact().pong_timeout(Duration::MAX), exact().judging(Judging::Never), exact().judging(Judging::AfterFirstPong)]
    {
        for role in ROLES {
            let (mut live, mut far) = piped_raw(WIDE, role, &config.clone().build().unwrap()).await;
            assert!(timeout(secs(1000) + millis(1), live.next()).await.is_err());
            assert_eq!(live.monitor().stats().pings_sent, 50);
            // A late answer to an old ping is hidden and changes nothing.
            let (_, payload) = read_frame(&mut far).await.unwrap();
            far.write_all(&frame(other(role), PONG, &payload)).await.unwrap();
            assert!(timeout(secs(19), live.next()).await.is_err());
        }
    }
}

/// A peer that always answers exactly at the deadline, to a reader that waits.
#[tokio::test(start_paused = true)]
async fn j5_an_answer_at_the_very_deadline_counts_where_it_can_be_read() {
    for role in ROLES {
        let (mut live, mut far) = piped_raw(WIDE, role, &exact().pong_timeout(secs(5)).build().unwrap()).await;
        assert!(timeout(secs(21), live.next()).await.is_err());
        for _ in 0..3 {
            let (_, payload) = read_frame(&mut far).await.unwrap();
            sleep(secs(4)).await;
            far.write_all(&frame(other(role), PONG, &payload)).await.unwrap();
            assert!(timeout(secs(16), live.next()).await.is_err());
            let stats = live.monitor().stats();
            assert_eq!((stats.misses, stats.pings_sent), (0, stats.pongs_received + 1));
        }
    }
}
