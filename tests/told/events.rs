//! What `tracing` hears of a connection (O1).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;
use ws_liveness::{LiveConfig, LiveExt, LiveStream};

/// Keeps the events of this crate, a line each: the span if there is one, level, fields in order.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    /// The one span of a test, and how often it is entered.
    span: Option<&'static Metadata<'static>>,
    entered: usize,
}

impl Ear {
    pub(crate) fn heard(&self) -> String {
        self.0.lock().unwrap().lines.join("\n")
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || metadata.target().starts_with("ws_liveness")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.0.lock().unwrap().span = Some(attributes.metadata());
        Id::from_u64(1)
    }

    fn current_span(&self) -> Current {
        let heard = self.0.lock().unwrap();
        match heard.span.filter(|_| heard.entered > 0) {
            Some(span) => Current::new(Id::from_u64(1), span),
            None => Current::none(),
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        let span = heard.span.filter(|_| heard.entered > 0).map_or(String::new(), |span| format!("{}: ", span.name()));
        let mut line = Line(format!("{span}{}", event.metadata().level()));
        event.record(&mut line);
        heard.lines.push(line.0);
    }

    fn enter(&self, _: &Id) {
        self.0.lock().unwrap().entered += 1;
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered -= 1;
    }
}

type Socket = WebSocketStream<DuplexStream>;

/// Both ends of a pipe; the first is watched.
async fn joined() -> (LiveStream<Socket>, Socket) {
    let (near, far) = duplex(1 << 16);
    let config = LiveConfig::builder().jitter(0.0).build().unwrap();
    let ws = WebSocketStream::from_raw_socket(near, Role::Client, None).await.live(config);
    (ws, WebSocketStream::from_raw_socket(far, Role::Server, None).await)
}

#[tokio::test(start_paused = true)]
async fn o1_ping_pong_suspicion_and_verdict_and_nothing_of_the_users() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let (mut ws, mut peer) = joined().await;
    let peer = tokio::spawn(async move {
        // Answers the first ping, then talks once, and never answers again.
        for _ in 0..101 {
            peer.next().await.unwrap().unwrap();
        }
        peer.flush().await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        peer.send(Message::text("secret")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
    });
    for _ in 0..100 {
        ws.send(Message::text("secret")).await.unwrap();
    }
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("secret"));
    assert!(ws.next().await.unwrap().is_err());
    peer.abort();
    assert_eq!(
        ear.heard(),
        "TRACE message=ping number=1\n\
         DEBUG message=pong number=1 rtt_seconds=0.0\n\
         TRACE message=ping number=2\n\
         TRACE message=ping number=3\n\
         DEBUG message=suspect misses=0 deferrals=1\n\
         WARN message=connection is dead: pong timeout: ping sent 40.000s ago was not answered, last frame seen \
         30.000s ago layer=\"protocol\" cause=\"pong_timeout\" misses=1 deferrals=1"
    );
}

#[tokio::test(start_paused = true)]
async fn o1_a_suspicion_that_passes_is_told_once() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let (mut ws, mut peer) = joined().await;
    let peer = tokio::spawn(async move {
        // The ping came at 20 s: deferred at 40 s, answered at 45 s.
        tokio::time::sleep(Duration::from_secs(30)).await;
        peer.send(Message::text("secret")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        peer.next().await.unwrap().unwrap();
        peer.flush().await.unwrap();
        peer.send(Message::text("secret")).await.unwrap();
        peer
    });
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("secret"));
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("secret"));
    peer.await.unwrap();
    assert_eq!(
        ear.heard(),
        "TRACE message=ping number=1\n\
         TRACE message=ping number=2\n\
         DEBUG message=suspect misses=0 deferrals=1\n\
         DEBUG message=pong number=1 rtt_seconds=25.0"
    );
}

#[tokio::test(start_paused = true)]
async fn o1_a_spawned_connection_keeps_the_span_in_which_it_was_spawned() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let (ws, _silent) = joined().await;
    let mut ws = tracing::info_span!("channel", peer = 7).in_scope(|| ws.spawn(4));
    assert!(ws.next().await.unwrap().is_err());
    assert_eq!(
        ear.heard(),
        "channel: TRACE message=ping number=1\n\
         channel: WARN message=connection is dead: pong timeout: ping sent 20.000s ago was not answered, no frame was ever seen \
         layer=\"protocol\" cause=\"pong_timeout\" misses=1 deferrals=0"
    );
}
