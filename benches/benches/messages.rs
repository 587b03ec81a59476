//! Messages over loopback TCP, in and out: every subject in turn, and its time against the bare socket's beside it.
//! `cargo bench -p ws-liveness-benches --bench messages [-- --rounds 100]`

#![allow(clippy::disallowed_types, reason = "X3 is the crate's; a benchmark reads the real clock")]

use std::hint::black_box;
use std::time::Instant;

use cpu_time::ThreadTime;
use ezsockets::Client;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};
use ws_liveness_benches::baselines::NEVER_DUE;
use ws_liveness_benches::baselines::ezsocket::{self, Telling};
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::baselines::socketeer::{self, Socketeer};
use ws_liveness_benches::baselines::split::Halves;
use ws_liveness_benches::loopback::{self, Socket, order};
use ws_liveness_benches::memory::message;
use ws_liveness_benches::paired::{self, Table, Took};
use ws_liveness_benches::plot;

struct Batch {
    count: usize,
    size: usize,
}

const BATCHES: [Batch; 2] = [Batch { count: 10_000, size: 32 }, Batch { count: 2_000, size: 4096 }];

fn main() {
    let rounds = paired::rounds(std::env::args(), 100);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(rounds)).expect("a healthy loopback");
}

/// One connection each, all of them open all the time.
struct Subjects {
    bare: Socket,
    live: LiveStream<Socket>,
    select: Selected<Socket>,
    halves: Halves<Socket>,
    ez: Ez,
    socketeer: Socketeer,
}

/// Messages come to a handler, which tells of them.
struct Ez {
    client: Client<Telling>,
    told: UnboundedReceiver<usize>,
}

async fn run(rounds: usize) -> Result<(), Error> {
    let addr = loopback::serve()?;
    let (tell, told) = mpsc::unbounded_channel();
    let client = ezsocket::connect(&format!("ws://{addr}/"), NEVER_DUE, tell).await;
    let mut subjects = Subjects {
        ez: Ez { client, told },
        socketeer: socketeer::connect(&format!("ws://{addr}/"), NEVER_DUE).await,
        bare: loopback::connect(addr).await?,
        live: loopback::connect(addr).await?.live(LiveConfig::default()),
        select: Selected::new(loopback::connect(addr).await?, NEVER_DUE, NEVER_DUE),
        halves: Halves::new(loopback::connect(addr).await?, NEVER_DUE, NEVER_DUE),
    };
    println!("{rounds} rounds; throughput through the bare socket's: median (middle half); absolute only as a note");
    let mut tables = Vec::new();
    for batch in &BATCHES {
        tables.extend(compare(&mut subjects, batch, rounds).await?);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/messages.svg");
    plot::ratios(path, "Throughput over loopback TCP, bare socket = 1", &tables, 0.98).expect("the plot is written");
    Ok(())
}

async fn compare(subjects: &mut Subjects, batch: &Batch, rounds: usize) -> Result<[Table; 3], Error> {
    let Subjects { bare, live, select, halves, ez, socketeer } = subjects;
    let (count, size) = (batch.count, batch.size);
    let names = ["live", "(a) select!", "(b) split, channel", "(c) ezsockets", "(c) socketeer"];
    let mut into = Table::new(format!("in, {size} B"), count, names);
    let names = ["live", "(b) split, channel", "(c) ezsockets", "(c) socketeer"];
    let mut out = Table::new(format!("out, {size} B"), count, names);
    let mut sent = Table::new(format!("out, {size} B, each flushed"), count, ["live", "(a) select!"]);
    for round in 0..=rounds {
        // The first round warms up; bare goes first and last in turn.
        let (keep, first) = (round > 0, round % 2 == 0);
        let before = if first { Some(read(bare, batch).await?) } else { None };
        let others = [
            read(live, batch).await?,
            read_selected(select, batch).await?,
            read_halves(halves, batch).await?,
            read_ez(ez, batch).await?,
            read_socketeer(socketeer, batch).await?,
        ];
        into.add(keep, or(before, read(bare, batch)).await?, &others);
        let before = if first { Some(write(bare, batch).await?) } else { None };
        let others = [
            write(live, batch).await?,
            write_halves(halves, batch).await?,
            write_ez(ez, batch).await?,
            write_socketeer(socketeer, batch).await?,
        ];
        out.add(keep, or(before, write(bare, batch)).await?, &others);
        let before = if first { Some(send(bare, batch).await?) } else { None };
        let others = [send(live, batch).await?, send_selected(select, batch).await?];
        sent.add(keep, or(before, send(bare, batch)).await?, &others);
    }
    for table in [&into, &out, &sent] {
        print!("{table}");
    }
    Ok([into, out, sent])
}

async fn or(before: Option<Took>, now: impl Future<Output = Result<Took, Error>>) -> Result<Took, Error> {
    match before {
        Some(took) => Ok(took),
        None => now.await,
    }
}

async fn timed(work: impl Future<Output = Result<(), Error>>) -> Result<Took, Error> {
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    work.await?;
    Ok(Took { wall: wall.elapsed(), cpu: cpu.elapsed() })
}

/// The order is not timed.
async fn read<S>(ws: &mut S, batch: &Batch) -> Result<Took, Error>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    ws.send(order(batch.count, batch.size)).await?;
    timed(take(batch.count, async || ws.next().await)).await
}

