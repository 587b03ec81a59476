//! A TCP socket as a source of progress (P4): what Linux tells of it.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
#[cfg(unix)]
use std::sync::Arc;

#[cfg(target_os = "linux")]
use socket2::{Protocol, SockRef};

use crate::progress::{Progress, Snapshot};

/// A source of [`Progress`] that asks the TCP socket itself.
///
/// Make it before TLS or a codec takes the socket; it sees through both.
///
/// ```no_run
/// # async fn over(tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "tungstenite-0-30")] {
/// use ws_liveness::{LiveConfig, LiveExt, TcpProgress};
///
/// let source = TcpProgress::new(&tcp)?;
/// let ws = tokio_tungstenite::accept_async(tcp).await?;
/// let mut live = ws.live(LiveConfig::default()).with_progress(source);
/// # }
/// # Ok(())
/// # }
/// ```
///
/// It holds a file descriptor of its own, one more per connection, for as long as the `LiveStream` or a clone of the source
/// lives; clones share it. The peer sees a shutdown at once. It sees a close without a shutdown only when the `LiveStream` and
/// every clone are dropped, not when the inner socket alone is.
///
/// It works on Linux only ([`IS_SUPPORTED`](Self::IS_SUPPORTED)), with `TCP_INFO` and `SIOCOUTQ` ([tcp(7)]), since
/// kernel 4.1; the peer's window is known since 5.4. Elsewhere it knows nothing, and a message has to cross the path
/// within the timeouts. A look takes three system calls, or a few more if acknowledgements come in meanwhile. It
/// happens a few times per ping.
///
/// The ages are as coarse as the kernel's ticks (1 ms to 10 ms). The counter of acknowledged bytes may be ahead of the
/// data by two: the kernel counts the SYN of the side that dialled, and the FIN.
///
/// [tcp(7)]: https://man7.org/linux/man-pages/man7/tcp.7.html
#[derive(Clone, Debug)]
#[must_use = "a source has no effect until it is given to `LiveStream::with_progress`"]
pub struct TcpProgress {
    #[cfg(unix)]
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux is asked"))]
    socket: Arc<OwnedFd>,
}

impl TcpProgress {
    /// Whether this platform knows anything.
    pub const IS_SUPPORTED: bool = cfg!(target_os = "linux");

    /// Makes a source of this socket: tokio's, the standard library's, or any other that has a descriptor.
    ///
    /// # Errors
    /// Fails if the descriptor cannot be duplicated, usually because the process may open no more. On Linux also if it is no
    /// TCP socket, but a Unix socket, UDP or multipath TCP: the kind is [`InvalidInput`](io::ErrorKind::InvalidInput).
    #[cfg(unix)]
    pub fn new(socket: &impl AsFd) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if SockRef::from(socket).protocol()? != Some(Protocol::TCP) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a TCP socket"));
        }
        Ok(Self { socket: Arc::new(socket.as_fd().try_clone_to_owned()?) })
    }

    /// Makes a source of this socket, which knows nothing on this platform.
    ///
    /// # Errors
    /// None.
    #[cfg(not(unix))]
    pub fn new<S>(_socket: &S) -> io::Result<Self> {
        Ok(Self {})
    }
}

#[cfg(not(target_os = "linux"))]
impl Progress for TcpProgress {
    fn look(&self) -> Snapshot {
        Snapshot::default()
    }
}

#[cfg(target_os = "linux")]
impl Progress for TcpProgress {
    /// Returns nothing if the socket is not a TCP socket, or not any more.
    fn look(&self) -> Snapshot {
        super::linux::look(self.socket.as_fd())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_clone_asks_the_same_socket_also_when_the_first_source_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let source = TcpProgress::new(&socket).unwrap();
        let clone = source.clone();
        assert_eq!(clone.socket.as_fd().as_raw_fd(), source.socket.as_fd().as_raw_fd());
        drop(source);
        assert!(clone.look().tcp.is_some());
    }
}
