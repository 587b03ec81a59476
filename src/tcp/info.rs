//! A TCP socket as a source of progress (P4): what Linux tells of it.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};

use crate::progress::{Progress, Sight};

/// A [`Progress`] that asks the TCP socket itself. It is made before TLS or a codec takes the socket, and sees through
/// both:
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
/// It holds a file descriptor of its own, and so the peer sees the end of the connection when the `LiveStream` goes, not
/// when the inner socket alone is dropped before.
///
/// Linux only ([`IS_SUPPORTED`](Self::IS_SUPPORTED)); elsewhere it knows nothing, and the limits of P5 hold. A look is
/// two system calls, a few times per ping.
#[derive(Debug)]
pub struct TcpProgress {
    #[cfg(unix)]
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux is asked"))]
    socket: OwnedFd,
}

impl TcpProgress {
    /// Whether this platform tells anything.
    pub const IS_SUPPORTED: bool = cfg!(target_os = "linux");

    /// The source of this socket: tokio's, the standard library's, or any other that has a descriptor.
    ///
    /// # Errors
    /// Where the descriptor cannot be duplicated, above all because the process has no more of them.
    #[cfg(unix)]
    pub fn of(socket: &impl AsFd) -> io::Result<Self> {
        Ok(Self { socket: socket.as_fd().try_clone_to_owned()? })
    }

    /// The source of this socket, which knows nothing on this platform.
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
    /// Nothing where the socket is no TCP socket.
    fn look(&self) -> Sight {
        linux::ask(self.socket.as_fd()).map_or_else(Sight::default, |answer| linux::read(&answer))
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::c_int;
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::time::Duration;

    use crate::progress::{Sight, TcpSight};

    /// `struct tcp_info` as this kernel knows it, and the length of the send queue (`SIOCOUTQ`).
    pub(super) struct Answer {
        pub(super) info: [u8; 256],
        pub(super) known: usize,
        pub(super) queue: u64,
    }

    /// None where the socket is no TCP socket.
    #[allow(unsafe_code, reason = "Z4: no crate offers TCP_INFO; the one place")]
    pub(super) fn ask(socket: BorrowedFd<'_>) -> Option<Answer> {
        let mut info = [0_u8; 256];
        let mut length: libc::socklen_t = 256;
        let mut queue: c_int = 0;
        // SAFETY: the descriptor is borrowed, so it stays open meanwhile. The kernel writes at most `length` bytes into
        // `info`, which has that many, and the count into `length`; any bytes are valid in both. `SIOCOUTQ` writes one
        // int into `queue`. None of the pointers is kept.
        let answers = unsafe {
            let (info, length, queue) = (info.as_mut_ptr().cast(), &raw mut length, &raw mut queue);
            [
                libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info, length),
                libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, queue),
            ]
        };
        let known = usize::try_from(length).ok()?.min(info.len());
        (answers == [0, 0]).then_some(Answer { info, known, queue: u64::try_from(queue).unwrap_or(0) })
    }

    /// By the offsets of `struct tcp_info` (Linux, include/uapi/linux/tcp.h), which only ever grows.
    pub(super) fn read(answer: &Answer) -> Sight {
        let millis = |at| Duration::from_millis(u64::from(answer.u32(at).unwrap_or(0)));
        let tcp = TcpSight {
            acknowledged: answer.u64(120).unwrap_or(0),
            unacknowledged: answer.queue,
            unsent: u64::from(answer.u32(144).unwrap_or(0)),
            retransmissions: u32::from(answer.info[2]),
            probes: u32::from(answer.info[3]),
            window: answer.u32(228),
            segment: answer.u32(16).unwrap_or(0),
            since_acknowledged: millis(56),
            since_received: millis(52),
        };
        Sight { read: answer.u64(128), written: Some(tcp.acknowledged + tcp.unacknowledged), tcp: Some(tcp) }
    }

    impl Answer {
        /// None where this kernel does not have the field.
        fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
            self.info[..self.known].get(at..at + N)?.try_into().ok()
        }

        fn u32(&self, at: usize) -> Option<u32> {
            self.bytes(at).map(u32::from_ne_bytes)
        }

        fn u64(&self, at: usize) -> Option<u64> {
            self.bytes(at).map(u64::from_ne_bytes)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn p4_fields_that_an_older_kernel_does_not_have_are_unknown() {
            let mut info = [0; 256];
            info[2] = 3;
            info[120..128].copy_from_slice(&7_u64.to_ne_bytes());
            info[144..148].copy_from_slice(&5_u32.to_ne_bytes());
            info[228..232].copy_from_slice(&9_u32.to_ne_bytes());
            let tcp = |known| read(&Answer { info, known, queue: 11 }).tcp.unwrap();
            let (new, old) = (tcp(232), tcp(104));
            assert_eq!((new.acknowledged, new.unsent, new.window), (7, 5, Some(9)));
            assert_eq!((old.acknowledged, old.unsent, old.window), (0, 0, None));
            assert_eq!((old.retransmissions, old.unacknowledged), (3, 11));
        }
    }
}
