//! A closing handshake with words of the user's own, and what a `LiveStream` and its spawned form have in common.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::FusedStream;
use futures_util::{Sink, Stream};

use crate::config::{ConfigError, check_close_code, cut_close_reason};
use crate::message::ProtocolOf;
use crate::monitor::{End, Health, Monitor};
use crate::spawn::Spawned;
use crate::stream::{Goodbye, LiveStream};

/// So many messages are discarded before others have their turn.
const DISCARDED_PER_POLL: u32 = 64;

/// What a [`LiveStream`] and a [`Spawned`] have in common, for code that takes either. Both have the methods themselves, too.
///
/// ```
/// # #[cfg(feature = "tungstenite")]
/// # mod example {
/// use ws_liveness::{End, LiveSocket};
///
/// /// Says why, and waits for the peer's answer.
/// async fn restart<L: LiveSocket>(mut ws: L) -> Result<End, Box<dyn std::error::Error>>
/// where
///     L::Error: std::error::Error + 'static,
/// {
///     println!("closing, after {:?}", ws.monitor().stats());
///     Ok(ws.close_with(1012, "restart")?.await?)
/// }
/// # }
/// ```
pub trait LiveSocket: Stream<Item = Result<Self::Message, Self::Error>> + Unpin + sealed::Sealed {
    /// The socket's message.
    type Message;
    /// The error of its stream.
    type Error;

    /// Watches this connection from anywhere.
    fn monitor(&self) -> Monitor;

    /// See [`LiveStream::close_with`].
    ///
    /// # Errors
    /// As there.
    fn close_with(&mut self, code: u16, reason: &str) -> Result<Closing<'_, Self>, ConfigError>
    where
        Self: Sized,
    {
        Closing::new(self, code, reason)
    }
}

mod sealed {
    use super::*;

    pub trait Sealed {
        /// Whether the sink has said its last word.
        #[doc(hidden)]
        fn poll_goodbye(self: Pin<&mut Self>, goodbye: &mut GoodbyeToken, cx: &mut Context<'_>) -> Poll<()>;

        /// The handshake has taken longer than C: the connection ends here.
        #[doc(hidden)]
        fn end_if_overdue(self: Pin<&mut Self>) -> bool;
    }

    /// Nobody else can make one.
    pub struct GoodbyeToken(pub(super) Option<Goodbye>);
}
use sealed::{GoodbyeToken, Sealed};

/// A closing handshake under way: see [`LiveStream::close_with`].
///
/// Awaited, it discards what still comes, and returns the [`End`]. As a `Stream` it yields what still comes, the peer's
/// Close among it, and then ends. Either way an error that follows a complete handshake is none, such as a TLS connection
/// that ends without `close_notify`.
///
/// Cancel-safe: what was handed over is sent in any case; another call goes on from there.
#[must_use = "nothing is closed until it is awaited, or read to its end"]
pub struct Closing<'a, L> {
    live: &'a mut L,
    goodbye: GoodbyeToken,
    said: bool,
    over: bool,
}

impl<'a, L: LiveSocket> Closing<'a, L> {
    pub(crate) fn new(live: &'a mut L, code: u16, reason: &str) -> Result<Self, ConfigError> {
        check_close_code("code", code)?;
        let goodbye = Goodbye { code, reason: cut_close_reason(reason).to_owned() };
        Ok(Self { live, goodbye: GoodbyeToken(Some(goodbye)), said: false, over: false })
    }

    fn poll_said(&mut self, cx: &mut Context<'_>) {
        if !self.said {
            self.said = Pin::new(&mut *self.live).poll_goodbye(&mut self.goodbye, cx).is_ready();
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<L::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        self.poll_said(cx);
        let read = ready!(Pin::new(&mut *self.live).poll_next(cx));
        let read = read.filter(|item| item.is_ok() || self.live.monitor().health() != Health::Ended(End::Closed));
        self.over = read.is_none();
        Poll::Ready(read)
    }
}

impl<L: LiveSocket> Stream for Closing<'_, L> {
    type Item = L::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_read(cx)
    }
}

impl<L: LiveSocket> FusedStream for Closing<'_, L> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<'a, L: LiveSocket> IntoFuture for Closing<'a, L> {
    type Output = Result<End, L::Error>;
    type IntoFuture = Discard<'a, L>;

    fn into_future(self) -> Self::IntoFuture {
        Discard { closing: self }
    }
}

impl<L> fmt::Debug for Closing<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").field("said", &self.said).field("over", &self.over).finish_non_exhaustive()
    }
}

