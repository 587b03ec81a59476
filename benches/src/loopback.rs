//! WebSockets over loopback TCP, with the peer on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::memory::message;

/// A client's socket.
pub type Socket = WebSocketStream<TcpStream>;

/// How many the peers of this process have seen.
pub static PINGS: AtomicU64 = AtomicU64::new(0);

/// Serves on a thread: a text `"COUNT SIZE"` is answered by so many messages of that size, a `Close` in kind; everything
/// else is thrown away, but for the last message of a batch, which is empty and is sent back.
pub fn serve() -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve_one(socket));
            }
        });
    });
    Ok(addr)
}

async fn serve_one(socket: TcpStream) -> Result<(), Error> {
    socket.set_nodelay(true)?;
    let mut ws = tokio_tungstenite::accept_async(socket).await?;
    while let Some(order) = ws.next().await.transpose()? {
        match order {
            Message::Text(order) => {
                let (count, size) = order.split_once(' ').expect("two numbers");
                let (count, size): (usize, usize) = (count.parse().expect("count"), size.parse().expect("size"));
                let message = message(size);
                for _ in 0..count {
                    ws.feed(message.clone()).await?;
                }
                ws.flush().await?;
            }
            Message::Binary(batch) if batch.is_empty() => ws.send(Message::Binary(batch)).await?,
            Message::Ping(_) => drop(PINGS.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }
    Ok(())
}

/// A client of it.
pub async fn connect(addr: SocketAddr) -> Result<Socket, Error> {
    let tcp = TcpStream::connect(addr).await?;
    tcp.set_nodelay(true)?;
    Ok(tokio_tungstenite::client_async(format!("ws://{addr}/"), tcp).await?.0)
}

/// Orders so many messages of this size.
#[must_use]
pub fn order(count: usize, size: usize) -> Message {
    Message::text(format!("{count} {size}"))
}
