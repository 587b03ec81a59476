//! The process that is stopped.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{LiveConfig, LiveExt};

use crate::pair::{bare, exact};

/// The variable with the child's orders: where to connect, its runtime, its job.
pub(crate) const CHILD: &str = "WS_LIVENESS_STOPPED";
/// What a line begins with that is for the parent.
pub(crate) const MARK: &str = "child: ";

pub(crate) const I: Duration = Duration::from_secs(1);
pub(crate) const T: Duration = Duration::from_secs(2);
pub(crate) const W: Duration = Duration::from_secs(2);
/// How long after its first ping was queued the child says so.
pub(crate) const AFTER_QUEUED: Duration = Duration::from_millis(100);
/// What the kernel's buffers are asked to be.
pub(crate) const SMALL: usize = 64 << 10;
/// More than the buffers at both ends take.
const LARGE: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    CurrentThread,
    MultiThread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Reads,
    /// Reads, and has sent more than the buffers take.
    Writes,
}

pub(crate) fn orders(addr: SocketAddr, flavour: Flavour, job: Job) -> String {
    format!("{addr} {flavour:?} {job:?}")
}

/// Does what it is ordered, until its connection ends.
pub(crate) fn run(orders: &str) {
    let words: Vec<_> = orders.split(' ').collect();
    let [addr, flavour, job] = words[..] else { panic!("{orders}") };
    let (addr, writes) = (addr.parse().unwrap(), job == format!("{:?}", Job::Writes));
    let runtime = runtime(flavour == format!("{:?}", Flavour::MultiThread));
    runtime.block_on(async { tokio::spawn(connection(addr, writes)).await.unwrap() });
}

fn runtime(multi: bool) -> Runtime {
    let mut builder = if multi { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn config() -> LiveConfig {
    exact().ping_interval(I).pong_timeout(T).write_timeout(W).build().unwrap()
}

async fn connection(addr: SocketAddr, writes: bool) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(u32::try_from(SMALL).unwrap()).unwrap();
    let io = socket.connect(addr).await.unwrap();
    io.set_nodelay(true).unwrap();
    say("connected");
    let live = bare(io, Role::Client).await.live(config());
    let monitor = live.monitor();
    let (mut sink, mut stream) = live.split();
    tokio::spawn(async move { while stream.next().await.is_some() {} });
    tokio::spawn(async move {
        if writes {
            // It fails if the connection is closed.
            let _ = sink.send(Message::binary(vec![7; LARGE])).await;
        }
    });
    if writes {
        sleep(I + AFTER_QUEUED).await;
        say("queued");
    }
    let cause = monitor.ended().await;
    say(&format!("{cause:?}"));
}

/// The test harness writes to the same pipe.
fn say(word: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{MARK}{word}").unwrap();
    stdout.flush().unwrap();
}
