//! Every socket that has an adapter keeps the same promises. All of them: `--features _conformance`, or `--all-features`.

#![cfg(feature = "tungstenite")]

#[path = "support/conformance.rs"]
mod conformance;
#[path = "support/pair.rs"]
mod pair;

use conformance::{Kit, conforms};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// The tungstenites: their `Message` has had one shape since 0.26.
macro_rules! tungstenite {
    ($feature:literal, $name:ident, $its:ident) => {
        #[cfg(feature = $feature)]
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

tungstenite!("tungstenite", tokio_tungstenite_0_30, tokio_tungstenite);
tungstenite!("tungstenite-0-29", tokio_tungstenite_0_29, tokio_tungstenite_0_29);
tungstenite!("tungstenite-0-28", tokio_tungstenite_0_28, tokio_tungstenite_0_28);
tungstenite!("tungstenite-0-27", tokio_tungstenite_0_27, tokio_tungstenite_0_27);
tungstenite!("tungstenite-0-26", tokio_tungstenite_0_26, tokio_tungstenite_0_26);

#[cfg(feature = "_conformance")]
mod axum_0_8 {
    use std::future::{IntoFuture, pending};
    use std::io;

    use axum::Error;
    use axum::extract::ws::{CloseFrame as ItsCloseFrame, Message as ItsMessage, WebSocket, WebSocketUpgrade};
    use axum::routing::any;
    use axum::serve::Listener;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    struct Axum;

    /// A listener for one connection.
    struct Once(Option<TcpStream>);

    impl Listener for Once {
        type Io = TcpStream;
        type Addr = ();

        async fn accept(&mut self) -> (TcpStream, ()) {
            match self.0.take() {
                Some(io) => (io, ()),
                None => pending().await,
            }
        }

        fn local_addr(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kit for Axum {
        type Message = ItsMessage;
        type Error = Error;
        type Socket = WebSocket;
        const ROLES: &'static [Role] = &[Role::Server];

        async fn open(near: TcpStream, far: &mut TcpStream, _: Role, tight: bool) -> WebSocket {
            let (out, mut sockets) = mpsc::channel(1);
            let upgrade = any(async move |upgrade: WebSocketUpgrade| {
                let upgrade = match tight {
                    true => upgrade.write_buffer_size(100).max_write_buffer_size(101),
                    false => upgrade,
                };
                upgrade.on_upgrade(async move |socket| out.send(socket).await.unwrap())
            });
            let server = tokio::spawn(axum::serve(Once(Some(near)), upgrade).into_future());
            far.write_all(REQUEST).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(far.read_u8().await.unwrap());
            }
            let socket = sockets.recv().await.unwrap();
            server.abort();
            socket
        }

        fn make(message: Message) -> ItsMessage {
            match message {
                Message::Text(text) => ItsMessage::text(text.as_str()),
                Message::Close(frame) => ItsMessage::Close(frame.map(|frame| {
                    let code = frame.code.into();
                    ItsCloseFrame { code, reason: frame.reason.as_str().into() }
                })),
                other => ItsMessage::Binary(other.into_data()),
            }
        }

        fn show(message: ItsMessage) -> Message {
            match message {
                ItsMessage::Text(text) => Message::text(text.as_str()),
                ItsMessage::Binary(payload) => Message::Binary(payload),
                ItsMessage::Ping(payload) => Message::Ping(payload),
                ItsMessage::Pong(payload) => Message::Pong(payload),
                ItsMessage::Close(frame) => Message::Close(frame.map(|frame| {
                    let code = frame.code.into();
                    CloseFrame { code, reason: frame.reason.as_str().into() }
                })),
            }
        }
    }

    #[tokio::test]
    async fn conforms() {
        super::conforms::<Axum>().await;
    }
}

#[cfg(feature = "_conformance")]
mod tokio_websockets_0_13 {
    use tokio_websockets::{
        ClientBuilder, CloseCode, Error, Message as ItsMessage, Payload, ServerBuilder, WebSocketStream,
    };

    use super::*;

    struct TokioWebsockets;

    impl Kit for TokioWebsockets {
        type Message = ItsMessage;
        type Error = Error;
        type Socket = WebSocketStream<TcpStream>;

        async fn open(near: TcpStream, _: &mut TcpStream, role: Role, _: bool) -> Self::Socket {
            match role {
                Role::Client => ClientBuilder::new().take_over(near),
                Role::Server => ServerBuilder::new().serve(near),
            }
        }

        fn make(message: Message) -> ItsMessage {
            match message {
                Message::Text(text) => ItsMessage::text(text.as_str().to_owned()),
                Message::Close(Some(frame)) => {
                    ItsMessage::close(CloseCode::try_from(u16::from(frame.code)).ok(), &frame.reason)
                }
                other => ItsMessage::binary(Payload::from(other.into_data())),
            }
        }

        fn show(message: ItsMessage) -> Message {
            if let Some(text) = message.as_text() {
                return Message::text(text);
            }
            if let Some((code, reason)) = message.as_close() {
                return Message::Close(Some(CloseFrame { code: u16::from(code).into(), reason: reason.into() }));
            }
            let (ping, pong) = (message.is_ping(), message.is_pong());
            let payload = message.into_payload().into();
            match () {
                () if ping => Message::Ping(payload),
                () if pong => Message::Pong(payload),
                () => Message::Binary(payload),
            }
        }
    }

    #[tokio::test]
    async fn conforms() {
        super::conforms::<TokioWebsockets>().await;
    }
}
