//! J6: the inner stream and the timer end the waits of both halves, at whatever moment; our own wake-ups end none.

use futures_util::task::noop_waker_ref;
use loom::sync::Arc;
use loom::thread;

use super::presence::Presence;
use super::sync::{AtomicU8, Clock, Ordering};
use super::{Fan, Half, Time};
use crate::world::HALVES;

const WOKEN: u8 = 1;
const FROM_BELOW: u8 = 2;

/// `Fan` as far as it tells which half waits. The methods are what it does, in small: each mutant replaces one.
trait Tells: Default + Send + Sync + 'static {
    fn parts(&self) -> &Parts;

    fn begin(&self) {
        self.parts().woken.swap(0, Ordering::Acquire);
    }

    fn wait(&self, half: Half) {
        let absence = self.parts().presence.of(half);
        absence.begin_wait();
        if self.parts().woken.fetch_or(0, Ordering::AcqRel) & FROM_BELOW != 0 {
            absence.end_wait_at(Clock.now());
        }
    }

    fn park(&self, _: Half) {}

    fn waits(&self, half: Half) -> bool {
        self.parts().presence.of(half).since().is_none()
    }

    fn wake_all(&self) {
        self.parts().woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel);
        self.parts().presence.end_waits();
    }

    fn rouse(&self) {
        self.parts().woken.fetch_or(WOKEN, Ordering::AcqRel);
    }

    fn call(&self) {
        self.rouse();
    }
}

#[derive(Default)]
struct Parts {
    woken: AtomicU8,
    presence: Presence,
}

/// The real one has parts of its own.
impl Tells for Fan {
    fn parts(&self) -> &Parts {
        unreachable!("every method is its own")
    }

    fn begin(&self) {
        self.begin();
    }

    fn wait(&self, half: Half) {
        self.wait(half, Time::START);
    }

    fn park(&self, half: Half) {
        self.park(half, noop_waker_ref());
    }

    fn waits(&self, half: Half) -> bool {
        self.away(half).is_none()
    }

    fn wake_all(&self) {
        self.wake_all();
    }

    fn rouse(&self) {
        self.rouse();
    }

    fn call(&self) {
        self.call();
    }
}

/// A poll of `half` that finds nothing, while `events` happen on threads of their own; whether it is then said to wait.
fn waits_after<F: Tells>(half: Half, events: &[fn(&F)], check: fn(bool)) {
    let events = events.to_vec();
    loom::model(move || {
        let fan = Arc::new(F::default());
        fan.begin();
        let happen = |event: fn(&F)| {
            let fan = fan.clone();
            thread::spawn(move || event(&fan))
        };
        let happening: Vec<_> = events.iter().copied().map(happen).collect();
        fan.wait(half);
        fan.park(half);
        happening.into_iter().for_each(|event| event.join().unwrap());
        check(fan.waits(half));
    });
}

fn is_ended_by<F: Tells>(events: &[fn(&F)]) {
    for half in HALVES {
        waits_after(half, events, |waits| assert!(!waits, "woken, and said to wait"));
    }
}

fn outlasts<F: Tells>(events: &[fn(&F)]) {
    for half in HALVES {
        waits_after(half, events, |waits| assert!(waits, "not woken from below, and said not to wait"));
    }
}

/// One thread that first does what we do, then what the inner stream does.
fn roused_then_woken<F: Tells>(fan: &F) {
    fan.rouse();
    fan.wake_all();
}

/// A poll of the other half lies between the two: it has a task of its own, which our wake-up has made come.
fn roused_between_two_polls<F: Tells>() {
    for [waiting, other] in [HALVES, [Half::Sink, Half::Stream]] {
        loom::model(move || {
            let fan = Arc::new(F::default());
            fan.begin();
            fan.wait(waiting);
            fan.park(waiting);
            fan.rouse();
            let waking = thread::spawn({
                let fan = fan.clone();
                move || fan.wake_all()
            });
            fan.begin();
            fan.wait(other);
            fan.park(other);
            waking.join().unwrap();
            assert!(!fan.waits(waiting), "woken, and said to wait");
        });
    }
}

