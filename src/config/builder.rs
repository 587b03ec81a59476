//! The setters, and the checks that every configuration has passed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Judging, LiveConfig, PingWhen};
use crate::liveness::Rules;

/// RFC 6455 section 5.5: a control frame carries at most 125 bytes, two of them the close code.
const MAX_CLOSE_REASON: usize = 123;

/// Room for a few pings with 125 bytes each, so that no peer is closed for one.
const MIN_PONG_BACKLOG: u32 = 1024;

/// Builds a [`LiveConfig`]; [`build`](Self::build) checks the values. `Duration::MAX` means "never" everywhere.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LiveConfigBuilder(pub(super) Rules);

/// The same as [`LiveConfig::builder`].
impl Default for LiveConfigBuilder {
    fn default() -> Self {
        LiveConfig::builder()
    }
}

/// Shows the values so far, as a [`LiveConfig`] shows them.
impl fmt::Debug for LiveConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug("LiveConfigBuilder", &self.0, f)
    }
}

impl LiveConfigBuilder {
    /// Sets the longest time between two pings (I). More than zero. Default is 20 s.
    ///
    /// Choose less than the shortest idle limit on the path. If `pong_timeout` is longer, further pings leave while
    /// one is unanswered.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.0.ping_interval = interval;
        self
    }

    /// Sets the fraction by which each interval may be shortened at random, from 0.0 to less than 1.0. Default is 0.2.
    ///
    /// It keeps the pings of many connections from leaving in step. With 0.0 all intervals are exactly `ping_interval`,
    /// including the first; otherwise the first ping leaves after a random part of `ping_interval`.
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.0.jitter = fraction;
        self
    }

    /// Sets how long an answer may take, once our ping is flushed (T). More than zero. Default is 20 s.
    ///
    /// It counts only time in which the reader waits. It must cover the time that one incoming frame takes to arrive,
    /// unless there is a progress source. With `Duration::MAX` a missing answer never counts, as with
    /// [`Judging::Never`].
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.0.pong_timeout = timeout;
        self
    }

    /// Sets how long our ping may wait to be flushed while no bytes move (W). More than zero. Default is 30 s.
    ///
    /// It must cover the time that everything the socket buffers, and one message more, takes to be written. A ping
    /// that waits longer than half of it holds back the user's own writes.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.0.write_timeout = timeout;
        self
    }

    /// Sets how long a closing handshake may take, whichever side began it (C). More than zero. Default is 10 s.
    ///
    /// The Close that a dead peer is sent takes at most this time, and at most 1 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.0.close_timeout = timeout;
        self
    }

    /// Sets how often inbound frames may extend one `pong_timeout` (N). Default is 1.
    ///
    /// 0 means that only a pong counts.
    pub fn max_deferrals(mut self, deferrals: u32) -> Self {
        self.0.max_deferrals = deferrals;
        self
    }

    /// Sets how many unanswered pings in a row end the connection (M). At least 1. Default is 1.
    pub fn missed_pongs(mut self, misses: u32) -> Self {
        self.0.missed_pongs = misses;
        self
    }

    /// Sets the rate, in bytes per second, from which an incomplete incoming message is a sign of life. Default is
    /// 1024.
    ///
    /// 0 means that any byte is a sign of life. Has no effect without a progress source
    /// ([`LiveStream::with_progress`](crate::LiveStream::with_progress)).
    pub fn min_progress_rate(mut self, bytes_per_second: u64) -> Self {
        self.0.min_progress_rate = bytes_per_second;
        self
    }

    /// Sets how many bytes of answers to the peer's pings may wait to be sent. At least 1024. Default is 1 MiB.
    ///
    /// The socket answers each ping and keeps the answer until the peer reads. A peer that goes on sending pings and does not
    /// read would fill memory without end, so beyond this many bytes the connection ends with
    /// [`Cause::PingFlood`](crate::Cause::PingFlood). Each answer counts as its payload and 128 bytes, and the count is empty
    /// again whenever everything was sent. So with the default, a peer that pings once a second is safe through a transfer
    /// that takes two hours. `u32::MAX` means no bound.
    pub fn max_pong_backlog(mut self, bytes: u32) -> Self {
        self.0.max_pong_backlog = bytes;
        self
    }

    /// Sets whether pings are left out while the peer talks. Default is [`PingWhen::Always`]: they are not.
    pub fn ping_when(mut self, when: PingWhen) -> Self {
        self.0.ping_when = when;
        self
    }

    /// Sets whether a missing pong counts against the peer. Default is [`Judging::FromStart`].
    ///
    /// A ping that cannot be sent ends the connection in any case. Has no effect if `pong_timeout` is `Duration::MAX`,
    /// which means [`Judging::Never`].
    pub fn judging(mut self, judging: Judging) -> Self {
        self.0.judging = judging;
        self
    }

    /// Sets the close code that a dead peer is sent: 1000-1003, 1007-1013 or 3000-4999. Default is 3008,
    /// [`PONG_TIMEOUT_CLOSE_CODE`](crate::PONG_TIMEOUT_CLOSE_CODE).
    pub fn close_code(mut self, code: u16) -> Self {
        self.0.close_code = code;
        self
    }

    /// Sets the close reason that a dead peer is sent. Default is by cause: `pong timeout`, `write stalled`,
    /// `ping failed` or `ping flood`.
    ///
    /// More than 123 bytes are cut on a character boundary (RFC 6455 section 5.5).
    pub fn close_reason(mut self, reason: impl AsRef<str>) -> Self {
        self.0.close_reason = Some(cut_close_reason(reason.as_ref()).into());
        self
    }

    /// Checks every value and returns the configuration.
    ///
    /// # Errors
    /// A [`ConfigError`] names the first value that its setter does not allow, and what is allowed.
    pub fn build(self) -> Result<LiveConfig, ConfigError> {
        let rules = self.0;
        check_some_time("ping_interval", rules.ping_interval)?;
        check_some_time("pong_timeout", rules.pong_timeout)?;
        check_some_time("write_timeout", rules.write_timeout)?;
        check_some_time("close_timeout", rules.close_timeout)?;
        check("jitter", rules.jitter, (0.0..1.0).contains(&rules.jitter), "from 0.0 to less than 1.0")?;
        check("missed_pongs", rules.missed_pongs, rules.missed_pongs > 0, "1 or more")?;
        let backlog = rules.max_pong_backlog;
        check("max_pong_backlog", backlog, backlog >= MIN_PONG_BACKLOG, "1024 or more")?;
        check_close_code("close_code", rules.close_code)?;
        Ok(LiveConfig(Arc::new(rules)))
    }
}

/// A value that [`LiveConfigBuilder::build`] refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    value: String,
    allowed: &'static str,
}

impl ConfigError {
    /// The name of the setter.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The refused value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is allowed.
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}, allowed is {}", self.field, self.value, self.allowed)
    }
}

impl std::error::Error for ConfigError {}

/// Of kind [`InvalidInput`](std::io::ErrorKind::InvalidInput).
impl From<ConfigError> for std::io::Error {
    fn from(error: ConfigError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

fn check(field: &'static str, value: impl fmt::Debug, ok: bool, allowed: &'static str) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError { field, value: format!("{value:?}"), allowed }) }
}

fn check_some_time(field: &'static str, value: Duration) -> Result<(), ConfigError> {
    check(field, value, !value.is_zero(), "more than 0")
}

pub(crate) fn check_close_code(field: &'static str, code: u16) -> Result<(), ConfigError> {
    check(field, code, is_sendable(code), "1000-1003, 1007-1013 or 3000-4999")
}

/// RFC 6455 section 7.4: the codes that an endpoint may put into a Close frame.
fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999)
}

pub(crate) fn cut_close_reason(text: &str) -> &str {
    let mut end = text.len().min(MAX_CLOSE_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
