//! K6 and `Protocol`: the error inside the inner's own error type, and messages and errors that are nobody's here.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};
use ws_liveness::{Cause, End, LiveStream, LivenessError, MessageKind, Protocol};

use crate::pair::{
    CLOSE, PING, ROLES, TEXT, WIDE, Ws, bare, exact, farewell, frame, other, piped_raw, read_frames, secs,
};

/// A socket as a framework would make it: its own message, one error for reading and another for writing, and bound to
/// its thread.
struct Framework {
    inner: Ws<DuplexStream>,
    _here: Rc<()>,
}

#[derive(Debug, PartialEq)]
struct Parcel(Message);

#[derive(Debug)]
enum ReadError {
    Broken(tungstenite::Error),
    Dead(LivenessError),
}

#[derive(Debug)]
struct WriteError(Box<dyn StdError + Send + Sync>);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not written")
    }
}

impl StdError for WriteError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

impl From<tungstenite::Error> for WriteError {
    fn from(error: tungstenite::Error) -> Self {
        Self(error.into())
    }
}

impl Stream for Framework {
    type Item = Result<Parcel, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx).map(|item| item.map(|read| read.map(Parcel).map_err(ReadError::Broken)))
    }
}

impl Sink<Parcel> for Framework {
    type Error = WriteError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.inner.poll_ready_unpin(cx).map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, parcel: Parcel) -> Result<(), WriteError> {
        self.inner.start_send_unpin(parcel.0).map_err(Into::into)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.inner.poll_flush_unpin(cx).map_err(Into::into)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.inner.poll_close_unpin(cx).map_err(Into::into)
    }
}

/// What is ours here: a type without a value.
struct Mine;

impl Mine {
    fn kind(parcel: &Parcel) -> MessageKind<'_> {
        match &parcel.0 {
            Message::Ping(payload) => MessageKind::Ping(payload),
            Message::Pong(payload) => MessageKind::Pong(payload),
            Message::Close(_) => MessageKind::Close,
            _ => MessageKind::Data,
        }
    }

    fn close(code: u16, reason: &str) -> Parcel {
        let frame = tungstenite::protocol::CloseFrame { code: code.into(), reason: reason.into() };
        Parcel(Message::Close(Some(frame)))
    }
}

impl Protocol<Parcel, ReadError> for Mine {
    fn kind<'a>(&self, parcel: &'a Parcel) -> MessageKind<'a> {
        Self::kind(parcel)
    }

    fn ping(&self, payload: &[u8]) -> Parcel {
        Parcel(Message::Ping(payload.to_vec().into()))
    }

    fn close(&self, code: u16, reason: &str) -> Parcel {
        Self::close(code, reason)
    }

    fn error(&self, error: LivenessError) -> ReadError {
        ReadError::Dead(error)
    }

    fn source(&self, error: ReadError) -> Box<dyn StdError + Send + Sync> {
        match error {
            ReadError::Broken(error) => error.into(),
            ReadError::Dead(error) => error.into(),
        }
    }
}

impl Protocol<Parcel, WriteError> for Mine {
    fn kind<'a>(&self, parcel: &'a Parcel) -> MessageKind<'a> {
        Self::kind(parcel)
    }

    fn ping(&self, payload: &[u8]) -> Parcel {
        Parcel(Message::Ping(payload.to_vec().into()))
    }

    fn close(&self, code: u16, reason: &str) -> Parcel {
        Self::close(code, reason)
    }

    fn error(&self, error: LivenessError) -> WriteError {
        WriteError(error.into())
    }

    fn source(&self, error: WriteError) -> Box<dyn StdError + Send + Sync> {
        error.0
    }
}

async fn framework(role: Role) -> (LiveStream<Framework, Mine>, DuplexStream) {
    let (near, far) = duplex(WIDE);
    let inner = Framework { inner: bare(near, role).await, _here: Rc::new(()) };
    (LiveStream::with_protocol(inner, exact().build().unwrap(), Mine), far)
}

