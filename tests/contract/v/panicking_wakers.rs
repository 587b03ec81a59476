//! A waker that panics leaves liveness working, and the other half its wake-up (V6).

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use crate::scripted::*;
use futures_util::task::{ArcWake, waker};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{advance, sleep, timeout};
use ws_liveness::{Cause, End, Health, LivenessError, Monitor};

/// What the panics of these tests carry; any other is not caught.
const TRAPPED: &str = "trapped";

/// A task whose waker panics.
#[derive(Default)]
struct Grenade(AtomicUsize);

impl ArcWake for Grenade {
    fn wake_by_ref(task: &Arc<Self>) {
        task.0.fetch_add(1, Ordering::SeqCst);
        resume_unwind(Box::new(TRAPPED));
    }
}

/// Both halves are parked; `panicking` is the one whose waker panics. The other is counted.
fn parked(ws: &mut Live, panicking: Act, task: &Arc<Task>) -> Arc<Grenade> {
    let grenade = Arc::<Grenade>::default();
    let bad = waker(grenade.clone());
    match panicking {
        Act::Reads => {
            assert!(ready_by(ws, task).is_pending());
            assert!(ws.poll_next_unpin(&mut Context::from_waker(&bad)).is_pending());
        }
        Act::Writes => {
            assert!(ws.poll_ready_unpin(&mut Context::from_waker(&bad)).is_pending());
            assert!(read_by(ws, task).is_pending());
        }
    }
    let _ = task.take();
    grenade
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Reads,
    Writes,
}

/// What wakes both halves.
const WAKES: [fn(&Peer, &Monitor); 3] = [
    |peer, _| peer.set_ready(true),
    |peer, _| peer.sends(Msg::Data(1)),
    |_, monitor| {
        let mut probe = Box::pin(monitor.probe());
        let _ = probe.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    },
];

#[tokio::test(start_paused = true)]
async fn v6_a_waker_that_panics_keeps_the_other_half_from_nothing() {
    for panicking in [Act::Reads, Act::Writes] {
        for wakes in WAKES {
            let (peer, mut ws) = answered(exact(), secs(0));
            peer.set_ready(false);
            let task = Task::new();
            let grenade = parked(&mut ws, panicking, &task);
            let monitor = ws.monitor();
            let _ = catch_unwind(AssertUnwindSafe(|| wakes(&peer, &monitor)));
            assert_eq!(grenade.0.load(Ordering::SeqCst), 1, "{panicking:?}");
            assert_eq!(task.take(), 1, "{panicking:?}: the other half sleeps on");
            // And so on, for ever.
            peer.set_ready(true);
            while read(&mut ws).is_ready() {}
            idle(&mut ws, secs(100)).await;
            assert_eq!(monitor.health(), Health::Alive);
            assert!(peer.pings().len() >= 5);
        }
    }
}

/// The next item; after a panic of a waker it is polled again at once.
async fn next_caught(ws: &mut Live) -> Option<Result<Msg, Fault>> {
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| ws.poll_next_unpin(cx))).unwrap_or_else(|panic| {
            assert_eq!(panic.downcast_ref(), Some(&TRAPPED));
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    })
    .await
}

/// Whoever takes the verdict wakes the other half; if that panics, the verdict stands.
#[tokio::test(start_paused = true)]
async fn v6_a_waker_that_panics_at_the_verdict_hides_nothing() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    idle(&mut ws, secs(21)).await;
    peer.set_ready(false);
    idle(&mut ws, secs(18)).await;
    let (reader, grenade) = (Task::new(), Arc::<Grenade>::default());
    assert!(read_by(&mut ws, &reader).is_pending());
    while peer.elapsed() < secs(40) {
        if reader.take() > 0 {
            assert!(read_by(&mut ws, &reader).is_pending());
        }
        advance(ms(1)).await;
    }
    // The timer has fired; only the reader may judge.
    assert!(ws.poll_ready_unpin(&mut Context::from_waker(&waker(grenade.clone()))).is_pending());
    let fault = timeout(secs(5), next_caught(&mut ws)).await.expect("its error").unwrap().unwrap_err();
    assert_eq!(LivenessError::find(&fault).unwrap().cause(), Cause::PongTimeout);
    assert_eq!(monitor.health(), Health::Ended(End::PongTimeout));
    assert!(peer.elapsed() <= secs(41), "{:?}", peer.elapsed());
    assert_eq!(grenade.0.load(Ordering::SeqCst), 1, "the writer is woken");
    assert!(ws.next().await.is_none());
}

/// The task wakes the handle, whose waker panics: the connection goes on, or it is over and says so.
#[tokio::test(start_paused = true)]
async fn v6_a_handle_whose_waker_panics_is_told_the_truth() {
    let (peer, ws) = answered(exact(), secs(0));
    let mut ws = ws.spawn(4);
    let monitor = ws.monitor();
    let grenade = waker(Arc::<Grenade>::default());
    assert!(ws.poll_next_unpin(&mut Context::from_waker(&grenade)).is_pending());
    sleep(secs(1)).await;
    peer.sends(Msg::Data(1));
    sleep(secs(100)).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))), "what was read is delivered");
    match monitor.health() {
        Health::Alive => assert!(peer.pings().len() >= 5, "alive without pings"),
        Health::Ended(end) => {
            let last = timeout(secs(1), ws.next()).await.expect("waits for ever").expect("an error").unwrap_err();
            assert_eq!(LivenessError::find(&last).unwrap().cause(), end.cause().unwrap());
        }
        other => panic!("{other:?}"),
    }
}
