//! The knobs of a connection. A [`LiveConfig`] that exists is valid.

mod builder;
#[cfg(feature = "serde")]
mod form;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::liveness::Rules;

pub use builder::{ConfigError, LiveConfigBuilder};
pub(crate) use builder::{check_close_code, cut_close_reason};
#[cfg(feature = "serde")]
pub use form::LiveOverrides;

pub use crate::liveness::{Judging, PingWhen};

/// The close code of a verdict: 3008 "Timeout" in IANA's "WebSocket Close Code Number" registry.
pub const PONG_TIMEOUT_CLOSE_CODE: u16 = 3008;

/// A valid configuration; cloning it is cheap, and every connection made from a clone shares one allocation.
///
/// ```
/// use std::time::Duration;
/// use ws_liveness::LiveConfig;
///
/// let config = LiveConfig::builder().ping_interval(Duration::from_secs(30)).build()?;
/// assert_eq!(config.ping_interval(), Duration::from_secs(30));
/// # Ok::<(), ws_liveness::ConfigError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct LiveConfig(Arc<Rules>);

fn defaults() -> Rules {
    Rules {
        ping_interval: Duration::from_secs(20),
        jitter: 0.2,
        pong_timeout: Duration::from_secs(20),
        write_timeout: Duration::from_secs(30),
        close_timeout: Duration::from_secs(10),
        max_deferrals: 1,
        missed_pongs: 1,
        min_progress_rate: 1024,
        ping_when: PingWhen::Always,
        judging: Judging::FromStart,
        close_code: PONG_TIMEOUT_CLOSE_CODE,
        close_reason: None,
    }
}

/// The defaults stand at the setters of [`LiveConfigBuilder`]. All connections with them share one allocation.
impl Default for LiveConfig {
    fn default() -> Self {
        static SHARED: OnceLock<LiveConfig> = OnceLock::new();
        SHARED.get_or_init(|| Self(Arc::new(defaults()))).clone()
    }
}

/// The jitter of a configuration is never NaN.
impl Eq for LiveConfig {}

/// Shows every setting by its name, and an endless duration as `never`.
impl fmt::Debug for LiveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("LiveConfig", &self.0, f)
    }
}

fn debug(name: &str, rules: &Rules, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Taken apart, so that no setting is forgotten.
    let Rules {
        ping_interval,
        jitter,
        pong_timeout,
        write_timeout,
        close_timeout,
        max_deferrals,
        missed_pongs,
        min_progress_rate,
        ping_when,
        judging: _,
        close_code,
        close_reason,
    } = rules;
    f.debug_struct(name)
        .field("ping_interval", &Span(*ping_interval))
        .field("jitter", jitter)
        .field("pong_timeout", &Span(*pong_timeout))
        .field("write_timeout", &Span(*write_timeout))
        .field("close_timeout", &Span(*close_timeout))
        .field("max_deferrals", max_deferrals)
        .field("missed_pongs", missed_pongs)
        .field("min_progress_rate", min_progress_rate)
        .field("ping_when", ping_when)
        .field("judging", &rules.judging())
        .field("close_code", close_code)
        .field("close_reason", close_reason)
        .finish()
}

/// A duration for a person's eyes.
struct Span(Duration);

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX { f.write_str("never") } else { self.0.fmt(f) }
    }
}

impl LiveConfig {
    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.0
    }

    pub(crate) fn of(rules: &Arc<Rules>) -> Self {
        Self(rules.clone())
    }

    /// Starts from the defaults.
    pub fn builder() -> LiveConfigBuilder {
        LiveConfigBuilder(defaults())
    }

    /// Starts from this configuration, to override a few values for one channel.
    pub fn to_builder(&self) -> LiveConfigBuilder {
        LiveConfigBuilder((*self.0).clone())
    }

    /// I: a ping is queued at most this long after the one before.
    pub fn ping_interval(&self) -> Duration {
        self.0.ping_interval
    }

    /// The fraction by which an interval may be shortened.
    pub fn jitter(&self) -> f64 {
        self.0.jitter
    }

    /// T: from the flush of our ping to the moment its absence is judged.
    pub fn pong_timeout(&self) -> Duration {
        self.0.pong_timeout
    }

    /// W: how long our ping may wait to be flushed while the write side makes no progress.
    pub fn write_timeout(&self) -> Duration {
        self.0.write_timeout
    }

    /// C: the bound on a closing handshake.
    pub fn close_timeout(&self) -> Duration {
        self.0.close_timeout
    }

    /// N: how often an inbound frame may defer one pong deadline.
    pub fn max_deferrals(&self) -> u32 {
        self.0.max_deferrals
    }

    /// M: how many consecutive misses make a verdict.
    pub fn missed_pongs(&self) -> u32 {
        self.0.missed_pongs
    }

    /// In bytes per second: an incoming message that is slower is no sign of life, where a progress source is given.
    pub fn min_progress_rate(&self) -> u64 {
        self.0.min_progress_rate
    }

    /// When a ping falls due.
    pub fn ping_when(&self) -> PingWhen {
        self.0.ping_when
    }

    /// Whether a missing pong counts against the peer. Always [`Judging::Never`] if `pong_timeout` is `Duration::MAX`.
    pub fn judging(&self) -> Judging {
        self.0.judging()
    }

    /// The close code of a verdict.
    pub fn close_code(&self) -> u16 {
        self.0.close_code
    }

    /// The close reason of a verdict; `None`: by cause (`pong timeout`, `write stalled`, `ping failed`).
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }
}
