//! The recipe of `examples/proxy`: a tunnel through a proxy, over what `dial` returns.

#[path = "../../../examples/proxy/tunnel.rs"]
mod tunnel;

use std::io;

use tokio::io::copy_bidirectional;
use tokio_tungstenite::client_async;
use ws_liveness::{LiveExt, ProgressIo};

use super::*;

/// A server that echoes, and a proxy before it that reads `expects` in turn, answers each, and then connects both.
async fn behind_proxy(script: impl Fn(u16) -> Vec<(Vec<u8>, Vec<u8>)> + Send + 'static) -> (String, u16) {
    let url = server(echo).await;
    let port = url.rsplit_once(':').unwrap().1.trim_end_matches("/chat").parse().unwrap();
    let proxy = server(move |mut tcp| async move {
        for (expects, answers) in script(port) {
            let mut said = vec![0; expects.len()];
            tcp.read_exact(&mut said).await.unwrap();
            assert_eq!(said, expects, "{:?}", String::from_utf8_lossy(&said));
            tcp.write_all(&answers).await.unwrap();
        }
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let _ = copy_bidirectional(&mut tcp, &mut server).await;
    });
    (proxy.await, port)
}

/// Dials the proxy, makes a tunnel, and has a word with the server behind it.
async fn talk(proxy: &str, tunnel: impl AsyncFnOnce(&mut MaybeTlsStream<ProgressIo<TcpStream>>) -> io::Result<()>) {
    let mut dialled = dial(proxy, &ConnectOptions::default()).await.unwrap();
    tunnel(&mut dialled.stream).await.unwrap();
    let (ws, _) = client_async("ws://localhost/chat", dialled.stream).await.unwrap();
    let mut live = ws.live(LiveConfig::default()).with_progress(dialled.progress);
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
}

#[tokio::test]
async fn d6_a_tunnel_through_an_http_proxy() {
    let (proxy, port) = behind_proxy(|port| {
        let head = format!(
            "CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
        );
        vec![(head.into(), b"HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n".into())]
    })
    .await;
    let ask = async |stream: &mut _| tunnel::http_connect(stream, "localhost", port, Some("Basic eDp5")).await;
    talk(&proxy, ask).await;
}

#[tokio::test]
async fn d6_a_tunnel_through_a_socks5_proxy() {
    let (proxy, port) = behind_proxy(|port| {
        let request = [&b"\x05\x01\x00\x03\x09localhost"[..], &port.to_be_bytes()].concat();
        vec![
            (b"\x05\x01\x00".into(), b"\x05\x00".into()),
            (request, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34".into()),
        ]
    })
    .await;
    talk(&proxy, async |stream: &mut _| tunnel::socks5(stream, "localhost", port, None).await).await;
}

#[tokio::test]
async fn d6_a_tunnel_through_a_socks5_proxy_with_a_password_to_an_address() {
    let (proxy, port) = behind_proxy(|port| {
        let request = [&b"\x05\x01\x00\x01\x7f\x00\x00\x01"[..], &port.to_be_bytes()].concat();
        vec![
            (b"\x05\x01\x02".into(), b"\x05\x02".into()),
            (b"\x01\x04user\x04pass".into(), b"\x01\x00".into()),
            (request, b"\x05\x00\x00\x03\x05proxy\x12\x34".into()),
        ]
    })
    .await;
    talk(&proxy, async |stream: &mut _| tunnel::socks5(stream, "127.0.0.1", port, Some(("user", "pass"))).await).await;
}

#[tokio::test]
async fn d6_a_proxy_that_refuses_is_heard() {
    let says = |answer: &'static [u8]| async move {
        let url = server(move |mut tcp| async move {
            let _ = tcp.read(&mut [0; 4096]).await;
            tcp.write_all(answer).await.unwrap();
        });
        dial(url.await, &ConnectOptions::default()).await.unwrap().stream
    };
    let mut http = says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let error = tunnel::http_connect(&mut http, "localhost", 1, None).await.unwrap_err();
    assert_eq!(error.to_string(), "the HTTP proxy refused: 407");
    let mut socks = says(b"\x05\xff").await;
    let error = tunnel::socks5(&mut socks, "localhost", 1, None).await.unwrap_err();
    assert_eq!(error.to_string(), "the SOCKS5 proxy refused: method, code 255");
}
