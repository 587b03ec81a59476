//! What a run draws: times, configurations, who looks.

use std::time::Duration;

use super::{PingWhen, View};
use crate::config::LiveConfig;

/// From a nanosecond to minutes, and now and then for ever.
pub(super) fn span(rng: &mut fastrand::Rng) -> Duration {
    match rng.u32(..10) {
        0 => Duration::from_nanos(rng.u64(1..4)),
        1 => Duration::MAX,
        2 => Duration::from_nanos(rng.u64(1..1_000_000)),
        _ => Duration::from_nanos(rng.u64(1..100_000_000_000)),
    }
}

pub(super) fn config(rng: &mut fastrand::Rng) -> LiveConfig {
    let jitters = [0.0, 0.2, 0.9];
    LiveConfig::builder()
        .ping_interval(span(rng))
        .jitter(jitters[rng.usize(..jitters.len())])
        .pong_timeout(span(rng))
        .write_timeout(span(rng))
        .close_timeout(span(rng))
        .max_deferrals(rng.u32(..4))
        .missed_pongs(rng.u32(1..4))
        .ping_when(if rng.bool() { PingWhen::Always } else { PingWhen::Idle })
        .judge_after_first_pong(rng.u32(..6) == 0)
        .keep_alive_only(rng.u32(..12) == 0)
        .build()
        .unwrap()
}

pub(super) fn view(rng: &mut fastrand::Rng) -> View {
    let backlogged = rng.u32(..4) == 0;
    match rng.u32(..6) {
        0 => View::Item { backlogged },
        1 => View::Sink { reader: rng.bool() },
        _ => View::Drained { backlogged },
    }
}
