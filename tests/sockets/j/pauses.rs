//! J5: our own process stood still past the end of T or W, by a blocked runtime or a suspended host. A live peer
//! survives that; a dead one gains no more than the pause.

use std::thread;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, LiveExt};

use crate::pair::{
    Live, PATIENCE, PING, PONG, ROLES, WIDE, bare, cause_of, died_of, exact, frame, millis, other, piped, piped_raw,
    quick, read_frame, secs, sockets,
};

const T: Duration = Duration::from_millis(200);
/// When the runtime stands still: after the first ping, before its answer.
const STALL: Duration = Duration::from_millis(220);

/// More pings than leave before the stall.
const ENOUGH: u32 = 3;

/// A peer that no stall of ours can touch; it answers after 50 ms, and tells when it has answered enough, or it never answers.
fn peer_elsewhere(io: TcpStream, role: Role, answers: bool) -> oneshot::Receiver<()> {
    let io = io.into_std().unwrap();
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let mut tell = Some(tell);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut io = TcpStream::from_std(io).unwrap();
            let mut pings = 0;
            while let Ok((opcode, payload)) = read_frame(&mut io).await {
                if opcode == PING && answers {
                    sleep(millis(50)).await;
                    io.write_all(&frame(role, PONG, &payload)).await.unwrap();
                    pings += 1;
                    if pings == ENOUGH {
                        tell.take().into_iter().for_each(|tell| tell.send(()).unwrap());
                    }
                }
            }
        });
    });
    told
}

/// The cause and the time of its end, if it has one before `enough` pings were answered.
async fn life(mut live: Live<TcpStream>, start: Instant, enough: oneshot::Receiver<()>) -> Option<(Cause, Duration)> {
    tokio::select! {
        biased;
        end = live.next() => Some((died_of(end), start.elapsed())),
        Ok(()) = enough => None,
    }
}

/// Live and dead peers while every worker of the runtime is blocked until `resumed`, counted from the beginning.
async fn stalled(workers: usize, resumed: Duration) {
    let mut lives = Vec::new();
    for (role, answers) in [(ROLES[0], true), (ROLES[1], true), (ROLES[0], false), (ROLES[1], false)] {
        let (near, far) = sockets(None).await;
        let enough = peer_elsewhere(far, other(role), answers);
        let start = Instant::now();
        let live = bare(near, role).await.live(quick(T));
        lives.push((role, answers, tokio::spawn(life(live, start, enough))));
    }
    sleep(STALL).await;
    for _ in 0..workers {
        tokio::spawn(async move { thread::sleep(resumed - STALL) });
    }
    for (role, answers, life) in lives {
        let end = timeout(PATIENCE, life).await.expect("neither pings nor a verdict").unwrap();
        if answers {
            assert_eq!(end, None, "{role:?}: a live peer was closed");
        } else {
            let (cause, at) = end.expect("a dead peer was kept");
            assert_eq!(cause, Cause::PongTimeout, "{role:?}");
            assert!(at >= 2 * T, "{role:?}: {at:?}");
        }
    }
}

#[tokio::test]
async fn j5_a_short_stall_of_the_only_thread() {
    stalled(1, millis(450)).await;
}

