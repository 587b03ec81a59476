//! D5: no event shows what a connection was dialled with, or what it has read.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use ws_liveness::{ConnectOptions, connect};

use crate::events::Ear;

#[tokio::test]
async fn d5_no_event_of_a_connection_shows_what_it_was_dialled_with_or_has_read() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/?token=5ecret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut ws = tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap();
        ws.send(Message::text("5ecret")).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Cookie", "5ecret".parse().unwrap());
    let (mut live, _) = connect(request, &ConnectOptions::default()).await.unwrap();
    live.next().await.unwrap().unwrap();
    tokio::time::pause();
    live.next().await.unwrap().unwrap_err();
    let heard = ear.heard();
    assert!(heard.contains("pong_timeout") && !heard.contains("5ecret"), "{heard}");
}
