//! One direction of the path: what TCP makes of bytes between two sockets, as seen from above.
//!
//! ```text
//! write -> unsent --rate, window--> wire --latency, jitter, pauses--> inbox -> read
//!             `------- room comes back with the acknowledgement -------'
//! ```

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Bytes;

use super::queue::Queue;
use super::tap::{Tap, Waiting};

/// What one direction is like. Moments are counted from the start.
#[derive(Clone, Debug)]
pub struct Way {
    pub latency: Duration,
    pub jitter: Duration,
    /// Bytes per second.
    pub rate: u64,
    pub send_buffer: usize,
    pub receive_buffer: usize,
    /// A lost segment: nothing arrives from then on, for so long.
    pub pauses: Vec<(Duration, Duration)>,
    pub dark: Option<Duration>,
    pub reset: Option<Duration>,
}

impl Way {
    /// How long so many bytes take, one window after the other, where their reader reads as they come and acknowledges by
    /// the way `back`.
    pub fn crossing(&self, len: usize, back: &Self) -> Duration {
        let windows = len.div_ceil(self.receive_buffer.min(self.send_buffer).max(1)) as u32;
        let trip = self.latency * 2 + self.jitter + back.latency + back.jitter;
        Duration::from_secs_f64(len as f64 / self.rate as f64) + trip * windows
    }
}

pub struct Lane {
    way: Way,
    /// The other direction's, by which acknowledgements travel.
    back: Way,
    start: Instant,
    rng: fastrand::Rng,
    unsent: Queue,
    wire: std::collections::VecDeque<(Instant, Bytes)>,
    on_wire: usize,
    unacknowledged: std::collections::VecDeque<(Instant, usize)>,
    outstanding: usize,
    inbox: Queue,
    link_free: Instant,
    last_arrival: Instant,
    closing: bool,
    /// When the reader sees the end.
    end: Option<Instant>,
    reader_gone: bool,
    pub tap: Tap,
    pub wakers: Wakers,
}

#[derive(Default)]
pub struct Wakers {
    pub writer: Option<Waker>,
    pub reader: Option<Waker>,
    pub driver: Option<Waker>,
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn ring(waker: &mut Option<Waker>, waiting: &mut Waiting, now: Instant) {
    match waker.is_some() {
        true => waiting.ring(now),
        false => waiting.overtaken(now),
    }
    wake(waker);
}

impl Lane {
    pub fn new(way: Way, back: Way, start: Instant, rng: fastrand::Rng) -> Self {
        Self {
            way,
            back,
            start,
            rng,
            unsent: Queue::default(),
            wire: Default::default(),
            on_wire: 0,
            unacknowledged: Default::default(),
            outstanding: 0,
            inbox: Queue::default(),
            link_free: start,
            last_arrival: start,
            closing: false,
            end: None,
            reader_gone: false,
            tap: Tap::new(start),
            wakers: Wakers::default(),
        }
    }

    /// Brings everything up to `now`. When there is something to do again.
    pub fn advance(&mut self, now: Instant) -> Option<Instant> {
        if self.is_reset(now) {
            self.wake_writer(now);
            self.wake_reader(now);
        }
        loop {
            self.send(now);
            let arrives = self.wire.front().map(|(at, _)| *at);
            let returns = self.unacknowledged.front().map(|(at, _)| *at);
            let leaves = (!self.unsent.is_empty() && self.window() > 0).then_some(self.link_free);
            let reset = self.way.reset.map(|at| self.start + at).filter(|at| *at > now);
            let next = [arrives, returns, leaves, self.end, reset].into_iter().flatten().min();
            if next.is_none_or(|next| next > now) {
                return next;
            }
            if arrives.is_some_and(|at| at <= now) {
                self.arrive(now);
            } else if returns.is_some_and(|at| at <= now) {
                self.acknowledge(now);
            } else if self.end.is_some_and(|at| at <= now) {
                self.end = None;
                self.tap.end(now);
                self.wake_reader(now);
            }
        }
    }

    fn wake_reader(&mut self, now: Instant) {
        ring(&mut self.wakers.reader, &mut self.tap.reader, now);
    }

    fn wake_writer(&mut self, now: Instant) {
        ring(&mut self.wakers.writer, &mut self.tap.writer, now);
    }

    fn window(&self) -> usize {
        self.way.receive_buffer.saturating_sub(self.on_wire + self.inbox.len())
    }

