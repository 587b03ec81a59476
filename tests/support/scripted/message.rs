//! The message and the error of the scripted socket.

use std::error::Error;
use std::fmt;

use ws_liveness::{LivenessError, MessageKind, WsMessage};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Msg {
    Data(u32),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

impl WsMessage for Msg {
    fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.to_vec())
    }

    fn close(code: u16, reason: &str) -> Self {
        Self::Close(code, reason.to_owned())
    }

    fn kind(&self) -> MessageKind<'_> {
        match self {
            Self::Data(_) => MessageKind::Data,
            Self::Ping(payload) => MessageKind::Ping(payload),
            Self::Pong(payload) => MessageKind::Pong(payload),
            Self::Close(..) => MessageKind::Close,
        }
    }

    fn close_code(&self) -> Option<u16> {
        match self {
            Self::Close(code, _) => Some(*code),
            _ => None,
        }
    }

    fn is_transient(error: &(dyn Error + 'static)) -> bool {
        matches!(error.downcast_ref(), Some(Fault::Full))
    }
}

/// The socket's error.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection is gone.
    Reset,
    /// Not now; nothing was taken.
    Full,
    Dead(LivenessError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Dead(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LivenessError> for Fault {
    fn from(error: LivenessError) -> Self {
        Self::Dead(error)
    }
}

/// RFC 6455: sections 5.5 and 7.4.
pub(super) fn check_limits(message: &Msg) {
    match message {
        Msg::Ping(payload) | Msg::Pong(payload) => assert!(payload.len() <= 125, "{message:?}"),
        Msg::Close(code, reason) => {
            assert!(reason.len() <= 123, "{message:?}");
            assert!(matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999), "{message:?}");
        }
        Msg::Data(_) => {}
    }
}
