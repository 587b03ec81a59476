//! A connection that dies without a word, without and with `ws-liveness`. Real WebSockets run on loopback, and between
//! them a path that can forget a connection as a NAT does. `cargo run --example half_open`

mod relay;
mod stage;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, End, LiveConfig, LiveExt, LiveStats, LivenessError, PONG_TIMEOUT_CLOSE_CODE};

use relay::{Relay, Way};
use stage::{Failure, Log, Outcome, Scene, check, connect, serve};

/// The path of scenes 1 and 2 forgets a connection that was idle for longer.
const MEMORY: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);
/// What a busy machine may add to a bound: the times are printed, and only a hang is a failure.
const SLACK: Duration = Duration::from_secs(60);

/// The same for every scene; a program would start from the defaults. There is no jitter, so that no ping leaves while
/// a probe is being answered: that answer would count as a frame that came instead of the ping's own, and extend T
/// (J3).
fn config() -> LiveConfig {
    LiveConfig::builder().ping_interval(INTERVAL).jitter(0.0).pong_timeout(TIMEOUT).build().expect("valid")
}

#[tokio::main]
async fn main() -> ExitCode {
    println!("Six scenes at once, about ten seconds; times count from the start.");
    let start = Instant::now();
    let scenes = [
        Scene::run("1. A bare connection, on a path that forgets after 2 s without traffic", start, bare),
        Scene::run("2. The same path, with a ping at least every second", start, kept_alive),
        Scene::run("3. The path goes dark, both ways", start, dark),
        Scene::run("4. The server hears us, its answers are lost", start, unanswered),
        Scene::run("5. Two channels of a gateway, one function", start, gateway),
        Scene::run("6. A handler that works for 6 s, on the path that forgets after 2 s", start, busy),
    ];
    let mut failed = 0;
    for scene in scenes {
        failed += usize::from(!scene.show().await);
    }
    let elapsed = start.elapsed().as_secs_f32();
    if failed > 0 {
        println!("\n{failed} of 6 scenes FAILED, {elapsed:.1} s.");
        return ExitCode::FAILURE;
    }
    println!("\nAll six as expected, {elapsed:.1} s.");
    ExitCode::SUCCESS
}

/// The connection is dead, and nobody says so.
async fn bare(log: Log) -> Outcome {
    let (server, mut heard) = serve().await?;
    let relay = Relay::start(server, Some(MEMORY)).await?;
    let mut ws = connect(relay.addr()).await?;
    ws.send("hello".into()).await?;
    check(ws.next().await.transpose()? == Some("hello".into()), "the fresh connection answers")?;
    log.say("\"hello\" is answered; nobody speaks for the next 3 s");

    sleep(Duration::from_secs(3)).await;
    let dead = Instant::now();
    for number in 1..=6 {
        ws.send(format!("are you there? {number}").into()).await?;
        log.say(format_args!("\"are you there? {number}\": send() says Ok"));
        let next = timeout(Duration::from_secs(1), ws.next()).await;
        check(next.is_err(), "the forgotten connection yields nothing, no error either")?;
    }
    let unnoticed = dead.elapsed();
    check(heard.try_recv().is_ok() && heard.try_recv().is_err(), "the server heard the first message and no other")?;
    log.say(format_args!("dead for {unnoticed:.1?}: no answer, no error, no end, on neither side; nobody noticed"));
    Ok(())
}

/// Pings keep the path's memory fresh.
async fn kept_alive(log: Log) -> Outcome {
    let (server, _heard) = serve().await?;
    let relay = Relay::start(server, Some(MEMORY)).await?;
    let ws = connect(relay.addr()).await?.live(config());
    let monitor = ws.monitor();
    log.say("connected");
    let (mut write, mut read) = ws.split();
    // Pings leave and pongs are read while somebody polls: here a task that waits for messages.
    let (inbox, mut received) = mpsc::unbounded_channel();
    tokio::spawn(async move { while read.next().await.is_some_and(|item| inbox.send(item).is_ok()) {} });

    for idle in [3, 5] {
        sleep(Duration::from_secs(idle)).await;
        let sent = Instant::now();
        write.send("hello".into()).await?;
        let answer = received.recv().await.ok_or("the stream ended")??;
        check(answer == "hello".into(), "the connection answers, however long it was idle")?;
        log.say(format_args!("\"hello\" after {idle} s without a message is answered in {:.1?}", sent.elapsed()));
    }
    let probe = monitor.probe().await?;
    let stats = monitor.stats();
    let (pongs, smoothed) = (stats.pongs_received, stats.smoothed_rtt.unwrap_or_default());
    check(pongs >= 8, "a ping was answered in every second")?;
    log.say(format_args!(
        "{pongs} pings answered; round trip {smoothed:.1?} smoothed, {probe:.1?} by a probe just now"
    ));
    Ok(())
}

