//! What a progress source sees below the messages, and what follows from it (P).

#![cfg(feature = "tungstenite")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pair::{TEXT, bare, died_of, frame, other};
use scripted::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, Finding, LiveConfigBuilder, LiveStream, Progress, ProgressIo, Sight, TcpSight};

#[path = "support/pair.rs"]
mod pair;
#[path = "support/scripted.rs"]
mod scripted;

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
        sent = sent => sent.err().map(|error| pair::cause_of(&error)),
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
    let (mut live, mut far) = counted(exact(), source, role).await;
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
    for role in pair::ROLES {
        let (at, end) = reads_slowly(true, 300, ms(250), role).await;
        assert_eq!((at.as_secs(), end), (25, None), "at 1,200 bytes a second");
        let (at, end) = reads_slowly(true, 3_000, secs(15), role).await;
        assert_eq!((at.as_secs(), end.is_some()), (40, true), "at 200");
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

/// A source that says what the test wants, and counts how often it is asked.
#[derive(Clone)]
struct Oracle {
    /// With the moment of the last acknowledgement.
    tcp: Arc<Mutex<(TcpSight, Instant)>>,
    asked: Arc<AtomicUsize>,
}

impl Progress for Oracle {
    fn look(&self) -> Sight {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (mut tcp, acknowledged) = *self.tcp.lock().unwrap();
        tcp.since_acknowledged = acknowledged.elapsed();
        let mut sight = Sight::default();
        sight.tcp = Some(tcp);
        sight
    }
}

impl Oracle {
    /// Our kernel has taken `bytes`, the ping among them.
    fn holding(bytes: u64) -> Self {
        let mut tcp = TcpSight::default();
        tcp.unacknowledged = bytes;
        Self { tcp: Arc::new(Mutex::new((tcp, Instant::now()))), asked: Arc::default() }
    }

    /// At `at` seconds after now `bytes` of them are acknowledged, and `change` happens.
    fn at(&self, at: u64, bytes: u64, change: impl FnOnce(&mut TcpSight) + Send + 'static) {
        let seen = self.tcp.clone();
        tokio::spawn(async move {
            sleep(secs(at)).await;
            let (tcp, acknowledged) = &mut *seen.lock().unwrap();
            tcp.acknowledged += bytes;
            tcp.unacknowledged -= bytes;
            *acknowledged = Instant::now();
            change(tcp);
        });
    }
}

/// A silent peer; the time of the verdict, its cause and its finding.
async fn judged(oracle: &Oracle, peer: Peer, ws: Live) -> (u64, Cause, Finding) {
    let mut ws = ws.with_progress(oracle.clone());
    let (at, fault) = death(&peer, &mut ws, secs(1_000)).await.unwrap();
    let error = ws_liveness::LivenessError::find(&fault).unwrap();
    (at.as_secs(), error.cause(), error.diagnosis().unwrap().finding)
}

#[tokio::test(start_paused = true)]
async fn p4_a_ping_that_is_never_acknowledged_is_a_dead_path() {
    let (peer, ws) = live(exact());
    let oracle = Oracle::holding(14);
    assert_eq!(judged(&oracle, peer, ws).await, (40, Cause::PongTimeout, Finding::PathDead));
    assert_eq!(oracle.asked.load(Ordering::Relaxed), 3, "queued, flushed, expired");
}

#[tokio::test(start_paused = true)]
async fn p4_a_ping_that_is_acknowledged_has_t_from_then_on_and_its_peer_hangs() {
    // Where nothing was before the ping, T runs from the flush as ever: any data that comes in looks as an acknowledgement.
    for (before, noticed) in [(3_000, 47), (0, 40)] {
        let (peer, ws) = live(exact());
        let oracle = Oracle::holding(before + 14);
        oracle.at(27, before + 14, |_| ());
        assert_eq!(judged(&oracle, peer, ws).await, (noticed, Cause::PongTimeout, Finding::PeerHung));
    }
}

#[tokio::test(start_paused = true)]
async fn p4_a_peer_that_holds_our_ping_unread_does_not_read() {
    let (peer, ws) = live(exact());
    let oracle = Oracle::holding(14);
    oracle.at(21, 14, |tcp| {
        tcp.unsent = 4_000;
        tcp.unacknowledged = 4_000;
        tcp.window = Some(0);
        tcp.probes = 1;
    });
    assert_eq!(judged(&oracle, peer, ws).await, (40, Cause::PongTimeout, Finding::WindowFull));
}

#[tokio::test(start_paused = true)]
async fn p4_while_what_is_before_the_ping_is_acknowledged_t_runs_from_the_last_acknowledgement() {
    let (peer, ws) = live(exact());
    let oracle = Oracle::holding(3_014);
    oracle.at(30, 1_000, |_| ());
    oracle.at(45, 1_000, |_| ());
    assert_eq!(judged(&oracle, peer, ws).await, (65, Cause::PongTimeout, Finding::PathDead));
    let (peer, ws) = live(exact());
    let oracle = Oracle::holding(3_014);
    oracle.at(30, 1_000, |_| ());
    oracle.at(45, 2_014, |_| ());
    oracle.at(60, 0, |_| ());
    let judged = judged(&oracle, peer, ws).await;
    assert_eq!(judged, (65, Cause::PongTimeout, Finding::PeerHung), "a last time, and no more");
}

#[tokio::test(start_paused = true)]
async fn p4_w_runs_from_the_last_acknowledgement_and_a_closed_window_is_named() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    let oracle = Oracle::holding(9_000);
    oracle.at(33, 5_000, |tcp| {
        tcp.unsent = 4_000;
        tcp.window = Some(0);
    });
    // W after the last acknowledgement, and the grace for a Close that cannot leave.
    assert_eq!(judged(&oracle, peer, ws).await, (30 + 33 + 1, Cause::WriteStalled, Finding::WindowFull));
}

