//! Peers that mean harm: pings without end and nobody who reads the answers, pongs that answer nothing, closes in a loop.
//! Memory and time stay bounded, and where the inner's own do not, the verdict is the bound.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use allocation_counter::AllocationInfo;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, advance, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use ws_liveness::{Cause, Judging, LiveConfigBuilder, LiveExt, LiveStream, ProgressIo};

use crate::pair::{PING, PONG, Ws, bare_with, cause_of, exact, frame, millis, piped, secs};
use crate::wire::Wire;

const PER_SECOND: u32 = 10_000;
/// As long as a control frame may be.
const PAYLOAD: [u8; 125] = [7; 125];
/// What tungstenite keeps for reading, and what we and the wire need, generously.
const REST: u64 = 600_000;

/// What `run` costs on a paused clock of its own.
fn cost<T>(run: impl Future<Output = T>) -> (T, AllocationInfo) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut done = None;
    let allocated = allocation_counter::measure(|| done = Some(runtime.block_on(run)));
    (done.unwrap(), allocated)
}

/// I = 2 s, T = 3 s, W = 4 s.
fn brief() -> LiveConfigBuilder {
    exact().ping_interval(secs(2)).pong_timeout(secs(3)).write_timeout(secs(4))
}

/// Feeds `frame` at the rate of the flood, for as long as it is polled.
async fn flood(wire: Wire, frame: Vec<u8>) {
    let mut ticks = interval(millis(10));
    loop {
        ticks.tick().await;
        wire.feed(frame.repeat(PER_SECOND as usize / 100));
    }
}

/// When it ended, and of what.
async fn end_of<T: AsyncRead + AsyncWrite + Unpin>(mut live: LiveStream<Ws<T>>) -> (Duration, Cause) {
    let born = Instant::now();
    loop {
        match live.next().await.expect("an error first") {
            Ok(_) => {}
            Err(error) => return (born.elapsed(), cause_of(&error)),
        }
    }
}

/// A peer that pings and never reads, with the inner's write buffer of at most `buffer` and no bound of ours. What it costs
/// until the end.
fn pinged(buffer: usize) -> AllocationInfo {
    let run = async {
        let wire = Wire::default();
        let limits = WebSocketConfig::default().max_write_buffer_size(buffer).write_buffer_size(4096);
        let config = brief().max_pong_backlog(u32::MAX).build().unwrap();
        let live = bare_with(wire.clone(), Role::Server, limits).await.live(config);
        tokio::select! {
            end = end_of(live) => end,
            () = flood(wire, frame(Role::Client, PING, &PAYLOAD)) => unreachable!(),
        }
    };
    let ((at, cause), allocated) = cost(run);
    assert_eq!(cause, Cause::WriteStalled);
    // I + W, and the farewell to a peer that talks, which gets until its grace is over (K1).
    assert!((secs(6)..=secs(7) + millis(10)).contains(&at), "{at:?}");
    allocated
}

/// Without a bound of ours the limit is the inner's: tungstenite queues a pong for each ping, in a write buffer that is
/// unbounded by default. What bounds it is the verdict, so the peer's rate times I + W.
#[test]
fn promise_1_a_peer_that_pings_and_never_reads_ends_in_time_and_its_pongs_with_it() {
    let pongs = u64::from(PER_SECOND) * 7 * (2 + PAYLOAD.len() as u64);
    let unbounded = pinged(usize::MAX).bytes_max;
    // A growing buffer is held twice for a moment, the new one of twice the size.
    assert!((pongs / 2..3 * pongs + REST).contains(&unbounded), "{unbounded} bytes for {pongs} of pongs");
}

#[test]
fn promise_1_with_a_bounded_write_buffer_a_flood_of_pings_costs_a_constant() {
    let bounded = pinged(64 << 10).bytes_max;
    assert!(bounded < REST, "{bounded} bytes");
}

