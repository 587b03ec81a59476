//! The path: two lanes, and the two ends that sockets are made of.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::host::Host;
use super::lane::{Lane, Way};

#[derive(Clone)]
pub struct Shared(Arc<Mutex<Lane>>);

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Lane> {
        self.0.lock().unwrap()
    }

    /// Keeps the lane going, for ever.
    async fn drive(self) {
        let mut sleep = std::pin::pin!(sleep_until(Instant::now()));
        std::future::poll_fn(|cx| {
            loop {
                let mut lane = self.lock();
                lane.wakers.driver = Some(cx.waker().clone());
                let Some(next) = lane.advance(Instant::now()) else { return Poll::<()>::Pending };
                drop(lane);
                sleep.as_mut().reset(next);
                ready!(sleep.as_mut().poll(cx));
            }
        })
        .await;
    }
}

/// One end; the other side's reads are this side's writes.
pub struct PipeEnd {
    outward: Shared,
    inward: Shared,
    /// The machine that this end belongs to.
    host: Host,
}

pub struct Path {
    /// From us to the peer.
    pub out: Shared,
    /// From the peer to us.
    pub back: Shared,
    drivers: [tokio::task::JoinHandle<()>; 2],
}

impl Path {
    pub fn new(out: &Way, back: &Way, host: Host, start: Instant, rng: &mut fastrand::Rng) -> (Self, PipeEnd, PipeEnd) {
        let lane = |way: &Way, other: &Way, rng| {
            Shared(Arc::new(Mutex::new(Lane::new(way.clone(), other.clone(), start, rng))))
        };
        let (to, from) = (lane(out, back, rng.fork()), lane(back, out, rng.fork()));
        let drivers = [tokio::spawn(to.clone().drive()), tokio::spawn(from.clone().drive())];
        let ours = PipeEnd { outward: to.clone(), inward: from.clone(), host };
        let theirs = PipeEnd { outward: from.clone(), inward: to.clone(), host: Host::default() };
        (Self { out: to, back: from, drivers }, ours, theirs)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.drivers.iter().for_each(|driver| driver.abort());
    }
}

fn reset(lane: &mut Lane, now: Instant) -> io::Error {
    lane.tap.aborted.get_or_insert(now);
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for PipeEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let coop = ready!(self.host.poll_read(cx));
        let (waker, now, mut lane) = (self.host.doorbell(cx), Instant::now(), self.inward.lock());
        if lane.is_reset(now) {
            return Poll::Ready(Err(reset(&mut lane, now)));
        }
        match lane.read(&waker, self.host.sip(buf.remaining()), now) {
            Some(bytes) => buf.put_slice(&bytes),
            None => return Poll::Pending,
        }
        coop.made_progress();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let coop = ready!(self.host.poll_write(cx));
        let (waker, now, mut lane) = (self.host.doorbell(cx), Instant::now(), self.outward.lock());
        if lane.is_reset(now) {
            return Poll::Ready(Err(reset(&mut lane, now)));
        }
        match lane.write(&waker, bytes, now) {
            0 if !bytes.is_empty() => Poll::Pending,
            taken => {
                coop.made_progress();
                Poll::Ready(Ok(taken))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outward.lock().tap.flush(Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outward.lock().close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        let mut outward = self.outward.lock();
        outward.tap.left = Some(Instant::now());
        outward.close();
        drop(outward);
        self.inward.lock().abandon();
    }
}
