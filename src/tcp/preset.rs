//! The options that go with a configuration.

use std::time::Duration;

use super::TcpOptions;
use super::options::{MAX_MILLIS, MAX_RETRIES, MAX_SECS};
use super::platform::HAS_USER_TIMEOUT;
use crate::config::{Judging, LiveConfig, PingWhen};

impl TcpOptions {
    /// Returns the options that go with this configuration: a backstop that is never faster than our own timeouts, so
    /// that the error is ours and names the cause.
    ///
    /// - `nodelay`, so that no ping waits for the acknowledgement of earlier data.
    /// - `user_timeout` of I + M (2 W + (N + 1) T), 120 s by default; with [`PingWhen::Idle`] of 2 I + ... This is the
    ///   longest that a verdict on a silent peer takes: a ping is due within I, leaves within 2 W of the last byte
    ///   that moved, and is judged (N + 1) T later, M times. What our own process sleeps through comes
    ///   on top and may let TCP be first. Left out on a platform without it, and where a silent peer may never be
    ///   judged ([`Judging`](crate::Judging) other than `FromStart`, anything of `Duration::MAX`): it would cut peers
    ///   that we let live.
    /// - `keepalive` after I, or after T where that is longer, then I/4 apart, all in whole seconds, rounded up: where
    ///   nobody polls the socket no ping leaves, and the path is kept open all the same. Not before T: the kernel of a
    ///   hung peer answers, and T would run from there. `keepalive_retries` reach as far as `user_timeout`, 127 at
    ///   most. Left out where the time is longer than keepalive can be.
    pub fn for_liveness(config: &LiveConfig) -> Self {
        let bound = longest_silence(config);
        let mut options = Self::new().nodelay(true);
        if let Some(bound) = bound.filter(|_| HAS_USER_TIMEOUT) {
            options = options.user_timeout(bound);
        }
        let time = whole_secs(idleness(config));
        if time > MAX_SECS {
            return options;
        }
        let apart = whole_secs(config.ping_interval()).div_ceil(4);
        options = options.keepalive(Duration::from_secs(time)).keepalive_interval(Duration::from_secs(apart));
        match bound {
            Some(bound) => options.keepalive_retries(retries(whole_secs(bound).saturating_sub(time), apart)),
            None => options,
        }
    }
}

fn idleness(config: &LiveConfig) -> Duration {
    let (interval, timeout) = (config.ping_interval(), config.pong_timeout());
    if config.judging() == Judging::Never { interval } else { interval.max(timeout) }
}

/// In whole milliseconds, rounded up. None: there is no end to it, or none that TCP can wait for.
fn longest_silence(config: &LiveConfig) -> Option<Duration> {
    if config.judging() != Judging::FromStart {
        return None;
    }
    let due = match config.ping_when() {
        PingWhen::Always => config.ping_interval(),
        PingWhen::Idle => config.ping_interval().checked_mul(2)?,
    };
    let written = config.write_timeout().checked_mul(2)?;
    let judged = config.pong_timeout().checked_mul(config.max_deferrals().checked_add(1)?)?;
    let all = due.checked_add(written.checked_add(judged)?.checked_mul(config.missed_pongs())?)?;
    let millis = all.as_nanos().div_ceil(1_000_000);
    if millis > MAX_MILLIS { None } else { Some(Duration::from_millis(u64::try_from(millis).ok()?)) }
}

fn whole_secs(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

/// Enough for `reach`.
fn retries(reach: u64, apart: u64) -> u32 {
    u32::try_from(reach.div_ceil(apart)).unwrap_or(MAX_RETRIES).clamp(1, MAX_RETRIES)
}
