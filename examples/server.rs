//! The accept loop of a gateway: configuration from a file, liveness by channel, a line per end, a graceful shutdown.
//! `cargo run --example server --features serde`, then ` -- FILE`, or ` -- --demo` to see it with two clients.

use std::collections::HashMap;
use std::future::ready;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message, handshake::server::Request};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, connect_async};
use tokio_util::sync::CancellationToken;
use ws_liveness::{LiveConfig, LiveExt, LiveOverrides, LiveStream, LivenessError, hardened};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/server.toml");
/// Liveness begins after the handshake, so the handshake needs a bound of its own.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bounds what a client can make a connection hold.
const MAX_MESSAGE: usize = 64 << 10;
/// What the silent client of the demonstration sends; after that it never sends anything.
const HELLO: &[u8] = b"GET /sensors HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Connection = LiveStream<WebSocketStream<TcpStream>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: SocketAddr,
    #[serde(default)]
    liveness: LiveConfig,
    #[serde(default)]
    channels: HashMap<String, LiveOverrides>,
}

struct Gateway {
    default: LiveConfig,
    channels: HashMap<String, LiveConfig>,
}

impl Gateway {
    /// Checks the whole file now, not when the first client of a channel comes.
    fn load(path: &str) -> Result<(SocketAddr, Self), Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let File { listen, liveness: default, channels } = toml::from_str(&text)?;
        let over = |(name, overrides): (String, LiveOverrides)| match overrides.over(&default) {
            Ok(config) => Ok((name, config)),
            Err(error) => Err(format!("[channels.{name}]: {error}")),
        };
        let channels = channels.into_iter().map(over).collect::<Result<_, _>>()?;
        Ok((listen, Self { default, channels }))
    }

    /// Accepts until `shutdown`, then closes every connection, each within its `close_timeout`.
    async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: impl Future) {
        let (mut connections, closing) = (JoinSet::new(), CancellationToken::new());
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                _ = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => drop(connections.spawn(self.clone().connection(tcp, peer, closing.clone()))),
                    // Usually too many open files; the listener is still good.
                    Err(error) => {
                        eprintln!("accept: {error}");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        println!("shutting down");
        drop(listener);
        closing.cancel();
        while connections.join_next().await.is_some() {}
        println!("every connection has ended");
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr, closing: CancellationToken) {
        let mut path = String::new();
        #[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
        let callback = |request: &Request, response| {
            request.uri().path().clone_into(&mut path);
            Ok(response)
        };
        let handshake = accept_hdr_async_with_config(tcp, callback, Some(hardened::tungstenite_0_30(MAX_MESSAGE)));
        let Some(Ok(Ok(socket))) = closing.run_until_cancelled(timeout(HANDSHAKE, handshake)).await else {
            return println!("{peer}: no handshake");
        };
        // A clone allocates nothing: the connections of a channel share one configuration.
        let config = self.channels.get(path.trim_matches('/')).unwrap_or(&self.default).clone();
        println!("{peer} {path}: connected, dead if silent for {:?}", config.ping_interval() + config.pong_timeout());
        let mut ws = socket.live(config);
        let monitor = ws.monitor();
        let ended = tokio::select! {
            ended = echo(&mut ws) => ended,
            () = closing.cancelled() => farewell(&mut ws).await,
        };
        drop(ws);
        let cause = monitor.ended().await;
        match ended.as_ref().map_err(|error| LivenessError::find(error).ok_or(error)) {
            Ok(()) => println!("{peer} {path}: {cause}"),
            Err(Ok(verdict)) => println!("{peer} {path}: {verdict}"),
            Err(Err(error)) => println!("{peer} {path}: {cause}: {error}"),
        }
    }
}

/// The gateway's own work.
async fn echo(ws: &mut Connection) -> Result<(), Error> {
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

async fn farewell(ws: &mut Connection) -> Result<(), Error> {
    ws.send(Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "shutting down".into() }))).await?;
    while ws.next().await.transpose()?.is_some() {}
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("--demo") => demo(EXAMPLE).await,
        file => run(file.unwrap_or(EXAMPLE)).await,
    };
    if let Err(error) = &outcome {
        eprintln!("FAILED: {error}");
    }
    ExitCode::from(u8::from(outcome.is_err()))
}

async fn run(file: &str) -> Result<(), Failure> {
    let (listen, gateway) = Gateway::load(file)?;
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {listen}; ctrl-c shuts down");
    Arc::new(gateway).serve(listener, tokio::signal::ctrl_c()).await;
    Ok(())
}

async fn demo(file: &str) -> Result<(), Failure> {
    let (_, gateway) = Gateway::load(file)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = Arc::new(gateway).serve(listener, stopped);
    let (outcome, ()) = timeout(12 * HANDSHAKE, async { tokio::join!(clients(addr, stop), serving) }).await?;
    outcome
}

/// Runs a client that answers and one that never does; then `stop` shuts the server down.
async fn clients(addr: SocketAddr, stop: oneshot::Sender<()>) -> Result<(), Failure> {
    let (chat, _) = connect_async(format!("ws://{addr}/chat")).await?;
    // tungstenite answers the server's pings, and shows them all the same.
    let mut chat = chat.try_filter(|message| ready(!message.is_ping()));
    let mut sensor = TcpStream::connect(addr).await?;
    sensor.write_all(HELLO).await?;
    let (since, mut heard) = (Instant::now(), Vec::new());
    sensor.read_to_end(&mut heard).await?;
    check(heard.ends_with(b"\x88\x0e\x0b\xc0pong timeout"), "the silent client is sent Close 3008 \"pong timeout\"")?;
    println!("  after {:.2?}; the I + T of its channel is 2 s", since.elapsed());

    chat.send("still there?".into()).await?;
    check(chat.next().await.transpose()? == Some("still there?".into()), "the other client is served as before")?;
    drop(stop);
    let Some(Message::Close(Some(close))) = chat.next().await.transpose()? else {
        return Err("the other client is sent no Close".into());
    };
    check(close.code == CloseCode::Away, "the shutdown closes it with 1001")?;
    check(chat.next().await.transpose()?.is_none(), "the closing handshake is complete")
}

fn check(holds: bool, what: &str) -> Result<(), Failure> {
    println!("{} {what}", if holds { "  ok:" } else { "  NOT:" });
    if holds { Ok(()) } else { Err(what.into()) }
}
