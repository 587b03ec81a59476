//! J, V2, K and promise 4 under arbitrary bytes, calls and times: no panic, no hang, no busy loop. `fuzz/` runs the same
//! with a fuzzer; here the bytes are random, and a failure names its seed.

use std::collections::HashMap;

use ws_liveness::End;

mod bell;
mod body;
mod script;

const SEEDS: u64 = 6_000;
const LONGEST: usize = 400;

fn run(seed: u64) -> Option<End> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = rng.usize(..LONGEST);
    let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
    std::panic::catch_unwind(|| body::run(&bytes)).unwrap_or_else(|panic| {
        eprintln!("seed {seed}: {bytes:?}");
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn promise_4_any_bytes_and_any_order_of_calls_find_an_end() {
    let mut ends = HashMap::new();
    for seed in 0..SEEDS {
        *ends.entry(run(seed)).or_insert(0) += 1;
    }
    let judged = [End::PongTimeout, End::WriteStalled, End::PingFailed, End::CloseTimeout];
    for end in judged.into_iter().chain([End::Closed, End::StreamError]) {
        assert!(ends.contains_key(&Some(end)), "no run came to {end}: {ends:?}");
    }
}
