//! A `LiveStream` with a task of its own: pings leave and pongs are judged whatever the consumer does (B).
//!
//! The task is the stream half of the `LiveStream` and reads into a bounded buffer; the handle takes from there, and is
//! itself the sink half. What is written takes no detour: it waits, fails and is flushed as on the socket.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::stream::FusedStream;
use futures_util::{Sink, Stream};
use tracing::Instrument;

use crate::message::ProtocolOf;
use crate::monitor::Monitor;
use crate::stream::{Goodbye, LiveStream};

mod task;
use task::{Tie, drive};

impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Send + 'static,
    P: ProtocolOf<S, M, E> + Send + 'static,
    M: Send + 'static,
    E: Send + 'static,
{
    /// Gives the socket a task of its own on the current tokio runtime, so that pings leave whatever the consumer does.
    ///
    /// Use it if a handler may work for longer than a path forgets. The handle has the same items and errors.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # mod example {
    /// # use futures_util::{SinkExt, StreamExt};
    /// # use tokio::net::TcpStream;
    /// # use tokio_tungstenite::tungstenite::{Error, Message};
    /// # use tokio_tungstenite::WebSocketStream;
    /// # use ws_liveness::{LiveConfig, LiveExt};
    /// # async fn work_for_minutes(message: Message) -> Message { message }
    /// async fn serve(socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    ///     let mut ws = socket.live(LiveConfig::default()).spawn(16);
    ///     while let Some(message) = ws.next().await.transpose()? {
    ///         if message.is_text() {
    ///             ws.send(work_for_minutes(message).await).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// The task reads at most `capacity` messages ahead (at least 1). Then it stops reading and the peer feels the
    /// backpressure; pings go on, and silence does not count. `write_timeout` goes on, too: a peer that does not read while it
    /// waits to write to us is closed once the socket's buffers are full of our pings. Dropping the handle closes the connection properly,
    /// within `close_timeout`.
    ///
    /// The task, the handle and the lock between them take some 400 bytes beside those of the `LiveStream`, and the
    /// buffer takes what is read ahead. A message takes one more wake-up on its way in, and none on its way out.
    ///
    /// The task keeps the `tracing` span in which it is spawned: what is logged of the connection stands in it.
    ///
    /// The task needs a thread to run on: a handler that blocks its thread stops it on a current-thread runtime, or with one
    /// worker. Use [`tokio::task::spawn_blocking`] for such work.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, as [`tokio::spawn`] does.
    #[track_caller]
    pub fn spawn(self, capacity: usize) -> Spawned<S, P> {
        let monitor = self.monitor();
        let line = Arc::new(Line(Mutex::new(State {
            live: Box::pin(self.settle_in()),
            buffer: VecDeque::new(),
            capacity: capacity.max(1),
            full: false,
            ended: false,
            dropped: false,
            closed: false,
            reader: None,
            driver: None,
        })));
        tokio::spawn(drive(Tie(line.clone())).in_current_span());
        Spawned { line, monitor }
    }
}

/// The handle of a [`LiveStream`] that drives itself: see [`LiveStream::spawn`].
///
/// `next()` and `send()` are as cancel-safe as those of the [`LiveStream`]. If the runtime of the task is shut down, what was
/// read is still delivered, then one error of cause [`Dropped`](crate::Cause::Dropped); the sink fails with the same.
#[must_use = "dropping the handle closes the connection"]
pub struct Spawned<S: Stream, P = crate::WsProtocol> {
    line: Arc<Line<S, P>>,
    monitor: Monitor,
}

/// What the handle and the task share. The lock is held for one poll at a time.
struct Line<S: Stream, P>(Mutex<State<S, P>>);

struct State<S: Stream, P> {
    live: Pin<Box<LiveStream<S, P>>>,
    /// What was read and not yet taken.
    buffer: VecDeque<S::Item>,
    capacity: usize,
    /// Reading has stopped because there is no room.
    full: bool,
    /// The stream has ended; what is buffered is still to be taken.
    ended: bool,
    /// The handle is gone.
    dropped: bool,
    /// `poll_close` has ended, and must not be called again.
    closed: bool,
    /// The handle's task, if it waits for something to take.
    reader: Option<Waker>,
    /// The driving task, if it waits for room, or for the handle to be dropped.
    driver: Option<Waker>,
}

impl<S: Stream, P> Line<S, P> {
    fn lock(&self) -> MutexGuard<'_, State<S, P>> {
        // An inner that panics in a poll ends its task, but the handle still has something to deliver.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Stream, P> Drop for Spawned<S, P> {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        state.dropped = true;
        state.buffer.clear();
        wake_outside(state, |state| state.driver.take());
    }
}

/// A waker may do anything, so it is called without the lock.
fn wake_outside<S: Stream, P>(
    mut state: MutexGuard<'_, State<S, P>>,
    take: impl FnOnce(&mut State<S, P>) -> Option<Waker>,
) {
    let waker = take(&mut state);
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<S: Stream, P> Spawned<S, P> {
    /// Returns a [`Monitor`], which watches this connection from any task, also after `split`.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }
}

impl<S, P, M, E> Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    pub(crate) fn poll_close_with(
        self: Pin<&mut Self>,
        goodbye: &mut Option<Goodbye>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        let mut state = self.line.lock();
        if state.closed {
            return Poll::Ready(Ok(()));
        }
        let closed = state.live.as_mut().poll_close_with(goodbye, cx);
        state.closed = closed.is_ready();
        closed
    }

    /// The closing handshake has taken longer than C: the connection ends here.
    pub(crate) fn end_overdue(self: Pin<&mut Self>) -> bool {
        self.line.lock().live.as_mut().end_if_overdue()
    }
}

impl<S: Stream, P> fmt::Debug for Spawned<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").field("health", &self.monitor.health()).finish_non_exhaustive()
    }
}

impl<S, P, M, E> Stream for Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.line.lock();
        if let Some(item) = state.buffer.pop_front() {
            wake_outside(state, |state| if state.full { state.driver.take() } else { None });
            return Poll::Ready(Some(item));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        if state.live.is_abandoned() {
            return state.live.as_mut().poll_next(cx);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<S, P, M, E> FusedStream for Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    fn is_terminated(&self) -> bool {
        let state = self.line.lock();
        state.buffer.is_empty() && (state.ended || state.live.is_terminated())
    }
}

impl<S, P, M, E> Sink<M> for Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    type Error = <S as Sink<M>>::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.line.lock().live.as_mut().poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: M) -> Result<(), Self::Error> {
        self.line.lock().live.as_mut().start_send(item)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.line.lock().live.as_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.line.lock().poll_close(cx)
    }
}
