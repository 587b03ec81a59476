//! A TCP socket as a source of progress (P4): what Linux tells of it.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
#[cfg(unix)]
use std::sync::Arc;

use crate::progress::{Progress, Sight};

/// A source of [`Progress`] that asks the TCP socket itself.
///
/// Make it before TLS or a codec takes the socket; it sees through both.
///
/// ```no_run
/// # async fn over(tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "tungstenite")] {
/// use ws_liveness::{LiveConfig, LiveExt, TcpProgress};
///
/// let source = TcpProgress::of(&tcp)?;
/// let ws = tokio_tungstenite::accept_async(tcp).await?;
/// let mut live = ws.live(LiveConfig::default()).with_progress(source);
/// # }
/// # Ok(())
/// # }
/// ```
///
/// It holds a file descriptor of its own, one more per connection, for as long as the `LiveStream` lives. The peer sees
/// a shutdown at once. It sees a close without a shutdown only when the `LiveStream` is dropped, not when the inner
/// socket alone is.
///
/// It works on Linux only ([`IS_SUPPORTED`](Self::IS_SUPPORTED)), with `TCP_INFO` and `SIOCOUTQ` ([tcp(7)]), since
/// kernel 4.1; the peer's window is known since 5.4. Elsewhere it knows nothing, and a message has to cross the path
/// within the timeouts. A look takes three system calls, or a few more if acknowledgements come in meanwhile. It
/// happens a few times per ping.
///
/// The ages are as coarse as the kernel's ticks (1 ms to 10 ms). The counter of acknowledged bytes may be ahead of the
/// data by two: the kernel counts the SYN of the side that dialled, and the FIN.
///
/// Cloning it is cheap. Clones share the descriptor, which is closed with the last of them.
///
/// [tcp(7)]: https://man7.org/linux/man-pages/man7/tcp.7.html
#[derive(Clone, Debug)]
pub struct TcpProgress {
    #[cfg(unix)]
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux is asked"))]
    socket: Arc<OwnedFd>,
}

impl TcpProgress {
    /// Whether this platform knows anything.
    pub const IS_SUPPORTED: bool = cfg!(target_os = "linux");

    /// Makes the source of a socket: tokio's, the standard library's, or any other that has a descriptor.
    ///
    /// # Errors
    /// Fails if the descriptor cannot be duplicated, usually because the process may open no more.
    #[cfg(unix)]
    pub fn of(socket: &impl AsFd) -> io::Result<Self> {
        Ok(Self { socket: Arc::new(socket.as_fd().try_clone_to_owned()?) })
    }

    /// Makes the source of a socket, which knows nothing on this platform.
    ///
    /// # Errors
    /// None.
    #[cfg(not(unix))]
    pub fn of<S>(_socket: &S) -> io::Result<Self> {
        Ok(Self {})
    }
}

#[cfg(not(target_os = "linux"))]
impl Progress for TcpProgress {
    fn look(&self) -> Sight {
        Sight::default()
    }
}

#[cfg(target_os = "linux")]
impl Progress for TcpProgress {
    /// Returns nothing if the socket is not a TCP socket, or not any more.
    fn look(&self) -> Sight {
        super::linux::look(self.socket.as_fd())
    }
}
