//! axum 0.8: the server's socket of `axum::extract::ws`.

use std::error::Error as StdError;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message};

use crate::error::LivenessError;
use crate::message::{MessageKind, WsMessage};

/// What every tungstenite says of `WriteBufferFull`. Which one is inside axum does not show, and has changed within
/// 0.8.
const WRITE_BUFFER_FULL: &str = "Write buffer is full";

impl WsMessage for Message {
    fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.to_vec().into())
    }

    fn close(code: u16, reason: &str) -> Self {
        Self::Close(Some(CloseFrame { code, reason: reason.into() }))
    }

    #[inline]
    fn kind(&self) -> MessageKind<'_> {
        match self {
            Self::Ping(payload) => MessageKind::Ping(payload),
            Self::Pong(payload) => MessageKind::Pong(payload),
            Self::Close(_) => MessageKind::Close,
            Self::Text(_) | Self::Binary(_) => MessageKind::Data,
        }
    }

    /// A full write buffer hands the frame back; nothing else happened.
    fn is_transient(error: &(dyn StdError + 'static)) -> bool {
        let within = error.downcast_ref::<Error>().and_then(Error::source);
        within.is_some_and(|error| error.to_string() == WRITE_BUFFER_FULL)
    }
}

/// As its [`source`](StdError::source); [`LivenessError::find`] gets it back.
impl From<LivenessError> for Error {
    fn from(error: LivenessError) -> Self {
        Self::new(error)
    }
}
