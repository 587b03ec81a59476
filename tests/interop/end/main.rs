//! Our end of the connections of `tests/interop/run`, and an echo server behind proxies.
//!
//! `interop_end listen|connect WHERE [--live I,T] [--deaf] [--echo]` holds one WebSocket until its end. WHERE is a port
//! (0: any that is free) or a URL. I and T are milliseconds; without `--live` the WebSocket is bare. With `--deaf` no pong
//! reaches the liveness, so that a live peer is judged dead and can tell what it sees of that. Orders come by standard
//! input, one a line, and every event leaves as one line of JSON.

use std::future::ready;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt, TryStreamExt, future};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, connect_async};
use ws_liveness::{Event, LiveConfig, LiveExt, LivenessError};

type Failure = Box<dyn std::error::Error>;

const LARGE: usize = 10_000_000;

trait Socket: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {}
impl<S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin> Socket for S {}

#[derive(Default)]
struct Args {
    live: Option<LiveConfig>,
    deaf: bool,
    echo: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let role = words.next().ok_or("listen or connect?")?;
    let place = words.next().ok_or("where?")?;
    let args = parse(words)?;
    match role.as_str() {
        "listen" => hold(accept(place.parse()?).await?, args).await,
        "connect" => hold(connect_async(place).await?.0, args).await,
        other => return Err(format!("no role: {other}").into()),
    }
    Ok(())
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, Failure> {
    let mut args = Args::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--live" => args.live = Some(config(&words.next().ok_or("--live I,T")?)?),
            "--deaf" => args.deaf = true,
            "--echo" => args.echo = true,
            other => return Err(format!("unknown: {other}").into()),
        }
    }
    Ok(args)
}

fn config(times: &str) -> Result<LiveConfig, Failure> {
    let (interval, timeout) = times.split_once(',').ok_or("--live I,T")?;
    let millis = |text: &str| text.parse().map(Duration::from_millis);
    Ok(LiveConfig::builder().ping_interval(millis(interval)?).pong_timeout(millis(timeout)?).build()?)
}

async fn accept(port: u16) -> Result<WebSocketStream<tokio::net::TcpStream>, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    say(json!({"event": "listening", "port": listener.local_addr()?.port()}));
    loop {
        let (tcp, _) = listener.accept().await?;
        // A browser may open a connection beforehand and never use it; a proxy may look whether we are there.
        if let Ok(ws) = accept_async(tcp).await {
            return Ok(ws);
        }
    }
}

async fn hold<T: AsyncRead + AsyncWrite + Unpin>(ws: WebSocketStream<T>, args: Args) {
    say(json!({"event": "open"}));
    match (args.live, args.deaf) {
        (None, _) if args.echo => echo(ws).await,
        (None, _) => talk(ws).await,
        (Some(config), _) if args.echo => echo(ws.live(config)).await,
        (Some(config), false) => talk(ws.live(config).with_observer(tell)).await,
        (Some(config), true) => {
            talk(ws.try_filter(|message| ready(!message.is_pong())).live(config).with_observer(tell)).await;
        }
    }
}

fn tell(event: &Event) {
    if let Event::RoundTrip { rtt, .. } = event {
        say(json!({"event": "pong", "rtt": rtt.as_secs_f64()}));
    }
}

/// Follows orders and reports what comes, until the stream ends.
async fn talk(ws: impl Socket) {
    let (mut write, mut read) = ws.split();
    let orders = async {
        let mut lines = lines();
        while let Some(order) = lines.recv().await {
            if let Err(error) = write.send(ordered(&order)).await {
                say(json!({"event": "refused", "error": error.to_string()}));
            }
        }
        // The end of the orders is not the end of the connection.
        future::pending::<()>().await;
    };
    let reports = async {
        while let Some(message) = read.next().await {
            say(message.map_or_else(|error| failed(&error), heard));
        }
    };
    tokio::select! { () = orders => {}, () = reports => {} }
    say(json!({"event": "end"}));
}

/// The lines of the standard input, which a thread of its own waits for.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (give, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| give.send(line)));
    lines
}

fn ordered(order: &str) -> Message {
    match order {
        "large" => Message::Binary(large()),
        "close" => bye(),
        text => Message::text(text),
    }
}

fn heard(message: Message) -> Value {
    match message {
        Message::Text(text) => json!({"event": "text", "text": text.as_str()}),
        Message::Binary(data) => json!({"event": "data", "length": data.len(), "whole": data == large()}),
        Message::Ping(_) => json!({"event": "ping"}),
        Message::Pong(_) => json!({"event": "foreign pong"}),
        Message::Close(frame) => closed("close", frame),
        Message::Frame(_) => json!({"event": "frame"}),
    }
}

fn failed(error: &Error) -> Value {
    match LivenessError::find(error) {
        None => json!({"event": "error", "error": error.to_string()}),
        Some(dead) => json!({
            "event": "verdict",
            "cause": dead.cause().to_string(),
            "since_flushed": dead.since_flushed().map(|age| age.as_secs_f64()),
        }),
    }
}

/// A peer as the others are: echoes, and closes when it is told to.
async fn echo(mut ws: impl Socket) {
    let mut end = json!({"event": "closed", "code": 1006, "reason": ""});
    while let Some(Ok(message)) = ws.next().await {
        let answer = match message {
            Message::Text(text) if text == "close now" => bye(),
            Message::Text(_) | Message::Binary(_) => message,
            Message::Close(frame) => {
                end = closed("closed", frame);
                continue;
            }
            _ => continue,
        };
        if ws.send(answer).await.is_err() {
            break;
        }
    }
    say(end);
}

fn closed(event: &str, frame: Option<CloseFrame>) -> Value {
    let code = frame.as_ref().map(|frame| u16::from(frame.code));
    let reason = frame.as_ref().map(|frame| frame.reason.as_str());
    json!({"event": event, "code": code, "reason": reason})
}

fn bye() -> Message {
    Message::Close(Some(CloseFrame { code: 1000.into(), reason: "bye".into() }))
}

/// No part of it is like another by chance.
fn large() -> Bytes {
    (0..LARGE as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>().into()
}

fn say(event: Value) {
    println!("{event}");
}
