//! (a) Interval and stream in one hand-written `select!`.

use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Interval, interval_at};
use tokio_tungstenite::tungstenite::{Error, Message};

/// The loop that is found in every second program, as a method.
#[derive(Debug)]
pub struct Selected<S> {
    socket: S,
    interval: Interval,
    awaits_pong: bool,
}

impl<S> Selected<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    /// The first ping after `first`.
    pub fn new(socket: S, first: Duration, every: Duration) -> Self {
        Self { socket, interval: interval_at(Instant::now() + first, every), awaits_pong: false }
    }

    /// The next message; `None` where the stream ended, or the last ping was not answered.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        loop {
            tokio::select! {
                _ = self.interval.tick() => {
                    if self.awaits_pong {
                        return None;
                    }
                    if let Err(error) = self.socket.send(Message::Ping(Vec::new().into())).await {
                        return Some(Err(error));
                    }
                    self.awaits_pong = true;
                }
                item = self.socket.next() => match item {
                    Some(Ok(Message::Pong(_))) => self.awaits_pong = false,
                    item => return item,
                },
            }
        }
    }

    /// From the same task, between two `next`.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    /// The socket, the interval gone.
    pub fn into_inner(self) -> S {
        self.socket
    }
}
