//! What not every platform has, as far as socket2 knows: an error of kind `Unsupported` there.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// The first where the condition holds, else the second.
macro_rules! on {
    (($($condition:tt)*) $there:item else $elsewhere:item) => {
        #[cfg($($condition)*)]
        $there
        #[cfg(not($($condition)*))]
        $elsewhere
    };
}

on! {
    (any(target_os = "linux", target_os = "android", target_os = "fuchsia", target_os = "cygwin"))
    mod user_timeout {
        use super::*;

        pub(in crate::tcp) const HAS_USER_TIMEOUT: bool = true;

        pub(in crate::tcp) fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
            socket.set_tcp_user_timeout(Some(timeout))
        }
    }
    else mod user_timeout {
        use super::*;

        pub(in crate::tcp) const HAS_USER_TIMEOUT: bool = false;

        pub(in crate::tcp) fn set_user_timeout(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
            Err(lacking())
        }
    }
}

on! {
    (any(target_os = "linux", target_os = "android"))
    pub(super) fn set_notsent_lowat(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
        socket.set_tcp_notsent_lowat(bytes)
    }
    else pub(super) fn set_notsent_lowat(_: &SockRef<'_>, _: u32) -> io::Result<()> {
        Err(lacking())
    }
}

/// socket2 passes over the time there, without an error.
const NO_TIME: bool = cfg!(any(target_os = "openbsd", target_os = "haiku", target_os = "vita"));

pub(super) fn with_time(keepalive: TcpKeepalive, time: Duration) -> io::Result<TcpKeepalive> {
    if NO_TIME { Err(lacking()) } else { Ok(keepalive.with_time(time)) }
}

on! {
    (any(
        target_os = "android",
        target_os = "cygwin",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "fuchsia",
        target_os = "illumos",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
        target_os = "tvos",
        target_os = "visionos",
        target_os = "watchos",
        windows,
    ))
    mod keepalive {
        use super::*;

        pub(in crate::tcp) fn with_interval(keepalive: TcpKeepalive, interval: Duration) -> io::Result<TcpKeepalive> {
            Ok(keepalive.with_interval(interval))
        }

        pub(in crate::tcp) fn with_retries(keepalive: TcpKeepalive, retries: u32) -> io::Result<TcpKeepalive> {
            Ok(keepalive.with_retries(retries))
        }
    }
    else mod keepalive {
        use super::*;

        pub(in crate::tcp) fn with_interval(_: TcpKeepalive, _: Duration) -> io::Result<TcpKeepalive> {
            Err(lacking())
        }

        pub(in crate::tcp) fn with_retries(_: TcpKeepalive, _: u32) -> io::Result<TcpKeepalive> {
            Err(lacking())
        }
    }
}

pub(super) use keepalive::{with_interval, with_retries};
pub(super) use user_timeout::{HAS_USER_TIMEOUT, set_user_timeout};

#[cfg_attr(target_os = "linux", allow(dead_code, reason = "Linux has it all"))]
fn lacking() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not on this platform")
}