/// Silence has an end.
async fn dark(log: Log) -> Outcome {
    let (server, _heard) = serve().await?;
    let relay = Relay::start(server, None).await?;
    let mut ws = connect(relay.addr()).await?.live(config());
    let monitor = ws.monitor();
    let reader = tokio::spawn(async move { (ws.next().await, ws.next().await, ws.send("hello".into()).await) });
    monitor.probe().await?;
    sleep(INTERVAL / 2).await;

    relay.darken_both();
    let since = Instant::now();
    log.say("a probe was answered; now the path is dark");
    let (item, then, send) = reader.await?;
    let noticed = since.elapsed();
    let error = item.ok_or("the stream ended without an error")?.err().ok_or("a message instead of the error")?;
    let dead = LivenessError::find(&error).ok_or("the error is not ours")?;
    log.say(format_args!("Err: {dead}"));
    check(dead.cause() == Cause::PongTimeout, "the cause is PongTimeout")?;
    check(then.is_none() && send.is_err(), "after the error the stream is over, and sending fails")?;
    let bound = INTERVAL + TIMEOUT;
    check(noticed <= bound + SLACK, format_args!("noticed after {noticed:.2?}, within {bound:?}"))?;
    log.say(format_args!("noticed after {noticed:.2?}; the bound is I + T = {bound:?}"));
    Ok(())
}

/// The half that still works carries the reason.
async fn unanswered(log: Log) -> Outcome {
    let (server, mut heard) = serve().await?;
    let relay = Relay::start(server, None).await?;
    let mut ws = connect(relay.addr()).await?.live(config());
    let monitor = ws.monitor();
    let reader = tokio::spawn(async move { ws.next().await });
    monitor.probe().await?;

    relay.darken(Way::ToClient);
    let since = Instant::now();
    log.say("a probe was answered; now nothing comes back any more");
    let Some(Message::Close(Some(close))) = heard.recv().await else {
        return Err("the server should have received a Close with a code".into());
    };
    let (told, code, reason) = (since.elapsed(), u16::from(close.code), close.reason.as_str());
    log.say(format_args!("the server receives Close {code} \"{reason}\" {told:.2?} later"));
    check((code, reason) == (PONG_TIMEOUT_CLOSE_CODE, "pong timeout"), "the Close says 3008 \"pong timeout\"")?;
    check(told <= INTERVAL + TIMEOUT + SLACK, "the Close comes within I + T")?;
    let error = reader.await?.ok_or("the stream ended without an error")?.err().ok_or("a message came through")?;
    let cause = LivenessError::find(&error).map(LivenessError::cause);
    check(cause == Some(Cause::PongTimeout), "our side's cause is PongTimeout")
}

/// Binary frames and JSON texts, two types of socket, one function.
async fn gateway(log: Log) -> Outcome {
    let (server, _heard) = serve().await?;
    let first = [b"WA\x06\x03".as_slice(), &framed(&[0x12; 36])].concat();
    let binary = [first, framed(&[0xA5; 300]), framed(&[0x5A; 70_000])].map(Message::from);
    let json = [r#"{"op":1,"d":null}"#, r#"{"op":0,"t":"MESSAGE_CREATE"}"#].map(Message::from);

    let tcp = TcpStream::connect(server).await?;
    let (plain, _) = tokio_tungstenite::client_async(format!("ws://{server}/"), tcp).await?;
    let maybe_tls = connect(server).await?;
    let channels = tokio::try_join!(channel(plain, &binary), channel(maybe_tls, &json))?;
    for (name, stats) in [("binary frames", channels.0), ("JSON texts", channels.1)] {
        let pongs = stats.pongs_received;
        check(pongs >= 2, "pings were sent and answered meanwhile")?;
        log.say(format_args!("{name}: each came back as it was sent; {pongs} pongs came too, and were not seen"));
    }
    Ok(())
}

/// A channel of a gateway, for every socket that carries tungstenite's messages.
async fn channel<S>(socket: S, messages: &[Message]) -> Result<LiveStats, Failure>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let mut ws = socket.live(config());
    let monitor = ws.monitor();
    let mut echoed = Vec::new();
    for message in messages {
        ws.send(message.clone()).await?;
        while let Ok(next) = timeout(INTERVAL * 3 / 2, ws.next()).await {
            echoed.push(next.ok_or("the stream ended")??);
        }
    }
    check(echoed == messages, "what comes back is what was sent, and nothing else")?;
    ws.close().await?;
    while ws.next().await.transpose()?.is_some() {}
    check(monitor.ended().await == End::Closed, "the closing handshake is complete")?;
    Ok(monitor.stats())
}

/// Nobody polls while a handler works: with a task of its own the connection stays.
async fn busy(log: Log) -> Outcome {
    let (server, _heard) = serve().await?;
    let relay = Relay::start(server, Some(MEMORY)).await?;
    let mut bare = connect(relay.addr()).await?;
    let mut spawned = connect(relay.addr()).await?.live(config()).spawn(16);
    check(ask(&mut bare).await.is_some() && ask(&mut spawned).await.is_some(), "fresh connections answer")?;
    log.say("both connections answer; now their handler works, and polls neither");
    sleep(MEMORY * 3).await;
    check(ask(&mut bare).await.is_none(), "the bare connection is lost")?;
    log.say("the bare one does not answer any more, and says nothing of it");
    let answer = ask(&mut spawned).await.ok_or("does not hold: the spawned connection answers")?;
    let pongs = spawned.monitor().stats().pongs_received;
    check(pongs >= 5, "its task had pings answered meanwhile")?;
    log.say(format_args!("the spawned one answers in {answer:.1?}; its task had {pongs} pings answered meanwhile"));
    Ok(())
}

/// How long an answer takes, if one comes within a second.
async fn ask<S>(ws: &mut S) -> Option<Duration>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let sent = Instant::now();
    ws.send("are you there?".into()).await.ok()?;
    timeout(Duration::from_secs(1), ws.next()).await.ok()??.ok()?;
    Some(sent.elapsed())
}

/// As WhatsApp frames what follows the prologue `WA` 6 3: three bytes of length, then the payload.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], payload].concat()
}
