//! What our side experienced.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, End, Health, LiveStats, LivenessError};

use super::frames::{BINARY, CLOSE, HEAD, PING, PONG};
use super::probes::Outcome;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Message { opcode: u8, len: usize, head: Vec<u8> },
    Failed { what: String, cause: Option<Cause> },
    End,
}

impl Item {
    pub fn new(item: &Option<Result<Message, Error>>) -> Self {
        match item {
            None => Self::End,
            Some(Err(error)) => {
                let cause = LivenessError::find(error).map(LivenessError::cause);
                Self::Failed { what: error.to_string(), cause }
            }
            Some(Ok(message)) => Self::message(message),
        }
    }

    fn message(message: &Message) -> Self {
        let opcode = match message {
            Message::Ping(_) => PING,
            Message::Pong(_) => PONG,
            Message::Close(_) => CLOSE,
            _ => BINARY,
        };
        // A Close's head is not compared.
        let data: &[u8] = match message {
            Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data,
            _ => &[],
        };
        Self::Message { opcode, len: data.len(), head: data[..data.len().min(HEAD)].to_vec() }
    }
}

/// A message of the user's.
#[derive(Clone, Debug)]
pub struct Sent {
    pub number: u64,
    pub len: usize,
    pub begun: Instant,
    /// When `send` returned, and whether with `Ok`.
    pub done: Option<(Instant, bool)>,
}

#[derive(Clone, Debug)]
pub struct Probe {
    pub asked: Instant,
    pub done: Option<(Instant, Outcome)>,
}

#[derive(Default, Debug)]
pub struct Log {
    pub items: Vec<(Instant, Item)>,
    pub sent: Vec<Sent>,
    pub probes: Vec<Probe>,
    /// When our consumer waited in `next`.
    pub waits: Vec<(Instant, Option<Instant>)>,
    /// The connection was declared dead, or ended: what the monitor (a baseline: itself) says.
    pub verdict: Option<(Instant, End)>,
    /// What the monitor says, whenever it changed.
    pub health: Vec<(Instant, Health)>,
    /// What it had counted at the end.
    pub stats: Option<LiveStats>,
    /// We called `close`, and it returned.
    pub close: Option<(Instant, Option<Instant>)>,
    /// Our program dropped the connection.
    pub dropped: Option<Instant>,
    /// How many looks of its progress source panicked.
    pub panics: usize,
    pub reader_done: Option<Instant>,
    pub writer_done: Option<Instant>,
    /// What a call after the end did and should not.
    pub afterwards: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Diary(Arc<Mutex<Log>>);

impl Diary {
    pub fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap()
    }

    pub fn item(&self, item: &Option<Result<Message, Error>>) {
        self.lock().items.push((Instant::now(), Item::new(item)));
    }

    /// Our consumer waits, until the guard is dropped.
    pub fn waits(&self) -> Waiting {
        self.lock().waits.push((Instant::now(), None));
        Waiting(self.clone())
    }

    pub fn dead(&self, cause: End) {
        self.lock().verdict.get_or_insert((Instant::now(), cause));
    }

    pub fn take(self) -> Log {
        std::mem::take(&mut self.lock())
    }
}

pub struct Waiting(Diary);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((_, until)) = self.0.lock().waits.last_mut() {
            *until = Some(Instant::now());
        }
    }
}
