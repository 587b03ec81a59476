//! What the hostile peers do. Each opens another connection when its own was ended.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_tungstenite::client_async;

#[path = "../support/frame.rs"]
mod frame;
use frame::encode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Pings as long as they may be, and nothing is read.
    PingFlood,
    /// Pings without a payload.
    EmptyPings,
    /// Pings, and a few bytes are read now and then, so that a source of progress sees bytes move.
    PingsAndSips,
    /// Pings between messages that are echoed; nothing is read.
    PingsAndData,
    PongFlood,
    /// One message that never ends, in small frames.
    EndlessFragments,
    /// Frames that say they are larger than any limit.
    GiantFrames,
    CloseFlood,
    /// A request that never ends.
    HalfHandshake,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::PingFlood,
        Self::EmptyPings,
        Self::PingsAndSips,
        Self::PingsAndData,
        Self::PongFlood,
        Self::EndlessFragments,
        Self::GiantFrames,
        Self::CloseFlood,
        Self::HalfHandshake,
    ];

    /// What is sent first, and what over and over from then on.
    fn bytes(self) -> (Vec<u8>, Vec<u8>) {
        let (ping, empty) = (encode(true, 9, true, &[7; 125]), encode(true, 9, true, &[]));
        let again = match self {
            Self::PingFlood | Self::PingsAndSips => ping.repeat(100),
            Self::EmptyPings => empty.repeat(1000),
            Self::PingsAndData => [ping.repeat(10), encode(true, 1, true, &[b'x'; 4096])].concat(),
            Self::PongFlood => encode(true, 10, true, &[7; 125]).repeat(100),
            Self::EndlessFragments => encode(true, 0, false, &[7; 1024]).repeat(10),
            Self::GiantFrames => vec![7; 16 << 10],
            Self::CloseFlood => encode(true, 8, true, &1000_u16.to_be_bytes()).repeat(100),
            Self::HalfHandshake => b"X-Filler: 0123456789\r\n".to_vec(),
        };
        let first = match self {
            Self::EndlessFragments => encode(true, 2, false, &[7; 1024]),
            Self::GiantFrames => [&[0x82, 0xff][..], &(60_u64 << 20).to_be_bytes(), &[0; 4]].concat(),
            Self::HalfHandshake => b"GET / HTTP/1.1\r\n".to_vec(),
            _ => Vec::new(),
        };
        (first, again)
    }
}

/// They go on until they are aborted.
pub(crate) fn start(kind: Kind, peers: usize, port: u16) -> Vec<JoinHandle<()>> {
    let attack = move || async move {
        loop {
            // However it ended: the next connection.
            let _ = once(kind, port).await;
            sleep(Duration::from_millis(100)).await;
        }
    };
    (0..peers).map(|_| tokio::spawn(attack())).collect()
}

async fn once(kind: Kind, port: u16) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    // What is not read soon fills.
    socket.set_recv_buffer_size(4096)?;
    let tcp = socket.connect(([127, 0, 0, 1], port).into()).await?;
    let tcp = if kind == Kind::HalfHandshake { tcp } else { upgraded(tcp).await? };
    let (reader, mut writer) = tcp.into_split();
    let (first, again) = kind.bytes();
    writer.write_all(&first).await?;
    let pause = if kind == Kind::HalfHandshake { Duration::from_millis(100) } else { Duration::ZERO };
    let writing = repeats(&mut writer, &again, pause);
    if kind == Kind::PingsAndSips {
        tokio::select! { done = writing => done, done = sips(reader) => done }
    } else {
        writing.await
    }
}

async fn upgraded(tcp: TcpStream) -> io::Result<TcpStream> {
    let (socket, _) = client_async("ws://localhost/", tcp).await.map_err(io::Error::other)?;
    Ok(socket.into_inner())
}

async fn repeats(writer: &mut OwnedWriteHalf, bytes: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        writer.write_all(bytes).await?;
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

async fn sips(mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut sip = [0; 512];
    while reader.read(&mut sip).await? > 0 {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
