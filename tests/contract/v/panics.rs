//! A panic of the user's code that is caught leaves liveness working (V6).
//!
//! Every call of it panics once in some run: the first, the second, and so on, until a run has no such call any more.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::scripted::*;
use crate::traps::{Brittle, Fragile, Spot, Trapped, Traps, caught, fragile, fragile_moving};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, End, Health, LivenessError, Spawned};

/// Reads on as if no poll had ever panicked.
async fn next_caught(ws: &mut Fragile) -> Option<Result<Msg, Fault>> {
    caught(|cx| ws.poll_next_unpin(cx)).await
}

/// Reads for `span`; what ends it before, if anything does.
async fn reads_for(ws: &mut Fragile, span: Duration) -> Option<Fault> {
    let reads = async {
        loop {
            match next_caught(ws).await {
                Some(Ok(_)) => {}
                Some(Err(fault)) => break fault,
                None => panic!("ended without an error"),
            }
        }
    };
    timeout(span, reads).await.ok()
}

/// What dies, of what, and when; its end is told by the stream, then by `None` for ever, and to monitors.
async fn dies(peer: &Peer, ws: &mut Fragile, cause: Cause) -> Duration {
    let monitor = ws.monitor();
    let fault = reads_for(ws, secs(200)).await.expect("it is never closed");
    assert_eq!(LivenessError::find(&fault).unwrap().cause(), cause);
    assert_eq!(monitor.health().end().unwrap().cause(), Some(cause));
    assert!(next_caught(ws).await.is_none() && next_caught(ws).await.is_none());
    peer.elapsed()
}

/// Runs `run` with a trap at `spot` after 0, 1, 2 .. calls, until it is not stepped on any more; how often it was.
async fn at_every_call<F: Future<Output = ()>>(spot: Spot, left: usize, run: impl Fn(Traps, usize) -> F) -> usize {
    for spared in 0.. {
        let traps = Traps::set(spot, spared, left);
        run(traps.clone(), spared).await;
        if traps.sprung() == 0 {
            return spared;
        }
    }
    unreachable!()
}

/// What is called while a connection lives and answers.
const IN_LIFE: [Spot; 7] =
    [Spot::Look, Spot::Kind, Spot::Ping, Spot::InnerNext, Spot::InnerReady, Spot::InnerSend, Spot::InnerFlush];

