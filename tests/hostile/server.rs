//! The server: it echoes, as a server with our limits would be written, or as one without any.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};
use ws_liveness::{End, Health, LiveConfig, LiveExt, LiveStream, Monitor, TcpProgress, hardened};

use crate::Failed;

const MAX_MESSAGE: usize = 64 << 10;
const MAX_HANDSHAKE: Duration = Duration::from_secs(2);
/// What a server without limits may take of this machine: beyond it, it is aborted.
const MOST_MEMORY: u64 = 3 << 30;
/// The program, the runtime, and what the allocator keeps.
const BASE: u64 = 32 << 20;

/// What `hardened` says that one connection can hold, and its task.
pub(crate) fn bound(connections: usize) -> u64 {
    BASE + connections as u64 * (5 * MAX_MESSAGE as u64 + (32 << 10))
}

/// How often connections ended, by the word for it.
type Ends = Arc<Mutex<BTreeMap<&'static str, usize>>>;

pub(crate) async fn run(limited: bool) -> Result<(), Failed> {
    rlimit::setrlimit(rlimit::Resource::AS, MOST_MEMORY, MOST_MEMORY)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let ends = Ends::default();
    let accepting = tokio::spawn(accept(listener, limited, ends.clone()));
    // Until the program that has started us says so, or is gone.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    accepting.abort();
    let ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
    let words: Vec<String> = ends.iter().map(|(word, count)| format!("{word} {count}")).collect();
    println!("{}", words.join(", "));
    Ok(())
}

async fn accept(listener: TcpListener, limited: bool, ends: Ends) {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let ends = ends.clone();
                tokio::spawn(async move {
                    let end = serve(tcp, limited).await;
                    *ends.lock().unwrap_or_else(PoisonError::into_inner).entry(end).or_default() += 1;
                });
            }
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(tcp: TcpStream, limited: bool) -> &'static str {
    let (limits, patience, config) = if limited {
        (hardened::tungstenite_0_30(MAX_MESSAGE), MAX_HANDSHAKE, LiveConfig::default())
    } else {
        let config = LiveConfig::builder().max_pong_backlog(u32::MAX).build();
        (WebSocketConfig::default(), Duration::MAX, config.unwrap_or_default())
    };
    let Ok(progress) = TcpProgress::new(&tcp) else { return "no socket" };
    match timeout(patience, accept_async_with_config(tcp, Some(limits))).await {
        Ok(Ok(socket)) => echo(socket.live(config).with_progress(progress)).await,
        Ok(Err(_)) => "handshake failed",
        Err(_) => "handshake timeout",
    }
}

async fn echo(mut ws: LiveStream<WebSocketStream<TcpStream>>) -> &'static str {
    let monitor = ws.monitor();
    while let Some(Ok(message)) = ws.next().await {
        if matches!(message, Message::Text(_)) && ws.send(message).await.is_err() {
            break;
        }
    }
    word(&monitor)
}

fn word(monitor: &Monitor) -> &'static str {
    match monitor.health() {
        Health::Ended(end) => End::as_str(end),
        _ => "dropped by the server",
    }
}
