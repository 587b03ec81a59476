//! W: how long our ping may wait to be flushed, and where T begins (J1).

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::advance;
use ws_liveness::progress::Snapshot;
use ws_liveness::{Cause, End, Health, LivenessError, Progress};

#[tokio::test(start_paused = true)]
async fn j1_a_ping_that_cannot_be_handed_over_stalls_w_after_it_was_queued() {
    let (peer, ws) = live(exact());
    peer.set_ready(false);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(50), End::WriteStalled));
    assert_eq!(peer.messages(), [], "no Close for an inner that is not ready");
}

#[tokio::test(start_paused = true)]
async fn j1_a_ping_that_cannot_be_flushed_stalls_w_after_it_was_queued() {
    let (peer, ws) = live(exact().write_timeout(secs(3)).pong_timeout(ms(100)));
    peer.set_flushes(false);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(23), End::WriteStalled), "a flush that never ends hides nobody");
    assert_eq!(peer.ping_times(), [secs(20)]);
}

#[tokio::test(start_paused = true)]
async fn j1_inbound_frames_do_not_extend_w() {
    let (peer, ws) = live(exact());
    peer.set_flushes(false);
    peer.talks(ms(300), secs(50));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(50), End::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j1_going_from_not_ready_to_ready_restarts_w() {
    let (peer, ws) = live(exact());
    peer.set_ready(false);
    peer.set_flushes(false);
    peer.at(secs(49), |peer| peer.set_ready(true));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(79), End::WriteStalled));
    assert_eq!(peer.ping_times(), [secs(49)]);
}

