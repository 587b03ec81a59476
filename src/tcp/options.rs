//! What TCP itself can do for a connection, and never does unasked.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::{TcpOptionFailure, TcpOptionsError};
use crate::config::LiveConfig;

/// Options of TCP's own, none of them set by default. They are applied by reference to any socket: dialled, accepted,
/// inside TLS (`tls.get_ref().0`), to a proxy.
///
/// ```no_run
/// # async fn dialled() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_liveness::{LiveConfig, TcpOptions};
///
/// let tcp = tokio::net::TcpStream::connect("example.com:443").await?;
/// TcpOptions::for_liveness(&LiveConfig::default()).apply(&tcp)?;
/// # Ok(())
/// # }
/// ```
///
/// None of them sees a peer whose process hangs: its kernel answers (see [the guide](crate::guide)). Pings do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct TcpOptions {
    keepalive: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_retries: Option<u32>,
    user_timeout: Option<Duration>,
    notsent_lowat: Option<u32>,
    nodelay: Option<bool>,
}

impl TcpOptions {
    /// What goes with this configuration, as a backstop that never is faster than a verdict:
    ///
    /// - `nodelay`, so that no ping waits for more data;
    /// - `keepalive` after I, a quarter of I apart (at least 1 s): where nobody polls the socket no ping leaves, and the
    ///   path is to be kept open all the same;
    /// - `user_timeout` of I + max(M (N + 1) T, W), the longest that a verdict takes.
    ///
    /// What follows from a value of "never" is left out.
    pub fn for_liveness(config: &LiveConfig) -> Self {
        let interval = config.ping_interval();
        let rounds = config.missed_pongs().saturating_mul(config.max_deferrals().saturating_add(1));
        let judged = config.pong_timeout().saturating_mul(rounds).max(config.write_timeout());
        let longest = interval.saturating_add(judged);
        let options = Self::default().nodelay(true);
        let options = match longest.as_millis() {
            0..=MAX_MILLIS => options.user_timeout(longest.max(Duration::from_millis(1))),
            _ => options,
        };
        if interval.as_secs() > MAX_SECS {
            return options;
        }
        let apart = (interval / 4).max(SECOND);
        let retries = longest.as_secs().div_ceil(apart.as_secs()).clamp(1, MAX_RETRIES.into());
        options
            .keepalive(interval.max(SECOND))
            .keepalive_interval(apart)
            .keepalive_retries(u32::try_from(retries).unwrap_or(MAX_RETRIES))
    }

    /// `SO_KEEPALIVE`, first after this much idleness (`TCP_KEEPIDLE`): 1 s to 32,767 s, in whole seconds, rounded down.
    pub fn keepalive(mut self, time: Duration) -> Self {
        self.keepalive = Some(time);
        self
    }

