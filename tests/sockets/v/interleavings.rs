//! J, V2, K and promise 4 under arbitrary bytes, calls and times: no panic, no hang, no busy loop. `fuzz/` runs the same
//! with a fuzzer; here the bytes are random, and a failure names its seed.

use std::collections::HashSet;
use std::path::Path;

use ws_liveness::End;

mod bell;
mod body;
mod script;
mod subject;

use body::Outcome;
use subject::Form;

const SEEDS: u64 = 6_000;
const LONGEST: usize = 400;

fn run(name: &str, bytes: &[u8]) -> Outcome {
    std::panic::catch_unwind(|| body::run(bytes)).unwrap_or_else(|panic| {
        eprintln!("{name}: {bytes:?}");
        std::panic::resume_unwind(panic)
    })
}

fn random(seed: u64) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = rng.usize(..LONGEST);
    let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
    run(&format!("seed {seed}"), &bytes)
}

/// Every form of a connection comes to each of these ends.
fn reaches_all(outcomes: &HashSet<Outcome>) {
    let judged = [End::PongTimeout, End::WriteStalled, End::PingFailed, End::CloseTimeout];
    for end in judged.into_iter().chain([End::Closed, End::StreamError]) {
        for form in [Form::Whole, Form::Halves, Form::Task] {
            let reached = outcomes.iter().any(|outcome| outcome.form == form && outcome.end == Some(end));
            assert!(reached, "no run of {form:?} came to {end}: {outcomes:?}");
        }
    }
    for end in [End::Closed, End::CloseTimeout] {
        assert!(outcomes.iter().any(|outcome| outcome.closing && outcome.end == Some(end)), "close_with, {end}");
    }
}

#[test]
fn promise_4_any_bytes_and_any_order_of_calls_find_an_end() {
    reaches_all(&(0..SEEDS).map(random).collect());
}

/// The inputs that the fuzzer has found worth keeping, each for something that no other reaches: see `fuzz/kept`.
#[test]
fn promise_4_what_the_fuzzer_has_kept_finds_an_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/kept");
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    let outcomes = files.map(|file| run(&file.display().to_string(), &std::fs::read(&file).unwrap()));
    reaches_all(&outcomes.collect());
}
