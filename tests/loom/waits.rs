//! J7: whoever wakes the stream half, and whenever, ends its wait; what was not woken waits on.

use futures_util::task::noop_waker_ref;
use loom::sync::Arc;
use loom::thread;

use crate::sync::Time;
use crate::waker::{Fan, Half};

fn waits(fan: &Fan) -> bool {
    fan.presence.away_since() == Time::NEVER
}

/// A poll that finds nothing to read; meanwhile somebody wakes.
fn is_woken_while(begin_wait: fn(&Fan), wake: fn(&Fan)) {
    loom::model(move || {
        let fan = Arc::new(Fan::default());
        fan.begin();
        let waking = thread::spawn({
            let fan = fan.clone();
            move || wake(&fan)
        });
        begin_wait(&fan);
        fan.park(Half::Stream, noop_waker_ref());
        waking.join().unwrap();
        assert!(!waits(&fan), "woken, and said to wait");
    });
}

#[test]
fn j7_a_wake_up_during_the_poll_ends_the_wait() {
    is_woken_while(|fan| fan.wait(Time::START), Fan::wake_all);
    is_woken_while(|fan| fan.wait(Time::START), Fan::call);
}

/// The mutant leaves it to `park` to see what came before the wait.
#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j7_a_wait_that_does_not_look_for_who_came_before_it_goes_on() {
    is_woken_while(|fan| fan.presence.begin_wait(), Fan::wake_all);
}

#[test]
fn j7_who_is_not_woken_waits() {
    loom::model(|| {
        let fan = Fan::default();
        fan.begin();
        fan.wait(Time::START);
        fan.park(Half::Stream, noop_waker_ref());
        assert!(waits(&fan));
    });
}
