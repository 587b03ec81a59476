//! The seam to a message type: what an item is, and how a ping, a Close and the error are made.

use std::error::Error;

use futures_util::Sink;

use crate::error::LivenessError;
use crate::heartbeat::Heard;

/// What kind of frame a message is, as far as liveness cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind<'a> {
    /// Text, binary, or anything else that is none of the others.
    Data,
    /// A Ping frame and its payload.
    Ping(&'a [u8]),
    /// A Pong frame and its payload.
    Pong(&'a [u8]),
    /// A Close frame.
    Close,
}

/// A WebSocket message type: implement it for a message type of your own.
///
/// The error type of the socket must be `From<`[`LivenessError`]`>`. If the message type or the error type is not
/// yours, use a [`Protocol`].
///
/// ```
/// use futures_util::{Sink, Stream};
/// use ws_liveness::{MessageKind, LiveConfig, LiveExt, LiveStream, LivenessError, WsMessage};
///
/// enum Frame {
///     Text(String),
///     Ping(Vec<u8>),
///     Pong(Vec<u8>),
///     Close(u16, String),
/// }
///
/// impl WsMessage for Frame {
///     fn ping(payload: &[u8]) -> Self {
///         Self::Ping(payload.to_vec())
///     }
///
///     fn close(code: u16, reason: &str) -> Self {
///         Self::Close(code, reason.into())
///     }
///
///     fn kind(&self) -> MessageKind<'_> {
///         match self {
///             Self::Ping(payload) => MessageKind::Ping(payload),
///             Self::Pong(payload) => MessageKind::Pong(payload),
///             Self::Close(..) => MessageKind::Close,
///             Self::Text(_) => MessageKind::Data,
///         }
///     }
/// }
///
/// /// `std::io::Error` is `From<LivenessError>`; an error type of your own has to be.
/// fn wrap<S>(socket: S) -> LiveStream<S>
/// where
///     S: Stream<Item = std::io::Result<Frame>> + Sink<Frame, Error = std::io::Error>,
/// {
///     socket.live(LiveConfig::default())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a known WebSocket message type",
    label = "ws-liveness does not know the messages of this socket",
    note = "if the type is a library's, enable the feature of `ws-liveness` for its version: `tungstenite-0-30` (tokio-tungstenite 0.30, async-tungstenite 0.35), `tungstenite-0-29` to `tungstenite-0-26`, `axum-0-8` or `tokio-websockets-0-13`",
    note = "if the type is your own, implement `WsMessage` for it; otherwise implement `Protocol` for a type of your own and wrap the socket with `LiveStream::with_protocol`"
)]
pub trait WsMessage: Sized {
    /// Makes a Ping frame. `payload` has 8 bytes.
    fn ping(payload: &[u8]) -> Self;

    /// Makes a Close frame. `code` is one that may be sent (RFC 6455 section 7.4), `reason` has at most 123 bytes.
    fn close(code: u16, reason: &str) -> Self;

    /// Returns what kind of frame this message is. Called once per message, in and out.
    fn kind(&self) -> MessageKind<'_>;

    /// Returns the code of a Close that came in, or 1005 if it has none, for
    /// [`Monitor::peer_close_code`](crate::Monitor::peer_close_code). Default is `None`: not known.
    fn close_code(&self) -> Option<u16> {
        None
    }

