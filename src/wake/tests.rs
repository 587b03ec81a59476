//! The combined waker by itself, one call after the other. What threads do to it at the same time is loom's
//! (`tests/loom`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::time::advance;

use super::{Fan, Half};
use crate::liveness::Time;

const MS: Duration = Duration::from_millis(1);

/// A task that counts how often it is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A `Fan` on which both halves are parked.
struct Parked {
    fan: Fan,
    stream: Arc<Task>,
    sink: Arc<Task>,
}

impl Parked {
    fn new() -> Self {
        let parked = Self { fan: Fan::default(), stream: Arc::default(), sink: Arc::default() };
        parked.park();
        parked
    }

    fn park(&self) {
        self.fan.park(Half::Stream, &Waker::from(self.stream.clone()));
        self.fan.park(Half::Sink, &Waker::from(self.sink.clone()));
    }

    /// How often each half was woken since this was last asked.
    fn woken(&self) -> [usize; 2] {
        [&self.stream, &self.sink].map(|task| task.0.swap(0, Ordering::Relaxed))
    }

    fn away(&self) -> [Option<Time>; 2] {
        [Half::Stream, Half::Sink].map(|half| self.fan.away(half))
    }
}

fn at(ms: u32) -> Time {
    Time::START.plus(MS * ms)
}

#[tokio::test(start_paused = true)]
async fn v1_at_first_nobody_has_woken_us_or_called() {
    let fan = Fan::default();
    assert!(!fan.is_woken());
    assert!(!fan.begin());
    assert!(!fan.is_called());
    assert!(!fan.take_call());
}

