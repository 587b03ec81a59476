//! What TCP itself can do for a connection, and never does unasked.

use std::fmt::Debug;
use std::io;
#[cfg(not(windows))]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsSocket;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::platform::{set_notsent_lowat, set_user_timeout, with_interval, with_retries, with_time};
use super::{TcpOptionFailure, TcpOptionsError};

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
/// None of them sees a peer whose process hangs: its kernel answers (see [the guide](crate::guide::layers)). Pings do.
/// What each does on Linux stands in [tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "options have no effect until `apply` is called"]
pub struct TcpOptions {
    keepalive: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_retries: Option<u32>,
    user_timeout: Option<Duration>,
    notsent_lowat: Option<u32>,
    nodelay: Option<bool>,
}

impl TcpOptions {
    /// Starts from no option at all: applied like this, it changes nothing.
    pub const fn new() -> Self {
        Self {
            keepalive: None,
            keepalive_interval: None,
            keepalive_retries: None,
            user_timeout: None,
            notsent_lowat: None,
            nodelay: None,
        }
    }

    /// `SO_KEEPALIVE`: the peer's kernel is asked after this much idleness (`TCP_KEEPIDLE`). 1 s to 32,767 s, in whole
    /// seconds. Default is off. Not on OpenBSD and Haiku.
    pub fn keepalive(mut self, time: Duration) -> Self {
        self.keepalive = Some(time);
        self
    }

    /// Then this far apart (`TCP_KEEPINTVL`). 1 s to 32,767 s, in whole seconds. Default is the system's (Linux: 75 s).
    /// Switches keepalive on. Windows takes this and `keepalive` together: set both.
    pub fn keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = Some(interval);
        self
    }

    /// The connection fails after so many questions without an answer (`TCP_KEEPCNT`). 1 to 127. Default is the system's
    /// (Linux: 9). Switches keepalive on. Without effect on Linux where `user_timeout` is set: that decides then.
    pub fn keepalive_retries(mut self, retries: u32) -> Self {
        self.keepalive_retries = Some(retries);
        self
    }

    /// The connection fails where sent data stays unacknowledged, or unsent before a closed window, for this long
    /// (`TCP_USER_TIMEOUT`, RFC 5482): a peer that does not read is cut, too, although its kernel answers. 1 ms to
    /// 2,147,483,647 ms, in whole milliseconds. Default is the system's (Linux: `tcp_retries2`, 924.6 s or more). Without
    /// effect on an idle connection that has no keepalive. Linux, Android, Fuchsia, Cygwin.
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// The socket is writable only while less than so many bytes are unsent (`TCP_NOTSENT_LOWAT`): a ping waits behind
    /// less in the kernel, and W sees more of what waits. 1 or more. Default is the system's (Linux: no limit but the
    /// send buffer). Linux, Android.
    pub fn notsent_lowat(mut self, bytes: u32) -> Self {
        self.notsent_lowat = Some(bytes);
        self
    }

    /// Small frames, pings among them, do not wait until earlier data is acknowledged (`TCP_NODELAY`). Default is the
    /// system's: they wait.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = Some(nodelay);
        self
    }

    /// Sets these options on a socket, and no others.
    ///
    /// # Errors
    /// Every option whose value is not allowed: nothing is set then. Else every option that the system refused or this
    /// platform lacks; all others are set.
    #[cfg(not(windows))]
    pub fn apply(&self, socket: &impl AsFd) -> Result<(), TcpOptionsError> {
        self.apply_to(SockRef::from(socket))
    }

    /// Sets these options on a socket, and no others.
    ///
    /// # Errors
    /// Every option whose value is not allowed: nothing is set then. Else every option that the system refused or this
    /// platform lacks; all others are set.
    #[cfg(windows)]
    pub fn apply(&self, socket: &impl AsSocket) -> Result<(), TcpOptionsError> {
        self.apply_to(SockRef::from(socket))
    }

    fn apply_to(&self, socket: SockRef<'_>) -> Result<(), TcpOptionsError> {
        self.check().done()?;
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

    /// One call per value, so that the one that fails has a name; each with those before it, since Windows takes time and
    /// interval only together.
    fn apply_keepalive(&self, socket: &SockRef<'_>, failures: &mut Failures) {
        let mut set = TcpKeepalive::new();
        let mut add = |option, value: &dyn Debug, with: &dyn Fn(TcpKeepalive) -> io::Result<TcpKeepalive>| {
            let done = with(set.clone()).and_then(|with| {
                socket.set_tcp_keepalive(&with)?;
                set = with;
                Ok(())
            });
            failures.note(option, value, done);
        };
        if let Some(time) = self.keepalive {
            add("keepalive", &time, &|set| with_time(set, time));
        }
        if let Some(interval) = self.keepalive_interval {
            add("keepalive_interval", &interval, &|set| with_interval(set, interval));
        }
        if let Some(retries) = self.keepalive_retries {
            add("keepalive_retries", &retries, &|set| with_retries(set, retries));
        }
    }

    fn check(&self) -> Failures {
        let mut failures = Failures::default();
        let seconds = [("keepalive", self.keepalive), ("keepalive_interval", self.keepalive_interval)];
        for (option, span) in seconds.into_iter().filter_map(|(option, span)| Some((option, span?))) {
            let allowed = (1..=MAX_SECS).contains(&span.as_secs()) && span.subsec_nanos() == 0;
            failures.check(option, span, allowed, "1 s to 32,767 s, in whole seconds");
        }
        if let Some(retries) = self.keepalive_retries {
            failures.check("keepalive_retries", retries, (1..=MAX_RETRIES).contains(&retries), "1 to 127");
        }
        if let Some(timeout) = self.user_timeout {
            let allowed = (1..=MAX_MILLIS).contains(&timeout.as_millis()) && timeout.subsec_nanos() % 1_000_000 == 0;
            failures.check("user_timeout", timeout, allowed, "1 ms to 2,147,483,647 ms, in whole milliseconds");
        }
        if let Some(bytes) = self.notsent_lowat {
            failures.check("notsent_lowat", bytes, bytes > 0, "1 or more");
        }
        failures
    }
}

/// Linux's `MAX_TCP_KEEPIDLE` and `MAX_TCP_KEEPINTVL`.
pub(super) const MAX_SECS: u64 = 32_767;
/// Linux's `MAX_TCP_KEEPCNT`.
pub(super) const MAX_RETRIES: u32 = 127;
/// The kernel keeps an int.
pub(super) const MAX_MILLIS: u128 = i32::MAX as u128;

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
