//! A world in which a seed decides how a name, its addresses, TLS and the upgrade behave, and an oracle that knows what has to
//! come of it: when, over which address, and that nothing is left.

mod dice;
mod faults;
mod net;
mod oracle;
mod run;
mod scenario;
mod server;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use faults::Fault;
use scenario::Scenario;

/// `DIAL_SEEDS=100000 cargo test --release --all-features --lib connect::world` tries more.
const SEEDS: u64 = 3_000;
/// Scenarios are long.
const TOLD: usize = 3;

fn permits() -> &'static Semaphore {
    Box::leak(Box::new(Semaphore::new(net::PLACES)))
}

/// The seeds that fail, and why; at most so many.
fn search(seeds: u64, most: usize, fault: Option<Fault>) -> Vec<String> {
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        let mut places = permits();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || failed.lock().unwrap().len() >= most {
                return;
            }
            let scenario = Scenario::of(seed);
            let wrong = run::run(&scenario, fault, places);
            if !wrong.is_empty() {
                failed.lock().unwrap().push(format!("seed {seed}: {}\n{scenario:?}", wrong.join("\n")));
                places = permits();
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    failed.into_inner().unwrap()
}

#[test]
fn d2_d3_d4_every_seed_ends_as_it_must_and_leaves_nothing() {
    let seeds = std::env::var("DIAL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"));
    let failed = search(seeds, TOLD, None);
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_fault_is_found() {
    let missed: Vec<_> = Fault::ALL.into_iter().filter(|fault| search(SEEDS, 1, Some(*fault)).is_empty()).collect();
    assert!(missed.is_empty(), "these are not found: {missed:?}");
}

/// So that the test above cannot pass in a world where nothing happens.
#[test]
fn every_outcome_has_to_come_of_many_seeds() {
    use super::ConnectPhase::*;
    use oracle::Outcome::{self, *};

    let only: Vec<Outcome> = (0..SEEDS)
        .filter_map(|seed| match &oracle::expected(&Scenario::of(seed))[..] {
            [only] => Some(only.outcome),
            _ => None,
        })
        .collect();
    let connected = only.iter().filter(|outcome| matches!(outcome, Connected(_))).count();
    assert!(connected > 300, "{connected} connect");
    let rest = [Resolve, Tcp, Tls, Upgrade].into_iter().flat_map(|phase| [Failed(phase), TimedOut(phase)]);
    for outcome in rest.chain([Dropped]) {
        let seeds = only.iter().filter(|only| **only == outcome).count();
        assert!(seeds >= 10, "{outcome:?} comes of {seeds} seeds");
    }
}
