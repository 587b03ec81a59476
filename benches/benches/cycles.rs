//! Instructions per ping cycle, counted by callgrind: timer, ping out, pong in, timer armed again. The inner answers at
//! once, and the interval is so short that the count takes four seconds.
//! `cargo bench -p ws-liveness-benches --bench cycles` (needs valgrind, and gungraun-runner of gungraun's version)

#![allow(missing_docs, reason = "the macros make public items")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use ws_liveness::{LiveConfig, LiveExt};
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::baselines::split::Halves;
use ws_liveness_benches::counted::CYCLES;
use ws_liveness_benches::memory::Echo;

const INTERVAL: Duration = Duration::from_millis(20);

fn set() -> (Runtime, Echo) {
    (Builder::new_current_thread().enable_time().build().expect("a runtime"), Echo::new(CYCLES))
}

// What all of them have in common: the runtime waits, and the timer fires.
#[library_benchmark]
#[bench::cycles(set())]
fn timer_alone((runtime, _): (Runtime, Echo)) -> Runtime {
    runtime.block_on(async {
        let mut due = Instant::now();
        let mut sleep = Box::pin(sleep_until(due));
        for _ in 0..CYCLES {
            due += INTERVAL;
            sleep.as_mut().reset(due);
            sleep.as_mut().await;
        }
    });
    runtime
}

#[library_benchmark]
#[bench::cycles(set())]
fn floor((runtime, mut ws): (Runtime, Echo)) -> Runtime {
    runtime.block_on(async {
        let mut due = Instant::now();
        let mut sleep = Box::pin(sleep_until(due));
        loop {
            due += INTERVAL;
            sleep.as_mut().reset(due);
            sleep.as_mut().await;
            let _ = ws.send(Message::Ping(Bytes::from_static(b"12345678"))).await;
            if ws.next().await.is_none() {
                break;
            }
        }
    });
    runtime
}

#[library_benchmark]
#[bench::cycles(set())]
fn live((runtime, ws): (Runtime, Echo)) -> Runtime {
    runtime.block_on(async {
        let config = LiveConfig::builder().ping_interval(INTERVAL).jitter(0.0).build().expect("valid");
        let mut ws = ws.live(config);
        while ws.next().await.is_some() {}
    });
    runtime
}

#[library_benchmark]
#[bench::cycles(set())]
fn select((runtime, ws): (Runtime, Echo)) -> Runtime {
    runtime.block_on(async {
        let mut ws = Selected::new(ws, INTERVAL, INTERVAL);
        while ws.next().await.is_some() {}
    });
    runtime
}

#[library_benchmark]
#[bench::cycles(set())]
fn split((runtime, ws): (Runtime, Echo)) -> Runtime {
    runtime.block_on(async {
        let mut ws = Halves::new(ws, INTERVAL, INTERVAL);
        while ws.next().await.is_some() {}
    });
    runtime
}

library_benchmark_group!(name = cycles, benchmarks = [timer_alone, floor, select, live, split]);
main!(library_benchmark_groups = cycles);