async fn read_selected(ws: &mut Selected<Socket>, batch: &Batch) -> Result<Took, Error> {
    ws.send(order(batch.count, batch.size)).await?;
    timed(take(batch.count, async || ws.next().await)).await
}

async fn read_halves(ws: &mut Halves<Socket>, batch: &Batch) -> Result<Took, Error> {
    let _ = ws.writer().send(order(batch.count, batch.size)).await;
    timed(take(batch.count, async || ws.next().await)).await
}

async fn take(count: usize, mut next: impl AsyncFnMut() -> Option<Result<Message, Error>>) -> Result<(), Error> {
    for _ in 0..count {
        black_box(next().await.transpose()?);
    }
    Ok(())
}

/// As fast as the buffer takes them; over when the peer has read the last.
async fn write<S>(ws: &mut S, batch: &Batch) -> Result<Took, Error>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let message = message(batch.size);
    timed(async {
        for _ in 0..batch.count {
            ws.feed(message.clone()).await?;
        }
        ws.send(Message::binary(Vec::new())).await?;
        ws.next().await.transpose().map(drop)
    })
    .await
}

/// Every message flushed by itself: a system call each.
async fn send<S>(ws: &mut S, batch: &Batch) -> Result<Took, Error>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let message = message(batch.size);
    timed(async {
        for _ in 0..batch.count {
            ws.send(message.clone()).await?;
        }
        ws.send(Message::binary(Vec::new())).await?;
        ws.next().await.transpose().map(drop)
    })
    .await
}

async fn send_selected(ws: &mut Selected<Socket>, batch: &Batch) -> Result<Took, Error> {
    let message = message(batch.size);
    timed(async {
        for _ in 0..batch.count {
            ws.send(message.clone()).await?;
        }
        ws.send(Message::binary(Vec::new())).await?;
        ws.next().await.transpose().map(drop)
    })
    .await
}

/// The channel is the only way out; what it hands on is flushed one by one.
async fn write_halves(ws: &mut Halves<Socket>, batch: &Batch) -> Result<Took, Error> {
    let (message, writer) = (message(batch.size), ws.writer());
    timed(async {
        for _ in 0..batch.count {
            let _ = writer.send(message.clone()).await;
        }
        let _ = writer.send(Message::binary(Vec::new())).await;
        ws.next().await.transpose().map(drop)
    })
    .await
}

async fn read_ez(ez: &mut Ez, batch: &Batch) -> Result<Took, Error> {
    let _ = ez.client.text(format!("{} {}", batch.count, batch.size));
    timed(async {
        for _ in 0..batch.count {
            black_box(ez.told.recv().await);
        }
        Ok(())
    })
    .await
}

/// Its queue is unbounded: the whole batch is in it before the first message leaves.
async fn write_ez(ez: &mut Ez, batch: &Batch) -> Result<Took, Error> {
    timed(async {
        for _ in 0..batch.count {
            let _ = ez.client.binary(vec![7; batch.size]);
        }
        let _ = ez.client.binary(Vec::new());
        ez.told.recv().await;
        Ok(())
    })
    .await
}

async fn read_socketeer(client: &mut Socketeer, batch: &Batch) -> Result<Took, Error> {
    let _ = client.send(format!("{} {}", batch.count, batch.size).into()).await;
    timed(async {
        for _ in 0..batch.count {
            let _ = black_box(client.next_message().await);
        }
        Ok(())
    })
    .await
}

/// Each `send` ends when the message is out.
async fn write_socketeer(client: &mut Socketeer, batch: &Batch) -> Result<Took, Error> {
    timed(async {
        for _ in 0..batch.count {
            let _ = client.send(vec![7; batch.size].into()).await;
        }
        let _ = client.send(Vec::new().into()).await;
        let _ = client.next_message().await;
        Ok(())
    })
    .await
}
