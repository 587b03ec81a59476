//! A WebSocket server on loopback whose connections the test itself drives, and what the tests share.

#![allow(dead_code, reason = "compiled into several tests, each of which uses its part")]

#[path = "../../../half_open/relay.rs"]
pub(crate) mod relay;
#[path = "../../../../tests/support/ticks.rs"]
mod ticks;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};
use whatsapp_rust::wacore::net::DisconnectReason;
use ws_liveness::LiveConfig;
use ws_liveness_whatsapp::{LiveTransportFactory, liveness};

#[allow(unused_imports, reason = "compiled into several tests, each of which uses its part")]
pub(crate) use ticks::{PATIENCE, Ticks};

pub(crate) const I: Duration = Duration::from_millis(200);
pub(crate) const T: Duration = Duration::from_millis(300);
pub(crate) const W: Duration = Duration::from_millis(400);

/// The example's configuration, faster.
pub(crate) fn hasty() -> LiveConfig {
    liveness().to_builder().ping_interval(I).jitter(0.0).pong_timeout(T).write_timeout(W).build().unwrap()
}

pub(crate) type Accepted = (http::Request<()>, WebSocketStream<TcpStream>);

/// Every connection to the server, upgraded.
pub(crate) async fn serve() -> (SocketAddr, UnboundedReceiver<Accepted>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, accepted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(upgraded) = ServerBuilder::new().accept(tcp).await {
                let _ = tell.send(upgraded);
            }
        }
    });
    (addr, accepted)
}

pub(crate) fn factory(addr: SocketAddr) -> LiveTransportFactory {
    LiveTransportFactory::new().with_url(&format!("ws://{addr}/ws/chat")).unwrap().with_liveness(hasty())
}

pub(crate) type Client = (Arc<dyn Transport>, Receiver<TransportEvent>);

pub(crate) async fn connect(factory: &LiveTransportFactory) -> Client {
    let (transport, events) = factory.create_transport().await.unwrap();
    assert!(matches!(events.recv().await, Ok(TransportEvent::Connected)));
    (transport, events)
}

/// A client and the server's end of its connection.
pub(crate) async fn pair(liveness: LiveConfig) -> (Client, WebSocketStream<TcpStream>) {
    let (addr, mut accepted) = serve().await;
    let client = connect(&factory(addr).with_liveness(liveness)).await;
    (client, accepted.recv().await.unwrap().1)
}

/// Reads, and so answers pings, until `pings` have come; what else came meanwhile.
pub(crate) async fn answer(socket: &mut WebSocketStream<TcpStream>, pings: usize) -> Vec<Message> {
    let mut others = Vec::new();
    let mut seen = 0;
    while seen < pings {
        let message = next(socket).await;
        if message.is_ping() { seen += 1 } else { others.push(message) }
    }
    // The answer to the last one leaves with the next poll.
    let _ = timeout(I / 4, socket.next()).await;
    others
}

pub(crate) async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    let next = timeout(PATIENCE, socket.next()).await;
    next.expect("the client says something").expect("the connection stands").expect("it is sound")
}

/// The last event.
pub(crate) async fn end(events: &Receiver<TransportEvent>) -> DisconnectReason {
    loop {
        let event = timeout(PATIENCE, events.recv()).await.expect("nothing hangs");
        if let TransportEvent::Disconnected(reason) = event.expect("the end is told") {
            return reason;
        }
    }
}
