//! Whose runtime a connection's timer belongs to (V5).
//!
//! Several runtimes, so time is real here; what is waited for is always an event, never a moment.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use ws_liveness::{Health, Spawned};

type Handle = Spawned<Socket>;

/// What is waited for at most; never a bound on what is right.
const PATIENCE: Duration = Duration::from_secs(120);

/// One that stands still while nobody calls `block_on`.
fn at_rest() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// One that runs by itself.
fn running() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

/// A connection that pings every 50 ms and is answered at once.
fn answered_at_once() -> (Peer, Live) {
    answered(exact().ping_interval(ms(50)), secs(0))
}

/// Waits until the peer has seen `more` pings more.
async fn pinged(peer: &Peer, more: usize) {
    let until = peer.pings().len() + more;
    let pinged = async {
        while peer.pings().len() < until {
            sleep(ms(5)).await;
        }
    };
    timeout(PATIENCE, pinged).await.expect("no ping leaves");
}

/// Reads, in vain, until the peer has seen `more` pings more.
async fn reads_until_pinged(peer: &Peer, ws: &mut Live, more: usize) {
    tokio::select! {
        item = ws.next() => panic!("{item:?}"),
        () = pinged(peer, more) => {}
    }
}

/// One poll of each method that does nothing, as the first thing that a handle is used for.
fn polled_in_vain(ws: &mut Handle) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(ws.poll_ready_unpin(&mut cx).is_ready());
    assert!(ws.poll_flush_unpin(&mut cx).is_ready());
    assert!(ws.poll_next_unpin(&mut cx).is_pending());
}

/// A task on `home`, which has not run yet, and its handle.
fn spawned_on(home: &Runtime, ws: Live) -> Handle {
    let _guard = home.enter();
    ws.spawn(4)
}

/// The connection is pinged on `home`, and healthy.
fn lives_on(home: &Runtime, peer: &Peer, ws: &mut Handle) {
    home.block_on(async {
        pinged(peer, 5).await;
        assert_eq!(ws.monitor().health(), Health::Alive);
        ws.send(Msg::Data(1)).await.unwrap();
        pinged(peer, 2).await;
        assert_eq!(ws.monitor().health(), Health::Alive);
        peer.sends(Msg::Data(2));
        assert!(matches!(timeout(PATIENCE, ws.next()).await, Ok(Some(Ok(Msg::Data(2))))));
    });
}

#[test]
fn v5_a_handle_that_is_polled_first_on_a_runtime_at_rest_takes_no_timer_there() {
    let (home, other) = (at_rest(), at_rest());
    let (peer, ws) = answered_at_once();
    let mut ws = spawned_on(&home, ws);
    other.block_on(async { polled_in_vain(&mut ws) });
    lives_on(&home, &peer, &mut ws);
}

#[test]
fn v5_a_handle_that_is_polled_first_on_a_runtime_that_is_then_dropped_lives_on() {
    for early in [true, false] {
        let (home, other) = (at_rest(), running());
        let (peer, ws) = answered_at_once();
        let mut ws = spawned_on(&home, ws);
        other.block_on(async { polled_in_vain(&mut ws) });
        if early {
            drop(other);
            lives_on(&home, &peer, &mut ws);
        } else {
            lives_on(&home, &peer, &mut ws);
            drop(other);
            lives_on(&home, &peer, &mut ws);
        }
    }
}

#[test]
fn v5_a_handle_may_be_polled_first_where_there_is_no_runtime() {
    let home = at_rest();
    let (peer, ws) = answered_at_once();
    let mut ws = spawned_on(&home, ws);
    let mut ws = thread::spawn(move || {
        polled_in_vain(&mut ws);
        ws
    })
    .join()
    .expect("no panic for want of a runtime");
    lives_on(&home, &peer, &mut ws);
}

/// Polled as any executor would that is not tokio's, all the time.
#[test]
fn v5_a_handle_may_be_used_where_there_is_no_runtime() {
    let home = running();
    let (peer, ws) = answered_at_once();
    let mut ws = spawned_on(&home, ws);
    let monitor = ws.monitor();
    let until = peer.elapsed() + PATIENCE;
    let mut number = 0;
    while peer.pings().len() < 10 {
        assert!(peer.elapsed() < until, "no ping leaves");
        polled_in_vain(&mut ws);
        ws.start_send_unpin(Msg::Data(number)).unwrap();
        number += 1;
        thread::sleep(ms(5));
    }
    assert_eq!(monitor.health(), Health::Alive);
    lives_on(&home, &peer, &mut ws);
}

/// The handle goes from runtime to runtime, and each of them goes.
#[test]
fn v5_a_handle_may_wander_over_runtimes_that_go() {
    let home = running();
    let (peer, ws) = answered_at_once();
    let mut ws = spawned_on(&home, ws);
    for _ in 0..4 {
        let other = at_rest();
        lives_on(&other, &peer, &mut ws);
    }
    lives_on(&home, &peer, &mut ws);
}

/// The task has gone with its runtime while the timer was set; nobody makes it anew.
#[test]
fn v5_a_handle_whose_runtime_is_gone_needs_no_other() {
    let home = at_rest();
    let (_peer, ws) = answered(exact().ping_interval(secs(3600)), secs(0));
    let mut ws = spawned_on(&home, ws);
    home.block_on(async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    });
    drop(home);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(ws.poll_next_unpin(&mut cx), Poll::Ready(Some(Err(_)))));
    assert!(matches!(ws.poll_next_unpin(&mut cx), Poll::Ready(None)));
    assert!(matches!(ws.poll_ready_unpin(&mut cx), Poll::Ready(Err(_))));
}

