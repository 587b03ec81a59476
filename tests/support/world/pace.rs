//! What our user writes.

use futures_util::{Sink, SinkExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::frames::numbered;
use super::log::Sent;
use super::ours::User;
use super::peer::never;
use super::scenario::{Consumer, Writer};

/// What our user sends, and when; a proper close at the end.
pub struct Pace {
    user: User,
    next: Instant,
    pub over: bool,
}

impl Pace {
    pub fn new(user: &User) -> Self {
        let next = match user.scenario.ours.writer {
            Writer::Quiet => never(),
            Writer::Every { gap, .. } => user.start + gap,
            Writer::Flood { .. } => user.start,
        };
        Self { user: user.clone(), next, over: false }
    }

    pub fn next(&self) -> Instant {
        if self.over { never() } else { self.next.min(self.horizon()) }
    }

    pub fn horizon(&self) -> Instant {
        self.user.start + self.user.scenario.horizon
    }

    pub fn message(&mut self) -> Message {
        let len = match self.user.scenario.ours.writer {
            Writer::Quiet => 16,
            Writer::Every { gap, len } => {
                self.next = Instant::now() + gap;
                len
            }
            Writer::Flood { len } => len,
        };
        let mut log = self.user.diary.lock();
        let number = log.sent.len() as u64;
        let payload = numbered(number, len);
        log.sent.push(Sent { number, len: payload.len(), begun: Instant::now(), done: None });
        Message::binary(payload)
    }

    /// The next message, or the end.
    pub async fn write<S: Sink<Message, Error = Error> + Unpin>(&mut self, sink: &mut S) {
        if Instant::now() >= self.horizon() {
            self.over = true;
            return self.close(sink).await;
        }
        self.send(sink).await;
    }

    /// Where our user answers what he reads.
    pub async fn reply<S: Sink<Message, Error = Error> + Unpin>(&mut self, sink: &mut S) {
        if matches!(self.user.scenario.ours.consumer, Consumer::Echoes(_)) && !self.over {
            self.send(sink).await;
        }
    }

    async fn send<S: Sink<Message, Error = Error> + Unpin>(&mut self, sink: &mut S) {
        let message = self.message();
        let result = sink.send(message).await;
        self.over = result.is_err();
        if let Some(sent) = self.user.diary.lock().sent.last_mut() {
            sent.done = Some((Instant::now(), result.is_ok()));
        }
    }

    async fn close<S: Sink<Message, Error = Error> + Unpin>(&self, sink: &mut S) {
        let begun = Instant::now();
        self.user.diary.lock().close = Some((begun, None));
        let _ = sink.close().await;
        self.user.diary.lock().close = Some((begun, Some(Instant::now())));
    }
}
