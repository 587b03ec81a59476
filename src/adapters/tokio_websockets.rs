//! tokio-websockets 0.13.
//!
//! Its `poll_close` reads and discards everything, including the peer's Close. So a complete closing handshake shows as
//! `EndOfStream` after `close()`, and as `Closed`, as everywhere, after `send(Close)` and reading on.

use tokio_websockets::{CloseCode, Error, Message};

use crate::config::ConfigError;
use crate::error::LivenessError;
use crate::message::{MessageKind, WsMessage};

impl WsMessage for Message {
    fn ping(payload: &[u8]) -> Self {
        Self::ping(payload.to_vec())
    }

    /// Without code and reason where `code` may not be sent: the library would panic.
    fn close(code: u16, reason: &str) -> Self {
        let code = CloseCode::try_from(code).ok().filter(|code| !code.is_reserved());
        Self::close(code, reason)
    }

    #[inline]
    fn kind(&self) -> MessageKind<'_> {
        match self {
            _ if self.is_ping() => MessageKind::Ping(self.as_payload()),
            _ if self.is_pong() => MessageKind::Pong(self.as_payload()),
            _ if self.is_close() => MessageKind::Close,
            _ => MessageKind::Data,
        }
    }

    fn close_code(&self) -> Option<u16> {
        self.as_close().map(|(code, _)| u16::from(code))
    }
}

/// As [`Error::Io`] of kind `TimedOut`; [`LivenessError::find`] gets it back.
impl From<LivenessError> for Error {
    fn from(error: LivenessError) -> Self {
        Self::Io(error.into())
    }
}

/// As [`Error::Io`] of kind `InvalidInput`, so that `close_with(code, reason)?` fits where a `Result<_, Error>` is returned.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Io(error.into())
    }
}