#[test]
fn j6_a_wake_up_from_below_during_the_poll_ends_the_wait_of_either_half() {
    is_ended_by::<Fan>(&[Fan::wake_all]);
}

#[test]
fn j6_a_wake_up_from_below_ends_the_wait_also_after_one_of_our_own() {
    is_ended_by::<Fan>(&[roused_then_woken]);
    is_ended_by::<Fan>(&[Fan::rouse, Fan::wake_all]);
    is_ended_by::<Fan>(&[Fan::call, Fan::wake_all]);
    roused_between_two_polls::<Fan>();
}

#[test]
fn j6_wake_ups_of_our_own_end_no_wait() {
    outlasts::<Fan>(&[]);
    outlasts::<Fan>(&[Fan::rouse, Fan::rouse]);
    outlasts::<Fan>(&[Fan::rouse, Fan::call]);
    outlasts::<Fan>(&[Fan::wake_stream, Fan::keep_call]);
}

/// The timer is about to fire: it is always the same time here.
#[derive(Default)]
struct Alarmed(Fan);

impl Tells for Alarmed {
    fn parts(&self) -> &Parts {
        self.0.parts()
    }

    fn begin(&self) {
        self.0.set_alarm(Time::START);
        self.0.begin();
    }

    fn wait(&self, half: Half) {
        Tells::wait(&self.0, half);
    }

    fn park(&self, half: Half) {
        Tells::park(&self.0, half);
    }

    fn waits(&self, half: Half) -> bool {
        Tells::waits(&self.0, half)
    }

    fn wake_all(&self) {
        self.0.wake_all();
    }

    fn rouse(&self) {
        self.0.rouse();
    }
}

fn woken_twice<F: Tells>(fan: &F) {
    fan.wake_all();
    fan.wake_all();
}

/// The timer wakes once; a second wake-up is the inner's. A wake-up before the wait began ends it, whoever it was: then
/// the half polls again at once.
#[test]
fn j6_the_timer_ends_no_wait_and_the_inner_does_also_when_the_timer_fires() {
    is_ended_by::<Alarmed>(&[woken_twice]);
    for half in HALVES {
        loom::model(move || {
            let fan = Arc::new(Alarmed::default());
            fan.begin();
            Tells::wait(&*fan, half);
            Tells::park(&*fan, half);
            fan.wake_all();
            assert!(Tells::waits(&*fan, half), "the timer ended a wait");
            assert!(fan.0.begin(), "the timer is not told of");
            fan.wake_all();
            fan.wake_all();
            assert!(!Tells::waits(&*fan, half), "the inner ended no wait");
        });
    }
}

/// A task that knows whether it was woken.
#[derive(Default)]
struct Task(std::sync::atomic::AtomicBool);

impl std::task::Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The inner wakes us beside the timer, while a half polls. If the flag stayed set while the half sleeps, every later wake-up
/// would be taken for a repetition.
#[test]
fn v1_a_wake_up_beside_the_timers_leaves_no_half_asleep() {
    loom::model(|| {
        let task = std::sync::Arc::new(Task::default());
        let fan = Arc::new(Fan::default());
        fan.set_alarm(Time::START);
        fan.wait(Half::Stream, Time::START);
        fan.wake_all();
        let inner = thread::spawn({
            let fan = fan.clone();
            move || fan.wake_all()
        });
        fan.begin();
        fan.wait(Half::Stream, Time::START);
        fan.park(Half::Stream, &std::task::Waker::from(task.clone()));
        inner.join().unwrap();
        assert!(!fan.is_woken() || task.0.load(Ordering::Relaxed), "asleep, and said to be woken");
    });
}

/// A half that comes of itself does not wait, and the other goes on waiting.
#[test]
fn j6_a_half_that_comes_of_itself_ends_its_own_wait_alone() {
    for [comes, other] in [HALVES, [Half::Sink, Half::Stream]] {
        loom::model(move || {
            let fan = Fan::default();
            HALVES.into_iter().for_each(|half| fan.wait(half, Time::START));
            fan.come(comes);
            assert!(fan.away(comes).is_some() && fan.away(other).is_none());
        });
    }
}