#[tokio::test(start_paused = true)]
async fn p4_a_ping_that_cannot_leave_costs_two_looks() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    let oracle = Oracle::holding(14);
    assert_eq!(judged(&oracle, peer, ws).await, (50 + 1, Cause::WriteStalled, Finding::PathDead));
    assert_eq!(oracle.asked.load(Ordering::Relaxed), 2, "queued, expired, and not where the writer is held back");
}

#[tokio::test(start_paused = true)]
async fn p4_a_living_peer_costs_two_looks_per_ping() {
    let (_peer, ws) = answered(exact(), ms(100));
    let oracle = Oracle::holding(0);
    let mut ws = ws.with_progress(oracle.clone());
    idle(&mut ws, secs(50)).await;
    assert_eq!(oracle.asked.load(Ordering::Relaxed), 4);
}

/// A source that sees these counts, one at a look, and the last of them for ever.
struct Liar(Mutex<Vec<u64>>);

impl Progress for Liar {
    fn look(&self) -> Sight {
        let mut counts = self.0.lock().unwrap();
        let count = if counts.len() > 1 { counts.remove(0) } else { counts[0] };
        let (mut sight, mut tcp) = (Sight::default(), TcpSight::default());
        (sight.read, sight.written) = (Some(count), Some(count));
        (tcp.acknowledged, tcp.unacknowledged, tcp.unsent) = (count, count, 1);
        (tcp.window, tcp.segment) = (Some(u32::MAX), u32::MAX);
        (tcp.since_acknowledged, tcp.since_received) = (Duration::MAX, Duration::MAX);
        sight.tcp = Some(tcp);
        sight
    }
}

#[tokio::test(start_paused = true)]
async fn p_a_source_whose_counters_are_absurd_or_shrink_still_has_a_verdict() {
    const MOST: u64 = u64::MAX;
    let shrinking = [(vec![MOST, MOST, 0], 40), (vec![MOST, 2, 1, 0], 40)];
    // The third look sees that much come in: T once more.
    for (counts, at) in [(vec![MOST], 40), (vec![0, 0, MOST], 60)].into_iter().chain(shrinking) {
        // A ping that cannot leave is judged by W, and the grace follows for a Close that cannot either.
        for (flushes, noticed) in [(true, (at, Cause::PongTimeout)), (false, (50 + 1, Cause::WriteStalled))] {
            let (peer, ws) = live(exact());
            peer.set_flushes(flushes);
            let mut ws = ws.with_progress(Liar(Mutex::new(counts.clone())));
            let (at, fault) = death(&peer, &mut ws, secs(1_000)).await.unwrap();
            let error = ws_liveness::LivenessError::find(&fault).unwrap();
            assert_eq!((at.as_secs(), error.cause()), noticed, "{counts:?}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j9_where_nobody_is_judged_no_excuse_is_looked_for() {
    let (peer, ws) = live(exact().keep_alive_only(true));
    let oracle = Oracle::holding(14);
    let mut ws = ws.with_progress(oracle.clone());
    idle(&mut ws, secs(70)).await;
    assert_eq!(peer.ping_times(), [20, 40, 60].map(secs));
    assert_eq!(oracle.asked.load(Ordering::Relaxed), 6, "each queued, each flushed");
}
