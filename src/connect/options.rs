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
    pub fn websocket(mut self, config: WebSocketConfig) -> Self {
        self.websocket = Some(config);
        self
    }

    /// TLS of your own: other roots, client certificates. Default is rustls with ring and Mozilla's roots.
    #[cfg(feature = "connect-rustls")]
    pub fn tls(mut self, config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }
}