    /// Returns `true` if an error of the sink on one of our frames means "not now": the sink has not taken the frame,
    /// the connection is as before, and the frame may be offered again after a flush. Default is `false`.
    fn is_transient(error: &(dyn Error + 'static)) -> bool {
        let _ = error;
        false
    }
}

/// How a [`LiveStream`](crate::LiveStream) handles messages `M` and errors `E` that are not yours.
///
/// The default is [`WsProtocol`], which serves every [`WsMessage`] with an error that is `From<LivenessError>`. If the
/// message or the error is a foreign type, Rust's orphan rule forbids to implement those traits for it: implement
/// `Protocol` for a type of your own instead, and wrap the socket with
/// [`LiveStream::with_protocol`](crate::LiveStream::with_protocol).
///
/// ```
/// # mod foreign {
/// #     #[derive(Debug)]
/// #     pub enum Message { Text(String), Ping(Vec<u8>), Pong(Vec<u8>), Close(Option<(u16, String)>) }
/// #     #[derive(Debug)]
/// #     pub struct Error(Box<dyn std::error::Error + Send + Sync>);
/// #     impl Error {
/// #         pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self { Self(error.into()) }
/// #     }
/// #     impl std::fmt::Display for Error {
/// #         fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
/// #     }
/// #     impl std::error::Error for Error {
/// #         fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&*self.0) }
/// #     }
/// # }
/// use foreign::{Error, Message};
/// use ws_liveness::{MessageKind, LivenessError, Protocol};
///
/// struct Foreign;
///
/// impl Protocol<Message, Error> for Foreign {
///     fn kind<'a>(&self, message: &'a Message) -> MessageKind<'a> {
///         match message {
///             Message::Ping(payload) => MessageKind::Ping(payload),
///             Message::Pong(payload) => MessageKind::Pong(payload),
///             Message::Close(_) => MessageKind::Close,
///             _ => MessageKind::Data,
///         }
///     }
///     fn ping(&self, payload: &[u8]) -> Message {
///         Message::Ping(payload.to_vec())
///     }
///     fn close(&self, code: u16, reason: &str) -> Message {
///         Message::Close(Some((code, reason.into())))
///     }
///     fn error(&self, error: LivenessError) -> Error {
///         Error::new(error)
///     }
///     fn source(&self, error: Error) -> Box<dyn std::error::Error + Send + Sync> {
///         Box::new(error)
///     }
/// }
/// # use futures_util::{Sink, Stream};
/// # use ws_liveness::{LiveConfig, LiveStream};
/// #
/// # fn wrap<S>(socket: S) -> LiveStream<S, Foreign>
/// # where
/// #     S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
/// # {
/// let ws = LiveStream::with_protocol(socket, LiveConfig::default(), Foreign);
/// #     ws
/// # }
/// # assert_eq!(Foreign.kind(&Message::Text(String::new())), MessageKind::Data);
/// ```
///
/// If only the error is foreign, the message's own [`WsMessage`] does the rest. Call that, and not [`WsProtocol`]: `WsProtocol`
/// serves any number of error types, so the compiler cannot tell which one is meant (E0283).
///
/// ```
/// # #[cfg(feature = "tungstenite-0-30")]
/// # mod example {
/// use tokio_tungstenite::tungstenite::Message;
/// use ws_liveness::{MessageKind, LivenessError, Protocol, WsMessage};
///
/// type Boxed = Box<dyn std::error::Error + Send + Sync>;
///
/// struct BoxedErrors;
///
/// impl Protocol<Message, Boxed> for BoxedErrors {
///     fn kind<'a>(&self, message: &'a Message) -> MessageKind<'a> {
///         message.kind()
///     }
///     fn ping(&self, payload: &[u8]) -> Message {
///         WsMessage::ping(payload)
///     }
///     fn close(&self, code: u16, reason: &str) -> Message {
///         WsMessage::close(code, reason)
///     }
///     fn error(&self, error: LivenessError) -> Boxed {
///         error.into()
///     }
///     fn source(&self, error: Boxed) -> Boxed {
///         error
///     }
/// }
/// # }
/// ```
///
/// If the error cannot carry another, give the socket one that can: `map_err(std::io::Error::other)` and
/// `sink_map_err(std::io::Error::other)`, and implement `Protocol<Message, std::io::Error>`, whose `error` is `error.into()`. A
/// stream whose items are no `Result` becomes one by `map(Ok)`.
///
/// The socket has to answer the peer's pings itself, as most do; a `LiveStream` never sends a pong. If yours does not, answer
/// every Ping that you are given.
///
/// If the error of the sink is a different type than that of the stream, implement the trait once for each.
pub trait Protocol<M, E> {
    /// Returns what kind of frame `message` is. Called once per message, in and out.
    fn kind<'a>(&self, message: &'a M) -> MessageKind<'a>;

