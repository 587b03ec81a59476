//! `ws-liveness` on smol, over async-tungstenite. Only the timers are tokio's: one thread of a tokio runtime drives them.
//! `cargo run -p ws-liveness-smol`

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketStream, accept_async, client_async};
use futures_util::{SinkExt, StreamExt};
use smol::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;
use ws_liveness::{Cause, LiveConfig, LiveExt, LivenessError};

const INTERVAL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_millis(300);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    // Its worker thread fires the timers. It has to live as long as the sockets.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let timers = runtime.handle().clone();
    smol::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let server = smol::spawn(serve(listener));
        let (socket, _) = client_async(format!("ws://{addr}/"), TcpStream::connect(addr).await?).await?;
        within(&timers, talk(socket)).await?;
        server.cancel().await;
        Ok(())
    })
}

/// Polls `future` inside tokio's runtime, on whatever executor. The guard must not live across an `await`.
async fn within<F: Future>(timers: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _entered = timers.enter();
        future.as_mut().poll(cx)
    })
    .await
}

/// One echo, a few answered pings, then a peer that falls silent.
async fn talk(socket: WebSocketStream<TcpStream>) -> Result<(), Failure> {
    let config = LiveConfig::builder().ping_interval(INTERVAL).pong_timeout(TIMEOUT).jitter(0.0).build()?;
    let mut ws = socket.live(config);
    let (monitor, begun) = (ws.monitor(), Instant::now());
    ws.send("hello".into()).await?;
    let echo = ws.next().await.ok_or("no answer")??;
    println!("{:.1?}: {echo} came back", begun.elapsed());
    let error = match ws.next().await {
        Some(Err(error)) => error,
        other => return Err(format!("expected an error, got {other:?}").into()),
    };
    let dead = LivenessError::find(&error).ok_or("not a liveness error")?;
    println!("{:.1?}: {dead}", begun.elapsed());
    let answered = monitor.stats().pongs_received;
    println!("{answered} pings were answered before");
    if dead.cause() == Cause::PongTimeout && answered >= 2 { Ok(()) } else { Err("not as expected".into()) }
}

/// Echoes, answers pings for a second, and then holds the connection without reading from it.
async fn serve(listener: TcpListener) -> Result<(), Failure> {
    let mut ws = accept_async(listener.accept().await?.0).await?;
    let silence = Instant::now() + Duration::from_secs(1);
    while Instant::now() < silence {
        let message = ws.next().await.ok_or("the client is gone")??;
        if let Message::Text(_) = message {
            ws.send(message).await?;
        }
        // The answer to a ping was queued by reading it.
        ws.flush().await?;
    }
    std::future::pending().await
}
