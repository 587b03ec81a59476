//! The configuration of a connection. A [`LiveConfig`] that exists is valid.

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

/// The close code that a dead peer is sent: 3008, "Timeout" in IANA's "WebSocket Close Code Number" registry.
pub const PONG_TIMEOUT_CLOSE_CODE: u16 = 3008;

/// A valid configuration of a connection: intervals, timeouts, and what to do about a missing pong.
///
/// Cloning it is cheap, and every connection made from a clone shares one allocation.
///
/// ```
/// use std::time::Duration;
/// use ws_liveness::LiveConfig;
///
/// let config = LiveConfig::builder()
///     .ping_interval(Duration::from_secs(30))
///     .pong_timeout(Duration::from_secs(10))
///     .build()?;
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
        max_pong_backlog: 1 << 20,
        ping_when: PingWhen::Always,
        judging: Judging::FromStart,
        close_code: PONG_TIMEOUT_CLOSE_CODE,
        close_reason: None,
    }
}

/// The setters of [`LiveConfigBuilder`] list the defaults. All connections with the defaults share one allocation.
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
        max_pong_backlog,
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
        .field("max_pong_backlog", max_pong_backlog)
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

    /// Returns a builder that starts from the defaults.
    pub fn builder() -> LiveConfigBuilder {
        LiveConfigBuilder(defaults())
    }

    /// Returns a builder that starts from this configuration, to override a few values for one channel.
    pub fn to_builder(&self) -> LiveConfigBuilder {
        LiveConfigBuilder((*self.0).clone())
    }

    /// The longest time between two pings (I).
    pub fn ping_interval(&self) -> Duration {
        self.0.ping_interval
    }

    /// The fraction by which an interval may be shortened at random.
    pub fn jitter(&self) -> f64 {
        self.0.jitter
    }

    /// How long an answer may take, once our ping is flushed (T).
    pub fn pong_timeout(&self) -> Duration {
        self.0.pong_timeout
    }

    /// How long our ping may wait to be flushed while no bytes move (W).
    pub fn write_timeout(&self) -> Duration {
        self.0.write_timeout
    }

    /// How long a closing handshake may take (C).
    pub fn close_timeout(&self) -> Duration {
        self.0.close_timeout
    }

    /// How often inbound frames may extend one `pong_timeout` (N).
    pub fn max_deferrals(&self) -> u32 {
        self.0.max_deferrals
    }

    /// How many unanswered pings in a row end the connection (M).
    pub fn missed_pongs(&self) -> u32 {
        self.0.missed_pongs
    }

    /// The rate in bytes per second below which an incoming message is no sign of life, if there is a progress source.
    pub fn min_progress_rate(&self) -> u64 {
        self.0.min_progress_rate
    }

    /// How many bytes of answers to the peer's pings may wait to be sent.
    pub fn max_pong_backlog(&self) -> u32 {
        self.0.max_pong_backlog
    }

    /// Whether pings are left out while the peer talks.
    pub fn ping_when(&self) -> PingWhen {
        self.0.ping_when
    }

    /// Whether a missing pong counts against the peer. Always [`Judging::Never`] if `pong_timeout` is `Duration::MAX`.
    pub fn judging(&self) -> Judging {
        self.0.judging()
    }

    /// The close code that a dead peer is sent.
    pub fn close_code(&self) -> u16 {
        self.0.close_code
    }

    /// The close reason that a dead peer is sent. `None` means by cause: `pong timeout`, `write stalled`,
    /// `ping failed` or `ping flood`.
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }
}
