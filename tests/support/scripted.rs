//! A socket that does what its script says, and panics where anyone breaks the contract of `Stream` or `Sink`.

#![allow(dead_code, reason = "compiled into several programs, each of which uses its part")]

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use ws_liveness::{Cause, Kind, LiveConfig, LiveConfigBuilder, LiveStream, LivenessError, WsMessage};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Msg {
    Data(u32),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

impl WsMessage for Msg {
    fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.to_vec())
    }

    fn close(code: u16, reason: &str) -> Self {
        Self::Close(code, reason.to_owned())
    }

    fn kind(&self) -> Kind<'_> {
        match self {
            Self::Data(_) => Kind::Data,
            Self::Ping(payload) => Kind::Ping(payload),
            Self::Pong(payload) => Kind::Pong(payload),
            Self::Close(..) => Kind::Close,
        }
    }

    fn is_transient(error: &(dyn Error + 'static)) -> bool {
        matches!(error.downcast_ref(), Some(Fault::Full))
    }
}

/// The socket's error.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection is gone.
    Reset,
    /// Not now; nothing was taken.
    Full,
    Dead(LivenessError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Dead(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LivenessError> for Fault {
    fn from(error: LivenessError) -> Self {
        Self::Dead(error)
    }
}

/// What the stream does when it is asked next.
enum Inbound {
    Message(Msg),
    Fails,
    Ends,
    /// `Pending`, and woken at once.
    Stumbles,
}

/// A message that was handed over, and when.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) message: Msg,
    pub(crate) at: Duration,
    pub(crate) flushed: Option<Duration>,
}

struct Script {
    start: Instant,
    inbound: VecDeque<Inbound>,
    /// Always another message where nothing else is to be read.
    floods: bool,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The gates of the write side.
    ready: bool,
    flushes: bool,
    refuses: Option<Fault>,
    reset: bool,
    /// Own `poll_ready` since the last `start_send`.
    permit: bool,
    close_sent: bool,
    closed: bool,
    sent: Vec<Sent>,
    /// How long a ping takes to be answered.
    echo: Option<Duration>,
    /// Pings of the peer whose answer waits for a flush, and when answers left.
    owed: usize,
    answers: Vec<Duration>,
    polls: usize,
}

/// The wrapped end.
pub(crate) struct Socket(Arc<Mutex<Script>>);

/// The far end, and whoever else has a hand in it.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Mutex<Script>>);

pub(crate) type Live = LiveStream<Socket>;

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

/// The defaults without jitter: I = T = 20 s, W = 30 s, C = 10 s, N = M = 1.
pub(crate) fn exact() -> LiveConfigBuilder {
    LiveConfig::builder().jitter(0.0)
}

pub(crate) fn live(config: LiveConfigBuilder) -> (Peer, Live) {
    let (peer, socket) = socket();
    (peer, LiveStream::new(socket, config.build().unwrap()))
}

/// As `live`, with a peer that answers every ping after `delay`.
pub(crate) fn answered(config: LiveConfigBuilder, delay: Duration) -> (Peer, Live) {
    let (peer, live) = live(config);
    peer.script().echo = Some(delay);
    (peer, live)
}

impl Peer {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.script().start.elapsed()
    }

    fn push(&self, inbound: Inbound) {
        let mut script = self.script();
        script.inbound.push_back(inbound);
        let reader = script.reader.take();
        drop(script);
        wake(reader);
    }

    pub(crate) fn sends(&self, message: Msg) {
        self.push(Inbound::Message(message));
    }

    pub(crate) fn fails(&self) {
        self.push(Inbound::Fails);
    }

    pub(crate) fn ends(&self) {
        self.push(Inbound::Ends);
    }

    pub(crate) fn stumbles(&self) {
        self.push(Inbound::Stumbles);
    }

    /// What is in the script and was not read.
    pub(crate) fn unread(&self) -> usize {
        self.script().inbound.len()
    }

    pub(crate) fn set_floods(&self, floods: bool) {
        let mut script = self.script();
        script.floods = floods;
        let reader = script.reader.take();
        drop(script);
        wake(reader);
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.change_writer(|script| script.ready = ready);
    }

    pub(crate) fn set_flushes(&self, flushes: bool) {
        self.change_writer(|script| script.flushes = flushes);
    }

    /// What every `start_send` from now on fails with.
    pub(crate) fn set_refuses(&self, fault: Option<Fault>) {
        self.script().refuses = fault;
    }

    /// The write side fails from now on.
    pub(crate) fn resets(&self) {
        self.change_writer(|script| script.reset = true);
    }

    pub(crate) fn set_echo(&self, echo: Option<Duration>) {
        self.script().echo = echo;
    }

    fn change_writer(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.script();
        change(&mut script);
        let writer = script.writer.take();
        drop(script);
        wake(writer);
    }

    /// Does it at `at`, counted from the start.
    pub(crate) fn at(&self, at: Duration, act: impl FnOnce(&Self) + Send + 'static) {
        let peer = self.clone();
        tokio::spawn(async move {
            sleep(at.saturating_sub(peer.elapsed())).await;
            act(&peer);
        });
    }

    /// Sends data every `period`, from `period` after now on, for `span`.
    pub(crate) fn talks(&self, period: Duration, span: Duration) {
        let peer = self.clone();
        tokio::spawn(async move {
            let end = Instant::now() + span;
            for number in 0.. {
                sleep(period).await;
                if Instant::now() > end {
                    break;
                }
                peer.sends(Msg::Data(number));
            }
        });
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.script().sent.clone()
    }

    pub(crate) fn messages(&self) -> Vec<Msg> {
        self.sent().into_iter().map(|sent| sent.message).collect()
    }

    /// The pings that were handed over.
    pub(crate) fn pings(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| matches!(sent.message, Msg::Ping(_))).collect()
    }

    /// When they were.
    pub(crate) fn ping_times(&self) -> Vec<Duration> {
        self.pings().into_iter().map(|sent| sent.at).collect()
    }

    pub(crate) fn payload(&self, ping: usize) -> Vec<u8> {
        match &self.pings()[ping].message {
            Msg::Ping(payload) => payload.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Answers the given ping, counted from 0.
    pub(crate) fn answers(&self, ping: usize) {
        self.sends(Msg::Pong(self.payload(ping)));
    }

    /// When the socket's own pongs left.
    pub(crate) fn own_pongs(&self) -> Vec<Duration> {
        self.script().answers.clone()
    }

    /// How often the socket was asked for anything.
    pub(crate) fn polls(&self) -> usize {
        self.script().polls
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// With a socket go the wakers it holds.
impl Drop for Socket {
    fn drop(&mut self) {
        let mut script = self.0.lock().unwrap();
        (script.reader, script.writer) = (None, None);
    }
}

impl Stream for Socket {
    type Item = Result<Msg, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut script = self.0.lock().unwrap();
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
    /// A permit that was given stays.
    fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), Fault>> {
        self.polls += 1;
        if self.reset {
            return Poll::Ready(Err(Fault::Reset));
        }
        self.permit |= self.ready;
        if self.permit {
            return Poll::Ready(Ok(()));
        }
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(&mut self, message: Msg) -> Result<(), Fault> {
        assert!(std::mem::take(&mut self.permit), "no `poll_ready` before {message:?}");
        assert!(!self.close_sent && !self.closed, "{message:?} after the Close");
        check_limits(&message);
        if let Some(fault) = &self.refuses {
            self.reset = !matches!(fault, Fault::Full);
            return Err(fault.clone());
        }
        self.close_sent = matches!(message, Msg::Close(..));
        self.sent.push(Sent { message, at: self.start.elapsed(), flushed: None });
        Ok(())
    }

    /// What of it the peer would answer.
    fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<Vec<Msg>, Fault>> {
        self.polls += 1;
        if self.reset {
            return Poll::Ready(Err(Fault::Reset));
        }
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

/// RFC 6455: sections 5.5 and 7.4.
fn check_limits(message: &Msg) {
    match message {
        Msg::Ping(payload) | Msg::Pong(payload) => assert!(payload.len() <= 125, "{message:?}"),
        Msg::Close(code, reason) => {
            assert!(reason.len() <= 123, "{message:?}");
            assert!(matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999), "{message:?}");
        }
        Msg::Data(_) => {}
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
        self.0.lock().unwrap().poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        self.0.lock().unwrap().start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let flushed = self.peer().script().poll_flush(cx);
        flushed.map_ok(|pongs| self.deliver(pongs))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let flushed = self.peer().script().poll_flush(cx);
        self.peer().script().closed |= flushed.is_ready();
        flushed.map_ok(|pongs| self.deliver(pongs))
    }
}

/// One poll of the stream half; who is woken does not matter.
pub(crate) fn read(ws: &mut Live) -> Poll<Option<Result<Msg, Fault>>> {
    ws.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

/// One poll of the sink half's readiness.
pub(crate) fn ready(ws: &mut Live) -> Poll<Result<(), Fault>> {
    ws.poll_ready_unpin(&mut Context::from_waker(Waker::noop()))
}

/// One poll of the sink half's flush.
pub(crate) fn flush(ws: &mut Live) -> Poll<Result<(), Fault>> {
    ws.poll_flush_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Reads for `span`, during which nothing comes.
pub(crate) async fn idle(ws: &mut Live, span: Duration) {
    if let Ok(item) = timeout(span, ws.next()).await {
        panic!("{item:?}");
    }
}

/// Reads for `span`, or until the stream yields an error; that is returned, with its time.
pub(crate) async fn death(peer: &Peer, ws: &mut Live, span: Duration) -> Option<(Duration, Fault)> {
    let read = async {
        loop {
            match ws.next().await {
                Some(Ok(_)) => {}
                Some(Err(fault)) => break (peer.elapsed(), fault),
                None => panic!("ended"),
            }
        }
    };
    timeout(span, read).await.ok()
}

/// When the monitor learns of the end, and its cause.
pub(crate) fn obituary(peer: &Peer, ws: &Live) -> JoinHandle<(Duration, Cause)> {
    let (peer, monitor) = (peer.clone(), ws.monitor());
    tokio::spawn(async move {
        let cause = monitor.ended().await;
        (peer.elapsed(), cause)
    })
}

/// Reads until the stream has ended; when the verdict fell, and on what.
pub(crate) async fn reads_to_death(peer: &Peer, mut ws: Live) -> (Duration, Cause) {
    let obituary = obituary(peer, &ws);
    while timeout(secs(100_000), ws.next()).await.expect("a verdict").is_some() {}
    obituary.await.unwrap()
}

/// The liveness error that the stream yields now, in this poll.
pub(crate) fn verdict(ws: &mut Live) -> LivenessError {
    match ws.next().now_or_never() {
        Some(Some(Err(Fault::Dead(error)))) => error,
        other => panic!("{other:?}"),
    }
}