#[tokio::test]
async fn j5_a_long_stall_of_the_only_thread() {
    stalled(1, millis(820)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j5_a_short_stall_of_both_workers() {
    stalled(2, millis(450)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j5_a_long_stall_of_both_workers() {
    stalled(2, millis(820)).await;
}

/// The host sleeps for `away`: every timer is late, and what the peer sent meanwhile is there.
async fn suspend(away: Duration) {
    advance(away).await;
}

/// Half of T was waited before: the look at 30 s is the next that would have counted more.
#[tokio::test(start_paused = true)]
async fn j5_a_suspended_host_gives_a_dead_peer_the_rest_of_t_and_one_ping() {
    for role in ROLES {
        for away in [secs(21), secs(3600), secs(30 * 24 * 3600)] {
            let (mut live, mut far) = piped_raw(WIDE, role, &exact().build().unwrap()).await;
            assert!(timeout(secs(26), live.next()).await.is_err());
            suspend(away).await;
            let start = Instant::now();
            assert_eq!(died_of(live.next().await), Cause::PongTimeout);
            assert_eq!(start.elapsed(), secs(10));
            drop(live);
            let frames = crate::pair::read_frames(&mut far).await;
            assert_eq!(frames.iter().filter(|(opcode, _)| *opcode == PING).count(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j5_a_suspended_host_keeps_a_live_peer() {
    for role in ROLES {
        for away in [secs(16), secs(17), secs(18), secs(22), secs(26), secs(3600)] {
            let (mut live, mut peer) = piped(WIDE, role, &exact().build().unwrap()).await;
            let monitor = live.monitor();
            tokio::spawn(async move {
                sleep(secs(22)).await;
                while peer.next().await.is_some() {}
            });
            assert!(timeout(secs(21), live.next()).await.is_err());
            // The peer answers, and nobody reads.
            sleep(secs(2)).await;
            suspend(away).await;
            assert!(timeout(secs(100), live.next()).await.is_err(), "{away:?}");
            let stats = monitor.stats();
            assert!(stats.misses == 0 && stats.pongs_received > 4, "{away:?}: {stats:?}");
        }
    }
}

/// Each pause ends a quarter of T, so the fourth ends the last but for the repeated look.
#[tokio::test(start_paused = true)]
async fn j5_pause_after_pause_keeps_no_dead_peer() {
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &exact().build().unwrap()).await;
    assert!(timeout(secs(20), live.next()).await.is_err());
    for pause in 0..4 {
        assert!(timeout(secs(1), live.next()).await.is_err(), "after {pause} pauses");
        suspend(secs(100)).await;
    }
    let start = Instant::now();
    assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::PongTimeout, millis(1)));
}

/// Takes 4 KiB every 10 ms.
async fn drain_slowly(mut far: DuplexStream) {
    let mut buffer = [0; 4096];
    while far.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        sleep(millis(10)).await;
    }
}

/// W is over by far when we come back, and the pipe as full as ever: the peer drains, it just could not be seen.
#[tokio::test(start_paused = true)]
async fn j5_a_peer_that_drains_survives_a_suspended_host_with_a_ping_waiting() {
    for role in ROLES {
        let (live, far) = piped_raw(4096, role, &exact().build().unwrap()).await;
        let monitor = live.monitor();
        let (mut sink, mut stream) = live.split();
        let reader = tokio::spawn(async move { died_of(stream.next().await) });
        let writer = tokio::spawn(async move { sink.send(Message::binary(vec![7; 1 << 20])).await });
        sleep(secs(25)).await;
        let peer = tokio::spawn(drain_slowly(far));
        suspend(secs(100)).await;
        writer.await.unwrap().unwrap();
        sleep(secs(1)).await;
        assert_eq!(monitor.stats().pings_sent, 1);
        assert_eq!(reader.await.unwrap(), Cause::PongTimeout, "it read all, and never answered");
        peer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn j5_a_peer_that_does_not_drain_has_the_rest_of_w_after_a_suspended_host() {
    for role in ROLES {
        let (live, _far) = piped_raw(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let reader = tokio::spawn(async move { died_of(stream.next().await) });
        let writer = tokio::spawn(async move { sink.send(Message::binary(vec![7; 1 << 20])).await });
        sleep(secs(25)).await;
        suspend(secs(100)).await;
        let start = Instant::now();
        assert_eq!(cause_of(&writer.await.unwrap().unwrap_err()), Cause::WriteStalled);
        assert_eq!(start.elapsed(), millis(22_500), "three quarters of W");
        assert_eq!((reader.await.unwrap(), start.elapsed()), (Cause::WriteStalled, millis(23_500)));
    }
}
