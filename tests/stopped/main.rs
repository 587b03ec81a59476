//! A process that is stopped (SIGSTOP, a debugger, a frozen container) and continued: after the interrupted `epoll_wait`
//! tokio runs its timers without the sockets' events, so that a socket with the answer in it looks as if it had none.
//!
//! Each test starts its own program again, as a child with the connection to be kept or closed. The peer is here.

#![cfg(all(feature = "tungstenite", target_os = "linux"))]

mod child;
#[path = "../support/pair.rs"]
mod pair;
mod process;

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use child::{AFTER_QUEUED, CHILD, Flavour, Job, T, W, run};
use pair::millis;
use process::Process;

/// How long after T (or W) the process is continued.
const PAST: [u64; 4] = [50, 150, 250, 400];

/// In the parent: `scene` with processes that do `job`, all at the same time. In the child: the job.
fn stage(test: &'static str, job: Job, scene: fn(Process, Duration)) {
    if let Ok(orders) = std::env::var(CHILD) {
        return run(&orders);
    }
    thread::scope(|scope| {
        for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
            for past in PAST {
                let name = format!("{flavour:?}, {past} ms");
                scope.spawn(move || scene(Process::start(test, flavour, job, name), millis(past)));
            }
        }
    });
}

fn sleep_until(instant: Instant) {
    thread::sleep(instant.saturating_duration_since(Instant::now()));
}

/// Row 1: the process is stopped just after its ping left, and continued 50 to 400 ms past T = 2 s; the pong has been in
/// our kernel's buffer all along.
#[test]
fn j5_a_pong_in_the_kernel_of_a_stopped_process_is_in_time() {
    stage("j5_a_pong_in_the_kernel_of_a_stopped_process_is_in_time", Job::Reads, |mut process, past| {
        assert!(process.read().is_ping());
        let flushed = Instant::now();
        process.stop();
        process.answer();
        sleep_until(flushed + T + past);
        process.resume();
        process.pings_on(2);
        process.is_kept();
    });
}

#[test]
fn j5_a_dead_peer_of_a_stopped_process_is_closed_t_after_it_goes_on() {
    stage("j5_a_dead_peer_of_a_stopped_process_is_closed_t_after_it_goes_on", Job::Reads, |mut process, past| {
        assert!(process.read().is_ping());
        let flushed = Instant::now();
        process.stop();
        sleep_until(flushed + T + past);
        process.resume();
        is_closed(&process, "PongTimeout", T);
    });
}

/// Asserts that the process closes its connection when the rest of `limit` is over. At most a quarter of it is counted for
/// the stop; the lower bound leaves half of it for a machine that was slow to stop the process.
fn is_closed(process: &Process, cause: &str, limit: Duration) {
    let resumed = Instant::now();
    assert_eq!(process.says(), cause);
    let rest = resumed.elapsed();
    assert!(rest >= limit / 4, "{}: it had {rest:?} after the stop", process.name());
}

/// Row 2: the same while a ping is queued, and the peer drains.
#[test]
fn j5_a_peer_that_drains_while_the_process_is_stopped_is_in_time() {
    stage("j5_a_peer_that_drains_while_the_process_is_stopped_is_in_time", Job::Writes, |mut process, past| {
        let queued = is_queued(&process);
        process.stop();
        process.drain(queued + W + past);
        process.resume();
        assert!(process.read().is_binary());
        process.pings_on(2);
        process.is_kept();
    });
}

#[test]
fn j5_a_peer_that_does_not_drain_is_closed_w_after_the_process_goes_on() {
    stage("j5_a_peer_that_does_not_drain_is_closed_w_after_the_process_goes_on", Job::Writes, |process, past| {
        let queued = is_queued(&process);
        process.stop();
        sleep_until(queued + W + past);
        process.resume();
        is_closed(&process, "WriteStalled", W);
    });
}

/// When the ping was queued behind what the peer does not read.
fn is_queued(process: &Process) -> Instant {
    assert_eq!(process.says(), "queued");
    Instant::now() - AFTER_QUEUED
}
