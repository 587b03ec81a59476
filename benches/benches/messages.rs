//! Messages over loopback TCP, in and out: every run of a subject beside one of the bare socket's.
//! `cargo bench -p ws-liveness-benches --bench messages [-- --rounds 200]`

#![allow(clippy::disallowed_types, reason = "X3 is the crate's; a benchmark reads the real clock")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Instant;

use cpu_time::ThreadTime;
use ezsockets::Client;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveConfig, LiveExt};
use ws_liveness_benches::baselines::NEVER_DUE;
use ws_liveness_benches::baselines::ezsocket::{self, Telling};
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::baselines::socketeer::{self, Socketeer};
use ws_liveness_benches::baselines::split::Halves;
use ws_liveness_benches::loopback::{self, Loopback, Peer, Socket};
use ws_liveness_benches::memory::message;
use ws_liveness_benches::paired::{self, Row, Table, Took};
use ws_liveness_benches::plot::{Bar, Plot};

#[derive(Clone, Copy)]
enum Way {
    /// From the buffers of the socket, where all of them lie already.
    In,
    /// One at a time: the reader waits for each, and is woken.
    Alone,
    /// As fast as the buffer takes them; over when the peer has read the last.
    Out,
    /// The same, each flushed by itself: a system call each.
    Flushed,
}

#[derive(Clone, Copy)]
struct Batch {
    way: Way,
    title: &'static str,
    count: usize,
    size: usize,
}

const BATCHES: [Batch; 7] = [
    Batch { way: Way::In, title: "in, 32 B", count: 1_000, size: 32 },
    Batch { way: Way::In, title: "in, 4 KiB", count: 100, size: 4096 },
    Batch { way: Way::Alone, title: "in, 32 B, one at a time", count: 50, size: 32 },
    Batch { way: Way::Out, title: "out, 32 B", count: 5_000, size: 32 },
    Batch { way: Way::Out, title: "out, 4 KiB", count: 500, size: 4096 },
    Batch { way: Way::Flushed, title: "out, 32 B, each flushed", count: 500, size: 32 },
    Batch { way: Way::Flushed, title: "out, 4 KiB, each flushed", count: 500, size: 4096 },
];

/// Then both connect anew, since where their buffers lie makes a difference.
const ROUNDS_OF_A_PAIR: usize = 20;

fn main() {
    let rounds = paired::rounds(std::env::args(), 200);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("{rounds} rounds; throughput through the bare socket's: median (middle half); absolute only as a note");
    let tables = runtime.block_on(run(rounds)).expect("a healthy loopback");
    let mut plot = Plot::new("Throughput: as with the bare socket", "LiveStream over loopback TCP, bare socket = 1");
    for table in &tables {
        let live = table.rows().iter().filter(|row| row.name == "live");
        live.for_each(|row| plot.bar(Bar::ratio(table.title(), &row.wall).ours()));
    }
    plot.save("messages").expect("the plot is written");
}

async fn run(rounds: usize) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for batch in BATCHES {
        let table = compare(batch, rounds).await?;
        print!("{table}");
        tables.push(table);
    }
    Ok(tables)
}

async fn compare(batch: Batch, rounds: usize) -> Result<Table, Error> {
    let loopback = loopback::serve()?;
    let addr = loopback.addr;
    let connect = async || loopback::connect(addr).await;
    let mut pairs = Pairs { loopback, batch, rounds, table: Table::new(batch.title) };
    // What the comparison itself is worth.
    pairs.run("bare, another", async || Ok(Plain(connect().await?))).await?;
    pairs.run("live", async || Ok(Plain(connect().await?.live(LiveConfig::default())))).await?;
    if !matches!(batch.way, Way::Out) {
        pairs.run("(a) select!", async || Ok(Selected::new(connect().await?, NEVER_DUE, NEVER_DUE))).await?;
    }
    if !matches!(batch.way, Way::Flushed) {
        pairs.run("(b) split, channel", async || Ok(Halves::new(connect().await?, NEVER_DUE, NEVER_DUE))).await?;
        pairs.run("(c) ezsockets", async || Ok(Ez::connect(addr).await)).await?;
        let url = format!("ws://{addr}/");
        pairs.run("(c) socketeer", async || Ok(socketeer::connect(&url, NEVER_DUE).await)).await?;
    }
    Ok(pairs.table)
}

struct Pairs {
    loopback: Loopback,
    batch: Batch,
    rounds: usize,
    table: Table,
}

/// A subject and the other end of its connection.
struct End<S> {
    subject: S,
    peer: Peer,
}

