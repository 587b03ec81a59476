//! Both ends of the connections of `tests/net/run`: real sockets, one line per event, for a script to read.
//!
//! `net_end listen ADDR ACT [--live I,T,W,SOURCE]` serves whoever connects; `net_end connect ADDR ACT
//! [--live ...] [--count N]` makes N connections. ACT is what every connection does, see `acts.rs`; times are
//! milliseconds, SOURCE is `none`, `io` or `tcp`. Without `--live` the WebSocket is bare.

mod acts;
mod args;
mod report;
mod transfer;

use std::io;
use std::net::SocketAddr;

use futures_util::{Sink, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};
use ws_liveness::{LiveExt, LiveStream, ProgressIo, TcpProgress};

use args::{Act, Args, Live, Role, Source};
use report::Report;

type Wire = ProgressIo<TcpStream>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the acts work on: a bare WebSocket or one with liveness.
trait Socket: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {}
impl<S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin> Socket for S {}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    report::start();
    let args = Args::parse(std::env::args().skip(1))?;
    match args.role {
        Role::Listen => listen(&args).await,
        Role::Connect => connect(&args).await,
    }
}

async fn listen(args: &Args) -> Result<(), Failure> {
    let listener = TcpListener::bind(args.addr).await?;
    report::say(0, "listens", format_args!("addr={}", args.addr));
    for id in 1.. {
        let (tcp, _) = listener.accept().await?;
        let (act, live) = (args.act, args.live);
        tokio::spawn(async move {
            if let Err(error) = accept(id, tcp, act, live).await {
                report::say(id, "failed", format_args!("error={error:?}"));
            }
        });
    }
    Ok(())
}

async fn accept(id: usize, tcp: TcpStream, act: Act, live: Option<Live>) -> Result<(), Failure> {
    let (wire, live) = wire(tcp, live)?;
    let ws = accept_async_with_config(wire, Some(whole_frames())).await?;
    run(id, ws, act, live).await
}

async fn connect(args: &Args) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    for id in 1..=args.count {
        let (addr, act, live) = (args.addr, args.act, args.live);
        tasks.spawn(async move {
            if let Err(error) = dial(id, addr, act, live).await {
                report::say(id, "failed", format_args!("error={error:?}"));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done?;
    }
    Ok(())
}

async fn dial(id: usize, addr: SocketAddr, act: Act, live: Option<Live>) -> Result<(), Failure> {
    let (wire, live) = wire(TcpStream::connect(addr).await?, live)?;
    let (ws, _) = client_async_with_config(format!("ws://{addr}/"), wire, Some(whole_frames())).await?;
    run(id, ws, act, live).await
}

/// One message is one frame, whatever its size.
fn whole_frames() -> WebSocketConfig {
    WebSocketConfig::default().max_frame_size(None)
}

type Wrap = Box<dyn FnOnce(WebSocketStream<Wire>) -> LiveStream<WebSocketStream<Wire>> + Send>;

/// The source is made of the socket while it is bare; it is given to the `LiveStream` later.
fn wire(tcp: TcpStream, live: Option<Live>) -> io::Result<(Wire, Option<Wrap>)> {
    tcp.set_nodelay(true)?;
    let Some(live) = live else {
        return Ok((ProgressIo::new(tcp), None));
    };
    let (config, source) = (live.config()?, live.source);
    let of_tcp = if source == Source::Tcp { Some(TcpProgress::new(&tcp)?) } else { None };
    let wire = ProgressIo::new(tcp);
    let of_io = wire.handle();
    let wrap: Wrap = Box::new(move |ws| match (source, of_tcp) {
        (Source::None, _) => ws.live(config),
        (_, Some(tcp)) => ws.live(config).with_progress(tcp),
        (_, None) => ws.live(config).with_progress(of_io),
    });
    Ok((wire, Some(wrap)))
}

async fn run(id: usize, ws: WebSocketStream<Wire>, act: Act, wrap: Option<Wrap>) -> Result<(), Failure> {
    report::say(id, "open", "");
    match wrap {
        None => acts::bare(ws, act, Report::bare(id)).await,
        Some(wrap) => {
            let ws = wrap(ws);
            let report = Report::live(id, ws.monitor());
            acts::play(ws, act, report).await
        }
    }
}