#[tokio::test(start_paused = true)]
async fn a_foreign_socket_dies_of_its_own_errors() {
    for role in ROLES {
        let (mut live, mut far) = framework(role).await;
        far.write_all(&frame(other(role), TEXT, b"x")).await.unwrap();
        assert_eq!(live.next().await.unwrap().unwrap(), Parcel(Message::text("x")));
        live.send(Parcel(Message::text("y"))).await.unwrap();
        let start = Instant::now();
        let Some(Err(ReadError::Dead(dead))) = live.next().await else { panic!("not dead") };
        assert_eq!((dead.cause(), start.elapsed()), (Cause::PongTimeout, secs(40)));
        let refused = live.send(Parcel(Message::text("z"))).await.unwrap_err();
        assert_eq!(LivenessError::find(&refused).unwrap().cause(), Cause::PongTimeout);
        assert!(live.next().await.is_none());
        drop(live);
        let heard = read_frames(&mut far).await;
        assert_eq!(heard.iter().map(|(opcode, _)| *opcode).collect::<Vec<_>>(), [TEXT, PING, CLOSE]);
        assert_eq!(heard[2].1, farewell(3008, "pong timeout"));
    }
}

#[tokio::test(start_paused = true)]
async fn s9_a_foreign_write_error_becomes_the_source() {
    let (near, far) = duplex(WIDE);
    let inner = Framework { inner: bare(near, ROLES[0]).await, _here: Rc::new(()) };
    let mut live = LiveStream::with_protocol(inner, exact().build().unwrap(), Mine);
    // Our own end of the write side is shut, the read side stays open: only the ping finds out.
    live.get_mut().inner.get_mut().shutdown().await.unwrap();
    let start = Instant::now();
    let Some(Err(ReadError::Dead(dead))) = live.next().await else { panic!("not dead") };
    assert_eq!((dead.cause(), start.elapsed()), (Cause::PingFailed, secs(20)));
    let source = dead.source().expect("the inner's error");
    let io = source.downcast_ref::<tungstenite::Error>();
    assert!(
        matches!(io, Some(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe),
        "{source:?}"
    );
    drop(far);
}

/// A verdict in tungstenite's own type.
async fn verdict() -> tungstenite::Error {
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &exact().build().unwrap()).await;
    live.next().await.unwrap().unwrap_err()
}

#[derive(Debug)]
struct Outer(tungstenite::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn k6_the_error_is_found_wherever_it_travels() {
    let error = verdict().await;
    assert!(matches!(&error, tungstenite::Error::Io(io) if io.kind() == io::ErrorKind::TimedOut), "{error:?}");
    let found = LivenessError::find(&error).expect("within tungstenite's").clone();
    assert_eq!(found.cause(), Cause::PongTimeout);
    assert_eq!((found.since_queued(), found.since_flushed()), (Some(secs(20)), Some(secs(20))));
    assert_eq!((found.misses(), found.deferrals(), found.since_pong()), (1, 0, None));

    assert!(LivenessError::find(&Outer(verdict().await)).is_some(), "behind another error");
    let io = io::Error::other(Outer(verdict().await));
    assert!(LivenessError::find(&io).is_some(), "behind an io::Error");
    let boxed: Box<dyn StdError + Send + Sync> = verdict().await.into();
    assert!(LivenessError::find(&*boxed).is_some(), "in a box");
    let again = tungstenite::Error::from(found.clone());
    assert_eq!(LivenessError::find(&again).unwrap().cause(), Cause::PongTimeout);
    assert!(LivenessError::find(&found).is_some(), "itself");

    assert!(LivenessError::find(&tungstenite::Error::ConnectionClosed).is_none());
    assert!(LivenessError::find(&io::Error::from(io::ErrorKind::TimedOut)).is_none());
    assert!(LivenessError::find(&Outer(tungstenite::Error::AlreadyClosed)).is_none());
}

/// Both halves tell the same death (K5).
#[tokio::test(start_paused = true)]
async fn k5_stream_and_sink_and_monitor_agree() {
    let (mut live, _far) = piped_raw(WIDE, ROLES[1], &exact().build().unwrap()).await;
    let monitor = live.monitor();
    assert!(timeout(secs(39), live.next()).await.is_err());
    let read = live.next().await.unwrap().unwrap_err();
    let written = live.flush().await.unwrap_err();
    assert_eq!(read.to_string(), written.to_string());
    assert_eq!(monitor.ended().await, End::PongTimeout);
    let told = read.to_string();
    assert!(told.contains("pong timeout: ping sent 20.000s ago was not answered"), "{told}");
}
