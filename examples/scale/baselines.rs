//! What is usually written by hand: (a) interval and stream in one `select!`, (b) split halves with a ping task and a
//! channel. As everywhere, both give the socket back when they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::tungstenite::Message;

use crate::cycle::Socket;

/// At first not all at the same time.
fn first(interval: Duration) -> Instant {
    Instant::now() + interval.mul_f64(fastrand::f64())
}

pub(crate) async fn select<S: Socket>(mut ws: S, interval: Duration, stop: Arc<AtomicBool>) -> Option<S> {
    let mut ticks = interval_at(first(interval), interval);
    let mut answered = true;
    while !stop.load(Ordering::Relaxed) {
        tokio::select! {
            _ = ticks.tick() => {
                if !std::mem::replace(&mut answered, false) {
                    return None;
                }
                ws.send(Message::Ping(Vec::new().into())).await.ok()?;
            }
            item = ws.next() => answered |= item?.ok()?.is_pong(),
        }
    }
    Some(ws)
}

pub(crate) async fn split<S: Socket>(ws: S, interval: Duration, stop: Arc<AtomicBool>) -> Option<S> {
    let (mut sink, mut reader) = ws.split();
    let (queue, mut messages) = mpsc::channel(16);
    let answered = Arc::new(AtomicBool::new(true));
    let writer = tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            sink.send(message).await.ok()?;
        }
        Some(sink)
    });
    let pings = tokio::spawn(ping(queue, answered.clone(), interval));
    while !stop.load(Ordering::Relaxed) {
        if reader.next().await?.ok()?.is_pong() {
            answered.store(true, Ordering::Relaxed);
        }
    }
    pings.abort();
    writer.await.ok()??.reunite(reader).ok()
}

async fn ping(queue: Sender<Message>, answered: Arc<AtomicBool>, interval: Duration) -> Option<()> {
    let mut ticks = interval_at(first(interval), interval);
    loop {
        ticks.tick().await;
        if !answered.swap(false, Ordering::Relaxed) {
            return None;
        }
        queue.send(Message::Ping(Vec::new().into())).await.ok()?;
    }
}