impl Pairs {
    async fn run<S: Subject>(
        &mut self,
        name: &'static str,
        connect: impl AsyncFn() -> Result<S, Error>,
    ) -> Result<(), Error> {
        let mut row = Row::new(name);
        for _ in 0..self.rounds.div_ceil(ROUNDS_OF_A_PAIR) {
            let mut bare = self.end(Plain(loopback::connect(self.loopback.addr).await?));
            let mut subject = self.end(connect().await?);
            self.pair(&mut bare, &mut subject, &mut row).await?;
        }
        self.table.add(row);
        Ok(())
    }

    /// Of the latest connection.
    fn end<S>(&self, subject: S) -> End<S> {
        End { subject, peer: self.loopback.latest() }
    }

    /// Who goes first takes turns; the first round warms up.
    async fn pair<S: Subject>(
        &self,
        bare: &mut End<Plain<Socket>>,
        subject: &mut End<S>,
        row: &mut Row,
    ) -> Result<(), Error> {
        for round in 0..=ROUNDS_OF_A_PAIR {
            let (bare, took) = if round % 2 == 0 {
                let bare = self.batch.measure(bare).await?;
                (bare, self.batch.measure(subject).await?)
            } else {
                let took = self.batch.measure(subject).await?;
                (self.batch.measure(bare).await?, took)
            };
            if round > 0 {
                row.add(bare, took, self.batch.count);
            }
        }
        Ok(())
    }
}

impl Batch {
    async fn measure(&self, End { subject, peer }: &mut End<impl Subject>) -> Result<Took, Error> {
        match self.way {
            Way::In => {
                peer.fill(self.count, self.size);
                timed(async || self.take(subject, self.count).await).await
            }
            Way::Alone => {
                let mut took = Took::default();
                for _ in 0..self.count {
                    peer.fill(1, self.size);
                    took += timed(async || self.take(subject, 1).await).await?;
                }
                Ok(took)
            }
            Way::Out => timed(async || self.put(subject).await).await,
            Way::Flushed => timed(async || self.put_flushed(subject).await).await,
        }
    }

    async fn take(&self, subject: &mut impl Subject, count: usize) -> Result<(), Error> {
        for _ in 0..count {
            subject.next().await?;
        }
        Ok(())
    }

    async fn put(&self, subject: &mut impl Subject) -> Result<(), Error> {
        let message = message(self.size);
        for _ in 0..self.count {
            subject.feed(message.clone()).await?;
        }
        subject.send(Message::binary(Vec::new())).await?;
        subject.next().await
    }

    async fn put_flushed(&self, subject: &mut impl Subject) -> Result<(), Error> {
        let message = message(self.size);
        for _ in 0..self.count {
            subject.send(message.clone()).await?;
        }
        subject.send(Message::binary(Vec::new())).await?;
        subject.next().await
    }
}

async fn timed(work: impl AsyncFnOnce() -> Result<(), Error>) -> Result<Took, Error> {
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    work().await?;
    Ok(Took { wall: wall.elapsed(), cpu: cpu.elapsed() })
}

/// What is compared, each with a connection of its own.
trait Subject {
    async fn next(&mut self) -> Result<(), Error>;

    /// Where it can: without a flush.
    async fn feed(&mut self, message: Message) -> Result<(), Error> {
        self.send(message).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Error>;
}

struct Plain<S>(S);

impl<S> Subject for Plain<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    async fn next(&mut self) -> Result<(), Error> {
        black_box(self.0.next().await).transpose().map(drop)
    }

    async fn feed(&mut self, message: Message) -> Result<(), Error> {
        self.0.feed(message).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }
}

impl Subject for Selected<Socket> {
    async fn next(&mut self) -> Result<(), Error> {
        black_box(Self::next(self).await).transpose().map(drop)
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        Self::send(self, message).await
    }
}

/// The channel is the only way out; what it hands on is flushed one by one.
impl Subject for Halves<Socket> {
    async fn next(&mut self) -> Result<(), Error> {
        black_box(Self::next(self).await).transpose().map(drop)
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let _ = self.writer().send(message).await;
        Ok(())
    }
}

/// Messages come to a handler, which tells of them; what leaves goes through an unbounded queue.
struct Ez {
    client: Client<Telling>,
    told: UnboundedReceiver<usize>,
}

impl Ez {
    async fn connect(addr: SocketAddr) -> Self {
        let (tell, mut told) = mpsc::unbounded_channel();
        let client = ezsocket::connect(&format!("ws://{addr}/"), NEVER_DUE, tell).await;
        told.recv().await;
        Self { client, told }
    }
}

impl Subject for Ez {
    async fn next(&mut self) -> Result<(), Error> {
        black_box(self.told.recv().await);
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let _ = self.client.binary(message.into_data());
        Ok(())
    }
}

/// Each `send` ends when the message is out.
impl Subject for Socketeer {
    async fn next(&mut self) -> Result<(), Error> {
        let _ = black_box(self.next_message().await);
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let _ = Self::send(self, Vec::from(message.into_data()).into()).await;
        Ok(())
    }
}
