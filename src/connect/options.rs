//! How to dial.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::resolve::Resolver;
use crate::config::LiveConfig;
use crate::hardened;
use crate::tcp::TcpOptions;

/// How [`connect`](crate::connect) and [`dial`](crate::dial) work.
#[derive(Clone)]
#[must_use = "options have no effect until they are given to `connect` or `dial`"]
pub struct ConnectOptions {
    pub(super) liveness: LiveConfig,
    pub(super) timeout: Duration,
    pub(super) resolver: Resolver,
    pub(super) tcp: TcpOptions,
    pub(super) websocket: WebSocketConfig,
    #[cfg(feature = "connect-rustls-0-23")]
    pub(super) tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

/// Every default.
impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new(LiveConfig::default())
    }
}

impl ConnectOptions {
    /// Creates options with this configuration of liveness, and the default for everything else.
    pub fn new(liveness: LiveConfig) -> Self {
        Self {
            liveness,
            timeout: Duration::from_secs(15),
            resolver: Resolver::default(),
            tcp: TcpOptions::default(),
            websocket: hardened::tungstenite_0_30(MAX_MESSAGE_SIZE),
            #[cfg(feature = "connect-rustls-0-23")]
            tls: None,
        }
    }

    /// Sets the time for all phases together. Default is 15 s. `Duration::MAX` means no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Resolves names with a function of your own. Default is the system's resolver.
    ///
    /// The function gets the host and the port, and returns the addresses in order of preference. It is not called if the
    /// host is an IP address. When the time is over, or the future of `connect` is dropped, its future is dropped.
    ///
    /// The system's resolver, in contrast, cannot be cancelled: it blocks a thread until the system gives up, which may take
    /// half a minute if no name server answers, and a runtime that is dropped waits for it. At most 32 such lookups run
    /// at a time, of all connections together; others wait for their turn within their own timeout.
    ///
    /// ```
    /// use std::net::{Ipv4Addr, SocketAddr};
    /// use ws_liveness::ConnectOptions;
    ///
    /// let options = ConnectOptions::default().resolver(|host, port| async move {
    ///     match host.as_str() {
    ///         "feed.internal" => Ok(vec![SocketAddr::from((Ipv4Addr::new(10, 0, 0, 7), port))]),
    ///         _ => tokio::net::lookup_host((host, port)).await.map(Iterator::collect),
    ///     }
    /// });
    /// ```
    pub fn resolver<F>(mut self, resolve: impl Fn(String, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        self.resolver = Resolver::own(resolve);
        self
    }

    /// Connects to these addresses and resolves no name. Host and port of the URL still name the server in the TLS and
    /// WebSocket handshakes, but are not dialled.
    ///
    /// ```
    /// use ws_liveness::ConnectOptions;
    ///
    /// let options = ConnectOptions::default().addresses([([10, 0, 0, 7], 443).into(), ([10, 0, 0, 8], 443).into()]);
    /// ```
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.resolver = Resolver::Addresses(addresses.into_iter().collect());
        self
    }

    /// Sets the TCP options, which are applied as soon as the socket is connected. Default is none.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.tcp = options;
        self
    }

    /// Sets tungstenite's limits and buffers. Default is [`hardened::tungstenite_0_30`] with 16 MiB: messages of up to 16
    /// MiB are received and sent, and a larger one is an error. tungstenite's own default has no limit on what waits to be
    /// sent.
    ///
    /// `max_write_buffer_size` must be greater than `write_buffer_size`; otherwise connecting fails in
    /// [`ConnectPhase::Request`](crate::ConnectPhase::Request).
    ///
    /// ```
    /// use ws_liveness::{ConnectOptions, hardened};
    ///
    /// // Nothing that this service sends or takes is larger than 1 MiB.
    /// let options = ConnectOptions::default().websocket(hardened::tungstenite_0_30(1 << 20));
    /// ```
    pub fn websocket(mut self, config: WebSocketConfig) -> Self {
        self.websocket = config;
        self
    }

    /// Uses TLS of your own: other roots, client certificates. Default is rustls with ring and Mozilla's roots.
    ///
    /// The protocol that is offered by ALPN is always `http/1.1`, whatever the configuration says: a server that chose
    /// HTTP/2 could not upgrade the connection.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_liveness::ConnectOptions;
    /// use ws_liveness::tokio_rustls::rustls::crypto::ring;
    /// use ws_liveness::tokio_rustls::rustls::{ClientConfig, RootCertStore};
    ///
    /// let roots = RootCertStore::empty();
    /// let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// let options = ConnectOptions::default().tls(Arc::new(tls));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "connect-rustls-0-23")]
    pub fn tls(mut self, config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>) -> Self {
        self.tls = Some(super::tls::for_http1(config));
        self
    }
}

/// tungstenite's default for one frame, and more than most services take in a message: half of what Cloudflare passes on,
/// 16 times what Python's `websockets` takes. It crosses a path of 1 MB/s within the default `pong_timeout` of 20 s.
const MAX_MESSAGE_SIZE: usize = 16 << 20;

/// Without keys, names and functions.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolver = match &self.resolver {
            Resolver::System => "system",
            Resolver::Addresses(_) => "addresses",
            Resolver::Own(_) => "own",
        };
        f.debug_struct("ConnectOptions")
            .field("liveness", &self.liveness)
            .field("timeout", &self.timeout)
            .field("resolver", &format_args!("{resolver}"))
            .field("tcp", &self.tcp)
            .field("websocket", &self.websocket)
            .finish_non_exhaustive()
    }
}