    fn send(&mut self, now: Instant) {
        while !self.unsent.is_empty() && self.window() > 0 && self.link_free <= now {
            let burst = usize::try_from(self.way.rate / 250).unwrap_or(usize::MAX).max(1460);
            let bytes = self.unsent.take(burst.min(self.window()));
            let time = Duration::from_nanos((bytes.len() as u128 * 1_000_000_000 / u128::from(self.way.rate)) as u64);
            self.link_free = self.link_free.max(now) + time;
            self.launch(bytes);
        }
        let blocked = !self.unsent.is_empty() && self.window() == 0 && !self.inbox.is_empty();
        self.tap.reader_blocks(blocked, now);
        if self.closing && self.unsent.is_empty() && self.wire.is_empty() && !self.tap.ended() && self.end.is_none() {
            self.closing = false;
            self.end = self.arrival(now);
        }
    }

    fn launch(&mut self, bytes: Bytes) {
        self.on_wire += bytes.len();
        let Some(at) = self.arrival(self.link_free) else { return };
        let returns = self.whole(at + self.back.latency);
        if !is_dark(&self.back, self.start, returns) {
            self.unacknowledged.push_back((returns, bytes.len()));
        }
        self.wire.push_back((at, bytes));
    }

    /// When what leaves now arrives, if ever.
    fn arrival(&mut self, leaves: Instant) -> Option<Instant> {
        let jitter = self.way.jitter.mul_f64(self.rng.f64());
        let mut at = self.whole((leaves + self.way.latency + jitter).max(self.last_arrival));
        for (from, time) in &self.way.pauses {
            if at >= self.start + *from && at < self.start + *from + *time {
                at = self.whole(self.start + *from + *time);
            }
        }
        self.last_arrival = at;
        (!is_dark(&self.way, self.start, at)).then_some(at)
    }

    /// Timers have whole milliseconds, so has the path.
    fn whole(&self, at: Instant) -> Instant {
        self.start + Duration::from_millis((at - self.start).as_nanos().div_ceil(1_000_000) as u64)
    }

    fn arrive(&mut self, now: Instant) {
        // Also when the clock has jumped over it.
        let (at, bytes) = self.wire.pop_front().unwrap();
        self.on_wire -= bytes.len();
        self.tap.arrive(bytes.len(), at);
        self.wake_reader(now);
        if !self.reader_gone {
            self.inbox.push(bytes);
        }
    }

    fn acknowledge(&mut self, now: Instant) {
        let (_, len) = self.unacknowledged.pop_front().unwrap();
        self.outstanding -= len;
        self.wake_writer(now);
    }

    pub fn is_reset(&self, now: Instant) -> bool {
        self.way.reset.is_some_and(|at| self.start + at <= now)
    }

    /// How many of `bytes` were taken; none where there is no room.
    pub fn write(&mut self, waker: &Waker, bytes: &[u8], now: Instant) -> usize {
        self.advance(now);
        let room = self.way.send_buffer.saturating_sub(self.outstanding);
        let taken = room.min(bytes.len());
        self.tap.write(&bytes[..taken], taken < bytes.len(), now);
        self.tap.writer.poll(taken == 0, now);
        if taken == 0 {
            self.wakers.writer = Some(waker.clone());
        } else {
            self.outstanding += taken;
            self.unsent.push(Bytes::copy_from_slice(&bytes[..taken]));
            wake(&mut self.wakers.driver);
        }
        taken
    }

    /// What there is to read, `None` where one has to wait. Empty: the end.
    pub fn read(&mut self, waker: &Waker, room: usize, now: Instant) -> Option<Bytes> {
        self.advance(now);
        let empty = self.inbox.is_empty() && !self.tap.ended();
        self.tap.reader.poll(empty, now);
        if empty {
            self.wakers.reader = Some(waker.clone());
            return None;
        }
        let bytes = self.inbox.take(room);
        self.tap.read(bytes.len(), now);
        wake(&mut self.wakers.driver);
        Some(bytes)
    }

    pub fn close(&mut self) {
        self.closing = true;
        wake(&mut self.wakers.driver);
    }

    /// What arrives from now on nobody reads; the path does not know.
    pub fn abandon(&mut self) {
        self.reader_gone = true;
        self.inbox = Queue::default();
        wake(&mut self.wakers.driver);
    }
}

fn is_dark(way: &Way, start: Instant, at: Instant) -> bool {
    way.dark.is_some_and(|dark| at >= start + dark)
}
