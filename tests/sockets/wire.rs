//! A transport that does what it is told: so many bytes in, room for so many out, an end or an error at will.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, Default)]
pub(crate) struct State {
    inbound: VecDeque<u8>,
    /// What the near end has written and nobody has looked at.
    written: VecDeque<u8>,
    room: usize,
    pub(crate) flush_stuck: bool,
    pub(crate) ended: bool,
    /// Reading and writing fail.
    pub(crate) unreadable: bool,
    pub(crate) unwritable: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The payload of the last ping that left whole.
    ping: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

impl State {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }

    /// Looks through whole frames for pings. All of ours are valid.
    fn look(&mut self) {
        while let Some((head, mask, len)) = self.header() {
            if self.written.len() < head + len {
                return;
            }
            let frame: Vec<u8> = self.written.drain(..head + len).collect();
            if frame[0] & 0x0f == 9 {
                let mask = if mask { &frame[head - 4..head] } else { &[0; 4] };
                self.ping =
                    Some(frame[head..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect());
            }
        }
    }

    /// The length of the next frame's header, whether it is masked, and the length of its payload.
    fn header(&self) -> Option<(usize, bool, usize)> {
        let byte = |at: usize| self.written.get(at).copied().map(usize::from);
        let (second, mut head) = (byte(1)?, 2);
        let mut len = second & 0x7f;
        if len >= 126 {
            let bytes = if len == 126 { 2 } else { 8 };
            len = (2..2 + bytes).try_fold(0, |len, at| Some(len << 8 | byte(at)?))?;
            head += bytes;
        }
        let masked = second & 0x80 != 0;
        Some((if masked { head + 4 } else { head }, masked, len))
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Whatever changes, both halves look again.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.wake();
    }

    pub(crate) fn feed(&self, bytes: impl IntoIterator<Item = u8>) {
        self.change(|state| state.inbound.extend(bytes));
    }

    /// Somebody else has it, too.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(crate) fn make_room(&self, bytes: usize) {
        self.change(|state| state.room += bytes);
    }

    pub(crate) fn last_ping(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        state.look();
        state.ping.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.inbound.is_empty() && state.unreadable {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.inbound.is_empty() && !state.ended {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = buf.remaining().min(state.inbound.len());
        buf.put_slice(&state.inbound.drain(..len).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.unwritable {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = bytes.len().min(state.room);
        state.room -= len;
        state.written.extend(&bytes[..len]);
        state.look();
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.flush_stuck && !state.unwritable {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
