//! axum 0.8: the server's socket of `axum::extract::ws`.

use std::error::Error as StdError;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message};

use crate::config::ConfigError;
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

    fn close_code(&self) -> Option<u16> {
        let Self::Close(frame) = self else { return None };
        Some(frame.as_ref().map_or(1005, |frame| frame.code))
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

/// As its [`source`](StdError::source), so that `close_with(code, reason)?` fits where a `Result<_, Error>` is returned.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(error)
    }
}
