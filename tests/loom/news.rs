//! O2, O3: what changes while a monitor looks at the board ends its wait.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::task::waker;
use loom::thread::{self, JoinHandle};

use crate::monitor::{End, Health, Monitor, Shared};
use crate::sync::Notify;
use crate::world::Bell;

const END: Health = Health::Ended(End::Dropped);

/// What a wait comes to, once everything has happened: polled for as long as it is woken.
fn outcome<T>(wait: impl Future<Output = T>, happening: JoinHandle<()>) -> T {
    let (mut wait, bell) = (pin!(wait), Bell::rung());
    if let Poll::Ready(outcome) = run(wait.as_mut(), &bell) {
        happening.join().unwrap();
        return outcome;
    }
    happening.join().unwrap();
    match run(wait, &bell) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the news were missed"),
    }
}

fn run<T>(mut wait: Pin<&mut impl Future<Output = T>>, bell: &Arc<Bell>) -> Poll<T> {
    let mut polled = Poll::Pending;
    while polled.is_pending() && bell.take() {
        polled = wait.as_mut().poll(&mut Context::from_waker(&waker(bell.clone())));
    }
    polled
}

/// A monitor, and a thread on which the health of its connection takes these values.
fn becoming(healths: &'static [Health]) -> (Monitor, JoinHandle<()>) {
    let shared = Shared::new(true);
    let monitor = Monitor::new(shared.clone(), None);
    let becoming = thread::spawn(move || assert!(healths.iter().all(|health| shared.set_health(*health))));
    (monitor, becoming)
}

#[test]
fn o3_an_end_during_the_look_ends_the_wait_for_the_end() {
    loom::model(|| {
        let (monitor, ending) = becoming(&[END]);
        assert_eq!(outcome(monitor.ended(), ending), End::Dropped);
    });
}

#[test]
fn o3_an_end_during_the_look_ends_the_wait_for_a_change() {
    loom::model(|| {
        let (mut monitor, ending) = becoming(&[END]);
        assert_eq!(outcome(monitor.changed(), ending), END);
    });
}

#[test]
fn o2_an_end_during_the_look_ends_a_probe() {
    loom::model(|| {
        let (monitor, ending) = becoming(&[END]);
        assert_eq!(outcome(monitor.probe(), ending), Err(End::Dropped));
    });
}

/// The first may be missed, the second may not.
#[test]
fn o3_the_last_of_two_changes_is_seen() {
    loom::model(|| {
        let (mut monitor, becoming) = becoming(&[Health::Suspect, END]);
        let last = async { while !matches!(monitor.changed().await, Health::Ended(_)) {} };
        outcome(last, becoming);
    });
}

/// As `Monitor::until`, but it asks to be notified after its look.
async fn until_too_late(board: &Mutex<bool>, news: &Notify) {
    while !*board.lock().unwrap() {
        news.notified().await;
    }
}

#[test]
#[should_panic(expected = "the news were missed")]
fn o3_a_monitor_that_asks_to_be_notified_after_its_look_misses_the_end() {
    loom::model(|| {
        let ends = Arc::new((Mutex::new(false), Notify::default()));
        let ending = thread::spawn({
            let ends = ends.clone();
            move || {
                *ends.0.lock().unwrap() = true;
                ends.1.notify_waiters();
            }
        });
        outcome(until_too_late(&ends.0, &ends.1), ending);
    });
}
