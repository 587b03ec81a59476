//! The process of the peers: answers pings, until it is told to fall silent.

use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;

use crate::Failure;
use crate::socket::small_buffers;

/// Whether a generation of connections has died.
pub(crate) type Mute = Arc<AtomicBool>;

/// Serves on `addr` and says where; ends with its standard input.
pub(crate) async fn run(addr: SocketAddr) -> Result<(), Failure> {
    let listener = TcpListener::bind(addr).await?;
    println!("{}", listener.local_addr()?);
    let mut orders = orders();
    let mut mute = Mute::default();
    let mut peers = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order.as_deref() {
                Some("mute") => {
                    mute.store(true, Ordering::Relaxed);
                    println!("muted");
                    // Who connects later is answered.
                    mute = Mute::default();
                }
                Some("bury") => {
                    peers.shutdown().await;
                    println!("buried");
                }
                Some(_) => {}
                None => return Ok(()),
            },
            accepted = listener.accept() => {
                let (tcp, _) = accepted?;
                tcp.set_nodelay(true)?;
                let mute = mute.clone();
                peers.spawn(async move {
                    let ws = tokio_tungstenite::accept_async_with_config(tcp, Some(small_buffers())).await?;
                    answer(ws, mute).await
                });
            }
        }
    }
}

/// The lines of standard input.
pub(crate) fn orders() -> mpsc::UnboundedReceiver<String> {
    let (tell, orders) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    orders
}

/// tungstenite answers what is read; who is dead reads nothing, and says nothing.
pub(crate) async fn answer<T>(mut ws: WebSocketStream<T>, mute: Mute) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    std::future::poll_fn(|cx| {
        while !mute.load(Ordering::Relaxed) {
            match ws.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    })
    .await
}
