//! The real client, against a local server: it connects, its path goes dark, it dials again.

#[path = "support/noise.rs"]
mod noise;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::relay::Relay;
use support::{Accepted, PATIENCE, answer, factory, next, serve};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;
use whatsapp_rust::anyhow;
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::async_trait;
use whatsapp_rust::bot::BotHandle;
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};
use whatsapp_rust::types::events::{Event, EventKind};
use whatsapp_rust::wacore::net::DisconnectReason;
use whatsapp_rust::wacore::store::InMemoryBackend;
use ws_liveness_whatsapp::LiveTransportFactory;

/// The first time one way, then another: a relay's darkness is for good.
struct Ways {
    first: LiveTransportFactory,
    then: LiveTransportFactory,
    dialled: AtomicBool,
}

#[async_trait]
impl TransportFactory for Ways {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let way = if self.dialled.swap(true, Ordering::SeqCst) { &self.then } else { &self.first };
        way.create_transport().await
    }
}

/// A client that runs over `relay` first, and the reasons for its disconnections.
async fn start(relay: &Relay, server: LiveTransportFactory) -> (BotHandle, UnboundedReceiver<DisconnectReason>) {
    let (tell, reasons) = mpsc::unbounded_channel();
    let bot = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(Ways { first: factory(relay.addr()), then: server, dialled: AtomicBool::new(false) })
        // Otherwise it would ask WhatsApp for one.
        .with_version((2, 3000, 1))
        .on_event_for(&[EventKind::Disconnected], move |event, _| {
            if let Event::Disconnected(disconnected) = &*event {
                let _ = tell.send(disconnected.reason.clone());
            }
            std::future::ready(())
        })
        .build()
        .await
        .unwrap();
    (bot.spawn(), reasons)
}

/// The next connection's socket and its first bytes.
async fn greeted(accepted: &mut UnboundedReceiver<Accepted>) -> (Accepted, Vec<u8>) {
    let (request, mut socket) = timeout(PATIENCE, accepted.recv()).await.expect("dialled").unwrap();
    loop {
        let message = next(&mut socket).await;
        if message.is_binary() {
            let first = message.as_payload().to_vec();
            assert_eq!(first[..3], [0x57, 0x41, 0x06], "WhatsApp's");
            return ((request, socket), first);
        }
    }
}

/// With `hello` the client counts as connected; without, its handshake waits, and no event comes of it.
async fn dials_again(hello: bool) {
    let (addr, mut accepted) = serve().await;
    let relay = Relay::start(addr, None).await.unwrap();
    let (client, mut reasons) = start(&relay, factory(addr)).await;
    let ((_, mut socket), first) = greeted(&mut accepted).await;
    if hello {
        noise::shake_hands(&mut socket, &first).await;
    }
    let talk = answer(&mut socket, 3).await;
    assert_eq!(!talk.is_empty(), hello, "the client finishes the handshake: {talk:?}");

    relay.darken_both();
    let again = greeted(&mut accepted).await;
    let reason = reasons.try_recv().ok();
    if hello {
        assert!(
            matches!(&reason, Some(DisconnectReason::ReadError(text)) if text.starts_with("pong timeout")),
            "{reason:?}"
        );
    } else {
        assert!(reason.is_none(), "{reason:?}");
    }
    drop(again);
    timeout(PATIENCE, client.shutdown()).await.expect("nothing hangs");
}

#[tokio::test]
async fn a_connected_client_whose_path_goes_dark_dials_again() {
    dials_again(true).await;
}

#[tokio::test]
async fn a_client_whose_path_goes_dark_during_its_handshake_dials_again() {
    dials_again(false).await;
}
