//! WebSockets over loopback TCP, with the peer on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::memory::message;

/// A client's socket. Its functions are never inlined: bare or wrapped, the same machine code runs, laid out the same.
#[derive(Debug)]
pub struct Socket(WebSocketStream<TcpStream>);

impl Stream for Socket {
    type Item = Result<Message, Error>;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Sink<Message> for Socket {
    type Error = Error;

    #[inline(never)]
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready_unpin(cx)
    }

    #[inline(never)]
    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.0.start_send_unpin(message)
    }

    #[inline(never)]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_flush_unpin(cx)
    }

    #[inline(never)]
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_close_unpin(cx)
    }
}

/// How many the peers of this process have seen.
pub static PINGS: AtomicU64 = AtomicU64::new(0);

/// Where clients connect to.
#[derive(Debug)]
pub struct Loopback {
    /// Of its listener.
    pub addr: SocketAddr,
    peers: Arc<Mutex<Vec<Peer>>>,
}

/// The other end of one client.
#[derive(Clone, Debug)]
pub struct Peer(UnboundedSender<Fill>);

#[derive(Debug)]
struct Fill {
    count: usize,
    size: usize,
    done: mpsc::Sender<()>,
}

/// Serves on a thread. An empty message is sent back, a `Close` answered; everything else is thrown away.
pub fn serve() -> io::Result<Loopback> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let peers = Arc::<Mutex<Vec<Peer>>>::default();
    let accepted = peers.clone();
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((socket, _)) = listener.accept().await {
                let (peer, fills) = unbounded_channel();
                accepted.lock().expect("no panic").push(Peer(peer));
                tokio::spawn(serve_one(socket, fills));
            }
        });
    });
    Ok(Loopback { addr, peers })
}

async fn serve_one(socket: TcpStream, mut fills: UnboundedReceiver<Fill>) -> Result<(), Error> {
    socket.set_nodelay(true)?;
    let mut ws = tokio_tungstenite::accept_async(socket).await?;
    loop {
        tokio::select! {
            Some(Fill { count, size, done }) = fills.recv() => {
                let message = message(size);
                for _ in 0..count {
                    ws.feed(message.clone()).await?;
                }
                ws.flush().await?;
                let _ = done.send(());
            }
            item = ws.next() => match item.transpose()? {
                Some(Message::Binary(last)) if last.is_empty() => ws.send(Message::Binary(last)).await?,
                Some(Message::Ping(_)) => drop(PINGS.fetch_add(1, Ordering::Relaxed)),
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

impl Loopback {
    /// The other end of whoever connected last.
    #[must_use]
    pub fn latest(&self) -> Peer {
        self.peers.lock().expect("no panic").last().expect("somebody has connected").clone()
    }
}

impl Peer {
    /// Blocks until that many messages of this size lie in the buffers of the two sockets, where they have to have room.
    pub fn fill(&self, count: usize, size: usize) {
        let (done, filled) = mpsc::channel();
        let _ = self.0.send(Fill { count, size, done });
        filled.recv_timeout(Duration::from_secs(10)).expect("room in the buffers");
    }
}

/// A client of it.
pub async fn connect(addr: SocketAddr) -> Result<Socket, Error> {
    let tcp = TcpStream::connect(addr).await?;
    tcp.set_nodelay(true)?;
    Ok(Socket(tokio_tungstenite::client_async(format!("ws://{addr}/"), tcp).await?.0))
}
