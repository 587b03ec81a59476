//! The machine, explored exhaustively: every order of inputs that a driver can give, with times of a few ticks.

// How long a search takes is no time of a connection's.
#![allow(clippy::disallowed_types)]

mod canon;
mod count;
mod ledger;
mod search;
mod subject;
mod table;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::stopwatch::TICK;
use super::{Judging, PingWhen, Rules};
use search::{Found, search};
use subject::Fault;
use world::{Way, World};

/// How much more attention than T, W or C a silence may get before it is over: half a look's distance for each look, and
/// the three that may be late.
const SLACK: u8 = 8;

/// A configuration, and which of the things that may happen do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Setup {
    name: &'static str,
    i: u8,
    t: u8,
    w: u8,
    c: u8,
    n: u32,
    m: u32,
    judging: Judging,
    idle: bool,
    /// The peer says nothing at all.
    silent: bool,
    /// Closes, errors, ends, readers without room.
    ends: bool,
    /// What the write side may say.
    ways: &'static [Way],
    /// Stops of the process that are longer than any timeout.
    stops: bool,
    /// Probes.
    probes: bool,
    /// Pings of the peer's.
    pings: bool,
    /// Polls that panic, and polls without cooperative budget.
    odd: bool,
    progress: bool,
    /// The facts of an account are checked; more states, since they differ by times that matter to nothing else.
    facts: bool,
    /// How often in one silence the timer may be late, or somebody not come.
    strain: u8,
    depth: usize,
}

/// A peer that may talk, with two misses to a verdict and a write side that is always open.
const PLAIN: Setup = Setup {
    name: "plain",
    i: 5,
    t: 4,
    w: 4,
    c: 4,
    n: 1,
    m: 2,
    judging: Judging::FromStart,
    idle: false,
    silent: false,
    ends: false,
    ways: &[Way::Through],
    stops: false,
    probes: false,
    pings: false,
    odd: false,
    progress: false,
    facts: false,
    strain: 1,
    depth: usize::MAX,
};

const SETUPS: [Setup; 18] = [
    PLAIN,
    Setup { name: "late", n: 0, m: 1, strain: 2, stops: true, ..PLAIN },
    Setup { name: "late, dead", n: 0, m: 2, strain: 5, stops: true, silent: true, ..PLAIN },
    Setup { name: "write", judging: Judging::Never, ways: &ALL_WAYS, silent: true, ..PLAIN },
    Setup {
        name: "late write",
        judging: Judging::Never,
        ways: &[Way::Shut],
        strain: 5,
        stops: true,
        silent: true,
        ..PLAIN
    },
    Setup { name: "both", n: 0, m: 1, ways: &[Way::Shut, Way::Through], strain: 0, ..PLAIN },
    Setup { name: "both, dead", n: 0, ways: &[Way::Shut, Way::Through], silent: true, ..PLAIN },
    Setup { name: "first pong", judging: Judging::AfterFirstPong, idle: true, m: 1, ..PLAIN },
    Setup { name: "idle", idle: true, n: 2, m: 1, ..PLAIN },
    Setup { name: "ends", n: 0, m: 1, ends: true, ways: &[Way::Through, Way::Shut, Way::Refused], strain: 0, ..PLAIN },
    Setup { name: "late ends", n: 0, m: 1, ends: true, silent: true, ..PLAIN },
    Setup { name: "odd", n: 0, m: 1, odd: true, ..PLAIN },
    Setup { name: "probes", n: 0, m: 1, probes: true, ..PLAIN },
    Setup { name: "dense", i: 2, n: 0, ..PLAIN },
    Setup { name: "equal", i: 4, t: 8, n: 0, progress: true, m: 1, ..PLAIN },
    Setup { name: "facts", facts: true, m: 1, ..PLAIN },
    Setup {
        name: "pings",
        n: 0,
        m: 1,
        pings: true,
        silent: true,
        ways: &[Way::Through, Way::Shut, Way::Refused],
        strain: 0,
        ..PLAIN
    },
    Setup {
        name: "pings, ends",
        judging: Judging::Never,
        pings: true,
        silent: true,
        ends: true,
        ways: &[Way::Through, Way::Shut],
        strain: 0,
        ..PLAIN
    },
];

