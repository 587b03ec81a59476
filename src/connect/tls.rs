//! TLS with rustls.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};
use tokio_tungstenite::MaybeTlsStream;

use crate::progress::ProgressIo;

/// Without a `config` of the user's own it is the usual one.
pub(super) async fn secure<T: AsyncRead + AsyncWrite + Unpin>(
    name: ServerName<'static>,
    io: ProgressIo<T>,
    config: Option<Arc<ClientConfig>>,
) -> io::Result<MaybeTlsStream<ProgressIo<T>>> {
    let config = config.map_or_else(usual, Ok).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, io).await.map(MaybeTlsStream::Rustls)
}

/// With HTTP/1.1 as the one protocol. A configuration that is shared with an HTTP client often offers `h2` first, and a
/// server that takes it knows no upgrade.
pub(super) fn for_http1(config: Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Made once; sessions are resumed across connections, too.
fn usual() -> Result<Arc<ClientConfig>, Error> {
    static USUAL: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(usual) = USUAL.get() {
        return Ok(usual.clone());
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // The provider is named: with several compiled in, rustls would panic rather than choose.
    let config =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(USUAL.get_or_init(|| for_http1(Arc::new(config))).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_the_usual_configuration_offers_http_1_alone() {
        assert_eq!(usual().unwrap().alpn_protocols, [b"http/1.1"]);
    }
}
