//! tokio-websockets 0.13.

use tokio_websockets::{
    ClientBuilder, CloseCode, Error, Message as ItsMessage, Payload, ServerBuilder, WebSocketStream,
};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use ws_liveness::{ConnectOptions, LiveConfig, LiveExt, dial, hardened};
use ws_liveness_conformance::{Kit, conforms};

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
async fn tokio_websockets_0_13() {
    conforms::<TokioWebsockets>().await;
}

/// What `dial` returns carries its handshake; limits that `hardened` gives hold.
#[tokio::test]
async fn tokio_websockets_0_13_over_dial_with_hardened_limits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let tcp = listener.accept().await.unwrap().0;
        let builder = ServerBuilder::new().limits(hardened::tokio_websockets_0_13(5000));
        let (_, mut ws) = builder.accept(tcp).await.unwrap();
        let length = ws.next().await.unwrap().unwrap().into_payload().len();
        (length, ws.next().await.unwrap().unwrap_err())
    });
    let dialled = dial(&url, &ConnectOptions::default()).await.unwrap();
    let (ws, _) = ClientBuilder::new().uri(&url).unwrap().connect_on(dialled.stream).await.unwrap();
    let mut live = ws.live(LiveConfig::default()).with_progress(dialled.progress.clone());
    live.send(ItsMessage::binary(vec![0; 5000])).await.unwrap();
    live.send(ItsMessage::binary(vec![0; 5001])).await.unwrap();
    let (length, error) = server.await.unwrap();
    assert!(length == 5000 && matches!(error, Error::PayloadTooLong { .. }), "{length} bytes, {error:?}");
    assert!(dialled.progress.look().written.unwrap() > 10_000);
}
