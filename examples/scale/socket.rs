//! The sockets, and the ledger in which they note their pings.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use futures_util::{Sink, SinkExt, Stream};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::peer::{self, Mute};

pub(crate) const BINS: usize = 1_000;
/// Room for a ping and a pong with their headers.
const SMALL: usize = 64;

/// tungstenite takes 128 KiB to read, for every connection.
pub(crate) fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(SMALL).write_buffer_size(SMALL)
}

/// When how many pings left, all connections taken together.
#[derive(Debug)]
pub(crate) struct Ledger {
    begin: Instant,
    bin: Duration,
    pub(crate) bins: Vec<AtomicU32>,
}

impl Ledger {
    pub(crate) fn new(begin: Instant, span: Duration) -> Arc<Self> {
        let bins = (0..BINS).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { begin, bin: span / BINS as u32, bins })
    }

    fn note(&self, now: Instant) {
        if let Some(since) = now.checked_duration_since(self.begin) {
            let bin = since.as_nanos() / self.bin.as_nanos();
            if let Some(bin) = usize::try_from(bin).ok().and_then(|bin| self.bins.get(bin)) {
                bin.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A WebSocket that notes when its pings leave.
#[derive(Debug)]
pub(crate) struct Noting<T> {
    inner: WebSocketStream<T>,
    ledger: Option<Arc<Ledger>>,
    pub(crate) last_ping: Option<Instant>,
}

impl<T> Noting<T> {
    fn new(inner: WebSocketStream<T>) -> Self {
        Self { inner, ledger: None, last_ping: None }
    }

    pub(crate) fn with(mut self, ledger: &Arc<Ledger>) -> Self {
        self.ledger = Some(ledger.clone());
        self
    }
}

impl<T> Stream for Noting<T>
where
    WebSocketStream<T>: Stream<Item = Result<Message, Error>> + Unpin,
    T: Unpin,
{
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx)
    }
}

impl<T> Sink<Message> for Noting<T>
where
    WebSocketStream<T>: Sink<Message, Error = Error> + Unpin,
    T: Unpin,
{
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if message.is_ping() {
            let now = Instant::now();
            self.last_ping = Some(now);
            if let Some(ledger) = &self.ledger {
                ledger.note(now);
            }
        }
        self.inner.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_close_unpin(cx)
    }
}

pub(crate) async fn connect(addr: SocketAddr, count: usize) -> Result<Vec<Noting<TcpStream>>, Error> {
    let one = |_| async move {
        let tcp = TcpStream::connect(addr).await?;
        tcp.set_nodelay(true)?;
        let (ws, _) = client_async_with_config(format!("ws://{addr}/"), tcp, Some(small_buffers())).await?;
        Ok(Noting::new(ws))
    };
    stream::iter(0..count).map(one).buffer_unordered(64).try_collect().await
}

/// Pairs in this process; their peers are tasks.
pub(crate) async fn pair(
    count: usize,
    mute: &Mute,
    peers: &mut JoinSet<Result<(), Error>>,
) -> Vec<Noting<DuplexStream>> {
    let mut ours = Vec::with_capacity(count);
    for _ in 0..count {
        let (near, far) = tokio::io::duplex(SMALL);
        let far = WebSocketStream::from_raw_socket(far, Role::Server, Some(small_buffers())).await;
        peers.spawn(peer::answer(far, mute.clone()));
        ours.push(Noting::new(WebSocketStream::from_raw_socket(near, Role::Client, Some(small_buffers())).await));
    }
    ours
}