#[tokio::test(start_paused = true)]
async fn j1_a_ping_that_was_handed_over_late_has_w_from_the_progress_and_is_saved_by_its_flush() {
    let (peer, ws) = live(exact());
    peer.set_ready(false);
    peer.set_flushes(false);
    peer.at(secs(49), |peer| peer.set_ready(true));
    peer.at(secs(78), |peer| peer.set_flushes(true));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(98), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j1_t_begins_at_the_flush_and_not_before() {
    let (peer, mut ws) = live(exact().pong_timeout(secs(7)));
    peer.set_flushes(false);
    peer.at(ms(41_500), |peer| peer.set_flushes(true));
    idle(&mut ws, ms(48_499)).await;
    assert!(matches!(ws.monitor().health(), Health::Alive));
    assert_eq!(reads_to_death(&peer, ws).await, (ms(48_500), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j1_the_flush_of_the_user_counts_as_that_of_the_ping() {
    let (peer, mut ws) = live(exact().pong_timeout(secs(7)));
    peer.set_flushes(false);
    idle(&mut ws, secs(22)).await;
    peer.set_flushes(true);
    assert!(flush(&mut ws).is_ready());
    assert_eq!(reads_to_death(&peer, ws).await, (secs(29), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j1_a_ping_that_waits_longer_than_half_of_w_holds_the_users_poll_ready() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    idle(&mut ws, ms(34_999)).await;
    assert!(ready(&mut ws).is_ready());
    advance(ms(1)).await;
    assert!(ready(&mut ws).is_pending());
    idle(&mut ws, secs(5)).await;
    assert!(ready(&mut ws).is_pending());
    peer.set_flushes(true);
    assert!(ready(&mut ws).is_ready());
}

#[tokio::test(start_paused = true)]
async fn j1_a_writer_that_is_held_back_is_woken_when_the_ping_has_left() {
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.set_flushes(false);
    idle(&mut ws, secs(36)).await;
    peer.at(secs(44), |peer| peer.set_flushes(true));
    ws.send(Msg::Data(1)).await.unwrap();
    assert_eq!(peer.elapsed(), secs(44));
}

#[tokio::test(start_paused = true)]
async fn j1_a_user_who_writes_without_pause_cannot_keep_our_ping_unflushed() {
    // A flush finishes only where nothing was written for a second.
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.set_flushes(false);
    let mut written = secs(0);
    for number in 0..900 {
        if ready(&mut ws).is_ready() {
            ws.start_send_unpin(Msg::Data(number)).unwrap();
            written = peer.elapsed();
        }
        peer.set_flushes(peer.elapsed() >= written + secs(1));
        assert!(matches!(read(&mut ws), Poll::Pending), "{:?}", peer.elapsed());
        advance(ms(100)).await;
    }
    let pings = peer.pings();
    // Held from I + W/2 on, the last write was just before.
    assert_eq!((pings[0].at, pings[0].flushed), (secs(20), Some(ms(35_900))));
    assert!(pings.len() > 2, "and so on");
}

#[tokio::test(start_paused = true)]
async fn j1_the_error_tells_how_far_the_ping_came() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    let Some((_, Fault::Dead(error))) = death(&peer, &mut ws, secs(60)).await else { panic!() };
    assert_eq!(error.cause(), Cause::WriteStalled);
    assert_eq!((error.since_queued(), error.since_flushed()), (Some(secs(30)), None));
    assert!(ws.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn s3_a_flush_that_ends_when_the_next_ping_is_overdue_has_t_all_the_same() {
    let (peer, mut ws) = live(exact().ping_interval(secs(5)));
    peer.set_flushes(false);
    // Seen in the very poll in which the writer begins to be held back, at W/2.
    peer.at(ms(19_990), Peer::flushes_in_silence);
    let (at, fault) = death(&peer, &mut ws, secs(1_000)).await.expect("silent");
    assert_eq!((at, LivenessError::find(&fault).unwrap().cause()), (secs(40), Cause::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j1_a_poll_asks_for_the_flush_once() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    idle(&mut ws, ms(20_500)).await;
    let before = peer.polls();
    assert!(read(&mut ws).is_pending());
    assert_eq!(peer.polls() - before, 2, "the flush, then the stream");
}

/// Bytes move all the time; nothing else is known of them.
struct Moving(AtomicU64);

impl Progress for Moving {
    fn look(&self) -> Snapshot {
        let mut sight = Snapshot::default();
        sight.written = Some(self.0.fetch_add(1, Ordering::Relaxed));
        sight
    }
}

/// Two hours, ten, and forty days: longer than 2^32 microseconds, and in the last case than 2^31 milliseconds.
const LONG: [u64; 3] = [2 * 3_600, 10 * 3_600, 40 * 24 * 3_600];

#[tokio::test(start_paused = true)]
async fn k5_since_queued_is_true_for_a_ping_that_waited_for_hours() {
    for waited in LONG {
        // W is long enough that there are not too many looks.
        let (peer, ws) = live(exact().write_timeout(secs(waited / 100)));
        let mut ws = ws.with_progress(Moving(AtomicU64::new(0)));
        peer.set_flushes(false);
        peer.at(secs(20 + waited), |peer| peer.set_flushes(true));
        let (at, fault) = death(&peer, &mut ws, secs(10_000_000)).await.expect("silent");
        let error = LivenessError::find(&fault).unwrap();
        assert_eq!((at, error.cause()), (secs(40 + waited), Cause::PongTimeout));
        assert_eq!(error.since_flushed(), Some(secs(20)));
        assert_eq!(error.since_queued(), Some(secs(20 + waited)));
    }
}

#[tokio::test(start_paused = true)]
async fn k5_since_queued_is_true_with_a_long_write_timeout() {
    for waited in LONG {
        let (peer, mut ws) = live(exact().write_timeout(secs(2 * waited)));
        peer.set_flushes(false);
        peer.at(secs(20 + waited), |peer| peer.set_flushes(true));
        let (_, fault) = death(&peer, &mut ws, secs(10_000_000)).await.expect("silent");
        let error = LivenessError::find(&fault).unwrap();
        assert_eq!((error.since_queued(), error.since_flushed()), (Some(secs(20 + waited)), Some(secs(20))));
    }
}