async fn answering_is_kept(traps: Traps, spared: usize) {
    let (peer, mut ws) = fragile(exact(), &traps);
    peer.set_echo(Some(ms(100)));
    peer.talks(secs(7), secs(200));
    let end = reads_for(&mut ws, secs(205)).await;
    assert!(end.is_none(), "closed after {spared} calls: {end:?}");
    assert_eq!(ws.monitor().health(), Health::Alive, "after {spared} calls");
    // A ping whose hand-over panicked may be one that was due; no more than that is lost.
    assert!(peer.pings().len() >= 9, "after {spared} calls: {:?}", peer.ping_times());
    assert!(ws.monitor().stats().pongs_received >= 8);
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_does_not_stop_the_pings_and_a_peer_that_answers_is_kept() {
    for spot in IN_LIFE {
        let calls = at_every_call(spot, 1, answering_is_kept).await;
        assert!(calls > 5, "{spot:?} was called {calls} times");
    }
}

#[tokio::test(start_paused = true)]
async fn v6_a_source_that_always_panics_does_not_stop_the_pings() {
    at_every_call(Spot::Look, usize::MAX, answering_is_kept).await;
}

async fn silent_is_closed(traps: Traps, spared: usize) {
    let (peer, mut ws) = fragile(exact(), &traps);
    let at = dies(&peer, &mut ws, Cause::PongTimeout).await;
    // One more T if the answer to a ping of unknown fate is waited for, and the farewell's second.
    assert!(at <= secs(81), "{at:?}, after {spared} calls");
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_does_not_keep_a_silent_peer() {
    for spot in [
        Spot::Look,
        Spot::Ping,
        Spot::Close,
        Spot::Error,
        Spot::InnerNext,
        Spot::InnerReady,
        Spot::InnerSend,
        Spot::InnerFlush,
    ] {
        let calls = at_every_call(spot, 1, silent_is_closed).await;
        assert!(calls > 0, "{spot:?} was never called");
    }
}

#[tokio::test(start_paused = true)]
async fn v6_a_source_that_always_panics_does_not_keep_a_silent_peer() {
    at_every_call(Spot::Look, usize::MAX, silent_is_closed).await;
}

/// It talks and never answers: `kind` is called for each of its messages, and T starts again once.
async fn talker_is_closed(traps: Traps, spared: usize) {
    let (peer, mut ws) = fragile(exact(), &traps);
    peer.talks(secs(3), secs(300));
    let at = dies(&peer, &mut ws, Cause::PongTimeout).await;
    assert!(at <= secs(101), "{at:?}, after {spared} calls");
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_does_not_keep_a_peer_that_talks_and_never_answers() {
    for spot in [Spot::Look, Spot::Kind, Spot::InnerNext, Spot::InnerFlush] {
        at_every_call(spot, 1, talker_is_closed).await;
    }
    at_every_call(Spot::Look, usize::MAX, talker_is_closed).await;
}

/// It reads nothing: W.
async fn stalled_is_closed(traps: Traps, spared: usize) {
    let (peer, mut ws) = fragile(exact(), &traps);
    peer.set_flushes(false);
    let at = dies(&peer, &mut ws, Cause::WriteStalled).await;
    assert!(at <= secs(91), "{at:?}, after {spared} calls");
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_does_not_keep_a_peer_that_does_not_read() {
    for spot in [Spot::Look, Spot::Ping, Spot::Error, Spot::InnerNext, Spot::InnerReady, Spot::InnerFlush] {
        let calls = at_every_call(spot, 1, stalled_is_closed).await;
        assert!(calls > 0, "{spot:?} was never called");
    }
    at_every_call(Spot::Look, usize::MAX, stalled_is_closed).await;
}

/// Bytes move all the time, and nothing else does: no look that panics may hide it.
#[tokio::test(start_paused = true)]
async fn v6_a_look_that_panics_is_made_again_before_anything_is_decided() {
    for flushes in [true, false] {
        let calls = at_every_call(Spot::Look, 1, async |traps, spared| {
            let (peer, mut ws) = fragile_moving(exact(), &traps, Duration::MAX);
            peer.set_flushes(flushes);
            let end = reads_for(&mut ws, secs(200)).await;
            assert!(end.is_none(), "closed after {spared} calls: {end:?}");
        });
        assert!(calls.await > 5);
    }
}

/// The peer sends data at the very moment of a look, and pings in between: a panic of what is done after one was read, and
/// before it is passed on, loses neither.
#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_loses_nothing_that_was_read() {
    for spot in [Spot::Look, Spot::Ping, Spot::InnerReady, Spot::InnerSend, Spot::InnerFlush] {
        let calls = at_every_call(spot, 1, async |traps, spared| {
            let (peer, mut ws) = fragile_moving(exact().max_deferrals(100), &traps, secs(1));
            peer.talks(secs(5), secs(100));
            for at in (7..100).step_by(10) {
                peer.at(secs(at), |peer| peer.sends(Msg::Ping(b"peer".to_vec())));
            }
            let mut got = Vec::new();
            let _ = timeout(secs(110), async {
                while let Some(Ok(message)) = next_caught(&mut ws).await {
                    got.push(message);
                }
            })
            .await;
            let data: Vec<_> = got.iter().filter(|message| matches!(message, Msg::Data(_))).cloned().collect();
            let sent: Vec<_> = (0..20).map(Msg::Data).collect();
            assert_eq!((data, got.len()), (sent, 30), "{spot:?} after {spared} calls");
        });
        assert!(calls.await > 1, "{spot:?}");
    }
}

/// The poll that panicked is followed by one of the sink, which has nothing to do with what was read.
#[tokio::test(start_paused = true)]
async fn v6_what_was_read_when_a_poll_panicked_waits_for_the_next_one_that_reads() {
    let traps = Traps::unset();
    let (peer, mut ws) = fragile(exact(), &traps);
    assert!(next_caught(&mut ws).now_or_never().is_none());
    peer.sends(Msg::Ping(b"peer".to_vec()));
    peer.sends(Msg::Data(1));
    traps.arm(Spot::InnerFlush);
    let polled = catch_unwind(AssertUnwindSafe(|| ws.poll_next_unpin(&mut Context::from_waker(Waker::noop()))));
    assert!(polled.is_err());
    ws.send(Msg::Data(2)).await.unwrap();
    for read in [Msg::Ping(b"peer".to_vec()), Msg::Data(1)] {
        assert_eq!(next_caught(&mut ws).await.unwrap().unwrap(), read);
    }
}

/// Bytes moved until shortly before the second ping: a look that panics leaves none of them to be seen by the next one.
#[tokio::test(start_paused = true)]
async fn v6_a_look_that_panics_puts_off_no_verdict() {
    for (flushes, cause, due) in [(true, Cause::PongTimeout, secs(60)), (false, Cause::WriteStalled, secs(70))] {
        let calls = at_every_call(Spot::Look, 1, async |traps, spared| {
            let (peer, mut ws) = fragile_moving(exact(), &traps, secs(39));
            peer.set_echo(Some(ms(100)));
            assert!(reads_for(&mut ws, secs(30)).await.is_none(), "after {spared} calls");
            peer.set_echo(None);
            peer.set_flushes(flushes);
            let at = dies(&peer, &mut ws, cause).await;
            assert!(at <= due + secs(1), "{at:?}, after {spared} calls");
        });
        assert!(calls.await > 1);
    }
}

/// The sink has failed, and what is said of it panics: the strict socket panics if it is polled again.
async fn failed_is_closed(traps: Traps, spared: usize) {
    for step in [Step::Ready, Step::Send, Step::Flush] {
        let (peer, mut ws) = fragile(exact(), &traps);
        peer.at(secs(15), move |peer| peer.breaks(step));
        let at = dies(&peer, &mut ws, Cause::PingFailed).await;
        assert!(at <= secs(80), "{at:?}, after {spared} calls, {step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn v6_a_panic_over_the_error_of_a_failed_ping_hides_nothing() {
    for spot in [Spot::Source, Spot::IsTransient, Spot::Error] {
        let calls = at_every_call(spot, 1, failed_is_closed).await;
        assert!(calls > 0, "{spot:?} was never called");
    }
}

/// Whether the sink was only full can no longer be told: it is used on, or has failed; and that is told.
#[tokio::test(start_paused = true)]
async fn v6_a_panic_over_a_transient_error_ends_the_connection_or_does_not_but_truly() {
    let traps = Traps::set(Spot::IsTransient, 0, 1);
    let (peer, mut ws) = fragile(exact(), &traps);
    peer.set_echo(Some(secs(0)));
    peer.set_refuses(Some(Fault::Full));
    peer.at(secs(21), |peer| peer.set_refuses(None));
    let monitor = ws.monitor();
    let end = reads_for(&mut ws, secs(200)).await;
    assert_eq!(traps.sprung(), 1);
    match end {
        None => assert!(peer.pings().len() > 5 && monitor.health() == Health::Alive),
        Some(fault) => {
            assert_eq!(monitor.health().end().unwrap().cause(), Some(LivenessError::find(&fault).unwrap().cause()));
        }
    }
}

/// The user's own calls: each panics once, the next goes on.
async fn writes_go_on(traps: Traps, spared: usize) {
    let (peer, mut ws) = fragile(exact(), &traps);
    peer.set_echo(Some(secs(0)));
    // If it is the answer itself over which `kind` panics, other frames excuse it.
    peer.talks(secs(7), secs(200));
    let mut sent = 0;
    for number in 0..50 {
        caught(|cx| ws.poll_ready_unpin(cx)).await.unwrap();
        let handed = catch_unwind(AssertUnwindSafe(|| ws.start_send_unpin(Msg::Data(number))));
        sent += usize::from(handed.is_ok());
        caught(|cx| ws.poll_flush_unpin(cx)).await.unwrap();
        assert!(reads_for(&mut ws, secs(3)).await.is_none());
    }
    assert!(sent >= 49);
    let data = peer.messages().into_iter().filter(|message| matches!(message, Msg::Data(_))).count();
    assert!(data >= 49, "after {spared} calls: {data}");
    assert!(peer.pings().len() >= 6, "after {spared} calls: {:?}", peer.ping_times());
    assert_eq!(ws.monitor().health(), Health::Alive, "after {spared} calls");
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_of_a_write_does_not_stop_the_pings() {
    for spot in IN_LIFE {
        at_every_call(spot, 1, writes_go_on).await;
    }
}

type Handle = Spawned<Brittle, Trapped>;

/// What a handle calls itself.
fn write_once(ws: &mut Handle) {
    let mut cx = Context::from_waker(Waker::noop());
    let _ = ws.poll_ready_unpin(&mut cx);
    let _ = ws.start_send_unpin(Msg::Data(1));
    let _ = ws.poll_flush_unpin(&mut cx);
}

async fn spawned_with_a_caught_panic(spot: Spot) -> (Peer, Handle) {
    let traps = Traps::unset();
    let (peer, ws) = fragile(exact(), &traps);
    peer.set_echo(Some(ms(100)));
    let mut ws = ws.spawn(4);
    sleep(secs(5)).await;
    traps.arm(spot);
    assert!(catch_unwind(AssertUnwindSafe(|| write_once(&mut ws))).is_err(), "{spot:?} is not called");
    (peer, ws)
}

const OF_A_HANDLE: [Spot; 4] = [Spot::Kind, Spot::InnerReady, Spot::InnerSend, Spot::InnerFlush];

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_of_a_handles_poll_does_not_stop_the_pings() {
    for spot in OF_A_HANDLE {
        let (peer, mut ws) = spawned_with_a_caught_panic(spot).await;
        sleep(secs(200)).await;
        assert_eq!(peer.pings().len(), 10, "{spot:?}: {:?}", peer.ping_times());
        assert_eq!(ws.monitor().health(), Health::Alive, "{spot:?}");
        peer.sends(Msg::Data(2));
        assert!(matches!(timeout(secs(1), ws.next()).await, Ok(Some(Ok(Msg::Data(2))))), "{spot:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn v6_a_caught_panic_of_a_handles_poll_does_not_keep_a_silent_peer() {
    for spot in OF_A_HANDLE {
        let (peer, mut ws) = spawned_with_a_caught_panic(spot).await;
        peer.set_echo(None);
        let last = timeout(secs(60), ws.next()).await.expect("it is never closed").expect("an error").unwrap_err();
        assert_eq!(LivenessError::find(&last).unwrap().cause(), Cause::PongTimeout, "{spot:?}");
        assert_eq!(ws.monitor().health(), Health::Ended(End::PongTimeout), "{spot:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn v6_a_handle_dropped_after_a_caught_panic_closes() {
    for spot in OF_A_HANDLE {
        let (peer, ws) = spawned_with_a_caught_panic(spot).await;
        let monitor = ws.monitor();
        drop(ws);
        assert_eq!(timeout(secs(20), monitor.ended()).await, Ok(End::CloseTimeout), "{spot:?}");
        sleep(ms(1)).await;
        assert!(peer.is_alone(), "the task keeps the socket");
    }
}
