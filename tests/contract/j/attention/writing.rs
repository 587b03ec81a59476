//! Rows 5 and 8: pings that do not leave while nobody is in `next`.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, End, Health, LivenessError, Spawned};

use crate::scripted::{Fault, Live, Msg, Peer, Socket, exact, live, ms, obituary, secs};

/// Reads on a task of its own, and is busy for `each` with every message.
fn handler(mut ws: Live, each: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        while ws.next().await.is_some() {
            sleep(each).await;
        }
    })
}

/// Sends more messages than a handler here gets to, so that there is always one to read.
fn has_a_backlog(peer: &Peer) {
    (0..2_000).for_each(|number| peer.sends(Msg::Data(number)));
}

/// Row 5: a handler takes 20 s (25, 40) per message, there is always a message, and the peer reads nothing of ours.
#[tokio::test(start_paused = true)]
async fn j1_a_peer_that_reads_nothing_is_closed_however_long_a_handler_takes() {
    for each in [1, 10, 20, 25, 40] {
        for shut in [Peer::set_ready, Peer::set_flushes] {
            let (peer, ws) = live(exact());
            shut(&peer, false);
            has_a_backlog(&peer);
            let end = obituary(&peer, &ws);
            let handler = handler(ws, secs(each));
            let (at, cause) = timeout(secs(3 * 3_600), end).await.expect("a verdict in three hours").unwrap();
            assert_eq!(cause, End::WriteStalled, "{each} s");
            assert!(at >= secs(50) && at <= secs(20 + 30 + 8 * each), "{each} s: {at:?}");
            handler.abort();
        }
    }
}

/// The peer reads nothing until `after` each ping was handed over, and then takes it.
fn takes_pings_late(peer: &Peer, after: Duration) -> JoinHandle<()> {
    let peer = peer.clone();
    tokio::spawn(async move {
        loop {
            peer.set_flushes(false);
            while peer.pings().last().is_none_or(|ping| ping.flushed.is_some()) {
                sleep(ms(100)).await;
            }
            sleep(after).await;
            peer.set_flushes(true);
            while peer.pings().last().is_some_and(|ping| ping.flushed.is_none()) {
                sleep(ms(100)).await;
            }
        }
    })
}

/// Of each time that the handler takes, at most W/4 is counted (the distance of two looks): here bytes move before the
/// third is over.
#[tokio::test(start_paused = true)]
async fn j1_a_peer_that_reads_in_time_is_kept_however_long_a_handler_takes() {
    for each in [1, 5, 10, 20, 25, 40].map(secs) {
        let (peer, ws) = live(exact());
        let monitor = ws.monitor();
        has_a_backlog(&peer);
        let takes = takes_pings_late(&peer, each * 5 / 2);
        let handler = handler(ws, each);
        sleep(40 * each + secs(200)).await;
        // It may be suspect just now: the ping waits for longer than W/2.
        assert!(!matches!(monitor.health(), Health::Ended(_)), "{each:?}");
        assert!(peer.pings().len() >= 5, "{each:?}: {:?}", peer.ping_times());
        handler.abort();
        takes.abort();
    }
}

/// Spawned with a buffer of one, which is full from the start: one message more is not read.
fn full(answers: bool) -> (Peer, Spawned<Socket>) {
    let (peer, live) = live(exact());
    peer.set_echo(answers.then(|| ms(100)));
    peer.sends(Msg::Data(0));
    peer.sends(Msg::Data(1));
    (peer, live.spawn(1))
}

/// Asserts that the stream yields `Msg::Data(number)`.
async fn reads(ws: &mut Spawned<Socket>, number: u32) {
    let item = ws.next().await;
    assert!(matches!(item, Some(Ok(Msg::Data(found))) if found == number), "{item:?}");
}

/// Asserts that the stream yields an error of this cause, and ends.
async fn fails(ws: &mut Spawned<Socket>, cause: Cause) {
    let fault: Fault = ws.next().await.expect("an error").expect_err("an error");
    assert_eq!(LivenessError::find(&fault).map(LivenessError::cause), Some(cause), "{fault:?}");
    assert!(ws.next().await.is_none());
}

/// Row 8: spawned, buffer full, nobody reads, the write side is reset: the monitor learns it by the next due ping.
#[tokio::test(start_paused = true)]
async fn s9_a_failed_ping_is_told_to_the_monitor_while_nobody_reads() {
    for reset in [Peer::resets, Peer::resets_in_silence] {
        for at in [ms(1), secs(19), secs(25), secs(170)] {
            let (peer, mut ws) = full(true);
            peer.at(at, reset);
            let monitor = ws.monitor();
            let cause = timeout(secs(24 * 3_600), monitor.ended()).await.expect("told within a day");
            assert_eq!(cause, End::PingFailed, "{at:?}");
            let due = secs(20) * u32::try_from(at.as_secs() / 20 + 1).unwrap();
            assert!(peer.elapsed() >= at && peer.elapsed() <= due, "{at:?}: {:?}", peer.elapsed());
            // What the peer sent before comes first.
            reads(&mut ws, 0).await;
            reads(&mut ws, 1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s9_the_failure_comes_behind_what_was_not_read() {
    let (peer, mut ws) = full(false);
    peer.at(secs(10), Peer::resets);
    assert_eq!(timeout(secs(3_600), ws.monitor().ended()).await, Ok(End::PingFailed));
    reads(&mut ws, 0).await;
    reads(&mut ws, 1).await;
    fails(&mut ws, Cause::PingFailed).await;
}

/// The write side is sound: pings go on, and T rests until somebody reads.
#[tokio::test(start_paused = true)]
async fn j6_a_full_buffer_over_a_sound_socket_is_kept_for_a_day() {
    let (peer, mut ws) = full(true);
    let monitor = ws.monitor();
    sleep(secs(24 * 3_600 + 1)).await;
    assert_eq!(monitor.health(), Health::Alive);
    assert!(peer.pings().len() >= 24 * 180, "{}", peer.pings().len());
    reads(&mut ws, 0).await;
    reads(&mut ws, 1).await;
    assert!(timeout(secs(100), ws.next()).await.is_err());
    assert_eq!((monitor.health(), monitor.stats().misses), (Health::Alive, 0));
}

/// A dead peer is closed 2T after somebody reads again: the messages read meanwhile start T once more.
#[tokio::test(start_paused = true)]
async fn j6_a_dead_peer_behind_a_full_buffer_is_closed_when_somebody_reads() {
    let (peer, mut ws) = full(false);
    sleep(secs(95)).await;
    reads(&mut ws, 0).await;
    reads(&mut ws, 1).await;
    fails(&mut ws, Cause::PongTimeout).await;
    assert!(peer.elapsed() <= secs(95 + 20 + 20 + 1), "{:?}", peer.elapsed());
}
