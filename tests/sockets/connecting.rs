//! Dialling with one deadline: what comes of it, and which step is named where nothing does.

mod addresses;
mod dialling;
mod phases;
mod printing;
mod proxies;
mod requests;
#[cfg(feature = "connect-rustls-0-23")]
mod tls;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{
    Cause, ConnectError, ConnectOptions, ConnectPhase, LiveConfig, LivenessError, TcpOptions, TcpProgress, connect,
    dial,
};

const SOON: Duration = Duration::from_millis(300);
/// What tokio's timers round, and the clock when it is paused.
const TICK: Duration = Duration::from_millis(5);
/// For a machine that is busy with something else.
const SLACK: Duration = Duration::from_secs(3);

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://localhost:{}/chat", listener.local_addr().unwrap().port());
    (listener, url)
}

/// A server that does `with` its first connection.
async fn server<F>(with: impl FnOnce(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send,
{
    let (listener, url) = listener().await;
    tokio::spawn(async move { with(listener.accept().await.unwrap().0).await });
    url
}

async fn refused(url: &str, options: &ConnectOptions) -> ConnectError {
    connect(url, options).await.map(|_| ()).unwrap_err()
}

fn phases(error: &ConnectError) -> Vec<ConnectPhase> {
    error.spent().iter().map(|(phase, _)| *phase).collect()
}

async fn hangs(_tcp: TcpStream) {
    std::future::pending().await
}

async fn echo(tcp: TcpStream) {
    let mut ws = tokio_tungstenite::accept_async(tcp).await.unwrap();
    while let Some(Ok(message)) = ws.next().await {
        if message.is_text() {
            ws.send(message).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_connection_has_its_liveness_its_options_and_its_source() {
    let url = server(|tcp| async move {
        let mut ws = tokio_tungstenite::accept_async(tcp).await.unwrap();
        ws.send(Message::text("hello")).await.unwrap();
        // It hangs from here on.
        std::future::pending::<()>().await;
    });
    let liveness = LiveConfig::builder().jitter(0.0).ping_interval(SOON).pong_timeout(SOON).build().unwrap();
    let options = ConnectOptions::new(liveness).tcp(TcpOptions::default().nodelay(true));
    let (mut live, response) = connect(url.await, &options).await.unwrap();
    assert_eq!(response.status(), 101);
    let MaybeTlsStream::Plain(io) = live.get_ref().get_ref() else { panic!("no TLS was asked for") };
    assert!(io.get_ref().nodelay().unwrap());
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("hello"));
    let dead = live.next().await.unwrap().unwrap_err();
    let dead = LivenessError::find(&dead).unwrap();
    assert_eq!(dead.cause(), Cause::PongTimeout);
    assert_eq!(dead.diagnosis().unwrap().tcp.is_some(), TcpProgress::IS_SUPPORTED);
}

#[tokio::test]
async fn a_name_that_is_none_is_named() {
    let error = refused("ws://no-such-host.invalid/", &ConnectOptions::default().timeout(SLACK)).await;
    assert_eq!((error.phase(), phases(&error)), (ConnectPhase::Resolve, vec![ConnectPhase::Resolve]));
}

#[tokio::test]
async fn where_nobody_listens_tcp_is_named_and_the_address() {
    let (listener, url) = listener().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refused(&url, &ConnectOptions::default()).await;
    assert_eq!((error.phase(), phases(&error)), (ConnectPhase::Tcp, vec![ConnectPhase::Resolve, ConnectPhase::Tcp]));
    assert!(error.to_string().contains(&format!(":{port}: ")), "{error}");
}

#[tokio::test]
async fn a_server_that_refuses_the_upgrade_is_heard() {
    let url = server(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let error = refused(&url.await, &ConnectOptions::default()).await;
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<Error>();
    assert!(matches!(source, Some(Error::Http(answer)) if answer.status() == 403), "{error}");
}

#[tokio::test]
async fn a_plain_connection_talks() {
    let (mut live, _) = connect(server(echo).await, &ConnectOptions::default()).await.unwrap();
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
}
