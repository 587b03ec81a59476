//! A client that stays connected: it reconnects once per lost connection, after a delay that grows and has jitter.
//! `cargo run --example client` brings a server that drops the client, then falls silent; ` -- ws://HOST/PATH` uses
//! another.

use std::process::ExitCode;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async, connect_async};
use tokio_util::sync::CancellationToken;
use ws_liveness::{End, LiveConfig, LiveExt, LiveStream, LivenessError};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(250)).without_max_times().with_jitter();
/// Liveness begins after the handshake, so the handshake needs a bound of its own.
const HANDSHAKE: Duration = Duration::from_secs(10);

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Client {
    url: String,
    config: LiveConfig,
    stop: CancellationToken,
}

impl Client {
    /// Stays connected until `stop`, or until the server refuses for good. Tells `ended` why each connection ended.
    async fn run(&self, mut ended: impl FnMut(End)) -> Result<(), Error> {
        let mut delays = BACKOFF.build();
        loop {
            match self.stop.run_until_cancelled(connect(&self.url)).await {
                Some(Ok(socket)) => {
                    let (end, was_good) = self.talk(socket).await;
                    ended(end);
                    if was_good {
                        delays = BACKOFF.build();
                    }
                }
                Some(Err(error)) if is_final(&error) => return Err(error),
                Some(Err(error)) => println!("not connected: {error}"),
                None => {}
            }
            if self.stop.is_cancelled() {
                return Ok(());
            }
            let delay = delays.next().expect("no last one");
            println!("  reconnecting in {delay:.0?}");
            self.stop.run_until_cancelled(sleep(delay)).await;
        }
    }

    /// Runs one connection. Returns why it ended, and whether it was good for anything: an accepted handshake alone
    /// proves little.
    async fn talk(&self, socket: Socket) -> (End, bool) {
        let mut ws = socket.live(self.config.clone());
        let (monitor, first) = (ws.monitor(), ws.monitor());
        // Ends with the connection, if not before.
        tokio::spawn(async move {
            if let Ok(rtt) = first.probe().await {
                println!("  the round trip takes {rtt:.1?}");
            }
        });
        let done = tokio::select! {
            done = handle(&mut ws) => done,
            () = self.stop.cancelled() => farewell(&mut ws).await,
        };
        drop(ws);
        let (end, stats) = (monitor.ended().await, monitor.stats());
        match done.as_ref().map_err(|error| LivenessError::find(error).ok_or(error)) {
            Ok(()) => println!("{end}"),
            Err(Ok(verdict)) => println!("{verdict}"),
            Err(Err(error)) => println!("{end}: {error}"),
        }
        println!("  {} pings, {} answered", stats.pings_sent, stats.pongs_received);
        (end, stats.pongs_received > 0)
    }
}

async fn connect(url: &str) -> Result<Socket, Error> {
    let (socket, _) = timeout(HANDSHAKE, connect_async(url)).await.map_err(std::io::Error::from)??;
    println!("connected");
    Ok(socket)
}

/// Whether the next attempt would fail in the same way.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Http(answer) => answer.status().is_client_error(),
        Error::Url(_) | Error::HttpFormat(_) => true,
        _ => false,
    }
}

/// The client's own work: what it has to say on every new connection, and what it does with the answers.
async fn handle(ws: &mut LiveStream<Socket>) -> Result<(), Error> {
    ws.send("hello".into()).await?;
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() {
            println!("  {message}");
        }
    }
    Ok(())
}

async fn farewell(ws: &mut LiveStream<Socket>) -> Result<(), Error> {
    ws.close().await?;
    while ws.next().await.transpose()?.is_some() {}
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1) {
        Some(url) => run(url).await,
        None => timeout(12 * HANDSHAKE, demo()).await.unwrap_or_else(|late| Err(late.into())),
    };
    if let Err(error) = &outcome {
        eprintln!("FAILED: {error}");
    }
    ExitCode::from(u8::from(outcome.is_err()))
}

async fn run(url: String) -> Result<(), Failure> {
    let client = Client { url, config: LiveConfig::default(), stop: CancellationToken::new() };
    let stop = client.stop.clone().drop_guard();
    tokio::spawn(async move {
        let _stop = stop;
        tokio::signal::ctrl_c().await
    });
    Ok(client.run(|_| {}).await?)
}

async fn demo() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (url, stop) = (format!("ws://{}/", listener.local_addr()?), CancellationToken::new());
    let config =
        LiveConfig::builder().ping_interval(Duration::from_millis(500)).pong_timeout(Duration::from_secs(1)).build()?;
    let (client, mut ends) = (Client { url, config, stop: stop.clone() }, Vec::new());
    let (ran, served) = tokio::join!(client.run(|end| ends.push(end)), serve(listener, stop));
    ran?;
    served?;
    let expected = [End::StreamError, End::PongTimeout, End::Closed];
    println!("three connections, two of them lost: {ends:?}");
    if ends == expected { Ok(()) } else { Err(format!("expected was {expected:?}").into()) }
}

/// Drops the first connection, ignores the second, and keeps the third until the client leaves.
async fn serve(listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    let stop = stop.drop_guard();
    drop(answer(&listener).await?);
    let _silent = answer(&listener).await?;
    let mut good = answer(&listener).await?;
    drop(stop);
    while good.next().await.transpose()?.is_some() {}
    Ok(())
}

/// Answers one connection up to its third ping.
async fn answer(listener: &TcpListener) -> Result<WebSocketStream<TcpStream>, Failure> {
    let mut ws = accept_async(listener.accept().await?.0).await?;
    let mut pings = 0;
    while pings < 3 {
        match ws.next().await.ok_or("the client is gone")?? {
            Message::Ping(_) => pings += 1,
            message => ws.send(message).await?,
        }
    }
    ws.flush().await?;
    Ok(ws)
}
