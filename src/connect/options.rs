//! How to dial.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::config::LiveConfig;
use crate::tcp::TcpOptions;

/// How [`connect`](crate::connect) dials.
#[derive(Clone, Debug)]
#[must_use = "options have no effect until they are given to `connect`"]
pub struct ConnectOptions {
    pub(super) liveness: LiveConfig,
    pub(super) timeout: Duration,
    pub(super) tcp: TcpOptions,
    pub(super) websocket: Option<WebSocketConfig>,
    #[cfg(feature = "connect-rustls")]
    pub(super) tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

/// Every default.
impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new(LiveConfig::default())
    }
}

impl ConnectOptions {
    /// The configuration of the connection, and a default for everything else.
    pub fn new(liveness: LiveConfig) -> Self {
        Self {
            liveness,
            timeout: Duration::from_secs(15),
            tcp: TcpOptions::default(),
            websocket: None,
            #[cfg(feature = "connect-rustls")]
            tls: None,
        }
    }

    /// For all steps together. Default is 15 s. `Duration::MAX` means no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Applied as soon as the socket is connected. Default is none.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.tcp = options;
        self
    }

    /// Limits and buffers of tungstenite. Default is tungstenite's.
    ///
    /// ```
    /// use ws_liveness::ConnectOptions;
    /// use ws_liveness::tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
    ///
    /// let limits = WebSocketConfig::default().max_message_size(Some(1 << 20)).max_write_buffer_size(4 << 20);
    /// let options = ConnectOptions::default().websocket(limits);
    /// ```
    pub fn websocket(mut self, config: WebSocketConfig) -> Self {
        self.websocket = Some(config);
        self
    }

    /// TLS of your own: other roots, client certificates. Default is rustls with ring and Mozilla's roots.
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
    #[cfg(feature = "connect-rustls")]
    pub fn tls(mut self, config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }
}
