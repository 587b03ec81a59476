//! The wrapped end: it reads its script, and panics when the contract of `Sink` or `Stream` is broken.
//!
//! A sink that has failed may not be used again. Many sinks put up with it; this one panics, as `SinkMapErr` does.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::time::Instant;

use super::message::{Fault, Msg, check_limits};
use super::peer::Peer;

/// What the stream does when it is asked next.
pub(super) enum Inbound {
    Message(Msg),
    Fails,
    Ends,
    /// `Pending`, and woken at once.
    Stumbles,
}

/// The methods of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ready,
    Send,
    Flush,
    Close,
}

/// A message that was handed over, and when.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) message: Msg,
    pub(crate) at: Duration,
    pub(crate) flushed: Option<Duration>,
}

pub(super) struct Script {
    pub(super) start: Instant,
    pub(super) inbound: VecDeque<Inbound>,
    /// Always another message where nothing else is to be read.
    pub(super) floods: bool,
    pub(super) ended: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    /// The gates of the write side.
    pub(super) ready: bool,
    pub(super) flushes: bool,
    pub(super) refuses: Option<Fault>,
    pub(super) reset: bool,
    /// The method that fails when it is called next.
    pub(super) breaks: Option<Step>,
    /// A method of the sink has returned an error that is not transient.
    pub(super) failed: bool,
    /// Own `poll_ready` since the last `start_send`.
    pub(super) permit: bool,
    pub(super) close_sent: bool,
    pub(super) closed: bool,
    pub(super) sent: Vec<Sent>,
    /// How long a ping takes to be answered.
    pub(super) echo: Option<Duration>,
    /// Pings of the peer whose answer waits for a flush, and when answers left.
    pub(super) owed: usize,
    pub(super) answers: Vec<Duration>,
    pub(super) polls: usize,
}

/// The wrapped end.
pub(crate) struct Socket(Arc<Mutex<Script>>);

/// Both ends of a connection: the write side open, the peer silent.
pub(crate) fn socket() -> (Peer, Socket) {
    let script = Arc::new(Mutex::new(Script {
        start: Instant::now(),
        inbound: VecDeque::new(),
        floods: false,
        ended: false,
        reader: None,
        writer: None,
        ready: true,
        flushes: true,
        refuses: None,
        reset: false,
        breaks: None,
        failed: false,
        permit: false,
        close_sent: false,
        closed: false,
        sent: Vec::new(),
        echo: None,
        owed: 0,
        answers: Vec::new(),
        polls: 0,
    }));
    (Peer(script.clone()), Socket(script))
}

/// A panic of this socket is the test's to see, and not that of the next one who looks at the script.
pub(super) fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// With a socket go the wakers it holds.
impl Drop for Socket {
    fn drop(&mut self) {
        let mut script = lock(&self.0);
        (script.reader, script.writer) = (None, None);
    }
}

impl Stream for Socket {
    type Item = Result<Msg, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut script = lock(&self.0);
        assert!(!script.ended, "polled after its end");
        script.polls += 1;
        let inbound = match script.inbound.pop_front() {
            None if script.floods => Some(Inbound::Message(Msg::Data(0))),
            inbound => inbound,
        };
        match inbound {
            Some(Inbound::Message(message)) => {
                script.owed += usize::from(matches!(message, Msg::Ping(_) | Msg::Close(..)));
                Poll::Ready(Some(Ok(message)))
            }
            Some(Inbound::Fails) => Poll::Ready(Some(Err(Fault::Reset))),
            Some(Inbound::Ends) => {
                script.ended = true;
                Poll::Ready(None)
            }
            Some(Inbound::Stumbles) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                script.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Script {
    /// Whether this call fails; then it is the sink's last.
    fn begin(&mut self, step: Step) -> Result<(), Fault> {
        assert!(!self.failed, "{step:?} after the sink has failed");
        let fails = self.reset && step != Step::Send || self.breaks == Some(step);
        if fails { Err(self.fail(Fault::Reset)) } else { Ok(()) }
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        self.failed = !matches!(fault, Fault::Full);
        fault
    }

    /// A permit that was given stays.
    fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), Fault>> {
        self.polls += 1;
        self.begin(Step::Ready)?;
        self.permit |= self.ready;
        if self.permit {
            return Poll::Ready(Ok(()));
        }
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(&mut self, message: Msg) -> Result<(), Fault> {
        assert!(self.failed || std::mem::take(&mut self.permit), "no `poll_ready` before {message:?}");
        assert!(!self.close_sent && !self.closed, "{message:?} after the Close");
        check_limits(&message);
        self.begin(Step::Send)?;
        if let Some(fault) = self.refuses.clone() {
            return Err(self.fail(fault));
        }
        self.close_sent = matches!(message, Msg::Close(..));
        self.sent.push(Sent { message, at: self.start.elapsed(), flushed: None });
        Ok(())
    }

    /// Flushes, for `step`; what of it the peer would answer.
    fn poll_flush(&mut self, step: Step, cx: &Context<'_>) -> Poll<Result<Vec<Msg>, Fault>> {
        self.polls += 1;
        self.begin(step)?;
        let unflushed = self.owed > 0 || self.refuses.is_some() || self.sent.last().is_some_and(Sent::waits);
        if unflushed && !self.flushes {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let now = self.start.elapsed();
        self.answers.extend((0..std::mem::take(&mut self.owed)).map(|_| now));
        let mut pongs = Vec::new();
        for sent in self.sent.iter_mut().rev().take_while(|sent| sent.waits()) {
            sent.flushed = Some(now);
            if let Msg::Ping(payload) = &sent.message {
                pongs.insert(0, Msg::Pong(payload.clone()));
            }
        }
        Poll::Ready(Ok(pongs))
    }
}

impl Sent {
    fn waits(&self) -> bool {
        self.flushed.is_none()
    }
}

impl Socket {
    fn peer(&self) -> Peer {
        Peer(self.0.clone())
    }

    /// The peer answers what was flushed.
    fn deliver(&self, pongs: Vec<Msg>) {
        let peer = self.peer();
        let Some(delay) = peer.script().echo else { return };
        for pong in pongs {
            if delay.is_zero() {
                peer.sends(pong);
            } else {
                peer.at(peer.elapsed() + delay, move |peer| peer.sends(pong));
            }
        }
    }
}

impl Sink<Msg> for Socket {
    type Error = Fault;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        lock(&self.0).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        lock(&self.0).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let flushed = self.peer().script().poll_flush(Step::Flush, cx);
        flushed.map_ok(|pongs| self.deliver(pongs))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let closed = self.peer().script().closed;
        assert!(!closed, "polled to close after it was closed");
        let flushed = self.peer().script().poll_flush(Step::Close, cx);
        self.peer().script().closed |= matches!(flushed, Poll::Ready(Ok(_)));
        flushed.map_ok(|pongs| self.deliver(pongs))
    }
}
