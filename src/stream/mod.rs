//! `LiveStream`: the type, and the short ways of a poll in which there is nothing to do but to pass on a message.

mod driver;
mod pilot;
mod read;
mod wire;
mod write;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::FusedStream;
use futures_util::task::waker_ref;
use futures_util::{Sink, Stream};
use pin_project_lite::pin_project;

use driver::Driver;
use pilot::{Core, Pilot};
use wire::Wire;
pub(crate) use write::Goodbye;
use write::Want;

use crate::config::LiveConfig;
use crate::error::Layer;
use crate::heartbeat::{Heartbeat, HeartbeatProtocol};
use crate::liveness::Liveness;
use crate::message::{MessageKind, Protocol, ProtocolOf, WsProtocol};
use crate::monitor::{End, Health, Monitor, Observer, Shared};
use crate::progress::{Progress, Watch};
use crate::timer::Rest;
use crate::wake::{Fan, Half};

pin_project! {
    /// A WebSocket with liveness: the same items and the same errors, and one error more if the peer is dead.
    ///
    /// It asks two things of its user: keep polling the stream, since nothing happens in between; and expect one error
    /// more, which [`LivenessError::find`](crate::LivenessError::find) tells from the socket's own. What it promises is
    /// in [the contract](crate::contract).
    ///
    /// # Cancel safety
    ///
    /// A method is cancel-safe if dropping its future loses no message, no ping, no verdict and no wake-up. All state
    /// is in the `LiveStream`, so `next()` is cancel-safe. `send()` is cancel-safe as the socket's own is: a message
    /// that was not yet taken is dropped with the future, and one that was taken is sent.
    ///
    /// # Panics
    ///
    /// It has no panics of its own. Its timer is tokio's, which panics if it is polled outside a tokio runtime with time
    /// enabled; [the guide](crate::guide::runtimes) says how to use another runtime.
    #[must_use = "a `LiveStream` does nothing unless it is polled"]
    pub struct LiveStream<S: Stream, P = WsProtocol> {
        #[pin]
        wire: Wire<S>,
        protocol: P,
        core: Core,
        shared: Tie,
    }
}

/// Ends the monitors' view when the `LiveStream` goes (O2, K7).
struct Tie(Arc<Shared>);

impl Drop for Tie {
    fn drop(&mut self) {
        self.0.set_health(Health::Ended(End::Dropped));
        self.0.fan.clear();
    }
}

impl<S: Stream> LiveStream<S> {
    /// Wraps a socket whose message is a [`WsMessage`](crate::WsMessage) and whose errors are
    /// `From<`[`LivenessError`](crate::LivenessError)`>`. The first interval begins now.
    pub fn new<M, E>(inner: S, config: LiveConfig) -> Self
    where
        S: Stream<Item = Result<M, E>> + Sink<M>,
        WsProtocol: ProtocolOf<S, M, E>,
    {
        Self::with_protocol(inner, config, WsProtocol)
    }
}

impl<S: Stream, P> LiveStream<S, P> {
    /// Wraps a socket of foreign types with a [`Protocol`] of your own. The first interval begins now.
    // No field needs the bounds here, at `new` and at `live`. Without them a missing feature or a missing implementation
    // is reported where the stream is first polled, as a method `next` with unsatisfied bounds, and nobody learns which.
    pub fn with_protocol<M, E>(inner: S, config: LiveConfig, protocol: P) -> Self
    where
        S: Stream<Item = Result<M, E>> + Sink<M>,
        P: ProtocolOf<S, M, E>,
    {
        Self::judged(inner, config, protocol)
    }

    fn judged(inner: S, config: LiveConfig, protocol: P) -> Self {
        let machine = Liveness::new(config.rules().clone(), fastrand::u64(..));
        let shared = Shared::new(machine.is_judging());
        Self { wire: Wire::new(inner), protocol, core: Core::new(machine), shared: Tie(shared) }
    }

