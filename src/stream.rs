//! `LiveStream`: the only place where all parts meet.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::FusedStream;
use futures_util::task::waker_ref;
use futures_util::{Sink, Stream};
use pin_project_lite::pin_project;

use crate::config::LiveConfig;
use crate::drive::Parts;
use crate::driver::Driver;
use crate::error::Cause;
use crate::frame::{Auto, Kind, Protocol};
use crate::liveness::Liveness;
use crate::monitor::{Health, Monitor, Shared};
use crate::outbox::Outbox;
use crate::progress::{Progress, Watch};
use crate::waker::{Fan, Half};

pin_project! {
    /// A WebSocket with liveness: the same items, the same errors, and one thing more, an end where the peer is dead.
    ///
    /// What it promises stands in [the contract](crate::contract). What it asks of its user: poll the stream, for
    /// nothing happens in between; and expect one error more, found by [`LivenessError::find`](crate::LivenessError::find).
    ///
    /// # Cancel safety
    ///
    /// A method is cancel-safe where dropping its future loses no message, no ping, no verdict and no wake-up. All
    /// state lives in the `LiveStream`, so `next()` is cancel-safe. `send()` is so in the sense of the inner: a message
    /// that was not yet taken is dropped with the future, one that was taken is sent.
    ///
    /// # Panics
    ///
    /// None of its own. Its timer is tokio's: polled outside a tokio runtime with time enabled, tokio panics.
    pub struct LiveStream<S: Stream, P = Auto> {
        #[pin]
        inner: S,
        protocol: P,
        outbox: Outbox<S::Item>,
        driver: Driver,
        shared: Tie,
    }
}

/// Ends the monitors' view when the `LiveStream` goes (O2, K7).
struct Tie(Arc<Shared>);

impl Drop for Tie {
    fn drop(&mut self) {
        self.0.set_health(Health::Ended(Cause::Dropped));
        self.0.fan.clear();
    }
}

impl<S: Stream> LiveStream<S> {
    /// Wraps a socket whose message is a [`WsMessage`](crate::WsMessage) and whose errors are
    /// `From<`[`LivenessError`](crate::LivenessError)`>`. The first interval begins now.
    pub fn new(inner: S, config: LiveConfig) -> Self {
        Self::with_protocol(inner, config, Auto)
    }
}

impl<S: Stream, P> LiveStream<S, P> {
    /// Wraps a socket of foreign types by a [`Protocol`] of your own. The first interval begins now.
    pub fn with_protocol(inner: S, config: LiveConfig, protocol: P) -> Self {
        let machine = Liveness::new(config, fastrand::u64(..));
        let shared = Shared::new(machine.is_judging());
        Self { inner, protocol, outbox: Outbox::default(), driver: Driver::new(machine), shared: Tie(shared) }
    }

    /// Looks below the messages from now on: a message that takes longer than a timeout to cross the path closes nothing
    /// then, and a verdict says which layer died. See [`ProgressIo`](crate::ProgressIo) for a source that every transport
    /// can have.
    #[must_use]
    pub fn with_progress(mut self, source: impl Progress + 'static) -> Self {
        self.driver.aside().watch = Some(Watch::new(Box::new(source)));
        self
    }

    /// The inner socket.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner socket. What is read from it or written to it directly passes liveness by: a pong taken here is a
    /// pong missed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner socket, pinned; see [`get_mut`](Self::get_mut).
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().inner
    }

    /// The configuration.
    pub fn config(&self) -> &LiveConfig {
        self.driver.machine().config()
    }

    /// Watches this connection from anywhere, also after `split`.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.shared.0.clone())
    }

    /// Takes the wrapper off. The message, if any, was accepted by `start_send` and not yet handed to the inner: send it
    /// first. Nothing of the liveness is left behind.
    pub fn into_inner<M, E>(self) -> (S, Option<M>)
    where
        S: Stream<Item = Result<M, E>>,
    {
        (self.inner, self.outbox.into_slot().and_then(Result::ok))
    }

    pub(crate) fn fan(&self) -> &Fan {
        &self.shared.0.fan
    }

    pub(crate) fn parts(self: Pin<&mut Self>) -> Parts<'_, S, P> {
        let this = self.project();
        Parts {
            inner: this.inner,
            protocol: this.protocol,
            outbox: this.outbox,
            driver: this.driver,
            shared: &this.shared.0,
        }
    }
}

