//! From a URL to an open WebSocket.

use std::sync::Arc;

use http::header::ORIGIN;
use http::{HeaderValue, Uri};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_websockets::{ClientBuilder, Connector, MaybeTlsStream, WebSocketStream};
use whatsapp_rust::anyhow::{self, Context as _, bail};
use whatsapp_rust::wacore::net::WHATSAPP_WEB_ORIGIN;

/// Has no deadline of its own.
pub(crate) async fn dial(url: &Uri) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let (connector, port) = match url.scheme_str() {
        Some("wss") => (tls()?, 443),
        Some("ws") => (Connector::Plain, 80),
        _ => bail!("the URL begins with neither ws:// nor wss://"),
    };
    let host = url.host().context("the URL has no host")?.trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, url.port_u16().unwrap_or(port))).await.context("no way to the server")?;
    // Otherwise a ping waits until what was sent before it is acknowledged.
    tcp.set_nodelay(true)?;
    let stream = connector.wrap(host, tcp).await.context("no TLS with the server")?;
    let builder =
        ClientBuilder::from_uri(url.clone()).add_header(ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN))?;
    let (socket, _) = builder.connect_on(stream).await.context("no WebSocket with the server")?;
    Ok(socket)
}

/// The provider is named: where several are compiled in, rustls would panic rather than choose one.
fn tls() -> anyhow::Result<Connector> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(TlsConnector::from(Arc::new(config))))
}
