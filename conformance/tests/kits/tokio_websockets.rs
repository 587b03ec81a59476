//! tokio-websockets 0.13.

use tokio_websockets::{
    ClientBuilder, CloseCode, Error, Message as ItsMessage, Payload, ServerBuilder, WebSocketStream,
};

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
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
