//! Dialling with one deadline: what comes of it, and which step is named where nothing does.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{
    Cause, ConnectError, ConnectOptions, ConnectPhase, LiveConfig, LivenessError, TcpOptions, TcpProgress, connect,
};

const SOON: Duration = Duration::from_millis(300);
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
    let tokio_tungstenite::MaybeTlsStream::Plain(io) = live.get_ref().get_ref() else { panic!("no TLS was asked for") };
    assert!(io.get_ref().nodelay().unwrap());
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("hello"));
    let dead = live.next().await.unwrap().unwrap_err();
    let dead = LivenessError::find(&dead).unwrap();
    assert_eq!(dead.cause(), Cause::PongTimeout);
    assert_eq!(dead.diagnosis().unwrap().tcp.is_some(), TcpProgress::IS_SUPPORTED);
}

#[tokio::test]
async fn what_is_no_web_socket_url_is_refused_before_anything_is_dialled() {
    for url in ["http://localhost/", "ws://", "localhost", "ws://local host/"] {
        let error = refused(url, &ConnectOptions::default()).await;
        assert_eq!(
            (error.phase(), error.is_timeout(), phases(&error)),
            (ConnectPhase::Request, false, vec![]),
            "{url}"
        );
    }
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
async fn a_server_that_never_upgrades_is_given_up_when_the_time_is_over() {
    let url = server(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        std::future::pending::<()>().await;
    });
    let (url, start) = (url.await, Instant::now());
    let error = refused(&url, &ConnectOptions::default().timeout(SOON)).await;
    assert!(start.elapsed() >= SOON && start.elapsed() < SOON + SLACK);
    assert!(error.is_timeout() && error.phase() == ConnectPhase::Upgrade, "{error}");
    assert_eq!(phases(&error), [ConnectPhase::Resolve, ConnectPhase::Tcp, ConnectPhase::Upgrade]);
    assert!(error.to_string().starts_with("upgrade: not done within 300ms (name resolution "), "{error}");
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
async fn tls_is_named_where_the_server_does_not_speak_it() {
    let url = server(hangs).await.replace("ws:", "wss:");
    let error = refused(&url, &ConnectOptions::default().timeout(SOON)).await;
    assert_eq!(error.phase(), ConnectPhase::Tls);
    assert_eq!(error.is_timeout(), cfg!(feature = "connect-rustls"), "{error}");
}

#[tokio::test]
async fn a_plain_connection_talks() {
    let (mut live, _) = connect(server(echo).await, &ConnectOptions::default()).await.unwrap();
    live.send(Message::text("x")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), Message::text("x"));
}

#[cfg(feature = "connect-rustls")]
mod tls {
    use std::sync::Arc;

    #[cfg(target_os = "linux")]
    use socket2::SockRef;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
    #[cfg(target_os = "linux")]
    use tokio_tungstenite::MaybeTlsStream;
    use ws_liveness::progress::Finding;

    use super::*;

    /// A server behind TLS that echoes what it is told, and answers no ping once it was told to hang.
    async fn secret_echo() -> String {
        let chain = vec![CertificateDer::from_pem_slice(include_bytes!("../support/tls/localhost.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../support/tls/localhost.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
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

    fn trusting(liveness: LiveConfig) -> ConnectOptions {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(include_bytes!("../support/tls/ca.pem")).unwrap()).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
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
    async fn a_certificate_that_nobody_vouches_for_is_a_failure_of_tls() {
        let error = refused(&secret_echo().await, &ConnectOptions::default()).await;
        assert!(error.phase() == ConnectPhase::Tls && !error.is_timeout(), "{error}");
    }
}