/// With a source of progress a trickle is enough to live (P2), and of our verdicts only that on floods ends it. What the flood
/// of `seconds` costs, and what it ended of.
fn pinged_by_a_sipper(seconds: u64, buffer: usize, backlog: u32) -> (u64, Option<Cause>) {
    let run = async {
        let wire = Wire::default();
        let io = ProgressIo::new(wire.clone());
        let (progress, limits) = (io.handle(), WebSocketConfig::default().max_write_buffer_size(buffer));
        let live = bare_with(io, Role::Server, limits.write_buffer_size(4096)).await;
        // What comes during the farewell is not read, and piles up in the test's own wire.
        let config = brief().max_pong_backlog(backlog).close_timeout(millis(20)).build().unwrap();
        let live = live.live(config).with_progress(progress);
        let sips = async {
            let mut ticks = interval(secs(1));
            loop {
                ticks.tick().await;
                wire.make_room(1);
            }
        };
        let flooded = flood(wire.clone(), frame(Role::Client, PING, &PAYLOAD));
        let end = async {
            tokio::select! {
                end = end_of(live) => end.1,
                _ = async { tokio::join!(flooded, sips) } => unreachable!(),
            }
        };
        timeout(secs(seconds), end).await.ok()
    };
    let (end, allocated) = cost(run);
    (allocated.bytes_max, end)
}

#[test]
fn p2_a_peer_that_pings_and_sips_is_bounded_by_the_write_buffer_alone() {
    let costs = |seconds, buffer| {
        let (bytes, end) = pinged_by_a_sipper(seconds, buffer, u32::MAX);
        assert_eq!(end, None, "it lives");
        bytes
    };
    let (short, long) = (costs(4, usize::MAX), costs(16, usize::MAX));
    assert!(long > 2 * short, "{short} {long}");
    let bounded = costs(16, 64 << 10);
    assert!(bounded < REST, "{bounded} bytes");
}

/// Pings of every size against an inner whose own buffer has no bound, and a source that always sees bytes move.
#[test]
fn h1_a_peer_that_pings_and_sips_is_closed_and_what_it_filled_is_bounded() {
    let backlog = 256 << 10;
    let (bytes, end) = pinged_by_a_sipper(16, usize::MAX, backlog);
    assert_eq!(end, Some(Cause::PingFlood));
    // A growing buffer is held twice for a moment, the new one of twice the size.
    assert!(bytes < 3 * u64::from(backlog) + REST, "{bytes} bytes");
}

/// The inner keeps only the newest pong when its buffer is full; such a peer is closed all the same.
#[test]
fn h1_an_inner_that_drops_pongs_is_no_way_round() {
    let (bytes, end) = pinged_by_a_sipper(16, 64 << 10, 256 << 10);
    assert!(bytes < REST && end == Some(Cause::PingFlood), "{bytes} bytes, {end:?}");
}

/// One that reads as fast as it pings is never closed, however many pings come before a flush.
#[test]
fn h1_a_peer_that_pings_fast_and_reads_lives() {
    let run = async {
        let wire = Wire::default();
        let config = exact().max_pong_backlog(4096).judging(Judging::Never).build().unwrap();
        let mut live = bare_with(wire.clone(), Role::Server, WebSocketConfig::default()).await.live(config);
        let reads = async { while live.next().await.expect("no end").is_ok() {} };
        let peer = async {
            for _ in 0..1000 {
                // Half of what is owed leaves late, the rest before the next pings come.
                wire.feed(frame(Role::Client, PING, &PAYLOAD).repeat(15));
                sleep(millis(10)).await;
                wire.make_room(15 * 127 / 2);
                sleep(millis(10)).await;
                wire.make_room(15 * 127 / 2 + 200);
                sleep(millis(10)).await;
            }
        };
        tokio::select! {
            () = reads => panic!("it was closed"),
            () = peer => {}
        }
    };
    cost(run);
}

