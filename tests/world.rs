//! The contract in a simulated world: thousands of seeds, each a path, a peer and a program of its own.

#![cfg(feature = "tungstenite")]

#[path = "support/world/mod.rs"]
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use world::baselines::Baseline;
use world::kept::{self, Fate, Kept};
use world::oracle::Oracle;
use world::report::{Table, examine, inspect};
use world::timeline::tell;

const SEEDS: u64 = 3_000;
/// Timelines are long.
const TOLD: usize = 3;

/// All `seeds`, on all cores.
fn explore(seeds: &[u64], baselines: &[Baseline]) -> (Table, Vec<String>) {
    let (next, table, failures) = (AtomicU64::new(0), Mutex::new(Table::new(baselines)), Mutex::new(Vec::new()));
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let (finding, run) = examine(*seed, baselines);
            table.lock().unwrap().add(&finding);
            if !finding.broken.is_empty() {
                failures.lock().unwrap().push(format!("{}\n{}", finding.broken.join("\n"), tell(&run)));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    (table.into_inner().unwrap(), failures.into_inner().unwrap())
}

#[track_caller]
fn assert_all_well(seeds: &[u64]) {
    let (table, failures) = explore(seeds, &[]);
    println!("{}", table.render());
    let told = failures.iter().take(TOLD).fold(String::new(), |all, one| all + "\n" + one);
    assert!(failures.is_empty(), "{} of {} seeds failed\n{told}", failures.len(), seeds.len());
}

#[test]
fn every_promise_holds_in_every_world() {
    assert_all_well(&(0..SEEDS).collect::<Vec<_>>());
}

#[test]
fn worlds_that_went_wrong_once_go_well() {
    let mut wrong = String::new();
    for Kept { name, fate, scenario } in kept::all() {
        let (mut finding, run) = inspect(scenario);
        let verdict = Oracle::new(&run).verdict().map_or(Fate::Lives, |(_, cause)| Fate::Dies(cause));
        if verdict != fate {
            finding.broken.push(format!("{verdict:?}, and it {fate:?}"));
        }
        if !finding.broken.is_empty() {
            wrong += &format!("{name}: {}\n{}\n", finding.broken.join("\n"), tell(&run));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where a baseline comes out clean, the world is too kind.
#[test]
fn what_people_write_today_fails_here() {
    let (table, _) = explore(&(0..308).collect::<Vec<_>>(), &Baseline::ALL);
    println!("{}", table.render());
    for (at, baseline) in Baseline::ALL.into_iter().enumerate().take(4) {
        assert!(table.erred(at) > 0, "{} comes out clean\n{}", baseline.name(), table.render());
    }
}