/// Polled on one runtime, then given a task on another.
#[test]
fn v5_a_connection_that_was_polled_elsewhere_before_it_was_spawned_lives_on() {
    for gone in [true, false] {
        let (home, other) = (at_rest(), at_rest());
        let (peer, mut ws) = answered_at_once();
        other.block_on(reads_until_pinged(&peer, &mut ws, 2));
        let kept = (!gone).then_some(other);
        let mut ws = spawned_on(&home, ws);
        lives_on(&home, &peer, &mut ws);
        drop(kept);
        lives_on(&home, &peer, &mut ws);
    }
}

#[test]
fn v5_a_plain_connection_goes_on_where_its_first_runtime_was_shut_down() {
    for shut_down in [drop as fn(Runtime), Runtime::shutdown_background] {
        let (first, second) = (at_rest(), at_rest());
        let (peer, mut ws) = answered_at_once();
        first.block_on(reads_until_pinged(&peer, &mut ws, 2));
        shut_down(first);
        second.block_on(reads_until_pinged(&peer, &mut ws, 5));
        assert_eq!(ws.monitor().health(), Health::Alive);
    }
}

/// It is shut down while a task of the second runtime waits for the timer.
#[test]
fn v5_a_plain_connection_goes_on_while_its_first_runtime_is_shut_down() {
    let (first, second) = (running(), running());
    let (peer, mut ws) = answered_at_once();
    first.block_on(reads_until_pinged(&peer, &mut ws, 2));
    let monitor = ws.monitor();
    let reader = second.spawn(async move { while ws.next().await.is_some() {} });
    second.block_on(pinged(&peer, 2));
    drop(first);
    second.block_on(pinged(&peer, 5));
    assert!(!reader.is_finished(), "it has panicked");
    assert_eq!(monitor.health(), Health::Alive);
    reader.abort();
}

/// A runtime that goes takes the timer with it; that must end no wait for ever.
#[test]
fn v5_a_plain_connection_that_waits_when_its_first_runtime_is_shut_down_is_pinged_on() {
    let (first, second) = (running(), running());
    let (peer, mut ws) = answered(exact().ping_interval(secs(1)), secs(0));
    // The timer is set, and not due for a second.
    first.block_on(poll_fn(|cx| {
        assert!(ws.poll_next_unpin(cx).is_pending());
        Poll::Ready(())
    }));
    let reader = second.spawn(async move { while ws.next().await.is_some() {} });
    second.block_on(async { sleep(ms(50)).await });
    drop(first);
    second.block_on(pinged(&peer, 2));
    assert!(!reader.is_finished(), "it has panicked");
    reader.abort();
}

#[test]
fn v5_a_plain_connection_goes_on_where_its_first_runtime_runs_on() {
    let (first, second) = (running(), at_rest());
    let (peer, mut ws) = answered_at_once();
    first.block_on(reads_until_pinged(&peer, &mut ws, 2));
    second.block_on(reads_until_pinged(&peer, &mut ws, 5));
    drop(first);
    second.block_on(reads_until_pinged(&peer, &mut ws, 5));
    assert_eq!(ws.monitor().health(), Health::Alive);
}

/// Tokio panics there, and says why. What is caught breaks nothing.
#[test]
fn v5_a_plain_connection_polled_outside_a_runtime_panics_and_works_inside_one() {
    let (peer, mut ws) = answered_at_once();
    let polled = catch_unwind(AssertUnwindSafe(|| read(&mut ws)));
    assert!(polled.is_err(), "no runtime, and no panic");
    // Whether these need a runtime does not matter.
    for _ in 0..3 {
        let _ = catch_unwind(AssertUnwindSafe(|| (ready(&mut ws).is_pending(), read(&mut ws).is_pending())));
    }
    let home = at_rest();
    home.block_on(reads_until_pinged(&peer, &mut ws, 5));
    assert_eq!(ws.monitor().health(), Health::Alive);
}

/// The same when the runtime is left in the middle of its life.
#[test]
fn v5_a_poll_outside_a_runtime_in_between_breaks_nothing() {
    let (first, second) = (at_rest(), at_rest());
    let (peer, mut ws) = answered_at_once();
    first.block_on(reads_until_pinged(&peer, &mut ws, 2));
    drop(first);
    // Whether this needs a runtime depends on what is due.
    for _ in 0..3 {
        let _ = catch_unwind(AssertUnwindSafe(|| (ready(&mut ws).is_pending(), read(&mut ws).is_pending())));
        thread::sleep(ms(60));
    }
    second.block_on(reads_until_pinged(&peer, &mut ws, 5));
    assert_eq!(ws.monitor().health(), Health::Alive);
}

/// A runtime without timers is none for a connection.
#[test]
fn v5_a_runtime_without_time_panics_and_one_with_time_works() {
    let (peer, mut ws) = answered_at_once();
    let timeless = Builder::new_current_thread().build().unwrap();
    let polled = catch_unwind(AssertUnwindSafe(|| timeless.block_on(poll_fn(|_| Poll::Ready(read(&mut ws))))));
    assert!(polled.is_err(), "no timers, and no panic");
    at_rest().block_on(reads_until_pinged(&peer, &mut ws, 5));
}
