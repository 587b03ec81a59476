//! The timer by itself.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be built")
}

#[test]
fn v5_a_timer_whose_runtime_was_shut_down_has_not_fired() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut timer = Timer::default();
    let first = runtime();
    let clock = first.block_on(async {
        let clock = Clock::start();
        assert!(timer.set(clock, Time::START.plus(Duration::from_secs(3_600)), false));
        assert_eq!(timer.poll(clock, &mut cx), None);
        clock
    });
    drop(first);
    assert!(timer.wants_poll(), "a runtime that goes wakes whoever waits for its timers");
    runtime().block_on(async {
        assert_eq!(timer.poll(clock, &mut cx), None);
        assert!(!timer.wants_poll(), "it is set on this runtime now");
    });
}

#[tokio::test]
async fn j5_a_budget_that_is_used_up_is_none() {
    assert!(has_budget());
    poll_fn(|cx| {
        while pin!(coop::consume_budget()).poll(cx).is_ready() {}
        assert!(!has_budget());
        Poll::Ready(())
    })
    .await;
}
