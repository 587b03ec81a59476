//! Silence counts only while somebody would notice its end: each test is a case in which a clock that counted time
//! instead closed a live peer, or kept a dead one. In each case the peer that is really dead is still closed.

mod crowds;
mod pauses;
mod pings;
mod writing;
mod yields;

use std::time::Duration;

use crate::scripted::{Live, Peer, reads_to_death};
use tokio::task::JoinHandle;
use ws_liveness::End;

const fn micros(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

/// Reads on a task of its own, which is always in `next`; when the verdict falls, and on what.
fn reader(peer: &Peer, ws: Live) -> JoinHandle<(Duration, End)> {
    let peer = peer.clone();
    tokio::spawn(async move { reads_to_death(&peer, ws).await })
}
