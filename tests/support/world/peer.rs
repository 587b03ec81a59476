//! The peer: tokio-tungstenite where a library would do what it does, bytes where none would.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::frames::numbered;
use super::gate::Gate;
use super::pipe::PipeEnd;
use super::rough;
use super::scenario::{Answer, Leaves, Peer, Scenario, Talk};

/// Later than any run.
pub fn never() -> Instant {
    Instant::now() + Duration::from_secs(86400 * 365 * 30)
}

pub fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

fn needs_bytes(peer: &Peer) -> bool {
    let fragments = matches!(peer.talk, Talk::Once { fragments: 2.., .. });
    peer.answer != Answer::Prompt || !peer.echoes || fragments
}

pub async fn run(end: PipeEnd, scenario: Scenario, start: Instant) {
    let silent = scenario.peer.silent.map(|at| (start + at, None)).into_iter().collect();
    let vanishes = match scenario.peer.leaves {
        Leaves::Vanishes(at) => start + at,
        _ => never(),
    };
    let role = other(scenario.role);
    let life: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match needs_bytes(&scenario.peer) {
        true => Box::pin(rough::run(end, scenario.peer, role, start)),
        false => Box::pin(conforming(end, scenario.peer, role, start)),
    };
    let _ = timeout_at(vanishes, Gate::new(silent, life)).await;
}

async fn conforming(end: PipeEnd, peer: Peer, role: Role, start: Instant) {
    let (mut sink, mut stream) = WebSocketStream::from_raw_socket(end, role, None).await.split();
    let deaf = peer.deaf.map(|at| (start + at, None)).into_iter().collect();
    let reading = Gate::new(deaf, async {
        while let Some(Ok(_)) = stream.next().await {
            if !peer.reads.is_zero() {
                sleep(peer.reads).await;
            }
        }
    });
    let mut pace = Pace::new(peer.talk, peer.leaves, start);
    let talking = async {
        loop {
            let Some(said) = pace.next().await else { return std::future::pending().await };
            let message = match said {
                Said::Message { payload, .. } => Message::binary(payload),
                Said::Ping(payload) => Message::Ping(payload.into()),
                Said::Pong(payload) => Message::Pong(payload.into()),
                Said::Close => Message::Close(None),
            };
            if sink.send(message).await.is_err() {
                std::future::pending().await
            }
        }
    };
    tokio::select! { biased; () = reading => {}, () = talking => {} }
}

pub enum Said {
    Message { payload: Vec<u8>, fragments: usize },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close,
}

/// What a peer says of its own accord, and when.
pub struct Pace {
    talk: Talk,
    close: Option<Instant>,
    next: Instant,
    number: u64,
}

impl Pace {
    pub fn new(talk: Talk, leaves: Leaves, start: Instant) -> Self {
        let close = match leaves {
            Leaves::Closes(at) => Some(start + at),
            _ => None,
        };
        let next = match talk {
            Talk::Nothing => never(),
            Talk::Every { gap, .. } | Talk::Pings { gap, .. } | Talk::Pongs { gap } => start + gap,
            Talk::Once { at, .. } => start + at,
        };
        Self { talk, close, next, number: 0 }
    }

    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Said> {
        if self.close.is_some_and(|close| close <= self.next) {
            sleep_until(self.close?).await;
            (self.talk, self.close, self.next) = (Talk::Nothing, None, never());
            return Some(Said::Close);
        }
        sleep_until(self.next).await;
        self.number += 1;
        Some(match self.talk {
            Talk::Nothing => return None,
            Talk::Every { gap, len } => {
                self.next += gap;
                Said::Message { payload: numbered(self.number, len), fragments: 1 }
            }
            Talk::Pings { gap, len } => {
                self.next += gap;
                Said::Ping(numbered(self.number, len))
            }
            Talk::Pongs { gap } => {
                self.next += gap;
                Said::Pong(numbered(self.number, 8 + self.number as usize % 9 * 10))
            }
            Talk::Once { len, fragments, .. } => {
                (self.talk, self.next) = (Talk::Nothing, never());
                Said::Message { payload: numbered(self.number, len), fragments }
            }
        })
    }
}
