//! A transport that counts its bytes (P1).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Progress, Snapshot};
use crate::atomic::AtomicU64;

pin_project! {
    /// A wrapper that counts the bytes of any `AsyncRead + AsyncWrite`, in and out.
    ///
    /// Put it between the transport and the WebSocket codec, below or above TLS, and give its [`handle`](Self::handle)
    /// to [`LiveStream::with_progress`](crate::LiveStream::with_progress), which has an example.
    ///
    /// It costs a relaxed atomic addition per read and per write, and one allocation, in `new`.
    #[derive(Debug)]
    #[must_use = "a `ProgressIo` only counts what passes through it"]
    pub struct ProgressIo<T> {
        #[pin]
        io: T,
        counters: Arc<Counters>,
    }
}

#[derive(Debug, Default)]
struct Counters {
    read: AtomicU64,
    written: AtomicU64,
}

/// The [`Progress`] of one [`ProgressIo`]; cloning it is cheap.
#[derive(Clone, Debug)]
#[must_use = "a source has no effect until it is given to `LiveStream::with_progress`"]
pub struct ProgressHandle(Arc<Counters>);

impl<T> ProgressIo<T> {
    /// Wraps a transport and counts from now on.
    pub fn new(io: T) -> Self {
        Self { io, counters: Arc::default() }
    }

    /// Returns the source of progress of this transport.
    pub fn handle(&self) -> ProgressHandle {
        ProgressHandle(self.counters.clone())
    }

    /// The transport.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The transport. What is read from it or written to it directly is not counted.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The transport, without the counting.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl Progress for ProgressHandle {
    fn look(&self) -> Snapshot {
        Snapshot {
            read: Some(self.0.read.load(Ordering::Relaxed)),
            written: Some(self.0.written.load(Ordering::Relaxed)),
            tcp: None,
        }
    }
}

/// Cancel-safe where the transport is.
impl<T: AsyncRead> AsyncRead for ProgressIo<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buf.filled().len();
        ready!(this.io.poll_read(cx, buf))?;
        add(&this.counters.read, buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> AsyncWrite for ProgressIo<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.io.poll_write(cx, buf))?;
        add(&this.counters.written, written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.io.poll_write_vectored(cx, bufs))?;
        add(&this.counters.written, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}

fn add(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(bytes as u64, Ordering::Relaxed);
}
