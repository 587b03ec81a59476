//! (b) Split halves: a task writes what comes through a channel, another puts pings into it, the reader notes the pongs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream, StreamExt};
use futures_util::{Sink, SinkExt, Stream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Reader, channel, and two tasks.
#[derive(Debug)]
pub struct Halves<S> {
    reader: SplitStream<S>,
    writer: Sender<Message>,
    answered: Arc<AtomicBool>,
    tasks: [JoinHandle<()>; 2],
}

impl<S> Halves<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static,
{
    /// The first ping after `first`.
    pub fn new(socket: S, first: Duration, every: Duration) -> Self {
        let (sink, reader) = socket.split();
        let (writer, queue) = mpsc::channel::<Message>(16);
        let answered = Arc::new(AtomicBool::new(true));
        let writes = tokio::spawn(write(sink, queue));
        let pings = tokio::spawn(ping(writer.clone(), answered.clone(), first, every));
        Self { reader, writer, answered, tasks: [writes, pings] }
    }

    /// The next message; `None` where the stream ended.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        loop {
            match self.reader.next().await {
                Some(Ok(Message::Pong(_))) => self.answered.store(true, Ordering::Relaxed),
                item => return item,
            }
        }
    }

    /// Where the rest of the program writes.
    #[must_use]
    pub fn writer(&self) -> Sender<Message> {
        self.writer.clone()
    }
}

impl<S> Drop for Halves<S> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What comes through the channel leaves, each message by itself.
pub(super) async fn write<S>(mut sink: SplitSink<S, Message>, mut queue: Receiver<Message>)
where
    S: Sink<Message, Error = Error>,
{
    while let Some(message) = queue.recv().await {
        if sink.send(message).await.is_err() {
            break;
        }
    }
}

async fn ping(writer: Sender<Message>, answered: Arc<AtomicBool>, first: Duration, every: Duration) {
    let mut interval = interval_at(Instant::now() + first, every);
    loop {
        interval.tick().await;
        if !answered.swap(false, Ordering::Relaxed) {
            let _ = writer.send(Message::Close(None)).await;
            return;
        }
        if writer.send(Message::Ping(Vec::new().into())).await.is_err() {
            return;
        }
    }
}
