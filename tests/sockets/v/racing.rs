//! V1 on real threads: what asks for attention in the very moment in which the inner's wake-up is served is not lost.
//! `tests/loom` tries every interleaving, of a model; this tries many, of the thing itself.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt, Sink, Stream, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream};

use crate::pair::PATIENCE;

/// An inner that is woken at will, and answers every ping.
#[derive(Default)]
struct Peer {
    waker: Mutex<Option<Waker>>,
    pongs: Mutex<VecDeque<Message>>,
    pings: AtomicU64,
}

impl Peer {
    fn wake(&self) {
        let waker = self.waker.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }
}

struct Inner(Arc<Peer>);

impl Stream for Inner {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        *self.0.waker.lock().unwrap() = Some(cx.waker().clone());
        self.0.pongs.lock().unwrap().pop_front().map_or(Poll::Pending, |pong| Poll::Ready(Some(Ok(pong))))
    }
}

impl Sink<Message> for Inner {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if let Message::Ping(payload) = message {
            self.0.pongs.lock().unwrap().push_back(Message::Pong(payload));
            self.0.pings.fetch_add(1, SeqCst);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Task {
    woken: AtomicBool,
    waits: AtomicBool,
    stops: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
    }
}

impl Task {
    /// Polls whenever it is woken.
    fn run(self: Arc<Self>, mut live: LiveStream<Inner>) {
        let waker = Waker::from(self.clone());
        while !self.stops.load(SeqCst) {
            self.waits.store(false, SeqCst);
            let polled = live.poll_next_unpin(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "{polled:?}");
            self.waits.store(true, SeqCst);
            while !self.woken.swap(false, SeqCst) && !self.stops.load(SeqCst) {
                thread::yield_now();
            }
        }
    }
}

#[test]
fn v1_o2_a_probe_that_coincides_with_a_wake_up_of_the_inners_leaves() {
    let (peer, task) = (Arc::new(Peer::default()), Arc::new(Task::default()));
    let live = Inner(peer.clone()).live(LiveConfig::builder().ping_interval(Duration::MAX).build().unwrap());
    let monitor = live.monitor();
    let running = thread::spawn({
        let task = task.clone();
        || task.run(live)
    });
    let born = Instant::now();
    for round in 0.. {
        let pings = peer.pings.load(SeqCst);
        peer.wake();
        (0..fastrand::u32(..60)).for_each(|_| std::hint::spin_loop());
        let mut probe = Box::pin(monitor.probe());
        let mut answered = (&mut probe).now_or_never().is_some();
        let asked = Instant::now();
        while peer.pings.load(SeqCst) == pings {
            assert!(asked.elapsed() < PATIENCE, "lost in round {round}");
            thread::yield_now();
        }
        while !answered {
            peer.wake();
            answered = (&mut probe).now_or_never().is_some();
        }
        if born.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    task.stops.store(true, SeqCst);
    running.join().unwrap();
}
