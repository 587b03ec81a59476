//! tungstenite: tokio-tungstenite, async-tungstenite and whatever else carries its `Message`. Since 0.26 nothing that
//! matters here has changed, but each version's types are types of their own.

macro_rules! adapter {
    ($feature:literal, $tungstenite:ident) => {
        #[cfg(feature = $feature)]
        mod $tungstenite {
            use std::error::Error as StdError;

            use $tungstenite::error::ProtocolError;
            use $tungstenite::protocol::CloseFrame;
            use $tungstenite::{Error, Message};

            use crate::config::ConfigError;
            use crate::error::LivenessError;
            use crate::message::{MessageKind, WsMessage};

            impl WsMessage for Message {
                fn ping(payload: &[u8]) -> Self {
                    Self::Ping(payload.to_vec().into())
                }

                fn close(code: u16, reason: &str) -> Self {
                    Self::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
                }

                #[inline]
                fn kind(&self) -> MessageKind<'_> {
                    match self {
                        Self::Ping(payload) => MessageKind::Ping(payload),
                        Self::Pong(payload) => MessageKind::Pong(payload),
                        Self::Close(_) => MessageKind::Close,
                        _ => MessageKind::Data,
                    }
                }

                fn close_code(&self) -> Option<u16> {
                    let Self::Close(frame) = self else { return None };
                    Some(frame.as_ref().map_or(1005, |frame| frame.code.into()))
                }

                /// A full write buffer hands the frame back, and so does a socket that is closing; nothing else
                /// happened.
                fn is_transient(error: &(dyn StdError + 'static)) -> bool {
                    matches!(
                        error.downcast_ref(),
                        Some(Error::WriteBufferFull(_) | Error::Protocol(ProtocolError::SendAfterClosing))
                    )
                }
            }

            /// As [`Error::Io`] of kind `TimedOut`; [`LivenessError::find`] gets it back.
            impl From<LivenessError> for Error {
                fn from(error: LivenessError) -> Self {
                    Self::Io(error.into())
                }
            }

            /// As [`Error::Io`] of kind `InvalidInput`, so that `close_with(code, reason)?` fits where a
            /// `Result<_, Error>` is returned.
            impl From<ConfigError> for Error {
                fn from(error: ConfigError) -> Self {
                    Self::Io(error.into())
                }
            }
        }
    };
}

adapter!("tungstenite-0-30", tungstenite_0_30);
adapter!("tungstenite-0-29", tungstenite_0_29);
adapter!("tungstenite-0-28", tungstenite_0_28);
adapter!("tungstenite-0-27", tungstenite_0_27);
adapter!("tungstenite-0-26", tungstenite_0_26);
