//! tokio-websockets 0.13.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_websockets::{
    ClientBuilder, CloseCode, Error, Message as ItsMessage, Payload, ServerBuilder, WebSocketStream,
};

use futures_util::{SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use ws_liveness::{Cause, ConnectOptions, End, Health, LiveConfig, LiveExt, LivenessError, dial, hardened};
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

/// A transport that reads like `far`'s end and refuses every write, as a TCP socket does after a reset.
struct Unwritable(DuplexStream);

impl AsyncRead for Unwritable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Unwritable {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// S9: its stream simply ends once its sink has failed. The error of our ping is what explains that end.
#[tokio::test(start_paused = true)]
async fn tokio_websockets_0_13_tells_a_ping_that_failed_before_the_end_that_follows() {
    for spawned in [false, true] {
        let (near, _far) = duplex(1024);
        let live = ClientBuilder::new().take_over(Unwritable(near)).live(LiveConfig::default());
        let monitor = live.monitor();
        let (error, after) = if spawned { last_words(live.spawn(1)).await } else { last_words(live).await };
        let error = error.expect("it explains the end").unwrap_err();
        let dead = LivenessError::find(&error).unwrap_or_else(|| panic!("not ours: {error:?}"));
        assert_eq!(dead.cause(), Cause::PingFailed);
        let source = dead.source().unwrap().downcast_ref().unwrap();
        assert!(matches!(source, Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset), "{source:?}");
        assert!(after.is_none());
        assert_eq!(monitor.health(), Health::Ended(End::PingFailed));
    }
}

type Item = Option<Result<ItsMessage, Error>>;

async fn last_words(mut ws: impl Stream<Item = Result<ItsMessage, Error>> + Unpin) -> (Item, Item) {
    (ws.next().await, ws.next().await)
}
