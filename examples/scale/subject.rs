//! The process that is measured: holds its connections, and runs the windows that it is told.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Error;

use crate::Failure;
use crate::baselines;
use crate::cycle::{self, Kind, Pinging, Window, wrap};
use crate::death::{self, Manner};
use crate::peer::{Mute, orders};
use crate::socket::{self, Ledger, Noting};

/// Where connections come from.
trait Source {
    type Io;

    async fn connect(&mut self, count: usize) -> Result<Vec<Noting<Self::Io>>, Failure>;

    /// Where the peers are our own.
    fn mute(&self) {}
}

struct Tcp(SocketAddr);

impl Source for Tcp {
    type Io = TcpStream;

    async fn connect(&mut self, count: usize) -> Result<Vec<Noting<TcpStream>>, Failure> {
        Ok(socket::connect(self.0, count).await?)
    }
}

#[derive(Default)]
struct Memory {
    mute: Mute,
    peers: JoinSet<Result<(), Error>>,
}

impl Source for Memory {
    type Io = DuplexStream;

    async fn connect(&mut self, count: usize) -> Result<Vec<Noting<DuplexStream>>, Failure> {
        self.peers.shutdown().await;
        self.mute = Mute::default();
        Ok(socket::pair(count, &self.mute, &mut self.peers).await)
    }

    fn mute(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }
}

/// A line an order, a line an answer; ends with its standard input.
pub(crate) async fn run(addr: Option<SocketAddr>) -> Result<(), Failure> {
    match addr {
        Some(addr) => obey(orders(), Tcp(addr)).await,
        None => obey(orders(), Memory::default()).await,
    }
}

async fn obey<S>(mut orders: UnboundedReceiver<String>, mut source: S) -> Result<(), Failure>
where
    S: Source,
    Noting<S::Io>: crate::cycle::Socket,
{
    let mut sockets = Vec::new();
    while let Some(order) = orders.recv().await {
        let (order, number) = order.split_once(' ').ok_or("an order without a number")?;
        let number: u64 = number.parse()?;
        let interval = Duration::from_nanos(number);
        match order {
            "connect" => {
                sockets = source.connect(usize::try_from(number)?).await?;
                println!("connected");
            }
            _ => {
                if let Some(manner) = Manner::ALL.into_iter().find(|manner| manner.order() == order) {
                    die(&source, std::mem::take(&mut sockets), interval, manner).await;
                } else {
                    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == order).ok_or("no such order")?;
                    sockets = window(sockets, interval, kind).await;
                }
            }
        }
    }
    Ok(())
}

async fn die<S: Source>(source: &S, sockets: Vec<Noting<S::Io>>, interval: Duration, manner: Manner)
where
    Noting<S::Io>: crate::cycle::Socket,
{
    let dying = death::start(sockets, interval, manner);
    if manner == Manner::Spread {
        // Until all have pinged.
        tokio::time::sleep(interval).await;
    }
    source.mute();
    println!("running");
    println!("{}", death::line(&dying.lateness(interval).await));
}

/// Answers the process's time in nanoseconds, the bytes of a connection, and how many pings left in which part of it.
async fn window<T>(sockets: Vec<Noting<T>>, interval: Duration, kind: Kind) -> Vec<Noting<T>>
where
    Noting<T>: crate::cycle::Socket,
{
    let window = Window::new(interval);
    let ledger = Ledger::new(window.from, window.span);
    let sockets = sockets.into_iter().map(|socket| socket.with(&ledger)).collect();
    let mut bytes = 0;
    let mut pinging = Pinging::new();
    match kind {
        Kind::Bare => pinging.begin(sockets, |ws, stop| cycle::bare(ws, interval, stop)).await,
        Kind::Select => pinging.begin(sockets, |ws, stop| baselines::select(ws, interval, stop)).await,
        Kind::Split => pinging.begin(sockets, |ws, stop| baselines::split(ws, interval, stop)).await,
        Kind::Live => {
            let config = cycle::config(interval);
            let begin = |ws, stop| {
                let (wrapped, each) = wrap(ws, &config);
                bytes = bytes.max(each);
                cycle::live(wrapped, stop)
            };
            pinging.begin(sockets, begin).await;
        }
    }
    let cpu = window.cpu().await;
    let bins: Vec<_> = ledger.bins.iter().map(|bin| bin.load(Ordering::Relaxed).to_string()).collect();
    let sockets = pinging.end().await;
    println!("{} {bytes} {}", cpu.as_nanos(), bins.join(" "));
    sockets
}
