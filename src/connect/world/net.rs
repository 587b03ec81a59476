//! The system of the world: lookups, attempts and streams that count what is left of them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::super::net::{Net, Permit};
use super::scenario::{Host, Lookup, LookupDoes, Name, Refuses, Scenario, TcpDoes};
use super::server;
use crate::progress::{Progress, ProgressIo};
use crate::tcp::{TcpOptions, TcpOptionsError};

pub(super) const PORT: u16 = 4_433;
pub(super) const PLACES: usize = 32;

pub(super) async fn wait(millis: u64) {
    if millis > 0 {
        sleep(Duration::from_millis(millis)).await;
    }
}

pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) begun: Instant,
    permits: &'static Semaphore,
    pub(super) servers: Mutex<JoinSet<()>>,
    pub(super) attempts: Mutex<Vec<(SocketAddr, u64)>>,
    /// Streams to which something was written, by their host.
    pub(super) spoken: Arc<Mutex<Vec<usize>>>,
    /// What is held by attempts, by lookups of the user's own resolver, and by streams.
    pub(super) held: Arc<()>,
    /// Lookups on the system's own threads.
    pub(super) threads: Arc<AtomicUsize>,
    /// What was asked wrongly.
    pub(super) complaints: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(super) fn new(scenario: Scenario, permits: &'static Semaphore) -> Self {
        Self {
            scenario,
            begun: Instant::now(),
            permits,
            servers: Mutex::default(),
            attempts: Mutex::default(),
            spoken: Arc::default(),
            held: Arc::default(),
            threads: Arc::default(),
            complaints: Arc::default(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).expect("a short time")
    }

    pub(super) fn held(&self) -> usize {
        Arc::strong_count(&self.held) - 1
    }

    fn lookup(&self) -> Lookup {
        match self.scenario.name {
            Name::Own(lookup) | Name::System { lookup, .. } => lookup,
            Name::Address | Name::Given => panic!("no name is looked up here"),
        }
    }

    pub(super) fn resolving(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + use<> {
        if (host, port) != ("localhost", PORT) {
            self.complaints.lock().unwrap().push(format!("{host} and {port} were looked up"));
        }
        let (lookup, addresses) = (self.lookup(), self.scenario.addresses());
        async move {
            wait(lookup.after).await;
            match lookup.does {
                LookupDoes::Finds => Ok(addresses),
                LookupDoes::Fails => Err(io::Error::other("no such name")),
                // Without a word on standard error.
                LookupDoes::Panics => std::panic::resume_unwind(Box::new("a lookup")),
                LookupDoes::Hangs => std::future::pending().await,
            }
        }
    }

    fn open(&self, at: usize, host: &Host) -> Line {
        let (ours, theirs) = tokio::io::duplex(host.on_the_way(self.scenario.tls));
        let reset = Arc::new(AtomicBool::new(false));
        let server = server::Server {
            io: theirs,
            reset: reset.clone(),
            complaints: self.complaints.clone(),
            host: host.clone(),
        };
        self.servers.lock().unwrap().spawn(server.run(self.scenario.tls));
        Line { io: ours, reset, host: at, takes: host.buffer, spoken: self.spoken.clone(), _held: self.held.clone() }
    }
}

impl Net for World {
    type Tcp = Line;

    fn permits(&self) -> &'static Semaphore {
        self.permits
    }

    fn look_up(&self, host: String, port: u16, permit: Permit) -> JoinHandle<io::Result<Vec<SocketAddr>>> {
        let (resolving, threads) = (self.resolving(&host, port), self.threads.clone());
        threads.fetch_add(1, Ordering::Relaxed);
        let thread = Thread { threads, _permit: permit };
        tokio::spawn(async move {
            let _thread = thread;
            resolving.await
        })
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Line>> + Send {
        self.attempts.lock().unwrap().push((address, self.now()));
        let held = self.held.clone();
        async move {
            let _held = held;
            let at = self.scenario.hosts.iter().position(|host| host.address == address).expect("an address of ours");
            let host = &self.scenario.hosts[at];
            wait(host.tcp.after).await;
            match host.tcp.does {
                TcpDoes::Connects => Ok(self.open(at, host)),
                TcpDoes::Fails(kind) => Err(kind.into()),
                TcpDoes::Hangs => std::future::pending().await,
            }
        }
    }

    fn apply(&self, _: &TcpOptions, _: &Line) -> Result<(), TcpOptionsError> {
        match self.scenario.refuses {
            // No socket takes these.
            Some(Refuses::Options) => TcpOptions::default().keepalive(Duration::ZERO).apply(&std::io::stdout()),
            _ => Ok(()),
        }
    }

    fn progress(&self, io: &ProgressIo<Line>) -> io::Result<Arc<dyn Progress>> {
        match self.scenario.refuses {
            Some(Refuses::Progress) => Err(io::ErrorKind::Unsupported.into()),
            _ => Ok(Arc::new(io.handle())),
        }
    }
}

struct Thread {
    threads: Arc<AtomicUsize>,
    _permit: Permit,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.threads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Our end of a connection.
pub(super) struct Line {
    io: DuplexStream,
    reset: Arc<AtomicBool>,
    pub(super) host: usize,
    /// So much of one write.
    takes: usize,
    spoken: Arc<Mutex<Vec<usize>>>,
    _held: Arc<()>,
}

impl Line {
    fn check(&self) -> io::Result<()> {
        if self.reset.load(Ordering::Relaxed) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        Poll::Ready(if buf.filled().len() == before { self.check() } else { Ok(()) })
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let host = self.host;
        let taken = &buf[..buf.len().min(self.takes)];
        let mut spoken = self.spoken.lock().unwrap();
        if !spoken.contains(&host) {
            spoken.push(host);
        }
        drop(spoken);
        Pin::new(&mut self.io).poll_write(cx, taken)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
