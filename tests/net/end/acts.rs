//! What the ends do once the WebSocket is open.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::args::Act;
use crate::report::{Report, say_at};
use crate::{Failure, Socket, Wire, transfer};

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(3);
/// A binary frame of a server that announces 16 MiB; no mask.
const HEADER: [u8; 10] = [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 0];

/// The acts that only a bare WebSocket can play go past it.
pub(crate) async fn bare(mut ws: WebSocketStream<Wire>, act: Act, report: Report) -> Result<(), Failure> {
    match act {
        Act::Deaf => std::future::pending().await,
        Act::Trickle { gap } => trickle(ws.get_mut(), gap).await,
        _ => play(ws, act, report).await,
    }
}

/// To its end, which is reported.
pub(crate) async fn play(mut ws: impl Socket, act: Act, report: Report) -> Result<(), Failure> {
    let outcome = match act {
        Act::Echo => echo(&mut ws).await,
        Act::Flood => flood(&mut ws, &report).await,
        Act::Ask { idle } => ask(&mut ws, idle, &report).await,
        Act::Transfer { give, take } => transfer::run(&mut ws, give, take, &report).await,
        Act::Deaf | Act::Trickle { .. } => return Err("only bare".into()),
    };
    report.end(outcome.err().as_ref()).await;
    Ok(())
}

/// Answers every message; pings are answered by the WebSocket.
async fn echo(ws: &mut impl Socket) -> Result<(), Error> {
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

/// Writes without end, and reads meanwhile.
async fn flood(ws: &mut impl Socket, report: &Report) -> Result<(), Error> {
    let (mut write, mut read) = ws.split();
    let message = Message::Binary(Bytes::from(vec![0; 16 << 10]));
    let mut last = Instant::now();
    let writes = async {
        loop {
            write.send(message.clone()).await?;
            last = Instant::now();
        }
    };
    let reads = async {
        while read.next().await.transpose()?.is_some() {}
        Ok(())
    };
    let outcome: Result<(), Error> = tokio::select! { outcome = writes => outcome, outcome = reads => outcome };
    // The stream tells the verdict with everything that is known about it.
    let outcome = match outcome {
        Err(error) => read.next().await.transpose().map(|_| ()).and(Err(error)),
        outcome => outcome,
    };
    say_at(last, report.id, "flooded", "this was the last message that was taken");
    outcome
}

/// Idle for a while, reading; then a question, and whether it is answered.
async fn ask(ws: &mut impl Socket, idle: Duration, report: &Report) -> Result<(), Error> {
    let until = Instant::now() + idle;
    loop {
        tokio::select! {
            () = sleep_until(until) => break,
            item = ws.next() => if item.transpose()?.is_none() { return Ok(()) },
        }
    }
    let asked = Instant::now();
    ws.send("are you there?".into()).await?;
    match timeout(PATIENCE, answer(ws)).await {
        Ok(Ok(true)) => report.say("answered", format_args!("rtt={:.3}", asked.elapsed().as_secs_f64())),
        Ok(outcome) => return outcome.map(|_| ()),
        Err(_) => report.say("unanswered", "no answer, no error, no end"),
    }
    Ok(())
}

async fn answer(ws: &mut impl Socket) -> Result<bool, Error> {
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The head of a large frame at once, then one byte of it at a time.
async fn trickle(wire: &mut Wire, gap: Duration) -> Result<(), Failure> {
    wire.write_all(&HEADER).await?;
    let mut gaps = interval(gap);
    loop {
        gaps.tick().await;
        wire.write_all(&[0]).await?;
    }
}
