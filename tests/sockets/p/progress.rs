//! What a progress source sees below the messages, and what follows from it (P).

use std::time::Duration;

use crate::pair::{TEXT, bare, died_of, frame, other};
use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, LiveConfigBuilder, LiveStream, Progress, ProgressIo};

type Counted = LiveStream<WebSocketStream<ProgressIo<DuplexStream>>>;

/// A wrapped socket over a pipe whose bytes are counted, and the pipe's other end.
async fn counted(config: LiveConfigBuilder, source: bool, role: Role) -> (Counted, DuplexStream) {
    let (near, far) = duplex(4096);
    let near = ProgressIo::new(near);
    let handle = near.handle();
    let live = LiveStream::new(bare(near, role).await, config.build().unwrap());
    (if source { live.with_progress(handle) } else { live }, far)
}

#[tokio::test]
async fn p1_bytes_are_counted_in_and_out() {
    let (near, mut far) = duplex(64);
    let mut near = ProgressIo::new(near);
    let handle = near.handle();
    near.write_all(b"four").await.unwrap();
    far.write_all(b"sixsix").await.unwrap();
    near.read_exact(&mut [0; 5]).await.unwrap();
    let sight = handle.look();
    assert_eq!((sight.read, sight.written, sight.tcp), (Some(5), Some(4), None));
}

/// A message of 60,000 bytes over a path that takes 1,000 in a second, with a W and a T of 20 s.
async fn sends_slowly(source: bool, cut: Duration) -> (Duration, Option<Cause>) {
    let (live, mut far) = counted(exact().write_timeout(secs(20)), source, Role::Server).await;
    let start = Instant::now();
    let (mut sink, mut stream) = live.split();
    let mut path = tokio::spawn(async move {
        let mut room = [0; 1000];
        while start.elapsed() < cut && far.read_exact(&mut room).await.is_ok() {
            sleep(secs(1)).await;
        }
        far
    });
    let sent = async { sink.send(Message::binary(vec![7; 60_000])).await };
    let read = async { died_of(stream.next().await) };
    let done = tokio::select! {
        sent = sent => sent.err().map(|error| crate::pair::cause_of(&error)),
        cause = read => Some(cause),
    };
    let _ = timeout(Duration::ZERO, &mut path).await;
    path.abort();
    (start.elapsed(), done)
}

#[tokio::test(start_paused = true)]
async fn p2_a_message_on_its_way_out_takes_as_long_as_it_takes() {
    let (at, cause) = sends_slowly(true, secs(1_000)).await;
    assert_eq!(cause, None);
    assert!(at > secs(50), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn p2_where_it_comes_to_a_stop_w_runs_from_the_last_look() {
    let (at, cause) = sends_slowly(true, secs(30)).await;
    assert_eq!(cause, Some(Cause::WriteStalled));
    // Looked at I + W = 40 s, ten seconds after the stop: W once more.
    assert_eq!(at, secs(60));
}

#[tokio::test(start_paused = true)]
async fn p5_without_a_source_it_must_leave_within_w() {
    assert_eq!(sends_slowly(false, secs(1_000)).await, (secs(40), Some(Cause::WriteStalled)));
}

/// What becomes of a peer that says one message of 30,000 bytes, `chunk` of them in every `pause`.
async fn reads_slowly(source: bool, chunk: usize, pause: Duration, role: Role) -> (Duration, Option<String>) {
    reads_slowly_with(exact(), source, chunk, pause, role).await
}

async fn reads_slowly_with(
    config: LiveConfigBuilder,
    source: bool,
    chunk: usize,
    pause: Duration,
    role: Role,
) -> (Duration, Option<String>) {
    let (mut live, mut far) = counted(config, source, role).await;
    let start = Instant::now();
    let message = frame(other(role), TEXT, &[b'x'; 30_000]);
    let writer = tokio::spawn(async move {
        for part in message.chunks(chunk) {
            far.write_all(part).await.unwrap();
            sleep(pause).await;
        }
        far
    });
    let end = match live.next().await.unwrap() {
        Ok(message) => {
            assert_eq!(message.len(), 30_000);
            None
        }
        Err(error) => Some(ws_liveness::LivenessError::find(&error).unwrap().to_string()),
    };
    writer.abort();
    (start.elapsed(), end)
}

#[tokio::test(start_paused = true)]
async fn p3_a_message_on_its_way_in_takes_as_long_as_it_takes() {
    for role in crate::pair::ROLES {
        let (at, end) = reads_slowly(true, 300, ms(250), role).await;
        assert_eq!((at.as_secs(), end), (25, None), "at 1,200 bytes a second");
        let (at, end) = reads_slowly(true, 3_000, secs(15), role).await;
        assert_eq!((at.as_secs(), end.is_some()), (40, true), "at 200");
    }
}

/// The path gives 9,000 bytes at a time, and nothing for several I in between: T is long enough for that.
#[tokio::test(start_paused = true)]
async fn p3_a_message_in_bursts_takes_as_long_as_it_takes_however_many_pings_follow() {
    for interval in [1, 2, 3, 20].map(secs) {
        for role in crate::pair::ROLES {
            let config = exact().ping_interval(interval).min_progress_rate(256);
            let (at, end) = reads_slowly_with(config, true, 9_000, secs(8), role).await;
            assert_eq!((at.as_secs(), end), (24, None), "I of {interval:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p3_a_trickle_is_no_life() {
    let (at, end) = reads_slowly(true, 1, secs(10), Role::Client).await;
    let end = end.unwrap();
    assert_eq!(at, secs(40));
    assert!(end.contains("; trickle: 2 bytes"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn p5_without_a_source_it_must_come_in_within_t() {
    let (at, end) = reads_slowly(false, 150, ms(250), Role::Client).await;
    assert_eq!(at, secs(40));
    assert!(end.unwrap().starts_with("pong timeout: ping sent 20.000s ago was not answered"));
}

#[tokio::test(start_paused = true)]
async fn p3_bytes_of_complete_frames_are_no_excuse_for_a_missing_pong() {
    let (mut live, mut far) = counted(exact(), true, Role::Client).await;
    let start = Instant::now();
    let talker = tokio::spawn(async move {
        while far.write_all(&frame(Role::Server, TEXT, &[7; 3_000])).await.is_ok() {
            sleep(secs(1)).await;
        }
    });
    let cause = loop {
        match live.next().await {
            Some(Ok(_)) => {}
            last => break died_of(last),
        }
    };
    assert_eq!((start.elapsed().as_secs(), cause), (61, Cause::PongTimeout));
    drop(live);
    talker.await.unwrap();
}