/// What the mutants below have in common is sound.
#[test]
fn j6_the_small_fan_tells_what_the_real_one_does() {
    #[derive(Default)]
    struct Sound(Parts);

    impl Tells for Sound {
        fn parts(&self) -> &Parts {
            &self.0
        }
    }

    is_ended_by::<Sound>(&[Sound::wake_all]);
    is_ended_by::<Sound>(&[Sound::rouse, Sound::wake_all]);
    roused_between_two_polls::<Sound>();
    outlasts::<Sound>(&[Sound::rouse, Sound::call]);
}

/// Makes a mutant out of the small fan: one method is another.
macro_rules! mutant {
    ($name:ident, $method:item) => {
        #[derive(Default)]
        struct $name(Parts);

        impl Tells for $name {
            fn parts(&self) -> &Parts {
                &self.0
            }

            $method
        }
    };
}

mutant! { LooksNot, fn wait(&self, half: Half) {
    self.0.presence.of(half).begin_wait();
}}

// The look is to write, or neither side need see what the other has done.
mutant! { OnlyReads, fn wait(&self, half: Half) {
    let absence = self.0.presence.of(half);
    absence.begin_wait();
    if self.0.woken.load(Ordering::Acquire) & FROM_BELOW != 0 {
        absence.end_wait_at(Clock.now());
    }
}}

mutant! { LooksTooEarly, fn wait(&self, half: Half) {
    if self.0.woken.fetch_or(0, Ordering::AcqRel) & FROM_BELOW == 0 {
        self.0.presence.of(half).begin_wait();
    }
}}

mutant! { TakesOursForTheInners, fn wait(&self, half: Half) {
    let absence = self.0.presence.of(half);
    absence.begin_wait();
    if self.0.woken.fetch_or(0, Ordering::AcqRel) != 0 {
        absence.end_wait_at(Clock.now());
    }
}}

mutant! { EndsBeforeItMarks, fn wake_all(&self) {
    self.0.presence.end_waits();
    self.0.woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel);
}}

mutant! { EndsOnlyIfItIsTheFirst, fn wake_all(&self) {
    if self.0.woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel) == 0 {
        self.0.presence.end_waits();
    }
}}

mutant! { EndsTheReadersAlone, fn wake_all(&self) {
    self.0.woken.fetch_or(WOKEN | FROM_BELOW, Ordering::AcqRel);
    self.0.presence.end_wait(Half::Stream);
}}

mutant! { EndsWhenRoused, fn rouse(&self) {
    self.wake_all();
}}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wait_that_does_not_look_for_what_came_before_it_goes_on() {
    is_ended_by::<LooksNot>(&[LooksNot::wake_all]);
}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wait_that_only_reads_what_came_before_it_goes_on() {
    is_ended_by::<OnlyReads>(&[OnlyReads::wake_all]);
}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wait_that_looks_before_it_begins_goes_on() {
    is_ended_by::<LooksTooEarly>(&[LooksTooEarly::wake_all]);
}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wake_up_that_ends_the_wait_before_it_is_marked_is_overlooked() {
    is_ended_by::<EndsBeforeItMarks>(&[EndsBeforeItMarks::wake_all]);
}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wake_up_that_ends_no_wait_after_one_of_our_own_is_overlooked() {
    roused_between_two_polls::<EndsOnlyIfItIsTheFirst>();
}

#[test]
#[should_panic(expected = "woken, and said to wait")]
fn j6_a_wake_up_that_ends_only_the_readers_wait_leaves_the_writer_waiting() {
    is_ended_by::<EndsTheReadersAlone>(&[EndsTheReadersAlone::wake_all]);
}

#[test]
#[should_panic(expected = "not woken from below, and said not to wait")]
fn j6_a_wait_that_takes_our_wake_up_for_the_inners_ends() {
    outlasts::<TakesOursForTheInners>(&[TakesOursForTheInners::rouse]);
}

#[test]
#[should_panic(expected = "not woken from below, and said not to wait")]
fn j6_a_rouse_that_ends_waits_is_noticed() {
    outlasts::<EndsWhenRoused>(&[EndsWhenRoused::rouse]);
}