    /// Adds a service's own heartbeat above the WebSocket, judged like its pings and beside them.
    ///
    /// `config` is for the heartbeat: `ping_interval` and `pong_timeout` are its own, and so are close code and close reason,
    /// if they are to differ. With `Duration::MAX` as `ping_interval` the first heartbeat waits until the service announces
    /// its [`Pace`](crate::Pace).
    ///
    /// Messages are as before, but for the answers to heartbeats. One verdict ends the connection, whichever layer it is of;
    /// [`LivenessError::layer`](crate::LivenessError::layer) says which. The monitor of the returned stream shows both
    /// layers: see [`Monitor::below`]. If there is a progress source, give it to both.
    ///
    /// ```
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # mod example {
    /// # use futures_util::{Sink, Stream};
    /// # use tokio_tungstenite::tungstenite::{Error, Message};
    /// use std::time::Duration;
    /// use ws_liveness::{Heard, Heartbeat, LiveConfig, LiveExt};
    ///
    /// struct TextPing;
    ///
    /// impl Heartbeat<Message> for TextPing {
    ///     fn beat(&mut self, _number: u32) -> Option<Message> {
    ///         Some(Message::text("ping"))
    ///     }
    ///     fn hear(&mut self, message: &Message) -> Heard {
    ///         if message.to_text().is_ok_and(|text| text == "pong") { Heard::Answer } else { Heard::Other }
    ///     }
    /// }
    ///
    /// # fn wrap<S>(socket: S) -> Result<impl Stream<Item = Result<Message, Error>>, ws_liveness::ConfigError>
    /// # where
    /// #     S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
    /// # {
    /// let every_15_s = LiveConfig::builder().ping_interval(Duration::from_secs(15)).build()?;
    /// let ws = socket.live(LiveConfig::default()).with_heartbeat(TextPing, every_15_s);
    /// # Ok(ws)
    /// # }
    /// # }
    /// ```
    pub fn with_heartbeat<H, M, E>(
        self,
        heartbeat: H,
        config: LiveConfig,
    ) -> LiveStream<LiveStream<S, P>, HeartbeatProtocol<H, P>>
    where
        S: Stream<Item = Result<M, E>> + Sink<M>,
        P: ProtocolOf<S, M, E> + Clone,
        H: Heartbeat<M>,
    {
        let (protocol, below) = (HeartbeatProtocol::new(heartbeat, self.protocol.clone()), self.shared.0.clone());
        let layer = protocol.layer();
        let mut above = LiveStream::judged(self, config, protocol);
        above.shared.0.set_layer(layer);
        if layer == Layer::Expectation {
            above.core.machine.expect();
        }
        above.core.aside.get_or_insert_default().below = Some(below);
        above
    }

    /// Gives the connection a source of progress below the messages, such as [`ProgressIo`](crate::ProgressIo).
    ///
    /// A message may then take longer than a timeout to cross the path, and an error says which layer died.
    ///
    /// ```
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # mod example {
    /// use tokio::net::TcpStream;
    /// use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Error};
    /// use ws_liveness::{LiveConfig, LiveExt, LiveStream, ProgressIo};
    ///
    /// async fn accept(tcp: TcpStream) -> Result<LiveStream<WebSocketStream<ProgressIo<TcpStream>>>, Error> {
    ///     let tcp = ProgressIo::new(tcp); // between the transport and the WebSocket codec
    ///     let source = tcp.handle();
    ///     Ok(accept_async(tcp).await?.live(LiveConfig::default()).with_progress(source))
    /// }
    /// # }
    /// ```
    ///
    /// [The guide](crate::guide::progress) has the same for TLS, axum and the TCP socket itself.
    pub fn with_progress(mut self, source: impl Progress + 'static) -> Self {
        self.core.aside.get_or_insert_default().watch = Some(Watch::new(Box::new(source)));
        self
    }

    /// Tells `observer` of every round trip, suspicion and end from now on, as it happens; see [`Event`](crate::Event). Only
    /// one observer is kept, the last.
    ///
    /// ```
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use ws_liveness::{Event, LiveConfig, LiveExt};
    ///
    /// let (socket, _) = tokio_tungstenite::connect_async("ws://localhost:9001").await?;
    /// let ws = socket.live(LiveConfig::default()).with_observer(|event: &Event| match event {
    ///     Event::RoundTrip { rtt, .. } => println!("answered after {rtt:?}"),
    ///     Event::Ended(end) => println!("over: {end}"),
    ///     _ => {}
    /// });
    /// # drop(ws);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_observer(self, observer: impl Observer + 'static) -> Self {
        self.shared.0.set_observer(Arc::new(observer));
        self
    }

    /// The inner socket.
    pub fn get_ref(&self) -> &S {
        self.wire.inner()
    }

    /// The inner socket. Liveness does not see what is read from it or written to it directly: a pong that is taken
    /// here counts as missed.
    pub fn get_mut(&mut self) -> &mut S {
        self.wire.inner_mut()
    }

    /// The inner socket, pinned; see [`get_mut`](Self::get_mut).
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().wire.inner_pin()
    }

    /// Returns the configuration.
    pub fn config(&self) -> LiveConfig {
        LiveConfig::of(self.core.machine.rules())
    }

    /// Returns a [`Monitor`], which watches this connection from any task, also after `split`.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.shared.0.clone(), self.core.below().cloned())
    }

    /// Returns the inner socket, and a message that `start_send` has accepted but not yet handed to it, if there is one.
    ///
    /// Send that message first. No task and no timer is left behind.
    #[must_use = "the message, if any, was accepted and not sent"]
    pub fn into_inner<M, E>(self) -> (S, Option<M>)
    where
        S: Stream<Item = Result<M, E>>,
    {
        let (inner, slot) = self.wire.into_parts();
        (inner, slot.and_then(Result::ok))
    }

    fn fan(&self) -> &Fan {
        &self.shared.0.fan
    }

    /// There is more to do in this poll than to pass on a message: the last one left something to do, or what has woken us
    /// is the timer or a monitor, not only the inner.
    #[inline]
    fn is_busy(&self) -> bool {
        self.core.timer.rest == Rest::Busy || self.fan().is_woken() && self.is_meant()
    }

    #[inline(never)]
    fn is_meant(&self) -> bool {
        self.begin();
        self.fan().is_called() || self.core.timer.wants_poll()
    }

    /// What has woken us is seen from here on.
    fn begin(&self) {
        if self.fan().begin() && !self.core.timer.wants_poll() {
            self.fan().end_waits_by_alarm();
        }
    }

    #[inline(never)]
    fn come(&self) {
        self.fan().come(Half::Stream);
    }

    /// The end of a poll that was the inner's alone, and has nothing to return.
    #[inline(never)]
    fn park(&self, half: Half, cx: &Context<'_>) {
        self.fan().park(half, cx.waker());
    }
}

