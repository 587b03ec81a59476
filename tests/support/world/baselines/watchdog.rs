//! (d) A watchdog in a task of its own, beside split halves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::SinkExt;
use tokio::sync::Mutex;
use tokio::time::{sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Sink, Stream, ping};
use crate::world::ours::User;
use crate::world::pace::Pace;

/// Whether the peer was taken for dead.
pub async fn run(sink: Sink, stream: Stream, user: User) -> bool {
    let (sink, pongs) = (Arc::new(Mutex::new(sink)), Arc::new(AtomicU64::new(0)));
    let reading = user.gate(read(stream, pongs.clone(), user.clone()));
    let watching = user.gate(watch(sink.clone(), pongs, user.clone()));
    let writing = user.gate(write(sink, user.clone()));
    tokio::select! {
        biased;
        () = reading => false,
        dead = watching => dead,
        () = writing => false,
    }
}

async fn read(mut stream: Stream, pongs: Arc<AtomicU64>, user: User) {
    loop {
        user.stay_away().await;
        let item = user.next(&mut stream).await;
        if matches!(item, Some(Ok(Message::Pong(_)))) {
            pongs.fetch_add(1, Ordering::Relaxed);
        }
        if user.took(item).await {
            return;
        }
    }
}

async fn watch(sink: Arc<Mutex<Sink>>, pongs: Arc<AtomicU64>, user: User) -> bool {
    let config = &user.scenario.config;
    let mut number = 0;
    loop {
        sleep(config.ping_interval()).await;
        let before = pongs.load(Ordering::Relaxed);
        if sink.lock().await.send(ping(&mut number)).await.is_err() {
            return false;
        }
        sleep(config.pong_timeout()).await;
        if pongs.load(Ordering::Relaxed) == before {
            return true;
        }
    }
}

async fn write(sink: Arc<Mutex<Sink>>, user: User) {
    let mut pace = Pace::new(&user);
    loop {
        sleep_until(pace.next()).await;
        pace.write(&mut *sink.lock().await).await;
    }
}
