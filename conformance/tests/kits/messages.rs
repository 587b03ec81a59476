//! What the adapter of each foreign message type must do.

use std::error::Error;

use futures_util::StreamExt;
use tokio::io::duplex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, LiveConfig, LiveExt, LivenessError, MessageKind, WsMessage};

/// The error of a connection that died.
async fn death() -> LivenessError {
    let (near, _far) = duplex(1 << 10);
    let mut ws = WebSocketStream::from_raw_socket(near, Role::Client, None).await.live(LiveConfig::default());
    let error = ws.next().await.unwrap().unwrap_err();
    LivenessError::find(&error).unwrap().clone()
}

async fn adapts<M, E>()
where
    M: WsMessage,
    E: From<LivenessError> + Error + 'static,
{
    assert_eq!(M::ping(b"8 bytes.").kind(), MessageKind::Ping(b"8 bytes."));
    assert_eq!(M::ping(b"").kind(), MessageKind::Ping(b""));
    for code in [1000, 1003, 1007, 1013, 3000, 3008, 4999] {
        assert_eq!(M::close(code, &"r".repeat(123)).kind(), MessageKind::Close, "{code}");
    }
    let error = E::from(death().await);
    assert_eq!(LivenessError::find(&error).map(LivenessError::cause), Some(Cause::PongTimeout), "{error}");
    assert!(!M::is_transient(&error));
}

#[tokio::test(start_paused = true)]
async fn tungstenite_0_30() {
    use tokio_tungstenite::tungstenite::{Error, Message};
    adapts::<Message, Error>().await;
    assert_eq!(Message::text("t").kind(), MessageKind::Data);
    assert_eq!(Message::Pong("p".into()).kind(), MessageKind::Pong(b"p"));
    assert!(Message::is_transient(&Error::WriteBufferFull(Box::new(Message::text("t")))));
}

#[tokio::test(start_paused = true)]
async fn axum_0_8() {
    use ::axum::extract::ws::Message;
    adapts::<Message, ::axum::Error>().await;
    assert_eq!(Message::text("t").kind(), MessageKind::Data);
    assert_eq!(Message::Pong("p".into()).kind(), MessageKind::Pong(b"p"));
}

#[tokio::test(start_paused = true)]
async fn tokio_websockets_0_13() {
    use ::tokio_websockets::{Error, Message};
    adapts::<Message, Error>().await;
    assert_eq!(Message::text("t").kind(), MessageKind::Data);
    assert_eq!(Message::pong("p").kind(), MessageKind::Pong(b"p"));
}

macro_rules! older {
    ($name:ident, $its:ident) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            use $its::tungstenite::{Error, Message};
            adapts::<Message, Error>().await;
            assert_eq!(Message::text("t").kind(), MessageKind::Data);
            assert_eq!(Message::Pong("p".into()).kind(), MessageKind::Pong(b"p"));
        }
    };
}

older!(tungstenite_0_29, tokio_tungstenite_0_29);
older!(tungstenite_0_28, tokio_tungstenite_0_28);
older!(tungstenite_0_27, tokio_tungstenite_0_27);
older!(tungstenite_0_26, tokio_tungstenite_0_26);
