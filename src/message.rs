//! The seam to a message type: what an item is, how a ping, a Close and the error are made.

use std::error::Error;

use futures_util::Sink;

use crate::error::LivenessError;

/// What a message is, as far as liveness cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind<'a> {
    /// Text, binary, or whatever else is neither of the others.
    Data,
    /// A Ping frame and its payload.
    Ping(&'a [u8]),
    /// A Pong frame and its payload.
    Pong(&'a [u8]),
    /// A Close frame.
    Close,
}

/// A WebSocket message type. Implement it for a type of your own; for a foreign one, see [`Protocol`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a known WebSocket message type",
    label = "ws-liveness does not know the messages of this socket",
    note = "if the type is a library's, enable the feature of `ws-liveness` for its version: `tungstenite-0-30` (tokio-tungstenite 0.30, async-tungstenite 0.35), `tungstenite-0-29` to `tungstenite-0-26`, `axum-0-8` or `tokio-websockets-0-13`",
    note = "if the type is your own, implement `WsMessage` for it; otherwise implement `Protocol` for a type of your own and wrap the socket with `LiveStream::with_protocol`"
)]
pub trait WsMessage: Sized {
    /// A Ping frame; `payload` has 8 bytes.
    fn ping(payload: &[u8]) -> Self;

    /// A Close frame; `code` may be sent (RFC 6455 section 7.4), `reason` has at most 123 bytes.
    fn close(code: u16, reason: &str) -> Self;

    /// What this message is. Called once per message, in and out.
    fn kind(&self) -> Kind<'_>;

    /// Whether an error of the sink on one of our frames means "not now": the frame was not taken, the connection is
    /// as before, and the frame may be offered again after a flush. Default is `false`.
    fn is_transient(error: &(dyn Error + 'static)) -> bool {
        let _ = error;
        false
    }
}

/// How a [`LiveStream`](crate::LiveStream) deals with messages `M` and errors `E`: [`Auto`], or a type of your own
/// where neither `M` nor `E` is yours, so that Rust's orphan rule forbids [`WsMessage`] or `From<LivenessError>`.
///
/// Where the error of the sink is another than that of the stream, implement it once for each.
pub trait Protocol<M, E> {
    /// What `message` is. Called once per message, in and out.
    fn kind<'a>(&self, message: &'a M) -> Kind<'a>;

    /// A Ping frame; `payload` has 8 bytes.
    fn ping(&self, payload: &[u8]) -> M;

    /// A Close frame; `code` may be sent (RFC 6455 section 7.4), `reason` has at most 123 bytes.
    fn close(&self, code: u16, reason: &str) -> M;

    /// The inner's error that carries ours.
    fn error(&self, error: LivenessError) -> E;

    /// The inner's error on one of our own frames, on its way to become the
    /// [`source`](std::error::Error::source) of ours.
    fn source(&self, error: E) -> Box<dyn Error + Send + Sync>;

    /// See [`WsMessage::is_transient`].
    fn is_transient(&self, error: &E) -> bool {
        let _ = error;
        false
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
pub struct Auto;

impl<M, E> Protocol<M, E> for Auto
where
    M: WsMessage,
    E: From<LivenessError> + Error + Send + Sync + 'static,
{
    #[inline]
    fn kind<'a>(&self, message: &'a M) -> Kind<'a> {
        message.kind()
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
