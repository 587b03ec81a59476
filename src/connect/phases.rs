//! The steps, each within what is left of the one timeout.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use super::{ConnectError, ConnectOptions, ConnectPhase};
use crate::progress::ProgressIo;

/// The clock of one dialling.
pub(super) struct Dial {
    timeout: Duration,
    begun: Instant,
    spent: Vec<(ConnectPhase, Duration)>,
}

impl Dial {
    pub(super) fn start(timeout: Duration) -> Self {
        Self { timeout, begun: Instant::now(), spent: Vec::new() }
    }

    /// None: never.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.begun.checked_add(self.timeout)
    }

    pub(super) async fn within<T, E>(
        &mut self,
        phase: ConnectPhase,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ConnectError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let begun = Instant::now();
        let done = match self.deadline() {
            Some(deadline) => timeout_at(deadline, step).await,
            None => Ok(step.await),
        };
        self.spent.push((phase, begun.elapsed()));
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.fail(phase, error)),
            Err(_) => Err(self.end(phase, None)),
        }
    }

    pub(super) fn fail(&mut self, phase: ConnectPhase, error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectError {
        self.end(phase, Some(error.into()))
    }

    fn end(&mut self, phase: ConnectPhase, source: Option<Box<dyn Error + Send + Sync>>) -> ConnectError {
        ConnectError { phase, timeout: self.timeout, spent: std::mem::take(&mut self.spent), source }
    }
}

/// Whom to dial.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Target {
    pub(super) fn of(request: &Request) -> Result<Self, UrlError> {
        let uri = request.uri();
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(UrlError::UnsupportedUrlScheme),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(UrlError::NoHostName)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls })
    }
}

/// The first address that answers; none may use up the time of those after it.
pub(super) async fn reach(addresses: Vec<SocketAddr>, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.map(|deadline| Instant::now() + (deadline - Instant::now()) / left);
        let connecting = TcpStream::connect(address);
        let connected = match share {
            // The last one is cut off by the deadline itself, so that the error is that of the time.
            Some(share) if left > 1 => timeout_at(share, connecting).await.unwrap_or_else(|late| Err(late.into())),
            _ => connecting.await,
        };
        match connected {
            Ok(tcp) => return Ok(tcp),
            Err(error) => refusal = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(refusal)
}

#[cfg(not(feature = "connect-rustls"))]
pub(super) async fn secure(
    _: &Target,
    _: ProgressIo<TcpStream>,
    _: &ConnectOptions,
) -> Result<MaybeTlsStream<ProgressIo<TcpStream>>, UrlError> {
    Err(UrlError::TlsFeatureNotEnabled)
}

#[cfg(feature = "connect-rustls")]
pub(super) async fn secure(
    target: &Target,
    io: ProgressIo<TcpStream>,
    options: &ConnectOptions,
) -> io::Result<MaybeTlsStream<ProgressIo<TcpStream>>> {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;

    let config = match &options.tls {
        Some(config) => config.clone(),
        None => usual_tls().map_err(io::Error::other)?,
    };
    let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, io).await.map(MaybeTlsStream::Rustls)
}

#[cfg(feature = "connect-rustls")]
fn usual_tls() -> Result<std::sync::Arc<tokio_rustls::rustls::ClientConfig>, tokio_rustls::rustls::Error> {
    use std::sync::{Arc, OnceLock};
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    // Parsed once; sessions are resumed across connections, too.
    static USUAL: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(usual) = USUAL.get() {
        return Ok(usual.clone());
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
    Ok(USUAL.get_or_init(|| Arc::new(config.with_root_certificates(roots).with_no_client_auth())).clone())
}
