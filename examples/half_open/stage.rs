//! The stage of the six scenes: the echo server, the bare client, the printing.

use std::error::Error as StdError;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// No scene takes so long.
const PATIENCE: Duration = Duration::from_secs(18);

pub(crate) type Failure = Box<dyn StdError + Send + Sync>;
pub(crate) type Outcome = Result<(), Failure>;

/// An echo server that reports what its connections received, except pings.
pub(crate) async fn serve() -> io::Result<(SocketAddr, UnboundedReceiver<Message>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(echo(socket, tell.clone()));
        }
    });
    Ok((addr, heard))
}

async fn echo(socket: TcpStream, tell: UnboundedSender<Message>) -> Result<(), Error> {
    let mut ws = tokio_tungstenite::accept_async(socket).await?;
    while let Some(message) = ws.next().await.transpose()? {
        if !message.is_ping() {
            let _ = tell.send(message.clone());
        }
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

pub(crate) async fn connect(addr: SocketAddr) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    Ok(tokio_tungstenite::connect_async(format!("ws://{addr}/")).await?.0)
}

pub(crate) fn check(holds: bool, what: impl Display) -> Outcome {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}

/// Runs at once; is shown when its turn comes.
pub(crate) struct Scene {
    title: &'static str,
    lines: UnboundedReceiver<String>,
    task: JoinHandle<Outcome>,
}

pub(crate) struct Log {
    start: Instant,
    lines: UnboundedSender<String>,
}

impl Log {
    pub(crate) fn say(&self, line: impl Display) {
        let _ = self.lines.send(format!("{:6.2} s  {line}", self.start.elapsed().as_secs_f32()));
    }
}

impl Scene {
    pub(crate) fn run<F>(title: &'static str, start: Instant, scene: impl FnOnce(Log) -> F) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (tell, lines) = mpsc::unbounded_channel();
        let scene = timeout(PATIENCE, scene(Log { start, lines: tell }));
        let late = || format!("not over after {PATIENCE:?}");
        Self { title, lines, task: tokio::spawn(async move { scene.await.map_err(|_| late())? }) }
    }

    /// Whether everything held.
    pub(crate) async fn show(mut self) -> bool {
        println!("\n{}", self.title);
        while let Some(line) = self.lines.recv().await {
            println!("{line}");
        }
        let outcome = self.task.await.unwrap_or_else(|panic| Err(panic.into()));
        if let Err(error) = &outcome {
            println!("   FAILED: {error}");
        }
        outcome.is_ok()
    }
}
