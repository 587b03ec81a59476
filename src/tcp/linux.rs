//! What Linux says of a TCP socket. The one place with unsafe code (Z4).

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::progress::{Snapshot, TcpSnapshot};

/// More than `struct tcp_info` has today; a kernel that knows more cuts it.
const ROOM: usize = 256;
/// How often acknowledgements may come in between before a look is taken as it is.
const TRIES: usize = 8;

/// `struct tcp_info` as this kernel knows it, and the length of the send queue before and after it was read.
struct Answer {
    info: [u8; ROOM],
    known: usize,
    queue: [c_int; 2],
}

/// Counter and queue are told by two calls. An acknowledgement in between would be in neither, or in both, and the place
/// of our ping would be off by as much: where the queue has changed, both are asked again.
pub(super) fn look(socket: BorrowedFd<'_>) -> Snapshot {
    let mut seen = Snapshot::default();
    for _ in 0..TRIES {
        let Some(answer) = ask(socket) else { return Snapshot::default() };
        seen = answer.read();
        if answer.queue[0] == answer.queue[1] {
            break;
        }
    }
    seen
}

/// None where the socket is no TCP socket.
#[allow(unsafe_code, reason = "Z4: no crate offers TCP_INFO; the one place")]
fn ask(socket: BorrowedFd<'_>) -> Option<Answer> {
    let (mut info, mut queue) = ([0_u8; ROOM], [0; 2]);
    let mut length = ROOM as libc::socklen_t;
    let [before, after] = &mut queue;
    // SAFETY: the descriptor is borrowed, so it stays open meanwhile. The kernel writes at most `length` bytes into
    // `info`, which has that many, and their count into `length`; `SIOCOUTQ` (another name of `TIOCOUTQ`) writes one int
    // into `before` and `after` each. Any bytes are valid in all of them. None of the pointers is kept.
    let answers = unsafe {
        let (fd, into, room) = (socket.as_raw_fd(), info.as_mut_ptr().cast(), &raw mut length);
        [
            libc::ioctl(fd, libc::TIOCOUTQ, &raw mut *before),
            libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, into, room),
            libc::ioctl(fd, libc::TIOCOUTQ, &raw mut *after),
        ]
    };
    let known = usize::try_from(length).ok()?.min(ROOM);
    (answers == [0; 3]).then_some(Answer { info, known, queue })
}

impl Answer {
    /// By the offsets of `struct tcp_info` (Linux, include/uapi/linux/tcp.h), which only ever grows.
    fn read(&self) -> Snapshot {
        let tcp = self.tcp();
        Snapshot { read: self.u64(128), written: tcp.map(|tcp| tcp.acknowledged + tcp.unacknowledged), tcp }
    }

    /// None before Linux 4.1: all that is concluded from it begins with what was acknowledged.
    fn tcp(&self) -> Option<TcpSnapshot> {
        let [retransmissions, probes] = self.bytes(2)?;
        Some(TcpSnapshot {
            acknowledged: self.u64(120)?,
            unacknowledged: u64::try_from(self.queue[1]).unwrap_or(0),
            unsent: self.u32(144).unwrap_or(0).into(),
            retransmissions: retransmissions.into(),
            probes: probes.into(),
            window: self.u32(228),
            segment: self.u32(16)?,
            since_acknowledged: self.millis(56)?,
            since_received: self.millis(52)?,
        })
    }

    fn millis(&self, at: usize) -> Option<Duration> {
        self.u32(at).map(|millis| Duration::from_millis(millis.into()))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_ne_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_ne_bytes)
    }

    /// None where this kernel does not have the field.
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.info[..self.known].get(at..at + N)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests;
