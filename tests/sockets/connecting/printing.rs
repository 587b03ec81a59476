//! Nothing that prints shows a query, a header, a cookie or a body (D5).

use std::error::Error as StdError;
use std::fmt::Debug;

use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;

/// Stands in every place that nobody may print. The second is the first in base64, with a colon before it.
const SECRETS: [&str; 2] = ["5ecret", "OjVlY3JldA=="];

#[track_caller]
fn assert_discreet(what: &impl Debug) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        let numbers = format!("{:?}", SECRETS[0].as_bytes());
        let numbers = numbers.trim_matches(['[', ']']);
        assert!(!text.contains(numbers), "{text}");
        assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[track_caller]
fn assert_discreet_error(error: &ConnectError) {
    assert_discreet(error);
    let mut next: Option<&dyn StdError> = Some(error);
    while let Some(error) = next {
        assert!(!error.to_string().contains(SECRETS[0]), "{error}");
        next = error.source();
    }
}

/// With the secret in the query, in a header and in a cookie.
fn request(url: &str) -> tokio_tungstenite::tungstenite::http::Request<()> {
    let mut request = format!("{url}?token=5ecret").into_client_request().unwrap();
    request.headers_mut().insert("Cookie", "5ecret".parse().unwrap());
    request
}

#[tokio::test]
async fn d5_an_answer_that_is_no_upgrade_shows_its_status_alone() {
    let url = server(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 403 Forbidden\r\nSet-Cookie: 5ecret\r\nContent-Length: 6\r\n\r\n5ecret")
            .await
            .unwrap();
    });
    let error = connect(request(&url.await), &ConnectOptions::default()).await.map(|_| ()).unwrap_err();
    assert_discreet_error(&error);
    assert!(format!("{error:?}").contains("403"), "{error:?}");
}

#[tokio::test]
async fn d5_what_is_refused_before_dialling_is_not_shown() {
    for url in ["ws://:5ecret@localhost:99999/", "http://localhost/", "ws://local host/", "ws://:5ecret@/"] {
        let url = format!("{url}?token=5ecret");
        assert_discreet_error(&connect(&url, &ConnectOptions::default()).await.map(|_| ()).unwrap_err());
    }
}

#[tokio::test]
async fn d5_a_connection_shows_neither_what_it_has_read_nor_what_it_has_to_write() {
    let url = server(|tcp| async move {
        let mut ws = tokio_tungstenite::accept_async(tcp).await.unwrap();
        ws.feed(Message::text("first")).await.unwrap();
        ws.send(Message::text("5ecret")).await.unwrap();
        std::future::pending::<()>().await;
    });
    let (mut live, _) = connect(request(&url.await), &ConnectOptions::default()).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("first"));
    live.feed(Message::text("5ecret")).await.unwrap();
    assert_discreet(&live);
}
