//! A peer that speaks bytes: late, choosy or no answers, fragments, no echo of a Close.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf, split};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::frames::{BINARY, CLOSE, CONTINUE, Frame, PING, PONG, Scanner, encode};
use super::gate::Gate;
use super::peer::{Pace, Said, never};
use super::pipe::PipeEnd;
use super::scenario::{Answer, Peer};

pub async fn run(end: PipeEnd, peer: Peer, role: Role, start: Instant) {
    let (mut reader, writer) = split(end);
    let (tell, told) = unbounded_channel();
    let deaf = peer.deaf.map(|at| (start + at, None)).into_iter().collect();
    let reads = peer.reads;
    let reading = Gate::new(deaf, async move {
        let (mut scanner, mut bytes) = (Scanner::default(), [0; 2048]);
        while let Ok(len @ 1..) = reader.read(&mut bytes).await {
            hear(&mut scanner, &bytes[..len], &tell);
            if !reads.is_zero() {
                sleep(reads).await;
            }
        }
    });
    let (masked, answers) = (role == Role::Client, VecDeque::new());
    let voice = Voice { writer, told, peer: peer.clone(), masked, closed: false, answers };
    let speaking = voice.speak(Pace::new(peer.talk, peer.leaves, start));
    tokio::select! { biased; () = reading => {}, () = speaking => {} }
}

fn hear(scanner: &mut Scanner, bytes: &[u8], tell: &UnboundedSender<Frame>) {
    scanner.scan(bytes, |frame, _| {
        let _ = tell.send(frame);
    });
}

struct Voice {
    writer: WriteHalf<PipeEnd>,
    told: UnboundedReceiver<Frame>,
    peer: Peer,
    masked: bool,
    /// We sent a Close first.
    closed: bool,
    /// What is to be answered, and when.
    answers: VecDeque<(Instant, Vec<u8>)>,
}

impl Voice {
    /// Until the closing handshake is done, or nobody listens.
    async fn speak(mut self, mut pace: Pace) {
        loop {
            let due = self.answers.front().map_or_else(never, |(at, _)| *at);
            let done = tokio::select! {
                biased;
                Some(frame) = self.told.recv() => self.heed(frame).await,
                () = sleep_until(due) => self.answer().await,
                Some(said) = pace.next() => self.say(said).await,
            };
            if done {
                return;
            }
        }
    }

    async fn heed(&mut self, frame: Frame) -> bool {
        match frame.opcode {
            PING => self.plan(frame.head),
            CLOSE if self.closed => return true,
            CLOSE if self.peer.echoes => {
                self.write(CLOSE, true, &frame.head[..frame.head.len().min(2)]).await;
                return true;
            }
            _ => {}
        }
        false
    }

    fn plan(&mut self, payload: Vec<u8>) {
        let after = |delay: Duration| Instant::now() + delay;
        match self.peer.answer {
            Answer::Prompt => self.answers.push_back((after(Duration::ZERO), payload)),
            Answer::After(delay) => self.answers.push_back((after(delay), payload)),
            Answer::Newest(delay) => match self.answers.front_mut() {
                Some((_, waiting)) => *waiting = payload,
                None => self.answers.push_back((after(delay), payload)),
            },
            Answer::Never => {}
        }
    }

    async fn answer(&mut self) -> bool {
        match self.answers.pop_front() {
            Some((_, payload)) => self.write(PONG, true, &payload).await,
            None => false,
        }
    }

    async fn say(&mut self, said: Said) -> bool {
        match said {
            Said::Ping(payload) => self.write(PING, true, &payload).await,
            Said::Pong(payload) => self.write(PONG, true, &payload).await,
            Said::Close => {
                self.closed = true;
                self.write(CLOSE, true, &1000_u16.to_be_bytes()).await
            }
            Said::Message { payload, fragments } => {
                let piece = payload.len().div_ceil(fragments);
                let pieces: Vec<&[u8]> = payload.chunks(piece).collect();
                for (at, bytes) in pieces.iter().enumerate() {
                    let opcode = if at == 0 { BINARY } else { CONTINUE };
                    if self.write(opcode, at + 1 == pieces.len(), bytes).await {
                        return true;
                    }
                    self.catch_up().await;
                }
                false
            }
        }
    }

    /// Between two fragments a ping is answered as anywhere else.
    async fn catch_up(&mut self) {
        while let Ok(frame) = self.told.try_recv() {
            self.heed(frame).await;
        }
        while self.answers.front().is_some_and(|(at, _)| *at <= Instant::now()) {
            self.answer().await;
        }
    }

    /// Whether nobody listens any more.
    async fn write(&mut self, opcode: u8, fin: bool, payload: &[u8]) -> bool {
        let bytes = encode(self.masked, opcode, fin, payload);
        let failed = self.writer.write_all(&bytes).await.is_err();
        let _ = self.writer.flush().await;
        failed
    }
}
