//! A transport for `whatsapp-rust` that notices a dead connection: tokio-websockets within a `ws_liveness::LiveStream`.
//!
//! ```no_run
//! use whatsapp_rust::prelude::*;
//! use whatsapp_rust::wacore::store::InMemoryBackend;
//! use ws_liveness_whatsapp::LiveTransportFactory;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let bot = Bot::builder()
//!     .with_backend(InMemoryBackend::new())
//!     .with_transport_factory(LiveTransportFactory::new())
//!     .build()
//!     .await?;
//! bot.run().await;
//! # Ok(())
//! # }
//! ```
//!
//! The way of a connection: `dial.rs` opens the socket, `pump.rs` moves what comes in to the client, `transport.rs`
//! sends and hangs up.

#![forbid(unsafe_code)]

mod dial;
mod pump;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::timeout;
use whatsapp_rust::anyhow::{self, Context as _};
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::async_trait;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};
use whatsapp_rust::wacore::net::WHATSAPP_WEB_WS_URL;
use ws_liveness::{Judging, LiveConfig};

pub use transport::open;

/// Less than the 20 s that the client itself waits, so that the reason is ours to tell.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// The factory's default: a ping at least every 20 s, 20 s for its answer, and silence does not count before the first
/// answer.
///
/// The interval stays well below 60 s: the NAT of WSL2, as of many a router, forgets a connection that was idle for
/// about a minute. It is not known whether WhatsApp's servers answer pings. If they do not, the pings still keep the
/// path open, and noticing silence is left to the client's own keepalive.
pub fn liveness() -> LiveConfig {
    let builder = LiveConfig::builder()
        .ping_interval(Duration::from_secs(20))
        .pong_timeout(Duration::from_secs(20))
        .judging(Judging::AfterFirstPong);
    builder.build().expect("constants, all of them in range")
}

/// Opens a connection whenever the client wants one.
#[derive(Clone, Debug)]
pub struct LiveTransportFactory {
    url: Uri,
    liveness: LiveConfig,
    dial_timeout: Duration,
}

impl LiveTransportFactory {
    /// Makes a factory that connects to WhatsApp, with the configuration of [`liveness`].
    pub fn new() -> Self {
        Self { url: Uri::from_static(WHATSAPP_WEB_WS_URL), liveness: liveness(), dial_timeout: DIAL_TIMEOUT }
    }

    /// Sets where to connect, `ws://` or `wss://`. Default is WhatsApp.
    ///
    /// # Errors
    /// Fails if `url` is not a URL.
    pub fn with_url(mut self, url: &str) -> anyhow::Result<Self> {
        self.url = url.parse().with_context(|| format!("{url:?} is no URL"))?;
        Ok(self)
    }

    /// Sets how a dead connection is recognised. Default is [`liveness`].
    #[must_use]
    pub fn with_liveness(mut self, liveness: LiveConfig) -> Self {
        self.liveness = liveness;
        self
    }

    /// Sets how long name resolution, TCP, TLS and upgrade may take together. Default is 15 s. The client gives up
    /// after 20 s, whatever is set here.
    #[must_use]
    pub fn with_dial_timeout(mut self, timeout: Duration) -> Self {
        self.dial_timeout = timeout;
        self
    }
}

impl Default for LiveTransportFactory {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TransportFactory for LiveTransportFactory {
    /// Cancel-safe: a connection that is not complete is dropped with the future.
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let dialled = timeout(self.dial_timeout, dial::dial(&self.url)).await;
        let socket = dialled
            .with_context(|| format!("no answer within {:?}", self.dial_timeout))
            .flatten()
            .with_context(|| format!("cannot connect to {}", self.url))?;
        Ok(open(socket, self.liveness.clone()))
    }
}

/// The README's code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