    /// Returns the code of a Close that came in, as [`WsMessage::close_code`] does.
    fn close_code(&self, message: &M) -> Option<u16> {
        let _ = message;
        None
    }

    /// Makes a Ping frame. `payload` has 8 bytes.
    fn ping(&self, payload: &[u8]) -> M;

    /// Makes a Close frame. `code` is one that may be sent (RFC 6455 section 7.4), `reason` has at most 123 bytes.
    fn close(&self, code: u16, reason: &str) -> M;

    /// Makes an error of the socket's own type that carries ours.
    ///
    /// [`LivenessError::find`] gets it back if it is in the error's chain of sources, or in an [`std::io::Error`] there. An error
    /// that keeps only a text loses it: then ask [`Monitor::health`](crate::Monitor::health) for the end.
    fn error(&self, error: LivenessError) -> E;

    /// Converts the socket's error on one of our own frames, which becomes the
    /// [`source`](std::error::Error::source) of ours.
    fn source(&self, error: E) -> Box<dyn Error + Send + Sync>;

    /// Returns `true` if the frame may be offered again, as [`WsMessage::is_transient`] does.
    fn is_transient(&self, error: &E) -> bool {
        let _ = error;
        false
    }

    /// Makes what is sent in the place of a ping, if anything is sent.
    #[doc(hidden)]
    fn beat(&self, payload: &[u8]) -> Option<M> {
        Some(self.ping(payload))
    }

    /// Whether `hear` is to be asked: there is a [`Heartbeat`](crate::Heartbeat).
    #[doc(hidden)]
    fn hears(&self) -> bool {
        false
    }

    /// Tells what a message that came in says to the heartbeat, and whether the user sees it if it is an answer.
    #[doc(hidden)]
    fn hear(&self, message: &M) -> (Heard, bool) {
        let _ = message;
        (Heard::Other, true)
    }
}

/// A [`Protocol`] for everything that the socket `S` carries: its messages `M`, its stream's errors `E`, and its sink's
/// errors.
///
/// This is the bound under which a [`LiveStream`](crate::LiveStream) is a stream and a sink. It is an abbreviation:
/// every type with the two `Protocol` implementations has it, and it cannot be implemented by hand.
///
/// ```
/// use futures_util::{Sink, Stream, StreamExt};
/// use ws_liveness::{LiveStream, ProtocolOf};
///
/// async fn count<S, P, M, E>(live: LiveStream<S, P>) -> usize
/// where
///     S: Stream<Item = Result<M, E>> + Sink<M>,
///     P: ProtocolOf<S, M, E>,
/// {
///     live.count().await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Protocol` for everything that this socket carries",
    label = "not a `Protocol` for these messages, or not for the errors of both halves",
    note = "implement `Protocol<{M}, {E}>` and, if the sink has another error than the stream, `Protocol` with that error too"
)]
pub trait ProtocolOf<S: Sink<M>, M, E>: Protocol<M, E> + Protocol<M, S::Error> {}

impl<P, S, M, E> ProtocolOf<S, M, E> for P
where
    S: Sink<M>,
    P: Protocol<M, E> + Protocol<M, S::Error>,
{
}

/// The [`Protocol`] of every message that is a [`WsMessage`] and every error that is `From<LivenessError>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WsProtocol;

impl<M, E> Protocol<M, E> for WsProtocol
where
    M: WsMessage,
    E: From<LivenessError> + Error + Send + Sync + 'static,
{
    #[inline]
    fn kind<'a>(&self, message: &'a M) -> MessageKind<'a> {
        message.kind()
    }

    fn close_code(&self, message: &M) -> Option<u16> {
        message.close_code()
    }

    fn ping(&self, payload: &[u8]) -> M {
        M::ping(payload)
    }

    fn close(&self, code: u16, reason: &str) -> M {
        M::close(code, reason)
    }

    fn error(&self, error: LivenessError) -> E {
        error.into()
    }

    fn source(&self, error: E) -> Box<dyn Error + Send + Sync> {
        Box::new(error)
    }

    fn is_transient(&self, error: &E) -> bool {
        M::is_transient(error)
    }
}