/// Wakes twice before the next poll begins, then once after it.
fn is_passed_on_once(parked: &Parked, wake: fn(&Fan)) {
    wake(&parked.fan);
    assert!(parked.fan.is_woken());
    assert_eq!(parked.woken(), [1, 1]);
    wake(&parked.fan);
    assert_eq!(parked.woken(), [0, 0], "nobody is parked");
    parked.fan.begin();
    assert!(!parked.fan.is_woken());
    parked.park();
    assert_eq!(parked.woken(), [0, 0], "woken without a cause");
    wake(&parked.fan);
    assert_eq!(parked.woken(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn v1_a_wake_up_wakes_both_halves_until_the_next_poll_begins() {
    is_passed_on_once(&Parked::new(), Fan::rouse);
    is_passed_on_once(&Parked::new(), Fan::call);
    is_passed_on_once(&Parked::new(), Fan::wake_all);
}

#[tokio::test(start_paused = true)]
async fn v1_a_wake_up_of_a_half_that_waits_wakes_both() {
    let parked = Parked::new();
    parked.fan.wait(Half::Stream, at(0));
    is_passed_on_once(&parked, Fan::wake_all);
}

#[tokio::test(start_paused = true)]
async fn v1_the_timer_wakes_both_halves_until_the_next_poll_begins() {
    let parked = Parked::new();
    parked.fan.wait(Half::Stream, at(0));
    parked.fan.set_alarm(at(0));
    is_passed_on_once(&parked, Fan::wake_all);
}

/// Nobody is woken twice by what comes in one poll, whoever parks meanwhile: each that parks wakes itself.
#[tokio::test(start_paused = true)]
async fn v1_who_parks_after_a_wake_up_is_woken_by_it_and_not_by_the_next() {
    let wakes: [fn(&Fan); 2] = [Fan::rouse, Fan::wake_all];
    for alarm in [Time::NEVER, at(0)] {
        for wake in wakes {
            let parked = Parked::new();
            parked.fan.wait(Half::Stream, at(0));
            parked.fan.set_alarm(alarm);
            wake(&parked.fan);
            parked.woken();
            parked.park();
            assert_eq!(parked.woken(), [1, 1]);
            parked.fan.wait(Half::Stream, at(0));
            wake(&parked.fan);
            assert_eq!(parked.woken(), [0, 0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn v1_the_stream_half_is_woken_alone() {
    let parked = Parked::new();
    parked.fan.wake_stream();
    assert_eq!(parked.woken(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn v6_a_waker_that_panics_does_not_keep_the_other_half_asleep() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the user's");
        }
    }
    let parked = Parked::new();
    parked.fan.park(Half::Stream, &Waker::from(Arc::new(Panics)));
    assert!(catch_unwind(AssertUnwindSafe(|| parked.fan.rouse())).is_err());
    assert_eq!(parked.woken(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn o2_a_call_stands_until_it_is_taken() {
    let fan = Fan::default();
    fan.call();
    assert!(fan.is_called());
    assert!(fan.take_call());
    assert!(!fan.is_called());
    assert!(!fan.take_call());
    fan.begin();
    fan.keep_call();
    assert!(fan.is_called());
    assert!(!fan.is_woken(), "what is kept wakes nobody");
}

#[tokio::test(start_paused = true)]
async fn k7_what_is_cleared_keeps_no_task_alive() {
    let parked = Parked::new();
    parked.fan.clear();
    assert_eq!([&parked.stream, &parked.sink].map(Arc::strong_count), [1, 1]);
    parked.fan.rouse();
    assert_eq!(parked.woken(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn j6_a_half_waits_until_it_comes() {
    let parked = Parked::new();
    assert_eq!(parked.away(), [Some(at(0)); 2]);
    advance(MS * 5).await;
    parked.fan.wait(Half::Sink, at(5));
    assert_eq!(parked.away(), [Some(at(0)), None]);
    advance(MS * 5).await;
    parked.fan.come(Half::Stream);
    assert_eq!(parked.away(), [Some(at(0)), None], "who does not wait is away as long as before");
    parked.fan.come(Half::Sink);
    assert_eq!(parked.away(), [Some(at(0)), Some(at(10))]);
}

#[tokio::test(start_paused = true)]
async fn j6_the_inner_ends_the_wait_of_either_half() {
    for half in [Half::Stream, Half::Sink] {
        let parked = Parked::new();
        parked.fan.wait(half, at(0));
        advance(MS * 5).await;
        parked.fan.wake_all();
        assert_eq!(parked.fan.away(half), Some(at(5)));
        assert!(!parked.fan.begin(), "it was not the timer");
    }
}

#[tokio::test(start_paused = true)]
async fn j6_the_inner_ends_a_wait_that_begins_after_it_in_the_same_poll() {
    let parked = Parked::new();
    parked.fan.wake_all();
    parked.fan.wait(Half::Stream, at(3));
    assert_eq!(parked.fan.away(Half::Stream), Some(at(3)));
    parked.fan.begin();
    parked.fan.wait(Half::Stream, at(4));
    assert_eq!(parked.fan.away(Half::Stream), None, "it is of another poll");
}

#[tokio::test(start_paused = true)]
async fn j6_our_own_wake_up_ends_no_wait() {
    let parked = Parked::new();
    parked.fan.wait(Half::Stream, at(0));
    parked.fan.rouse();
    assert_eq!(parked.fan.away(Half::Stream), None);
    assert!(!parked.fan.begin(), "it was not the timer");
}

/// The wake-up comes `after` the moment for which the timer is set; whether it is taken for the timer's.
async fn is_the_timers(after: i8) -> bool {
    let parked = Parked::new();
    parked.fan.set_alarm(at(10));
    parked.fan.wait(Half::Stream, at(0));
    let now = u32::try_from(10 + after).expect("it is after the start");
    advance(MS * now).await;
    parked.fan.wake_all();
    let timer = parked.fan.away(Half::Stream).is_none();
    if !timer {
        assert_eq!(parked.fan.away(Half::Stream), Some(at(now)));
    }
    assert_eq!(parked.fan.begin(), timer);
    timer
}

#[tokio::test(start_paused = true)]
async fn j6_a_wake_up_when_the_timer_is_to_fire_is_the_timers_and_any_other_is_the_inners() {
    for (after, timer) in [(-5, false), (-1, false), (0, true), (2, true), (3, false), (9, false)] {
        assert_eq!(is_the_timers(after).await, timer, "{after} ms after it");
    }
}

#[tokio::test(start_paused = true)]
async fn j6_the_timer_wakes_once_and_the_second_is_the_inner() {
    let parked = Parked::new();
    parked.fan.set_alarm(at(10));
    parked.fan.wait(Half::Stream, at(0));
    advance(MS * 10).await;
    parked.fan.rouse();
    parked.fan.wake_all();
    assert_eq!(parked.fan.away(Half::Stream), None);
    advance(MS).await;
    parked.fan.wake_all();
    assert_eq!(parked.fan.away(Half::Stream), Some(at(11)));
    assert!(parked.fan.begin());
}

#[tokio::test(start_paused = true)]
async fn j6_if_it_was_not_the_timer_the_waits_have_ended_when_it_was_to_fire() {
    let parked = Parked::new();
    parked.fan.set_alarm(at(10));
    parked.fan.wait(Half::Sink, at(0));
    advance(MS * 11).await;
    parked.fan.end_waits_by_alarm();
    assert_eq!(parked.away(), [Some(at(0)), Some(at(10))]);
}
