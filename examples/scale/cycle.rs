//! A window: all connections ping and are answered, bare or with liveness, and the process's time is taken.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use cpu_time::ProcessTime;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};

/// As `LiveConfig`'s default.
const JITTER: f64 = 0.2;
/// Until the third interval, and as many measured.
const INTERVALS: u32 = 2;
/// Begin before the runtime has its turn.
const AT_A_TIME: usize = 1_000;

pub(crate) trait Socket:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static
{
}
impl<S> Socket for S where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static
{
}

/// Who pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bare,
    Live,
    Select,
    Split,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Live, Self::Select, Self::Split];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Live => "live",
            Self::Select => "select",
            Self::Split => "split",
        }
    }
}

/// Tasks that go on until they are told, and give their socket back then.
pub(crate) struct Pinging<S> {
    tasks: JoinSet<Option<S>>,
    stop: Arc<AtomicBool>,
}

impl<S: Socket> Pinging<S> {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: Arc::default() }
    }

    /// Some at a time: else those that are due would wait until all have begun.
    pub(crate) async fn begin<F>(&mut self, mut sockets: Vec<S>, mut run: impl FnMut(S, Arc<AtomicBool>) -> F)
    where
        F: Future<Output = Option<S>> + Send + 'static,
    {
        while !sockets.is_empty() {
            for socket in sockets.drain(sockets.len().saturating_sub(AT_A_TIME)..) {
                self.tasks.spawn(run(socket, Arc::clone(&self.stop)));
            }
            yield_now().await;
        }
    }

    /// Each stops at its next ping.
    pub(crate) async fn end(self) -> Vec<S> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

/// When a window is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) span: Duration,
}

impl Window {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { from: Instant::now() + interval * INTERVALS, span: interval * INTERVALS }
    }

    /// The process's time within it.
    pub(crate) async fn cpu(self) -> Duration {
        sleep_until(self.from).await;
        let cpu = ProcessTime::now();
        sleep_until(self.from + self.span).await;
        cpu.elapsed()
    }
}

/// The cheapest program: a timer that is armed again, a ping, a pong.
pub(crate) async fn bare<S: Socket>(mut ws: S, interval: Duration, stop: Arc<AtomicBool>) -> Option<S> {
    let mut due = Instant::now() + interval.mul_f64(fastrand::f64());
    let mut sleep = Box::pin(sleep_until(due));
    while !stop.load(Ordering::Relaxed) {
        sleep.as_mut().await;
        ws.send(Message::Ping(Bytes::from_static(b"12345678"))).await.ok()?;
        while !ws.next().await?.ok()?.is_pong() {}
        due += interval.mul_f64(1.0 - JITTER * fastrand::f64());
        sleep.as_mut().reset(due);
    }
    Some(ws)
}

/// T no shorter than I, as by default: whatever the interval, the timer is armed once a cycle.
pub(crate) fn config(interval: Duration) -> LiveConfig {
    let timeout = LiveConfig::default().pong_timeout().max(interval);
    LiveConfig::builder().ping_interval(interval).pong_timeout(timeout).build().expect("valid")
}

pub(crate) async fn live<S: Socket>(mut ws: LiveStream<S>, stop: Arc<AtomicBool>) -> Option<S> {
    poll_fn(|cx| {
        while !stop.load(Ordering::Relaxed) {
            if !matches!(ready!(ws.poll_next_unpin(cx)), Some(Ok(_))) {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(Some(()))
    })
    .await?;
    Some(ws.into_inner().0)
}

/// The bytes that a wrapped socket takes more: beside the inner, and on the heap, its timer made.
pub(crate) fn wrap<S: Socket>(socket: S, config: &LiveConfig) -> (LiveStream<S>, i64) {
    let (config, mut wrapped) = (config.clone(), None);
    let heap = allocation_counter::measure(|| {
        let mut live = socket.live(config);
        let _ = live.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        wrapped = Some(live);
    });
    let beside = size_of::<LiveStream<S>>() - size_of::<S>();
    (wrapped.expect("made"), heap.bytes_current + i64::try_from(beside).expect("small"))
}
