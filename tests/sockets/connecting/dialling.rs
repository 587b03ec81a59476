//! A stream and its source, without a WebSocket handshake.

use tokio_tungstenite::client_async;
use ws_liveness::LiveExt;

use super::*;

#[tokio::test]
async fn d6_what_dial_returns_carries_a_handshake_and_counts() {
    let url = server(echo).await;
    let dialled = dial(&url, &ConnectOptions::default().tcp(TcpOptions::default().nodelay(true))).await.unwrap();
    let MaybeTlsStream::Plain(io) = &dialled.stream else { panic!("no TLS was asked for") };
    assert!(io.get_ref().nodelay().unwrap());
    let (ws, _) = client_async(&url, dialled.stream).await.unwrap();
    let before = dialled.progress.look().read.unwrap();
    let mut live = ws.live(LiveConfig::default()).with_progress(dialled.progress.clone());
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
    assert_eq!(dialled.progress.look().read.unwrap(), before + 3);
    assert_eq!(dialled.progress.look().tcp.is_some(), TcpProgress::IS_SUPPORTED);
}

#[tokio::test]
async fn d6_credentials_that_dial_cannot_send_are_refused() {
    let error = dial("ws://user:5ecret@localhost/", &ConnectOptions::default()).await.unwrap_err();
    assert!(error.phase() == ConnectPhase::Request && !error.to_string().contains("5ecret"), "{error}");
}

#[tokio::test]
async fn d6_what_dial_returns_prints_no_bytes() {
    let dialled = dial(server(hangs).await, &ConnectOptions::default()).await.unwrap();
    assert_eq!(format!("{dialled:?}"), "Dialled { tls: false, .. }");
}
