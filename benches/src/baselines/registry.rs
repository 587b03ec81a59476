//! (c) ws-heartbeat, as its documentation shows it for axum: split halves, a task that writes what comes through a channel,
//! and one sweeper for all connections that puts pings into it.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{SplitStream, StreamExt};
use futures_util::{Sink, Stream};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_heartbeat::prelude::{HeartbeatRegistry, HeartbeatSession};

use super::split;

/// The channel to a connection's writer.
#[derive(Clone, Debug)]
pub struct Session(Sender<Message>);

#[async_trait]
impl HeartbeatSession for Session {
    async fn send_ping(self) {
        let _ = self.0.send(Message::Ping(Vec::new().into())).await;
    }

    async fn close_session(self) {
        let _ = self.0.send(Message::Close(None)).await;
    }
}

/// All connections of the process.
pub type Registry = HeartbeatRegistry<u32, Session>;

/// Pings everybody every `interval`.
#[must_use]
pub fn registry(interval: Duration) -> Registry {
    let registry = Registry::new();
    registry.spawn_sweeper(interval, interval * 2);
    registry
}

/// One of them.
pub struct Registered<S> {
    reader: SplitStream<S>,
    registry: Registry,
    id: u32,
    writes: JoinHandle<()>,
}

impl<S> Registered<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static,
{
    /// From now on it is pinged.
    pub fn new(socket: S, registry: &Registry, id: u32) -> Self {
        let (sink, reader) = socket.split();
        let (writer, queue) = mpsc::channel::<Message>(16);
        let writes = tokio::spawn(split::write(sink, queue));
        registry.register(id, Session(writer));
        Self { reader, registry: registry.clone(), id, writes }
    }

    /// The next frame, each of which is a sign of life; `None` where the stream ended.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        let item = self.reader.next().await;
        self.registry.touch(&self.id);
        item
    }
}

impl<S> Drop for Registered<S> {
    fn drop(&mut self) {
        self.registry.remove(&self.id);
        self.writes.abort();
    }
}