/// The future of a [`Closing`]: discards what still comes, and ends within `close_timeout`.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Discard<'a, L> {
    closing: Closing<'a, L>,
}

impl<L: LiveSocket> Future for Discard<'_, L> {
    /// How the connection ended.
    type Output = Result<End, L::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let closing = &mut self.closing;
        for _ in 0..DISCARDED_PER_POLL {
            match closing.poll_read(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    let end = closing.live.monitor().health().end();
                    return Poll::Ready(Ok(end.unwrap_or(End::EndOfStream)));
                }
                // C is time here: also a peer that talks on and on is waited for no longer.
                Poll::Pending if Pin::new(&mut *closing.live).end_if_overdue() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut *closing.live).end_if_overdue();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S, P, M, E> LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    P: ProtocolOf<S, M, E>,
{
    /// Closes with a code and a reason of your own: sends the Close, and waits for the peer's.
    ///
    /// Awaited, it discards what still comes and returns how the connection ended, within `close_timeout`; as a `Stream` it
    /// delivers what still comes. The reason is cut to 123 bytes (RFC 6455 section 5.5). Where a Close was sent or received
    /// before, nothing more is said, and the rest is the same.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tungstenite")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use ws_liveness::{End, LiveConfig, LiveExt};
    ///
    /// let (socket, _) = tokio_tungstenite::connect_async("ws://localhost:9001").await?;
    /// let mut ws = socket.live(LiveConfig::default());
    /// // ...
    /// let end = ws.close_with(1001, "going away")?.await?;
    /// assert_eq!(end, End::Closed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A wrong code is a [`ConfigError`] before anything is sent. It converts into the errors of the supported libraries and into
    /// [`std::io::Error`], so both `?` work in a function that returns one of those:
    ///
    /// ```
    /// # #[cfg(feature = "tungstenite-0-30")]
    /// # mod example {
    /// # use tokio::net::TcpStream;
    /// use tokio_tungstenite::WebSocketStream;
    /// use tokio_tungstenite::tungstenite::Error;
    /// use ws_liveness::{End, LiveStream};
    ///
    /// async fn restart(ws: &mut LiveStream<WebSocketStream<TcpStream>>) -> Result<End, Error> {
    ///     ws.close_with(1012, "restart")?.await
    /// }
    /// # }
    /// ```
    ///
    /// After `split` there is no `close_with`: send a Close message through the sink half and read to the end, or put the
    /// halves together with `reunite`.
    ///
    /// # Errors
    /// A code that may not be sent (RFC 6455 section 7.4): 1000-1003, 1007-1013 and 3000-4999 may. The future fails with
    /// the socket's error, or with one of cause [`CloseTimeout`](crate::Cause::CloseTimeout); what follows a complete
    /// handshake is no error.
    pub fn close_with(&mut self, code: u16, reason: &str) -> Result<Closing<'_, Self>, ConfigError>
    where
        P: Unpin,
    {
        Closing::new(self, code, reason)
    }
}

impl<S, P, M, E> LiveSocket for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    P: ProtocolOf<S, M, E> + Unpin,
{
    type Message = M;
    type Error = E;

    fn monitor(&self) -> Monitor {
        self.monitor()
    }
}

impl<S, P, M, E> Sealed for LiveStream<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    P: ProtocolOf<S, M, E> + Unpin,
{
    fn poll_goodbye(self: Pin<&mut Self>, goodbye: &mut GoodbyeToken, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_close_with(&mut goodbye.0, cx).map(drop)
    }

    fn end_if_overdue(self: Pin<&mut Self>) -> bool {
        self.end_if_overdue()
    }
}

impl<S, P, M, E> Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    /// See [`LiveStream::close_with`].
    ///
    /// # Errors
    /// As there.
    pub fn close_with(&mut self, code: u16, reason: &str) -> Result<Closing<'_, Self>, ConfigError> {
        Closing::new(self, code, reason)
    }
}

impl<S, P, M, E> LiveSocket for Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    type Message = M;
    type Error = E;

    fn monitor(&self) -> Monitor {
        self.monitor()
    }
}

impl<S, P, M, E> Sealed for Spawned<S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    fn poll_goodbye(self: Pin<&mut Self>, goodbye: &mut GoodbyeToken, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_close_with(&mut goodbye.0, cx).map(drop)
    }

    fn end_if_overdue(self: Pin<&mut Self>) -> bool {
        self.end_overdue()
    }
}