/// The long way. Not inlined, so that a poll that only passes on a message stays small.
impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    /// One poll of one half.
    #[inline(never)]
    fn polled_by<T>(
        self: Pin<&mut Self>,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Driver<'_, S, P>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.begin();
        self.parked_by(half, cx, poll)
    }

    /// `read` is what the inner has yielded already, if it was polled.
    #[inline(never)]
    fn poll_stream(
        self: Pin<&mut Self>,
        read: Option<Poll<Option<Result<M, E>>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<M, E>>> {
        if read.is_none() {
            self.begin();
        }
        self.parked_by(Half::Stream, cx, |driver, cx| match read {
            None => driver.poll_read(cx),
            Some(read) => driver.read_on(cx, read),
        })
    }

    #[inline(never)]
    fn poll_sink(self: Pin<&mut Self>, want: Want, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.polled_by(Half::Sink, cx, |driver, cx| driver.poll_write(want, cx))
    }

    /// As `poll_close`; `goodbye` is what the Close is to say, until it is said.
    pub(crate) fn poll_close_with(
        self: Pin<&mut Self>,
        goodbye: &mut Option<Goodbye>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        self.polled_by(Half::Sink, cx, |driver, cx| driver.poll_close_with(goodbye, cx))
    }

    #[inline(never)]
    fn sent_by(self: Pin<&mut Self>, item: M) -> Result<(), <S as Sink<M>>::Error> {
        self.driven_by(Half::Sink, |driver, _| driver.start_send(item))
    }

    /// The end of a poll of the sink that was the inner's alone.
    #[inline]
    fn passed_on(
        self: Pin<&mut Self>,
        polled: Poll<Result<(), <S as Sink<M>>::Error>>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.noted(error))),
            Poll::Pending => {
                self.park(Half::Sink, cx);
                Poll::Pending
            }
        }
    }

    /// An error of the sink on its way to the user.
    #[cold]
    #[inline(never)]
    fn noted(self: Pin<&mut Self>, error: <S as Sink<M>>::Error) -> <S as Sink<M>>::Error {
        self.driven_by(Half::Sink, |driver, _| driver.is_lasting(&error));
        error
    }

    /// The rest of a poll that has begun: the inner sees the combined waker, the caller's is parked if there is nothing to
    /// return.
    #[inline(never)]
    fn parked_by<T>(
        mut self: Pin<&mut Self>,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Driver<'_, S, P>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let polled = self.as_mut().driven_by(half, poll);
        if polled.is_pending() {
            self.fan().park(half, cx.waker());
        }
        polled
    }

    /// Until it is finished a poll leaves everything to do to the next, also if it panics (V6).
    fn driven_by<T>(
        self: Pin<&mut Self>,
        half: Half,
        step: impl FnOnce(&mut Driver<'_, S, P>, &mut Context<'_>) -> T,
    ) -> T {
        let this = self.project();
        let rest = std::mem::replace(&mut this.core.timer.rest, Rest::Busy);
        let shared = &this.shared.0;
        let pilot = Pilot { core: this.core, shared, flushed_at: None };
        let mut driver = Driver { wire: this.wire, protocol: this.protocol, pilot, half, rest, unsettled: false };
        let done = step(&mut driver, &mut Context::from_waker(&waker_ref(shared)));
        let busy = driver.wire.is_busy() || driver.wire.book.is_failed() || driver.wire.has_read();
        driver.pilot.finish(busy);
        done
    }
}

