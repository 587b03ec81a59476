//! tokio-tungstenite, from 0.26 on: tungstenite's `Message` has had one shape since then.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use ws_liveness_conformance::{Kit, conforms};

macro_rules! tungstenite {
    ($name:ident, $its:ident) => {
        mod $name {
            use ::$its::WebSocketStream;
            use ::$its::tungstenite::protocol::{CloseFrame as ItsCloseFrame, Role as ItsRole, WebSocketConfig};
            use ::$its::tungstenite::{Error, Message as ItsMessage};

            use super::*;

            struct Tungstenite;

            impl Kit for Tungstenite {
                type Message = ItsMessage;
                type Error = Error;
                type Socket = WebSocketStream<TcpStream>;

                async fn open(near: TcpStream, _: &mut TcpStream, role: Role, tight: bool) -> Self::Socket {
                    let small = WebSocketConfig::default().write_buffer_size(100).max_write_buffer_size(101);
                    let role = match role {
                        Role::Client => ItsRole::Client,
                        Role::Server => ItsRole::Server,
                    };
                    WebSocketStream::from_raw_socket(near, role, tight.then_some(small)).await
                }

                fn make(message: Message) -> ItsMessage {
                    match message {
                        Message::Text(text) => ItsMessage::text(text.as_str()),
                        Message::Close(frame) => ItsMessage::Close(frame.map(|frame| {
                            let code = u16::from(frame.code).into();
                            ItsCloseFrame { code, reason: frame.reason.as_str().into() }
                        })),
                        other => ItsMessage::Binary(other.into_data()),
                    }
                }

                fn show(message: ItsMessage) -> Message {
                    match message {
                        ItsMessage::Text(text) => Message::text(text.as_str()),
                        ItsMessage::Ping(payload) => Message::Ping(payload),
                        ItsMessage::Pong(payload) => Message::Pong(payload),
                        ItsMessage::Close(frame) => Message::Close(frame.map(|frame| {
                            let code = u16::from(frame.code).into();
                            CloseFrame { code, reason: frame.reason.as_str().into() }
                        })),
                        other => Message::Binary(other.into_data()),
                    }
                }
            }

            #[tokio::test]
            async fn conforms() {
                super::conforms::<Tungstenite>().await;
            }
        }
    };
}

tungstenite!(tokio_tungstenite_0_30, tokio_tungstenite);
tungstenite!(tokio_tungstenite_0_29, tokio_tungstenite_0_29);
tungstenite!(tokio_tungstenite_0_28, tokio_tungstenite_0_28);
tungstenite!(tokio_tungstenite_0_27, tokio_tungstenite_0_27);
tungstenite!(tokio_tungstenite_0_26, tokio_tungstenite_0_26);