const ALL_WAYS: [Way; 5] = [Way::Shut, Way::Taken, Way::Through, Way::Cramped, Way::Refused];

impl Setup {
    fn rules(&self) -> Rules {
        let ticks = |count: u8| TICK * u32::from(count);
        Rules {
            ping_interval: ticks(self.i),
            jitter: 0.0,
            pong_timeout: ticks(self.t),
            write_timeout: ticks(self.w),
            close_timeout: ticks(self.c),
            max_deferrals: self.n,
            missed_pongs: self.m,
            min_progress_rate: 1,
            max_pong_backlog: 300,
            ping_when: if self.idle { PingWhen::Idle } else { PingWhen::Always },
            judging: self.judging,
            close_code: 3008,
            close_reason: None,
        }
    }
}

fn explore(setup: Setup) -> Found {
    let started = Instant::now();
    let found = search(&World::new(setup, None, None), setup.depth);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:>12}: {} states, {} edges, depth {}, complete: {}, {seconds:.1} s",
        setup.name, found.states, found.edges, found.depth, found.complete
    );
    found
}

/// What happens on the way to a fault, for whoever has to find its cause.
fn trace(setup: Setup, way: &[world::Action]) -> String {
    let mut world = World::new(setup, None, None);
    let mut text = String::new();
    for (at, action) in way.iter().enumerate() {
        let kept = world.take(*action);
        if at + 4 > way.len() {
            text += &format!("{action:?} {kept:?}\n    {world}\n");
        }
    }
    text
}

#[test]
fn every_promise_holds_whatever_happens() {
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sum = (0, 0);
        while let Some(setup) = SETUPS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = explore(*setup);
            if let Some((broken, way)) = found.fault {
                panic!("{}: {broken:?}: {way:?}\n{}", setup.name, trace(*setup, &way));
            }
            assert!(found.complete, "{}: states are left", setup.name);
            sum = (sum.0 + found.states, sum.1 + found.edges);
        }
        sum
    };
    let sums = std::thread::scope(|scope| [scope.spawn(work), scope.spawn(work)].map(|worker| worker.join().ok()));
    let [Some(one), Some(other)] = sums else { panic!("a promise does not hold") };
    let seconds = started.elapsed().as_secs_f64();
    println!("{} states, {} edges, {seconds:.1} s", one.0 + other.0, one.1 + other.1);
}

#[test]
fn every_fault_is_found() {
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    let work = || {
        while let Some(fault) = Fault::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let setup = SETUPS.iter().find(|setup| setup.name == fault.found_in()).expect("there is one of that name");
            let found = search(&World::new(*setup, Some(*fault), None), setup.depth);
            match found.fault {
                Some((broken, way)) => println!("{fault:?}: {} steps: {}", way.len(), broken.0),
                None => missed.lock().expect("no worker fails").push(*fault),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    assert_eq!(missed.into_inner().expect("no worker has failed"), [], "these are not found");
}

/// The table of all transitions beside the diagram in `phase.rs`; `UPDATE_SNAPSHOT=1` writes it anew.
#[test]
fn the_table_of_transitions_is_up_to_date() {
    let table = table::Table::default();
    for setup in SETUPS.iter().filter(|setup| ["plain", "both", "ends", "write", "pings, ends"].contains(&setup.name)) {
        search(&World::new(Setup { strain: 0, ..*setup }, None, Some(table.clone())), setup.depth);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/liveness/transitions.txt");
    let text = table.print();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(path, &text).expect("the file can be written");
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, known, "the transitions have changed: look at them, and run with UPDATE_SNAPSHOT=1");
}
