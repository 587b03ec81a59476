//! When a progress source is asked, and what follows from what it says of TCP (P4).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scripted::*;
use tokio::time::{Instant, sleep};
use ws_liveness::progress::{Finding, Snapshot, TcpSnapshot};
use ws_liveness::{Cause, Judging, Progress};

/// A source that says what the test wants, and counts how often it is asked.
#[derive(Clone)]
struct Oracle {
    /// With the moment of the last acknowledgement.
    tcp: Arc<Mutex<(TcpSnapshot, Instant)>>,
    asked: Arc<AtomicUsize>,
}

impl Progress for Oracle {
    fn look(&self) -> Snapshot {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (mut tcp, acknowledged) = *self.tcp.lock().unwrap();
        tcp.since_acknowledged = acknowledged.elapsed();
        let mut sight = Snapshot::default();
        sight.tcp = Some(tcp);
        sight
    }
}

impl Oracle {
    /// Our kernel has taken `bytes`, the ping among them.
    fn holding(bytes: u64) -> Self {
        let mut tcp = TcpSnapshot::default();
        tcp.unacknowledged = bytes;
        Self { tcp: Arc::new(Mutex::new((tcp, Instant::now()))), asked: Arc::default() }
    }

    fn acknowledge(&self, bytes: u64) {
        let (tcp, acknowledged) = &mut *self.tcp.lock().unwrap();
        tcp.acknowledged += bytes;
        *acknowledged = Instant::now();
    }

    /// At `at` seconds after now `bytes` of them are acknowledged, and `change` happens.
    fn at(&self, at: u64, bytes: u64, change: impl FnOnce(&mut TcpSnapshot) + Send + 'static) {
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

/// A path that is always busy: 1,000 of 3,000 bytes are acknowledged each second, on the half, and as many follow.
fn steady() -> Oracle {
    let oracle = Oracle::holding(3_000);
    let acknowledging = oracle.clone();
    tokio::spawn(async move {
        sleep(ms(500)).await;
        loop {
            acknowledging.acknowledge(1_000);
            sleep(secs(1)).await;
        }
    });
    oracle
}

/// Later pings leave while T runs, and each has data before it: T is started a last time all the same.
#[tokio::test(start_paused = true)]
async fn p4_t_is_that_of_the_oldest_ping_however_many_follow() {
    for interval in [61, 31, 20, 10, 3, 1] {
        // I and T, and T once more from the last acknowledgement, which is half a second old.
        let noticed = interval + 30 + 29;
        let (peer, ws) = live(exact().ping_interval(secs(interval)).pong_timeout(secs(30)));
        let judged = judged(&steady(), peer, ws).await;
        assert_eq!(judged, (noticed, Cause::PongTimeout, Finding::PeerHung), "I of {interval} s");
    }
}

/// The path dies when the first ping is through, and the pings that follow are not what T is for.
#[tokio::test(start_paused = true)]
async fn p4_a_verdict_on_an_acknowledged_ping_names_the_peer_also_where_later_ones_are_lost() {
    let (peer, ws) = live(exact().ping_interval(secs(10)).pong_timeout(secs(35)));
    let oracle = Oracle::holding(14);
    oracle.at(12, 14, |tcp| tcp.unacknowledged = 42);
    assert_eq!(judged(&oracle, peer, ws).await, (45, Cause::PongTimeout, Finding::PeerHung));
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
    fn look(&self) -> Snapshot {
        let mut counts = self.0.lock().unwrap();
        let count = if counts.len() > 1 { counts.remove(0) } else { counts[0] };
        let (mut sight, mut tcp) = (Snapshot::default(), TcpSnapshot::default());
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
    let (peer, ws) = live(exact().judging(Judging::Never));
    let oracle = Oracle::holding(14);
    let mut ws = ws.with_progress(oracle.clone());
    idle(&mut ws, secs(70)).await;
    assert_eq!(peer.ping_times(), [20, 40, 60].map(secs));
    assert_eq!(oracle.asked.load(Ordering::Relaxed), 6, "each queued, each flushed");
}
