//! The client's end of a connection: it sends, and it hangs up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_websockets::{Message, WebSocketStream};
use tracing::{info, warn};
use whatsapp_rust::anyhow::{self, bail};
use whatsapp_rust::async_channel::{self, Receiver};
use whatsapp_rust::async_trait;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::transport::{Transport, TransportEvent};
use ws_liveness::{LiveConfig, LiveExt, Monitor, Spawned};

use crate::pump::pump;

/// How many messages are read ahead of a busy client; then the server feels the backpressure.
const READ_AHEAD: usize = 16;

/// How long hanging up waits for the server's Close.
const GOODBYE: Duration = Duration::from_secs(1);

/// Makes a transport of a socket that is already open, for instance through a proxy. Dropping it closes the connection.
///
/// # Panics
/// Outside a tokio runtime.
pub fn open<T>(socket: WebSocketStream<T>, liveness: LiveConfig) -> (Arc<dyn Transport>, Receiver<TransportEvent>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let patience = liveness.ping_interval().saturating_add(liveness.pong_timeout());
    // The socket gets a task of its own, because the client handles what it receives before it reads on, which may take long.
    let live = socket.live(liveness).spawn(READ_AHEAD);
    let monitor = live.monitor();
    let (sink, stream) = live.split();
    let (events, received) = async_channel::bounded(1);
    let over = CancellationToken::new();
    // There is room for it.
    let _ = events.try_send(TransportEvent::Connected);
    tokio::spawn(pump(stream, events, over.clone(), monitor.clone()));
    tokio::spawn(report(monitor.clone(), patience));
    (Arc::new(LiveTransport { sink: Mutex::new(Some(sink)), over, monitor }), received)
}

struct LiveTransport<T: AsyncRead + AsyncWrite + Unpin> {
    /// `None` once the client hung up.
    sink: Mutex<Option<SplitSink<Spawned<WebSocketStream<T>>, Message>>>,
    /// Tells a sender that waits for the sink, or in it, to give up.
    over: CancellationToken,
    monitor: Monitor,
}

/// The client does not hang up on a transport that it never came to use.
impl<T: AsyncRead + AsyncWrite + Unpin> Drop for LiveTransport<T> {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> LiveTransport<T> {
    async fn send_now(&self, data: Bytes) -> anyhow::Result<()> {
        match self.sink.lock().await.as_mut() {
            Some(sink) => Ok(sink.send(Message::binary(data)).await?),
            None => bail!("the connection is over"),
        }
    }
}

#[async_trait]
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for LiveTransport<T> {
    /// Waits while the server does not read; the verdict, within I + W, or `disconnect` ends that.
    ///
    /// Not cancel-safe: if the future is dropped, it is not known whether the message is sent.
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        match self.over.run_until_cancelled(self.send_now(data)).await {
            Some(sent) => sent,
            None => bail!("the connection is over"),
        }
    }

    /// Ends within a second, or at once if the server sends its Close, too. A second call does nothing.
    ///
    /// Cancel-safe: the connection is closed in the background, within its `close_timeout`.
    async fn disconnect(&self) {
        self.over.cancel();
        let Some(sink) = self.sink.lock().await.take() else { return };
        drop(sink);
        let _ = timeout(GOODBYE, self.monitor.ended()).await;
    }
}

/// One line for the user: is silence judged on this connection?
async fn report(monitor: Monitor, patience: Duration) {
    if timeout(patience, monitor.ended()).await.is_ok() {
        return;
    }
    if monitor.is_judging() {
        info!("the server answers pings: a silent connection ends within {patience:?}");
    } else {
        warn!("no ping was answered within {patience:?}: silence is left to the client's own keepalive");
    }
}
