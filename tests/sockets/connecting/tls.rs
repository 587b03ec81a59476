//! TLS.

use std::sync::Arc;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use ws_liveness::progress::Finding;

use super::*;

const LOCALHOST: &[u8] = include_bytes!("../../support/tls/localhost.pem");

/// A server behind TLS that echoes what it is told, and answers no ping once it was told to hang.
async fn secret_echo() -> String {
    secret_echo_with(LOCALHOST).await
}

/// The same with another certificate.
async fn secret_echo_with(certificate: &[u8]) -> String {
    let config = identity(certificate);
    let url = server(|tcp| async move {
        let Ok(tls) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await else { return };
        let mut ws = tokio_tungstenite::accept_async(tls).await.unwrap();
        while let Some(Ok(message)) = ws.next().await {
            ws.send(message.clone()).await.unwrap();
            if message == Message::text("hang") {
                std::future::pending::<()>().await;
            }
        }
    });
    url.await.replace("ws:", "wss:")
}

fn identity(certificate: &[u8]) -> ServerConfig {
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../support/tls/localhost.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    config
}

fn trusting(liveness: LiveConfig) -> ConnectOptions {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(include_bytes!("../../support/tls/ca.pem")).unwrap()).unwrap();
    let mut tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // As a configuration has it that is shared with an HTTP client.
    tls.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    ConnectOptions::new(liveness).tls(Arc::new(tls))
}

#[tokio::test]
async fn a_connection_over_tls_talks_and_its_source_sees_through() {
    let liveness = LiveConfig::builder().jitter(0.0).ping_interval(SOON).pong_timeout(SOON).build().unwrap();
    let (mut live, _) = connect(secret_echo().await, &trusting(liveness)).await.unwrap();
    live.send(Message::text("hang")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("hang"));
    let dead = live.next().await.unwrap().unwrap_err();
    let diagnosis = *LivenessError::find(&dead).unwrap().diagnosis().unwrap();
    let finding = if TcpProgress::IS_SUPPORTED { Finding::PeerHung } else { Finding::Unknown };
    assert_eq!(diagnosis.finding, finding, "{diagnosis:?}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn tcp_options_reach_the_socket_inside_tls_by_reference() {
    let dialled = TcpOptions::default().keepalive(Duration::from_secs(7));
    let options = trusting(LiveConfig::default()).tcp(dialled);
    let (mut live, _) = connect(secret_echo().await, &options).await.unwrap();
    let MaybeTlsStream::Rustls(tls) = live.get_ref().get_ref() else { panic!("TLS was asked for") };
    let kernel = SockRef::from(tls.get_ref().0.get_ref());
    assert!(kernel.keepalive().unwrap() && !kernel.tcp_nodelay().unwrap());
    assert_eq!(kernel.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
    assert_eq!(kernel.tcp_user_timeout().unwrap(), None);

    let later = TcpOptions::default().user_timeout(SLACK).nodelay(true);
    later.apply(tls.get_ref().0.get_ref()).unwrap();
    assert!(kernel.tcp_nodelay().unwrap());
    assert_eq!(kernel.tcp_user_timeout().unwrap(), Some(SLACK));
    assert_eq!(kernel.tcp_keepalive_time().unwrap(), Duration::from_secs(7), "what was set before stays");
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
}

#[tokio::test]
async fn d1_http_1_is_the_one_protocol_that_is_offered() {
    let (live, _) = connect(secret_echo().await, &trusting(LiveConfig::default())).await.unwrap();
    let MaybeTlsStream::Rustls(tls) = live.get_ref().get_ref() else { panic!("TLS was asked for") };
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn what_dial_returns_is_beneath_tls_for_its_source() {
    let url = secret_echo().await;
    let dialled = dial(&url, &trusting(LiveConfig::default())).await.unwrap();
    assert!(matches!(dialled.stream, MaybeTlsStream::Rustls(_)));
    assert!(dialled.progress.look().read.unwrap() > 500, "the server's certificate has come in");
    assert_eq!(format!("{dialled:?}"), "Dialled { tls: true, .. }");
}

/// Trusting our own authority.
async fn fails_in_tls(certificate: &[u8], host: &str) -> String {
    let url = secret_echo_with(certificate).await.replace("localhost", host);
    let error = refused(&url, &trusting(LiveConfig::default())).await;
    assert!(error.phase() == ConnectPhase::Tls && !error.is_timeout(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_certificate_that_is_not_the_servers_is_a_failure_of_tls() {
    let cases = [
        (&include_bytes!("../../support/tls/other_name.pem")[..], "localhost", "not valid for name"),
        (include_bytes!("../../support/tls/other_address.pem"), "127.0.0.1", "not valid for name"),
        (include_bytes!("../../support/tls/expired.pem"), "localhost", "expired"),
        (include_bytes!("../../support/tls/not_yet.pem"), "localhost", "not valid yet"),
        (include_bytes!("../../support/tls/self_signed.pem"), "localhost", "UnknownIssuer"),
    ];
    for (certificate, host, why) in cases {
        let error = fails_in_tls(certificate, host).await;
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address() {
    let url = secret_echo().await.replace("localhost", "127.0.0.1");
    connect(url, &trusting(LiveConfig::default())).await.map(|_| ()).unwrap();
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure_of_tls() {
    let error = refused(&secret_echo().await, &ConnectOptions::default()).await;
    assert!(error.phase() == ConnectPhase::Tls && !error.is_timeout(), "{error}");
}