/// What the driving task of [`spawn`](LiveStream::spawn) does beside reading.
impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn poll_unread(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polled_by(Half::Stream, cx, |parts, cx| parts.poll_unread(cx))
    }

    pub(crate) fn abandon(self: Pin<&mut Self>) {
        self.parts().abandon();
    }

    /// The end has come, whether or not it was told.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.driver.machine().is_over()
    }

    pub(crate) fn show_reading(&self, reading: bool) {
        self.shared.0.board().reading = reading;
    }
}

impl<S: Stream + fmt::Debug, P> fmt::Debug for LiveStream<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStream")
            .field("inner", &self.inner)
            .field("health", &self.shared.0.health())
            .finish_non_exhaustive()
    }
}

impl<S, P, M, E> Stream for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    type Item = S::Item;

    /// After the one `Err` of a verdict, and after the inner's end, `None` for ever.
    ///
    /// Mostly there is nothing to do but to pass on a message, or to wait for one, and no more code runs then; so for the
    /// sink.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.driver.is_busy(self.fan()) {
            return self.polled_by(Half::Stream, cx, |parts, cx| parts.poll_read(cx));
        }
        let this = self.as_mut().project();
        let read = this.inner.poll_next(&mut Context::from_waker(&waker_ref(&this.shared.0)));
        this.driver.reader = true;
        match &read {
            Poll::Ready(Some(Ok(message))) if is_data::<P, M, E>(this.protocol, message) => {
                this.driver.handle_data();
                return read;
            }
            Poll::Pending => {
                this.driver.after_item = false;
                self.park(Half::Stream, cx);
                return Poll::Pending;
            }
            _ => {}
        }
        self.parked_by(Half::Stream, cx, |parts, cx| parts.read_on(cx, read))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Our pongs disappear, an error may come on top.
        (0, None)
    }
}

impl<S, P, M, E> FusedStream for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    fn is_terminated(&self) -> bool {
        self.driver.is_finished()
    }
}

/// After a verdict every method returns the verdict's error at once; the stream yields it when the farewell is over, at
/// most a second later (K1). Whoever stops reading because a send failed still knows the cause from the sink's error.
impl<S, P, M, E> Sink<M> for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    type Error = <S as Sink<M>>::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.driver.is_busy(self.fan()) {
            return self.polled_by(Half::Sink, cx, |parts, cx| parts.poll_ready(cx));
        }
        let this = self.as_mut().project();
        let polled = this.outbox.poll_permit(this.inner, &mut Context::from_waker(&waker_ref(&this.shared.0)))?;
        if polled.is_pending() {
            self.park(Half::Sink, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: M) -> Result<(), Self::Error> {
        let closes = matches!(Protocol::<M, E>::kind(&self.protocol, &item), Kind::Close);
        if closes || self.driver.busy {
            return self.sent_by(item);
        }
        let this = self.project();
        this.outbox.use_permit();
        this.inner.start_send(item)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.driver.is_busy(self.fan()) {
            return self.polled_by(Half::Sink, cx, |parts, cx| parts.poll_flush(cx));
        }
        let this = self.as_mut().project();
        let polled = this.outbox.poll_flush(this.inner, &mut Context::from_waker(&waker_ref(&this.shared.0)))?;
        if polled.is_pending() {
            self.park(Half::Sink, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Begins the closing handshake where none was begun; ends within C.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.polled_by(Half::Sink, cx, |parts, cx| parts.poll_close(cx))
    }
}

fn is_data<P: Protocol<M, E>, M, E>(protocol: &P, message: &M) -> bool {
    matches!(protocol.kind(message), Kind::Data)
}

/// `ws.live(config)`.
pub trait LiveExt: Stream + Sized {
    /// See [`LiveStream::new`].
    fn live(self, config: LiveConfig) -> LiveStream<Self> {
        LiveStream::new(self, config)
    }
}

impl<S: Stream> LiveExt for S {}