    /// Then this far apart (`TCP_KEEPINTVL`): 1 s to 32,767 s, in whole seconds, rounded down. Switches keepalive on.
    pub fn keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = Some(interval);
        self
    }

    /// The connection fails after so many without an answer (`TCP_KEEPCNT`): 1 to 127. Switches keepalive on. Without
    /// effect on Linux where `user_timeout` is set.
    pub fn keepalive_retries(mut self, retries: u32) -> Self {
        self.keepalive_retries = Some(retries);
        self
    }

    /// The connection fails where sent data stays unacknowledged, or unsent before a closed window, for this long
    /// (`TCP_USER_TIMEOUT`, RFC 5482): 1 ms to 2,147,483,647 ms. Without effect on an idle connection that has no
    /// keepalive. Linux, Android, Fuchsia.
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// The socket is writable only while less than so many bytes are unsent (`TCP_NOTSENT_LOWAT`): at least 1. A ping then
    /// waits behind less. Linux, Android.
    pub fn notsent_lowat(mut self, bytes: u32) -> Self {
        self.notsent_lowat = Some(bytes);
        self
    }

    /// No waiting for more data (`TCP_NODELAY`).
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = Some(nodelay);
        self
    }

    /// Sets what is set here, and nothing else.
    ///
    /// # Errors
    /// Every option whose value is not allowed: nothing is set then. Else every option that the system refused or this
    /// platform lacks; all others are set.
    pub fn apply<'s, S>(&self, socket: &'s S) -> Result<(), TcpOptionsError>
    where
        SockRef<'s>: From<&'s S>,
    {
        self.check().done()?;
        let socket = SockRef::from(socket);
        let mut failures = Failures::default();
        if let Some(nodelay) = self.nodelay {
            failures.note("nodelay", nodelay, socket.set_tcp_nodelay(nodelay));
        }
        self.apply_keepalive(&socket, &mut failures);
        if let Some(timeout) = self.user_timeout {
            failures.note("user_timeout", timeout, set_user_timeout(&socket, timeout));
        }
        if let Some(bytes) = self.notsent_lowat {
            failures.note("notsent_lowat", bytes, set_notsent_lowat(&socket, bytes));
        }
        failures.done()
    }

    fn apply_keepalive(&self, socket: &SockRef<'_>, failures: &mut Failures) {
        let mut keepalive = TcpKeepalive::new();
        if let Some(time) = self.keepalive {
            keepalive = keepalive.with_time(time);
        }
        if let Some(interval) = self.keepalive_interval {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(retries) = self.keepalive_retries {
            keepalive = with_retries(keepalive, retries, failures);
        }
        if (self.keepalive, self.keepalive_interval, self.keepalive_retries) != (None, None, None) {
            failures.note("keepalive", &keepalive, socket.set_tcp_keepalive(&keepalive));
        }
    }

    fn check(&self) -> Failures {
        let mut failures = Failures::default();
        let seconds = [("keepalive", self.keepalive), ("keepalive_interval", self.keepalive_interval)];
        for (option, span) in seconds.into_iter().filter_map(|(option, span)| Some((option, span?))) {
            failures.check(option, span, (1..=MAX_SECS).contains(&span.as_secs()), "1 s to 32,767 s");
        }
        if let Some(retries) = self.keepalive_retries {
            failures.check("keepalive_retries", retries, (1..=MAX_RETRIES).contains(&retries), "1 to 127");
        }
        if let Some(timeout) = self.user_timeout {
            let allowed = (1..=MAX_MILLIS).contains(&timeout.as_millis());
            failures.check("user_timeout", timeout, allowed, "1 ms to 2,147,483,647 ms");
        }
        if let Some(bytes) = self.notsent_lowat {
            failures.check("notsent_lowat", bytes, bytes > 0, "1 or more");
        }
        failures
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// Linux's `MAX_TCP_KEEPIDLE` and `MAX_TCP_KEEPINTVL`.
const MAX_SECS: u64 = 32_767;
/// Linux's `MAX_TCP_KEEPCNT`.
const MAX_RETRIES: u32 = 127;
/// The kernel keeps an int.
const MAX_MILLIS: u128 = i32::MAX as u128;

#[derive(Default)]
struct Failures(Vec<TcpOptionFailure>);

impl Failures {
    fn check(&mut self, option: &'static str, value: impl Debug, holds: bool, allowed: &str) {
        if !holds {
            let error = io::Error::new(io::ErrorKind::InvalidInput, format!("allowed is {allowed}"));
            self.note(option, value, Err(error));
        }
    }

    fn note(&mut self, option: &'static str, value: impl Debug, done: io::Result<()>) {
        if let Err(error) = done {
            self.0.push(TcpOptionFailure { option, value: format!("{value:?}"), error });
        }
    }

    fn done(self) -> Result<(), TcpOptionsError> {
        if self.0.is_empty() { Ok(()) } else { Err(TcpOptionsError { failures: self.0 }) }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
fn set_user_timeout(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Err(lacking())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_notsent_lowat(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(bytes)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_notsent_lowat(_: &SockRef<'_>, _: u32) -> io::Result<()> {
    Err(lacking())
}

#[cfg(any(unix, windows))]
fn with_retries(keepalive: TcpKeepalive, retries: u32, _: &mut Failures) -> TcpKeepalive {
    keepalive.with_retries(retries)
}

#[cfg(not(any(unix, windows)))]
fn with_retries(keepalive: TcpKeepalive, retries: u32, failures: &mut Failures) -> TcpKeepalive {
    failures.note("keepalive_retries", retries, Err(lacking()));
    keepalive
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn lacking() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not on this platform")
}
