//! What is refused before anything is dialled, and what becomes of the credentials in a URL (D1).

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::*;

/// Refused in the first phase, with nothing dialled.
#[track_caller]
fn assert_refused<T>(what: &str, result: Result<T, ConnectError>) -> ConnectError {
    let Err(error) = result else { panic!("{what} was accepted") };
    let seen = (error.phase(), error.is_timeout(), phases(&error));
    assert_eq!(seen, (ConnectPhase::Request, false, vec![]), "{what}: {error}");
    error
}

/// What the first request to a server was, in lower case.
async fn head_of(dial: impl AsyncFnOnce(u16)) -> String {
    let (tell, told) = oneshot::channel();
    let url = server(|mut tcp| async move {
        let mut head = vec![0; 4096];
        let length = tcp.read(&mut head).await.unwrap();
        tell.send(String::from_utf8_lossy(&head[..length]).to_lowercase()).unwrap();
        tcp.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let port = url.await.rsplit_once(':').unwrap().1.trim_end_matches("/chat").parse().unwrap();
    dial(port).await;
    told.await.unwrap()
}

#[tokio::test]
async fn d1_what_is_no_web_socket_url_is_refused_before_anything_is_dialled() {
    for url in ["http://localhost/", "ws://", "localhost", "ws://local host/", "ws://:80/"] {
        assert_refused(url, connect(url, &ConnectOptions::default()).await);
    }
}

#[tokio::test]
async fn d1_a_port_that_is_none_is_refused_and_no_other_dialled() {
    for port in ["99999", "65536", "0", "-1", "+80", "80a"] {
        for host in ["127.0.0.1", "[::1]", "user@127.0.0.1"] {
            let url = format!("ws://{host}:{port}/");
            assert_refused(&url, connect(&url, &ConnectOptions::default()).await);
        }
    }
}

#[tokio::test]
async fn d1_credentials_in_the_url_become_a_header() {
    let cases = [
        ("user:pass@", "basic dxnlcjpwyxnz"),
        ("user@", "basic dxnlcjo="),
        ("us%65r:p%40ss%3a@", "basic dxnlcjpwqhnzog=="),
    ];
    for (credentials, header) in cases {
        let head = head_of(async |port| {
            refused(&format!("ws://{credentials}localhost:{port}/chat?x=1"), &ConnectOptions::default()).await;
        });
        let head = head.await;
        assert!(head.contains(&format!("\r\nauthorization: {header}\r\n")), "{credentials}: {head}");
        assert!(head.starts_with("get /chat?x=1 http/1.1\r\n") && !head.contains('@'), "{credentials}: {head}");
    }
}

#[tokio::test]
async fn d1_without_credentials_there_is_no_such_header() {
    for nobody in ["", "@"] {
        let head = head_of(async |port| {
            refused(&format!("ws://{nobody}localhost:{port}/"), &ConnectOptions::default()).await;
        });
        assert!(!head.await.contains("authorization"), "{nobody}");
    }
}

#[tokio::test]
async fn d1_credentials_beside_a_header_are_refused_and_so_is_a_name_with_a_colon() {
    let mut request = "ws://user:pass@localhost/".into_client_request().unwrap();
    request.headers_mut().insert("Authorization", "Bearer token".parse().unwrap());
    assert_refused("both", connect(request, &ConnectOptions::default()).await);
    assert_refused("a colon", connect("ws://us%3aer:pass@localhost/", &ConnectOptions::default()).await);
}

#[tokio::test]
async fn d1_a_request_that_cannot_be_sent_is_refused_before_anything_is_dialled() {
    let bare = Request::builder().uri("ws://localhost/").body(()).unwrap();
    assert_refused("no key", connect(bare, &ConnectOptions::default()).await);
    let mut post = "ws://localhost/".into_client_request().unwrap();
    *post.method_mut() = "POST".parse().unwrap();
    assert_refused("POST", connect(post, &ConnectOptions::default()).await);
}

#[tokio::test]
async fn d1_limits_that_cannot_be_are_refused_and_panic_nobody() {
    let limits = WebSocketConfig::default().write_buffer_size(4096).max_write_buffer_size(4096);
    let (listener, url) = listener().await;
    tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    let error = assert_refused("4096 of 4096", connect(url, &ConnectOptions::default().websocket(limits)).await);
    assert!(error.to_string().contains("max_write_buffer_size"), "{error}");
}

#[tokio::test]
#[cfg(not(feature = "connect-rustls-0-23"))]
async fn d1_tls_without_its_feature_is_refused_before_anything_is_dialled() {
    let error = assert_refused("wss", connect("wss://localhost/", &ConnectOptions::default()).await);
    assert!(error.to_string().contains("connect-rustls"), "{error}");
}

#[tokio::test]
#[cfg(feature = "connect-rustls-0-23")]
async fn d1_a_name_that_no_certificate_can_have_is_refused_before_anything_is_dialled() {
    assert_refused("..", connect("wss://a..b/", &ConnectOptions::default()).await);
}
