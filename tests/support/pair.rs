//! A wrapped socket and its bare peer, both tokio-tungstenite's own, over a pipe or over loopback TCP; and peers that
//! speak bytes, for what a well-behaved library would never do.

#![allow(dead_code, reason = "compiled into several programs, each of which uses its part")]

#[path = "frame.rs"]
mod frame;
#[path = "ticks.rs"]
mod ticks;

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, LiveConfig, LiveConfigBuilder, LiveExt, LiveStream, LivenessError};

use frame::encode;
#[allow(unused_imports, reason = "compiled into several programs, each of which uses its part")]
pub(crate) use ticks::{PATIENCE, Ticks};

pub(crate) type Ws<T> = WebSocketStream<T>;
pub(crate) type Live<T> = LiveStream<Ws<T>>;
pub(crate) type Item = Option<Result<Message, Error>>;

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Server];
/// Wider than anything that a test leaves unread.
pub(crate) const WIDE: usize = 1 << 20;

pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const TEXT: u8 = 1;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The defaults, to the instant.
pub(crate) fn exact() -> LiveConfigBuilder {
    LiveConfig::builder().jitter(0.0)
}

/// The defaults in small, for real time: I and T of `t`, W of 3 `t`, C of 500 ms.
pub(crate) fn quick(t: Duration) -> LiveConfig {
    exact().ping_interval(t).pong_timeout(t).write_timeout(3 * t).close_timeout(millis(500)).build().unwrap()
}

pub(crate) fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

pub(crate) async fn bare<T: AsyncRead + AsyncWrite + Unpin>(io: T, role: Role) -> Ws<T> {
    WebSocketStream::from_raw_socket(io, role, None).await
}

pub(crate) async fn bare_with<T>(io: T, role: Role, config: WebSocketConfig) -> Ws<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    WebSocketStream::from_raw_socket(io, role, Some(config)).await
}

/// Wrapped in `role`, and its peer.
pub(crate) async fn piped(capacity: usize, role: Role, config: &LiveConfig) -> (Live<DuplexStream>, Ws<DuplexStream>) {
    let (near, far) = duplex(capacity);
    (bare(near, role).await.live(config.clone()), bare(far, other(role)).await)
}

/// Both ends bare, the first in `role`.
pub(crate) async fn piped_pair(capacity: usize, role: Role) -> (Ws<DuplexStream>, Ws<DuplexStream>) {
    let (near, far) = duplex(capacity);
    (bare(near, role).await, bare(far, other(role)).await)
}

/// Wrapped in `role`, and the peer's end of the pipe: held, it is a peer that neither reads nor answers.
pub(crate) async fn piped_raw(capacity: usize, role: Role, config: &LiveConfig) -> (Live<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(capacity);
    (bare(near, role).await.live(config.clone()), far)
}

/// Two ends of a TCP connection; with `buffers`, the kernel's own are about that small.
pub(crate) async fn sockets(buffers: Option<u32>) -> (TcpStream, TcpStream) {
    let (listening, connecting) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    if let Some(size) = buffers {
        for socket in [&listening, &connecting] {
            socket.set_send_buffer_size(size).unwrap();
            socket.set_recv_buffer_size(size).unwrap();
        }
    }
    listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = listening.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(connecting.connect(addr), listener.accept());
    let (near, far) = (near.unwrap(), far.unwrap().0);
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    (near, far)
}

/// Reads, in vain, until `pongs` of our pings have been answered.
pub(crate) async fn stays<T: AsyncRead + AsyncWrite + Unpin>(live: &mut Live<T>, pongs: u64) {
    let monitor = live.monitor();
    let answered = async {
        while monitor.stats().pongs_received < pongs {
            sleep(millis(5)).await;
        }
    };
    tokio::select! {
        item = live.next() => panic!("{item:?}"),
        answered = timeout(PATIENCE, answered) => answered.expect("no pong comes"),
    }
}

/// Wrapped in `role`, and its peer.
pub(crate) async fn over_tcp(role: Role, config: &LiveConfig) -> (Live<TcpStream>, Ws<TcpStream>) {
    let (near, far) = sockets(None).await;
    (bare(near, role).await.live(config.clone()), bare(far, other(role)).await)
}

/// A frame as `role` would send it; a client's mask is zero.
pub(crate) fn frame(role: Role, opcode: u8, payload: &[u8]) -> Vec<u8> {
    encode(role == Role::Client, opcode, true, payload)
}

/// The next frame's opcode and payload; an error where the bytes end.
pub(crate) async fn read_frame<T: AsyncRead + Unpin>(io: &mut T) -> io::Result<(u8, Vec<u8>)> {
    let (opcode, second) = (io.read_u8().await? & 0x0f, io.read_u8().await?);
    let len = match second & 0x7f {
        126 => io.read_u16().await?.into(),
        127 => io.read_u64().await?,
        len => len.into(),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        io.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; usize::try_from(len).unwrap()];
    io.read_exact(&mut payload).await?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok((opcode, payload))
}

/// All frames until the bytes end.
pub(crate) async fn read_frames<T: AsyncRead + Unpin>(io: &mut T) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Ok(frame) = read_frame(io).await {
        frames.push(frame);
    }
    frames
}

/// The payload of a Close frame.
pub(crate) fn farewell(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// The liveness error's cause; a panic where it is none.
#[track_caller]
pub(crate) fn cause_of(error: &Error) -> Cause {
    LivenessError::find(error).unwrap_or_else(|| panic!("not ours: {error:?}")).cause()
}

/// The cause of the one `Err`; a panic where `item` is none.
#[track_caller]
pub(crate) fn died_of(item: Item) -> Cause {
    match item {
        Some(Err(error)) => cause_of(&error),
        other => panic!("not an error: {other:?}"),
    }
}

/// A comparable form of an item or of a result of the sink.
pub(crate) fn shown(what: impl Debug) -> String {
    format!("{what:?}")
}
