//! The cost clauses, counted: allocations, clock readings, timer operations, bytes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::time::timeout;

use crate::liveness::Liveness;
use crate::timer::count;
use crate::{LiveConfig, LiveStream, MessageKind, WsMessage};

/// As large as a message can be that still owns nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Frame {
    Data([u64; 6]),
    Ping([u8; 8]),
    Pong([u8; 8]),
    Close,
}

impl WsMessage for Frame {
    fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.try_into().unwrap())
    }

    fn close(_: u16, _: &str) -> Self {
        Self::Close
    }

    fn kind(&self) -> MessageKind<'_> {
        match self {
            Self::Data(_) => MessageKind::Data,
            Self::Ping(payload) => MessageKind::Ping(payload),
            Self::Pong(payload) => MessageKind::Pong(payload),
            Self::Close => MessageKind::Close,
        }
    }
}

/// A peer that answers pings at once, but keeps them if it is `mute`, and talks without end if `flood`.
#[derive(Default)]
struct Echo {
    flood: bool,
    mute: bool,
    kept: Option<[u8; 8]>,
    frames: VecDeque<Frame>,
    reader: Option<Waker>,
}

impl Stream for Echo {
    type Item = io::Result<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.flood => Poll::Ready(Some(Ok(Frame::Data([7; 6])))),
            None => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Sink<Frame> for Echo {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> io::Result<()> {
        match frame {
            Frame::Ping(payload) if self.mute => self.kept = Some(payload),
            Frame::Ping(payload) => self.answer(payload),
            _ => {}
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Echo {
    fn answer(&mut self, payload: [u8; 8]) {
        self.frames.push_back(Frame::Pong(payload));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

type Live = LiveStream<Echo>;

fn live(flood: bool, config: &LiveConfig) -> Pin<Box<Live>> {
    let inner = Echo { flood, frames: VecDeque::with_capacity(4), ..Echo::default() };
    Box::pin(LiveStream::new(inner, config.clone()))
}

fn exact(interval: u64, pong: u64) -> LiveConfig {
    let (interval, pong) = (Duration::from_secs(interval), Duration::from_secs(pong));
    LiveConfig::builder().jitter(0.0).ping_interval(interval).pong_timeout(pong).build().unwrap()
}

fn read(live: &mut Pin<Box<Live>>) -> Poll<Option<io::Result<Frame>>> {
    live.as_mut().poll_next(&mut Context::from_waker(Waker::noop()))
}

fn write(live: &mut Pin<Box<Live>>) {
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(live.as_mut().poll_ready(cx).is_ready());
    live.as_mut().start_send(Frame::Data([1; 6])).unwrap();
    assert!(live.as_mut().poll_flush(cx).is_ready());
}

/// What `frames` in and out cost: allocations, clock readings, timer operations.
fn cost_of(live: &mut Pin<Box<Live>>, frames: u32) -> (u64, u32, u32) {
    let clock = count::CLOCK.get();
    let timer = count::RESETS.get() + count::POLLS.get();
    let allocated = allocation_counter::measure(|| {
        for _ in 0..frames {
            assert!(matches!(read(live), Poll::Ready(Some(Ok(Frame::Data(_))))));
            write(live);
        }
    });
    (allocated.count_total, count::CLOCK.get() - clock, count::RESETS.get() + count::POLLS.get() - timer)
}

#[tokio::test(start_paused = true)]
async fn z1_a_data_frame_costs_no_allocation_no_clock_reading_and_no_timer_operation() {
    let mut live = live(true, &exact(20, 20));
    cost_of(&mut live, 1);
    assert_eq!(cost_of(&mut live, 1_000), (0, 0, 0));
    // The same once pings have gone out and while one is outstanding.
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_ne!(cost_of(&mut live, 2), (0, 0, 0), "the ping and its pong");
    assert_eq!(cost_of(&mut live, 1_000), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn z1_an_observer_costs_no_allocation() {
    let heard = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let ear = heard.clone();
    let inner = Echo { frames: VecDeque::with_capacity(4), ..Echo::default() };
    let live = LiveStream::new(inner, exact(20, 20)).with_observer(move |_: &crate::Event| {
        ear.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let mut live = Box::pin(live);
    let mut cycle = async || {
        tokio::time::advance(Duration::from_secs(20)).await;
        allocation_counter::measure(|| assert!(read(&mut live).is_pending())).count_total
    };
    cycle().await;
    assert_eq!([cycle().await, cycle().await], [0, 0]);
    assert_eq!(heard.load(std::sync::atomic::Ordering::Relaxed), live.monitor().stats().pongs_received as u32);
    assert_eq!(live.monitor().stats().pongs_received, 3);
}

/// What `waits` cost that end with a data frame each: clock readings, timer operations.
fn cost_of_waits(live: &mut Pin<Box<Live>>, waits: u32) -> (u32, u32) {
    let clock = count::CLOCK.get();
    let timer = count::RESETS.get() + count::POLLS.get();
    for _ in 0..waits {
        assert!(read(live).is_pending());
        let inner = live.as_mut().get_pin_mut().get_mut();
        inner.flood = true;
        inner.reader.take().unwrap().wake();
        assert!(read(live).is_ready());
        live.as_mut().get_pin_mut().get_mut().flood = false;
    }
    (count::CLOCK.get() - clock, count::RESETS.get() + count::POLLS.get() - timer)
}

#[tokio::test(start_paused = true)]
async fn z1_the_clock_is_read_for_a_wait_only_while_a_ping_waits_for_its_answer() {
    let mut live = live(false, &exact(20, 20));
    live.as_mut().get_pin_mut().get_mut().mute = true;
    cost_of_waits(&mut live, 1);
    assert_eq!(cost_of_waits(&mut live, 1_000), (0, 0));
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(read(&mut live).is_pending());
    assert_eq!(live.monitor().stats().pings_sent, 1);
    cost_of_waits(&mut live, 1);
    assert_eq!(cost_of_waits(&mut live, 1_000), (2_000, 0), "where it begins, and where it ends");
}

/// Waits for the stream for so long; nothing of the user's comes.
async fn idle(live: &mut Pin<Box<Live>>, span: Duration) {
    assert!(timeout(span, poll_fn(|cx| live.as_mut().poll_next(cx))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn z2_the_timer_is_armed_at_most_twice_per_undisturbed_cycle() {
    for (interval, pong) in [(20, 20), (20, 5), (5, 20)] {
        let mut live = live(false, &exact(interval, pong));
        idle(&mut live, Duration::from_millis(1)).await;
        let before = count::RESETS.get();
        idle(&mut live, Duration::from_secs(interval * 100)).await;
        let resets = count::RESETS.get() - before;
        let pings = live.monitor().stats().pings_sent;
        assert!((99..=100).contains(&pings), "{pings}");
        assert!(resets <= 200, "{resets} for I = {interval} s, T = {pong} s");
    }
}

#[tokio::test(start_paused = true)]
async fn z2_a_look_before_the_answer_arms_the_timer_once_more() {
    for (after, looks) in [(1, 0), (6, 1), (11, 2), (16, 3)] {
        let mut live = live(false, &exact(60, 20));
        live.as_mut().get_pin_mut().get_mut().mute = true;
        idle(&mut live, Duration::from_secs(59)).await;
        let before = count::RESETS.get();
        for _ in 0..100 {
            idle(&mut live, Duration::from_secs(1 + after)).await;
            let echo = live.as_mut().get_pin_mut().get_mut();
            let ping = echo.kept.take().unwrap();
            echo.answer(ping);
            idle(&mut live, Duration::from_secs(59 - after)).await;
        }
        let resets = count::RESETS.get() - before;
        assert_eq!(live.monitor().stats().pongs_received, 100);
        assert!(resets <= 100 * (2 + looks), "{resets} for answers after {after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn z2_a_deadline_that_moves_with_every_absence_does_not_move_the_timer() {
    let mut live = live(false, &exact(60, 20));
    live.as_mut().get_pin_mut().get_mut().mute = true;
    idle(&mut live, Duration::from_secs(61)).await;
    cost_of_waits(&mut live, 1);
    let before = count::RESETS.get();
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(1)).await;
        cost_of_waits(&mut live, 1);
    }
    assert_eq!(count::RESETS.get(), before);
}

#[tokio::test(start_paused = true)]
async fn z2_a_ping_of_the_peers_does_not_touch_the_timer() {
    let mut live = live(false, &exact(60, 20));
    idle(&mut live, Duration::from_millis(1)).await;
    let before = (count::RESETS.get(), count::POLLS.get());
    for _ in 0..100 {
        live.as_mut().get_pin_mut().get_mut().frames.push_back(Frame::Ping([3; 8]));
        assert!(matches!(read(&mut live), Poll::Ready(Some(Ok(Frame::Ping(_))))));
    }
    assert_eq!((count::RESETS.get(), count::POLLS.get()), before);
}

#[tokio::test(start_paused = true)]
async fn z3_a_connection_takes_at_most_512_bytes_beyond_the_inner() {
    let config = exact(20, 20);
    let mut made = None;
    let heap = allocation_counter::measure(|| {
        let mut live = LiveStream::new(Echo { flood: true, ..Echo::default() }, config.clone());
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut live).poll_next(cx).is_ready());
        made = Some(live);
    });
    let beside = size_of::<Live>() - size_of::<Echo>();
    let bytes = beside + usize::try_from(heap.bytes_current).unwrap();
    println!(
        "{bytes} bytes: {beside} beside the inner, {} on the heap; the machine {}",
        heap.bytes_current,
        size_of::<Liveness<crate::LivenessError>>()
    );
    assert!(bytes <= 512, "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn b1_a_task_of_its_own_takes_at_most_1_kib_beside_the_socket_and_what_it_reads_ahead() {
    let config = exact(20, 20);
    let mut made = None;
    let heap = allocation_counter::measure(|| {
        made = Some(LiveStream::new(Echo::default(), config.clone()).spawn(16));
    });
    let before = size_of::<Echo>();
    let bytes = usize::try_from(heap.bytes_current).unwrap() + size_of_val(&made) - before;
    println!("{bytes} bytes with the liveness, before the timer is made");
    assert!(bytes <= 1024, "{bytes}");
}

#[test]
fn z3_the_error_is_as_small_as_a_pointer() {
    assert_eq!(size_of::<crate::LivenessError>(), size_of::<usize>());
}
