//! A WebSocket through a proxy, with liveness and a progress source, in one deadline.
//! `cargo run --example proxy --features connect-rustls -- socks5://localhost:1080 wss://echo.websocket.org/`

mod tunnel;

use std::env::args;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use ws_liveness::{ConnectOptions, LiveConfig, LiveExt, LiveStream, ProgressIo, dial, hardened};

type Failure = Box<dyn std::error::Error>;
/// Beneath is the way to the proxy, above it TLS with the server.
type Tunnelled = LiveStream<WebSocketStream<MaybeTlsStream<MaybeTlsStream<ProgressIo<TcpStream>>>>>;

/// `proxy` is `http://host:port` or `socks5://host:port`.
async fn connect(proxy: &Uri, url: &Uri) -> Result<Tunnelled, Failure> {
    let host = url.host().ok_or("the URL has no host")?.trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("wss") { 443 } else { 80 });
    let at = proxy.authority().ok_or("the proxy has no address")?;
    let mut dialled = dial(format!("ws://{at}/"), &ConnectOptions::default()).await?;
    match proxy.scheme_str() {
        Some("http") => tunnel::http_connect(&mut dialled.stream, host, port, None).await?,
        Some("socks5") => tunnel::socks5(&mut dialled.stream, host, port, None).await?,
        _ => return Err("a proxy is http:// or socks5://".into()),
    }
    let limits = hardened::tungstenite_0_30(1 << 20);
    let (ws, _response) = client_async_tls_with_config(url, dialled.stream, Some(limits), None).await?;
    Ok(ws.live(LiveConfig::default()).with_progress(dialled.progress))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let [proxy, url] = [args().nth(1), args().nth(2)].map(|arg| arg.ok_or("usage: proxy PROXY URL"));
    let (proxy, url) = (proxy?.parse()?, url?.parse()?);
    let mut ws = timeout(Duration::from_secs(15), connect(&proxy, &url)).await.map_err(|_| "no answer in 15 s")??;
    ws.send(Message::text("hello")).await?;
    while let Some(message) = ws.next().await {
        println!("{}", message?);
    }
    Ok(())
}