/// What the driving task of [`spawn`](LiveStream::spawn) does beside reading.
impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    /// From now on the stream half is a task of its own (V5).
    pub(crate) fn settle_in(mut self) -> Self {
        self.core.timer.leave_to_task();
        self
    }

    pub(crate) fn poll_unread(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polled_by(Half::Stream, cx, |driver, cx| driver.poll_unread(cx))
    }

    pub(crate) fn abandon(self: Pin<&mut Self>) {
        self.driven_by(Half::Stream, |driver, _| driver.pilot.abandon());
    }

    /// The closing handshake has taken longer than C: the connection ends here.
    pub(crate) fn end_if_overdue(self: Pin<&mut Self>) -> bool {
        self.driven_by(Half::Stream, |driver, _| driver.pilot.end_if_overdue())
    }

    /// The end has come, whether or not it was told.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.core.machine.is_over()
    }

    pub(crate) fn show_reading(&self, reading: bool) {
        self.shared.0.board().reading = reading;
    }
}

/// Without the inner stream: tungstenite's shows what it has read and what it has to write.
impl<S: Stream, P> fmt::Debug for LiveStream<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStream").field("health", &self.shared.0.health()).finish_non_exhaustive()
    }
}

impl<S, P, M, E> Stream for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    type Item = S::Item;

    /// Yields what the socket yields, without the answers to our own pings.
    ///
    /// After the one `Err` of a connection that was given up, and after the end of the socket, it yields `None` for
    /// ever.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Most polls only pass a message on, or wait for one. They run no more code than this; the sink's do the same.
        if self.is_busy() {
            return self.poll_stream(None, cx);
        }
        if self.core.timer.rest == Rest::Waiting {
            self.come();
        }
        let this = self.as_mut().project();
        let read = this.wire.poll_next(&mut Context::from_waker(&waker_ref(&this.shared.0)));
        match &read {
            Poll::Ready(Some(Ok(message))) if is_data::<P, M, E>(this.protocol, message) => {
                this.core.machine.handle_frame();
                return read;
            }
            Poll::Pending if this.core.timer.rest == Rest::Quiet => {
                self.park(Half::Stream, cx);
                return Poll::Pending;
            }
            _ => {}
        }
        self.poll_stream(Some(read), cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Our pongs disappear, an error may come on top.
        (0, None)
    }
}

impl<S, P, M, E> FusedStream for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    fn is_terminated(&self) -> bool {
        self.core.machine.is_finished()
    }
}

/// When the connection is given up, every method returns its error at once. The stream yields the error when the Close
/// is sent, at most 1 s later. A writer that stops because a send failed knows the cause from the sink's error.
impl<S, P, M, E> Sink<M> for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    type Error = <S as Sink<M>>::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.is_busy() {
            return self.poll_sink(Want::Ready, cx);
        }
        let this = self.as_mut().project();
        let polled = this.wire.poll_permit(&mut Context::from_waker(&waker_ref(&this.shared.0)));
        self.passed_on(polled, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, item: M) -> Result<(), Self::Error> {
        let closes = matches!(Protocol::<M, E>::kind(&self.protocol, &item), MessageKind::Close);
        if closes || self.core.timer.rest == Rest::Busy {
            return self.sent_by(item);
        }
        self.as_mut().project().wire.send_at_once(item).map_err(|error| self.noted(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.is_busy() {
            return self.poll_sink(Want::Flush, cx);
        }
        let this = self.as_mut().project();
        let polled = this.wire.poll_flush(&mut Context::from_waker(&waker_ref(&this.shared.0)));
        self.passed_on(polled, cx)
    }

    /// Begins the closing handshake if none was begun, and ends within `close_timeout`.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_sink(Want::Close, cx)
    }
}

fn is_data<P: Protocol<M, E>, M, E>(protocol: &P, message: &M) -> bool {
    !protocol.hears() && matches!(protocol.kind(message), MessageKind::Data)
}

/// Adds [`live`](Self::live) to every stream: `ws.live(config)`.
pub trait LiveExt: Stream + Sized {
    /// Wraps a socket with liveness; see [`LiveStream::new`].
    fn live<M, E>(self, config: LiveConfig) -> LiveStream<Self>
    where
        Self: Stream<Item = Result<M, E>> + Sink<M>,
        WsProtocol: ProtocolOf<Self, M, E>,
    {
        LiveStream::new(self, config)
    }
}

impl<S: Stream> LiveExt for S {}