/// Our ping is answered by pongs of `forged` payloads, for ever: T and one deferral.
#[test]
fn j2_j3_a_flood_of_pongs_that_answer_nothing_defers_once_and_costs_a_constant() {
    let run = async {
        let wire = Wire::default();
        wire.make_room(1 << 20);
        let live = WebSocketConfig::default();
        let live = bare_with(wire.clone(), Role::Server, live).await.live(brief().build().unwrap());
        let forged = [&PAYLOAD[..], &[0; 8], &[]].map(|payload| frame(Role::Client, PONG, payload)).concat();
        let others = tokio::spawn(async {
            let mut turns = 0;
            while timeout(millis(1), std::future::pending::<()>()).await.is_err() && turns < 5_000 {
                turns += 1;
            }
        });
        let end = tokio::select! {
            end = end_of(live) => end,
            () = flood(wire, forged) => unreachable!(),
        };
        assert!(others.is_finished(), "the others had no turn");
        end
    };
    let ((at, cause), allocated) = cost(run);
    assert_eq!(cause, Cause::PongTimeout);
    assert!((secs(8)..=secs(9) + millis(10)).contains(&at), "I + 2T: {at:?}");
    assert!(allocated.bytes_max < REST, "{} bytes", allocated.bytes_max);
}

/// Answers the first ping, over and over, and never says `Pending`: a stream of frames that nobody sees.
struct Echo {
    wire: Wire,
    left: Vec<u8>,
}

impl AsyncRead for Echo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.left.is_empty() {
            match self.wire.last_ping() {
                Some(payload) => self.left = frame(Role::Client, PONG, &payload),
                None => return Pin::new(&mut self.wire).poll_read(cx, buf),
            }
        }
        let len = self.left.len().min(buf.remaining());
        buf.put_slice(&self.left.drain(..len).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Echo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Nothing but hidden frames, without a pause: the others get their turn, and a ping that cannot leave is judged.
#[tokio::test(start_paused = true)]
async fn j1_answers_without_end_to_a_ping_that_is_answered_starve_nobody_and_do_not_put_off_w() {
    let wire = Wire::default();
    // Room for our first ping and no more.
    wire.make_room(10);
    let echo = Echo { wire, left: Vec::new() };
    let live = bare_with(echo, Role::Server, WebSocketConfig::default()).await.live(brief().build().unwrap());
    let monitor = live.monitor();
    let born = Instant::now();
    let reader = tokio::spawn(end_of(live));
    sleep(millis(1_999)).await;
    // Nobody is ever idle, so the clock stands still by itself.
    while !reader.is_finished() && born.elapsed() < secs(20) {
        advance(millis(100)).await;
    }
    let (at, cause) = reader.await.unwrap();
    assert_eq!((cause, monitor.stats().pongs_received), (Cause::WriteStalled, 1));
    // Each poll is late by as much as the clock moves at a time, or twice that, and W takes eight of them at most.
    assert!((secs(9)..=secs(9) + millis(1_800)).contains(&at), "2I + W, and the farewell: {at:?}");
}

/// One connection that ends in the `n`th way.
async fn opened_and_closed(n: u32) {
    let role = crate::pair::ROLES[n as usize % 2];
    let (mut live, mut peer) = piped(4096, role, &brief().build().unwrap()).await;
    let monitor = live.monitor();
    match n / 2 % 4 {
        0 => peer.close(None).await.unwrap(),
        1 => live.close().await.unwrap(),
        2 => sleep(millis(2_001)).await,
        _ => live.send(Message::text("x")).await.unwrap(),
    }
    drop(timeout(millis(100), live.next()).await);
    drop(peer);
    while let Some(Ok(_)) = live.next().await {}
    drop(live);
    monitor.ended().await;
}

#[test]
fn k7_closes_and_reopenings_in_a_loop_leave_nothing_behind() {
    let rounds = |count| async move {
        for n in 0..count {
            opened_and_closed(n).await;
        }
    };
    // What is made once, at the first use of anything.
    cost(rounds(8));
    let (((), few), ((), many)) = (cost(rounds(8)), cost(rounds(800)));
    assert_eq!((few.bytes_current, many.bytes_current), (0, 0), "something stays");
    assert!(many.bytes_max < few.bytes_max + few.bytes_max / 10, "{} then {}", few.bytes_max, many.bytes_max);
}
