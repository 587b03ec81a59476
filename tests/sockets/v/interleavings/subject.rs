//! The connection in each of its forms: whole, split, and with a task of its own.

use std::task::{Context, Poll};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveSocket, LiveStream, ProgressIo, Spawned};

use crate::wire::Wire;

type Socket = WebSocketStream<ProgressIo<Wire>>;
pub(crate) type Live = LiveStream<Socket>;
pub(crate) type Read = Poll<Option<Result<Message, Error>>>;
pub(crate) type Written = Poll<Result<(), Error>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Whole,
    Halves,
    Task,
}

#[derive(Debug)]
pub(crate) enum Subject {
    Whole(Box<Live>),
    /// Its sink may be dropped before its stream.
    Halves(Option<SplitSink<Live, Message>>, SplitStream<Live>),
    Task(Spawned<Socket>),
}

/// Calls a method of the sink, which all forms have.
macro_rules! sink {
    ($subject:expr, $sink:ident => $call:expr) => {
        match $subject {
            Subject::Whole($sink) => Some($call),
            Subject::Halves(sink, _) => sink.as_mut().map(|$sink| $call),
            Subject::Task($sink) => Some($call),
        }
    };
}

impl Subject {
    pub(crate) fn new(live: Live, number: u8) -> Self {
        match number % 8 {
            0..=3 => Self::Whole(Box::new(live)),
            4 | 5 => {
                let (sink, stream) = live.split();
                Self::Halves(Some(sink), stream)
            }
            room => Self::Task(live.spawn(usize::from(room - 5))),
        }
    }

    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Whole(_) => Form::Whole,
            Self::Halves(..) => Form::Halves,
            Self::Task(_) => Form::Task,
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Read {
        match self {
            Self::Whole(live) => live.poll_next_unpin(cx),
            Self::Halves(_, stream) => stream.poll_next_unpin(cx),
            Self::Task(handle) => handle.poll_next_unpin(cx),
        }
    }

    /// `None`, here and below, if there is no sink any more.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Option<Written> {
        sink!(self, sink => sink.poll_ready_unpin(cx))
    }

    pub(crate) fn start_send(&mut self, message: Message) -> Option<Result<(), Error>> {
        sink!(self, sink => sink.start_send_unpin(message))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Option<Written> {
        sink!(self, sink => sink.poll_flush_unpin(cx))
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Option<Written> {
        sink!(self, sink => sink.poll_close_unpin(cx))
    }

    /// One poll of `close_with`, which halves do not have.
    pub(crate) fn poll_close_with(&mut self, code: u16, cx: &mut Context<'_>) -> Option<Read> {
        match self {
            Self::Whole(live) => Some(poll_close_with(&mut **live, code, cx)),
            Self::Halves(..) => None,
            Self::Task(handle) => Some(poll_close_with(handle, code, cx)),
        }
    }

    /// Drops the sink of halves.
    pub(crate) fn drop_sink(&mut self) {
        if let Self::Halves(sink, _) = self {
            *sink = None;
        }
    }
}

fn poll_close_with<L>(live: &mut L, code: u16, cx: &mut Context<'_>) -> Read
where
    L: LiveSocket<Message = Message, Error = Error>,
{
    live.close_with(code, "bye").unwrap().poll_next_unpin(cx)
}
