//! O2: a probe that a monitor asks for leaves, at whatever moment it asks, and also if the sink has no room for it yet.

use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Waker;

use futures_util::task::{ArcWake, waker, waker_ref};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Mutex, MutexGuard};
use loom::thread;

use crate::liveness::Time;
use crate::wake::{AtomicWaker, Fan, Half};
use crate::world::{Bell, check};

/// Here a second time: the board of `src/monitor` has the standard library's lock, of which loom knows nothing.
#[allow(dead_code, clippy::duplicate_mod, reason = "not all of it is used here")]
#[path = "../../src/monitor/probe.rs"]
mod probe;

use probe::Probe;

/// How a poll learns of a call, and how a monitor makes one.
trait Dance: Send + Sync + 'static {
    /// As `Pilot::wants_probe`.
    fn wants_probe(shared: &Shared) -> bool {
        if !shared.fan.take_call() {
            return false;
        }
        let wanted = shared.board().is_wanted();
        if wanted {
            shared.fan.keep_call();
        }
        wanted
    }

    /// As `Monitor::ask`.
    fn ask(shared: &Shared) -> u32 {
        let ticket = shared.board().ask();
        shared.fan.call();
        ticket
    }
}

struct Right;

impl Dance for Right {}

/// As the one of `src/monitor`.
#[derive(Default)]
struct Shared {
    fan: Fan,
    board: Mutex<Probe>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Probe> {
        self.board.lock().unwrap()
    }
}

impl ArcWake for Shared {
    fn wake_by_ref(shared: &Arc<Self>) {
        shared.fan.wake_all();
    }
}

/// A connection in small: its sink has room or has not, and its peer answers at once.
struct Line<D> {
    shared: Arc<Shared>,
    room: AtomicBool,
    sink: AtomicWaker,
    turn: Mutex<Turn>,
    dance: PhantomData<D>,
}

#[derive(Default)]
struct Turn {
    /// As `Core::quiet`.
    quiet: bool,
    pings: u32,
}

impl<D: Dance> Line<D> {
    fn new(room: bool) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::default(),
            room: AtomicBool::new(room),
            sink: AtomicWaker::default(),
            turn: Mutex::default(),
            dance: PhantomData,
        })
    }

    /// What the reactor does.
    fn has_room(&self) {
        self.room.store(true, Ordering::Release);
        self.sink.wake();
    }

    /// As `LiveStream::is_busy`, where no timer fires.
    fn is_busy(&self, turn: &Turn) -> bool {
        let fan = &self.shared.fan;
        !turn.quiet
            || fan.is_woken() && {
                fan.begin();
                fan.is_called()
            }
    }

    /// One poll of the stream half, which never finds anything to read.
    fn poll(&self, waker: &Waker) {
        let mut turn = self.turn.lock().unwrap();
        if self.is_busy(&turn) {
            self.shared.fan.begin();
            turn.quiet = false;
            while D::wants_probe(&self.shared) && self.poll_ready() {
                self.hand(&mut turn);
            }
            turn.quiet = !self.shared.fan.is_called();
        }
        self.shared.fan.park(Half::Stream, waker);
    }

    fn poll_ready(&self) -> bool {
        self.sink.register(&waker_ref(&self.shared));
        self.room.load(Ordering::Acquire)
    }

    /// As `Pilot::handed`, then `Pilot::answer`.
    fn hand(&self, turn: &mut Turn) {
        self.shared.fan.take_call();
        turn.pings += 1;
        self.shared.board().handle_handed(turn.pings, Time::START);
        assert!(self.shared.board().handle_answer(turn.pings, Time::START).is_some());
    }
}

/// Polls for as long as it is woken.
fn run<D: Dance>(line: &Line<D>, bell: &Arc<Bell>) {
    while bell.take() {
        line.poll(&waker(bell.clone()));
    }
}

/// So many monitors ask, each on a thread of its own, while a task polls; a sink that has no room first gets it meanwhile.
fn asked_while_it_polls<D: Dance>(monitors: usize, room: bool) {
    let (line, bell) = (Line::<D>::new(room), Bell::rung());
    let ask = |_| {
        let shared = line.shared.clone();
        thread::spawn(move || D::ask(&shared))
    };
    let asking: Vec<_> = (0..monitors).map(ask).collect();
    let polling = thread::spawn({
        let (line, bell) = (line.clone(), bell.clone());
        move || run(&line, &bell)
    });
    if !room {
        line.has_room();
    }
    let tickets: Vec<_> = asking.into_iter().map(|thread| thread.join().unwrap()).collect();
    polling.join().unwrap();
    run(&line, &bell);
    let board = line.shared.board();
    assert!(tickets.into_iter().all(|ticket| board.result(ticket).is_some()), "a call was lost");
}

#[test]
fn o2_a_call_is_not_lost_whatever_the_poll_is_at() {
    check(3, || asked_while_it_polls::<Right>(1, true));
}

#[test]
fn o2_a_call_is_kept_until_the_sink_has_room() {
    check(3, || asked_while_it_polls::<Right>(1, false));
}

#[test]
fn o2_none_of_two_calls_is_lost() {
    check(2, || asked_while_it_polls::<Right>(2, true));
    check(2, || asked_while_it_polls::<Right>(2, false));
}

/// Takes a call, and does not keep it for a sink that has no room.
struct Forgets;

impl Dance for Forgets {
    fn wants_probe(shared: &Shared) -> bool {
        shared.fan.take_call() && shared.board().is_wanted()
    }
}

/// Looks at the board before it takes the call.
struct LooksFirst;

impl Dance for LooksFirst {
    fn wants_probe(shared: &Shared) -> bool {
        let wanted = shared.board().is_wanted();
        let called = shared.fan.take_call();
        if wanted {
            shared.fan.keep_call();
        }
        called && wanted
    }
}

/// Calls before there is anything on the board.
struct CallsFirst;

impl Dance for CallsFirst {
    fn ask(shared: &Shared) -> u32 {
        shared.fan.call();
        shared.board().ask()
    }
}

#[test]
#[should_panic(expected = "a call was lost")]
fn o2_a_call_that_is_not_kept_is_lost_if_the_sink_has_no_room() {
    check(3, || asked_while_it_polls::<Forgets>(1, false));
}

#[test]
#[should_panic(expected = "a call was lost")]
fn o2_a_call_that_is_taken_after_the_look_is_lost() {
    check(3, || asked_while_it_polls::<LooksFirst>(1, true));
}

#[test]
#[should_panic(expected = "a call was lost")]
fn o2_a_call_that_comes_before_the_wish_is_lost() {
    check(3, || asked_while_it_polls::<CallsFirst>(1, true));
}
