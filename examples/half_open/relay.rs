//! A TCP relay on loopback that does what a NAT does to a connection it has forgotten: no FIN, no RST, nothing.
//!
//! What it cannot imitate: it reads what it throws away, so the sender's kernel sees every byte acknowledged. The
//! retransmissions of a real dark path, the send buffer that fills behind them and the error they end with do not
//! happen here; nor does a reset arrive as a reset: on a bright path it is passed on as an end.

#![allow(dead_code, reason = "compiled into several programs, each of which uses its part")]

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// A direction through the relay.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// A relay that runs until it is dropped; every socket that a dark connection left behind stays open until then.
#[derive(Debug)]
pub(crate) struct Relay {
    addr: SocketAddr,
    dark: Arc<Dark>,
    acceptor: JoinHandle<()>,
}

/// Which ways are dark.
#[derive(Debug, Default)]
struct Dark {
    to_server: AtomicBool,
    to_client: AtomicBool,
}

impl Relay {
    /// Relays every connection to `upstream`. With a `memory`, a connection that carried nothing in either direction
    /// for longer than that is forgotten for good.
    pub(crate) async fn start(upstream: SocketAddr, memory: Option<Duration>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let dark = Arc::<Dark>::default();
        let acceptor = tokio::spawn(accept(listener, upstream, memory, dark.clone()));
        Ok(Self { addr, dark, acceptor })
    }

    /// Where clients connect to.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on nothing enters this way, an end of file neither: for every connection, and for good, since bytes
    /// that are gone cannot be made up for. What the relay has read before still arrives.
    pub(crate) fn darken(&self, way: Way) {
        self.dark.flag(way).store(true, Ordering::SeqCst);
    }

    /// Both ways at once.
    pub(crate) fn darken_both(&self) {
        self.darken(Way::ToServer);
        self.darken(Way::ToClient);
    }
}

/// Ends the acceptor, and with it every connection's task.
impl Drop for Relay {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Dark {
    fn flag(&self, way: Way) -> &AtomicBool {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToClient => &self.to_client,
        }
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, memory: Option<Duration>, dark: Arc<Dark>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let mapping = Mapping { dark: dark.clone(), memory, last: Mutex::new(Some(Instant::now())) };
        connections.spawn(async move {
            if let Ok(server) = TcpStream::connect(upstream).await {
                mapping.relay(client, server).await;
            }
        });
    }
}

/// One connection, as the NAT remembers it.
struct Mapping {
    dark: Arc<Dark>,
    memory: Option<Duration>,
    /// When it last carried something; `None`: forgotten.
    last: Mutex<Option<Instant>>,
}

impl Mapping {
    async fn relay(&self, mut client: TcpStream, mut server: TcpStream) {
        // Without it, timings would show Nagle's algorithm.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let bright = tokio::join!(
            self.pump(Way::ToServer, from_client, to_server),
            self.pump(Way::ToClient, from_server, to_client),
        );
        if bright != (true, true) {
            // Closing the sockets would tell both sides what they are not to know.
            pending::<()>().await;
        }
    }

    /// Moves bytes until `from` ends; whether `to` was told.
    async fn pump(&self, way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            // A side that is gone can be told nothing; its own end comes the other way: errors here are no news.
            match (read, self.is_dark(way)) {
                (0, false) => {
                    to.shutdown().await.unwrap_or_default();
                    return true;
                }
                (0, true) => return false,
                (_, false) => to.write_all(&buffer[..read]).await.unwrap_or_default(),
                (_, true) => {}
            }
        }
    }

    /// Asked whenever something is about to cross: that a mapping has expired shows no earlier.
    fn is_dark(&self, way: Way) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *last = last.filter(|last| self.memory.is_none_or(|memory| now - *last <= memory)).map(|_| now);
        last.is_none() || self.dark.flag(way).load(Ordering::SeqCst)
    }
}
