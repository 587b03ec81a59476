//! Dialling: within its deadline, and with a message that says what went wrong.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use support::{connect, factory, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::Instant;
use whatsapp_rust::transport::TransportFactory;
use whatsapp_rust::wacore::net::WHATSAPP_WEB_ORIGIN;
use ws_liveness_whatsapp::LiveTransportFactory;

async fn refusal(factory: &LiveTransportFactory) -> String {
    let error = factory.create_transport().await.err().expect("there is nothing to connect to");
    format!("{error:#}")
}

#[tokio::test]
async fn a_server_that_never_upgrades_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let deadline = Duration::from_millis(300);
    let factory = factory(listener.local_addr().unwrap()).with_dial_timeout(deadline);
    let start = Instant::now();
    let refusal = refusal(&factory).await;
    assert!(refusal.contains("no answer within 300ms"), "{refusal}");
    assert!(start.elapsed() >= deadline, "{:?}", start.elapsed());
}

#[tokio::test]
async fn where_nobody_listens_the_message_names_the_url() {
    let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let refusal = refusal(&factory(addr)).await;
    assert!(
        refusal.starts_with(&format!("cannot connect to ws://{addr}/ws/chat: no way to the server: ")),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_no_wss_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let server =
        async { listener.accept().await.unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap() };
    let factory = LiveTransportFactory::new().with_url(&url).unwrap();
    let (refusal, ()) = tokio::join!(refusal(&factory), server);
    assert!(refusal.contains("no TLS with the server"), "{refusal}");
}

#[tokio::test]
async fn what_is_no_web_socket_url_is_refused() {
    assert!(LiveTransportFactory::new().with_url("no url").is_err());
    let refusal = refusal(&LiveTransportFactory::new().with_url("http://127.0.0.1/").unwrap()).await;
    assert!(refusal.contains("neither ws:// nor wss://"), "{refusal}");
}

#[tokio::test]
async fn the_upgrade_names_the_origin_that_whatsapp_expects() {
    let (addr, mut accepted) = serve().await;
    let _client = connect(&factory(addr)).await;
    let (request, _) = accepted.recv().await.unwrap();
    assert_eq!(request.uri().path(), "/ws/chat");
    assert_eq!(request.headers()["origin"], WHATSAPP_WEB_ORIGIN);
}
