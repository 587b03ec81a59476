//! A connection that other tasks watch after `split`: probes, statistics, changes of health, the end. Its peer answers,
//! pauses, and falls silent for good. `cargo run --example observe`

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role};
use ws_liveness::{Cause, End, Health, LiveConfig, LiveExt, LivenessError, Monitor};

const INTERVAL: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_millis(500);
/// What a busy machine may add to a bound: the times are printed, and only a hang is a failure.
const SLACK: Duration = Duration::from_secs(60);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = timeout(2 * SLACK, observe()).await.unwrap_or_else(|late| Err(late.into()));
    if let Err(error) = &outcome {
        eprintln!("FAILED: {error}");
    }
    ExitCode::from(u8::from(outcome.is_err()))
}

async fn observe() -> Result<(), Failure> {
    let start = Instant::now();
    let say = |line: &dyn Display| println!("{:5.2} s  {line}", start.elapsed().as_secs_f32());
    let (near, far) = tokio::io::duplex(4096);
    let (listen, listening) = watch::channel(true);
    let peer = tokio::spawn(peer(far, listening));

    // With two misses allowed, the connection is suspect before it is given up.
    let config = LiveConfig::builder().ping_interval(INTERVAL).pong_timeout(TIMEOUT).missed_pongs(2).build()?;
    let ws = WebSocketStream::from_raw_socket(near, Role::Client, None).await.live(config);
    let mut monitor = ws.monitor();
    let (mut write, read) = ws.split();
    // Pings leave and pongs are read while somebody reads.
    let reader = tokio::spawn(read.collect::<Vec<_>>());
    let healths = tokio::spawn(healths(monitor.clone()));
    let ended = tokio::spawn({
        let monitor = monitor.clone();
        async move { monitor.ended().await }
    });

    say(&format_args!("probe: the round trip takes {:.1?}", monitor.probe().await?));
    let mut tick = interval_at(Instant::now() + INTERVAL, INTERVAL);
    for _ in 0..3 {
        tick.tick().await;
        say(&numbers(&monitor));
    }
    check(monitor.stats().pongs_received >= 3, "pings are answered")?;

    listen.send(false)?;
    say(&"the peer pauses");
    check(monitor.changed().await == Health::Suspect, "a first miss makes it suspect")?;
    say(&numbers(&monitor));
    listen.send(true)?;
    say(&"the peer goes on");
    check(monitor.changed().await == Health::Alive, "an answer, also a late one, makes it alive again")?;
    say(&numbers(&monitor));

    listen.send(false)?;
    let since = Instant::now();
    say(&"the peer falls silent for good; a probe asks");
    let end = monitor.probe().await.err().ok_or("the probe was answered")?;
    let noticed = since.elapsed();
    say(&format_args!("the probe fails after {noticed:.2?}: {end}"));
    check(end == End::PongTimeout, "the probe tells the end")?;
    check(noticed <= INTERVAL + 2 * TIMEOUT + SLACK, "within I + M T")?;
    check(ended.await? == end, "ended() tells the same")?;
    check(monitor.health() == Health::Ended(end) && monitor.stats().misses == 3, "as do health and numbers")?;
    say(&numbers(&monitor));

    let items = reader.await?;
    let [Err(error)] = items.as_slice() else { return Err("the stream yields other things than one error".into()) };
    let verdict = LivenessError::find(error).ok_or("the error is not a verdict")?;
    say(&format_args!("the reader's one item: Err, {verdict}"));
    check(verdict.cause() == Cause::PongTimeout && write.send("hello".into()).await.is_err(), "the writer fails")?;
    let seen = healths.await?;
    say(&format_args!("health was {seen:?}"));
    check(seen == [Health::Suspect, Health::Alive, Health::Suspect, Health::Ended(end)], "every change was seen")?;

    listen.send(true)?;
    let close = peer.await??.ok_or("the peer finds no Close")?;
    say(&format_args!("the peer, awake again, finds Close {} \"{}\"", u16::from(close.code), close.reason));
    check((u16::from(close.code), close.reason.as_str()) == (3008, "pong timeout"), "the Close tells why")
}

/// What a dashboard would show.
fn numbers(monitor: &Monitor) -> String {
    let stats = monitor.stats();
    let [smoothed, min] = [stats.smoothed_rtt, stats.min_rtt].map(Option::unwrap_or_default);
    format!(
        "{:?}: {} pings sent, {} answered, {} missed; round trip {smoothed:.1?} smoothed, {min:.1?} at best",
        monitor.health(),
        stats.pings_sent,
        stats.pongs_received,
        stats.misses
    )
}

/// What an alert would listen to.
async fn healths(mut monitor: Monitor) -> Vec<Health> {
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Health::Ended(_))) {
        seen.push(monitor.changed().await);
    }
    seen
}

/// Answers while it listens; otherwise it neither reads nor writes, nor goes away.
async fn peer(io: DuplexStream, mut listening: watch::Receiver<bool>) -> Result<Option<CloseFrame>, Failure> {
    let mut ws = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    loop {
        listening.wait_for(|listening| *listening).await?;
        tokio::select! {
            message = ws.next() => match message.ok_or("the connection is gone")?? {
                Message::Close(close) => return Ok(close),
                _ => continue,
            },
            paused = listening.wait_for(|listening| !listening) => drop(paused?),
        }
    }
}

fn check(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}
