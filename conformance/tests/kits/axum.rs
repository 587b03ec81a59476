//! axum 0.8: the server's side only.

use std::future::{IntoFuture, pending};
use std::io;

use axum::Error;
use axum::extract::ws::{CloseFrame as ItsCloseFrame, Message as ItsMessage, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use axum::serve::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use ws_liveness::hardened;
use ws_liveness_conformance::{Kit, conforms};

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
async fn axum_0_8() {
    conforms::<Axum>().await;
}

/// tungstenite 0.29 is axum's own.
#[tokio::test]
async fn axum_0_8_takes_the_hardened_limits() {
    let (out, mut shown) = mpsc::channel(1);
    let handler = any(async move |upgrade: WebSocketUpgrade| {
        out.send(format!("{:?}", hardened::axum_0_8(upgrade, 5000))).await.unwrap();
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let accepted = listener.accept().await.unwrap().0;
    let server = tokio::spawn(axum::serve(Once(Some(accepted)), handler).into_future());
    client.write_all(REQUEST).await.unwrap();
    let (shown, limits) = (shown.recv().await.unwrap(), format!("{:?}", hardened::tungstenite_0_29(5000)));
    server.abort();
    assert!(shown.contains(&limits), "{shown}\n{limits}");
}
