//! The frames of our own on their way out, and the user's message whose permit one of them has used.

use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use tracing::trace;

use crate::drive::Parts;
use crate::error::{Cause, LivenessError};
use crate::frame::Protocol;
use crate::liveness::{Farewell, Time};
use crate::stats::count;
use crate::waker::Half;

/// A frame of ours that may leave now.
#[derive(Clone, Copy)]
enum Ours {
    Ping([u8; 8]),
    Probe([u8; 8]),
    Farewell,
}

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) {
        let reads = self.driver.half == Half::Stream;
        if reads {
            self.pump_slot(cx);
        }
        if self.driver.machine.is_open() || self.driver.machine.dying().is_some() {
            let pumped = match self.try_pump(cx) {
                // The flush may have made room for what was refused before.
                Ok(true) => self.try_pump(cx),
                other => other,
            };
            if let Err(error) = pumped {
                self.fail(error);
            }
        } else if reads && self.driver.error().is_none() {
            // An answer of the inner's (S8). The sink half has its own flush, and its own error.
            if let Err(error) = self.flush_unflushed(cx) {
                self.keep(error);
            }
        }
    }

    /// The user's message leaves also where only the stream half is polled.
    fn pump_slot(&mut self, cx: &mut Context<'_>) {
        if !self.outbox.has_slot() || self.driver.error().is_some() || self.driver.has_write_error() {
            return;
        }
        match self.poll_slot(cx) {
            Poll::Ready(Ok(())) => self.outbox.want_flush(),
            Poll::Ready(Err(error)) if !self.driver.machine.is_open() => self.keep(error),
            Poll::Ready(Err(error)) if Protocol::<M, S::Error>::is_transient(self.protocol, &error) => self.keep(error),
            Poll::Ready(Err(error)) => self.fail(error),
            Poll::Pending => {}
        }
    }

    /// `Ready` where no message of the user's waits for a permit any more. There is a flush before it: a refusal now would
    /// lose what was accepted before.
    pub(crate) fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if self.outbox.has_slot() {
            let progress = ready!(self.outbox.poll_flush(self.inner.as_mut(), cx))?;
            self.note_flushed(progress);
            ready!(self.outbox.poll_ready(self.inner.as_mut(), cx))?;
            self.note_progress();
            self.outbox.send_slot(self.inner.as_mut())?;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a flush has ended the wait of a frame that had no room.
    fn try_pump(&mut self, cx: &mut Context<'_>) -> Result<bool, <S as Sink<M>>::Error> {
        self.send_frames(cx)?;
        self.note_progress();
        let full = self.outbox.is_full();
        self.flush_unflushed(cx)?;
        Ok(full && !self.outbox.is_full())
    }

    fn flush_unflushed(&mut self, cx: &mut Context<'_>) -> Result<(), <S as Sink<M>>::Error> {
        if self.outbox.is_unflushed() {
            if let Poll::Ready(progress) = self.outbox.poll_flush(self.inner.as_mut(), cx)? {
                self.note_flushed(progress);
            }
        }
        Ok(())
    }

    fn send_frames(&mut self, cx: &mut Context<'_>) -> Result<(), <S as Sink<M>>::Error> {
        while let Some(ours) = self.next_frame() {
            if self.outbox.is_full() || self.outbox.poll_ready(self.inner.as_mut(), cx)?.is_pending() {
                break;
            }
            let frame = self.make(ours);
            match self.outbox.send_ours(self.inner.as_mut(), frame) {
                Ok(()) => self.note_handed(ours),
                Err(error) if Protocol::<M, S::Error>::is_transient(self.protocol, &error) => self.outbox.handle_full(),
                Err(error) => return Err(error),
            }
        }
        self.outbox.reclaim(self.inner.as_mut(), cx)
    }

    fn next_frame(&self) -> Option<Ours> {
        let machine = &self.driver.machine;
        if let Some(payload) = machine.poll_ping() {
            return Some(Ours::Ping(payload));
        }
        if let Some((Farewell::Unsaid, _)) = machine.dying() {
            return Some(Ours::Farewell);
        }
        let wanted = || self.shared.board().probe().is_some_and(|probe| probe.is_wanted());
        if self.driver.probing && wanted() { machine.next_payload().map(Ours::Probe) } else { None }
    }

    fn make(&self, ours: Ours) -> M {
        let protocol = self.protocol;
        match ours {
            Ours::Ping(payload) | Ours::Probe(payload) => Protocol::<M, E>::ping(protocol, &payload),
            Ours::Farewell => {
                let config = self.driver.machine.config();
                let cause = self.driver.error().map_or(Cause::PongTimeout, LivenessError::cause);
                let reason = config.close_reason().unwrap_or(cause.close_reason());
                Protocol::<M, E>::close(protocol, config.close_code(), reason)
            }
        }
    }

    fn note_handed(&mut self, ours: Ours) {
        match ours {
            Ours::Ping(_) => {
                let number = self.driver.machine.handle_handed();
                count(&mut self.shared.board().stats.pings_sent);
                trace!(number, "ping");
            }
            Ours::Probe(_) => self.note_probe(),
            Ours::Farewell => self.driver.machine.handle_farewell(),
        }
    }

    fn note_probe(&mut self) {
        let number = self.driver.machine.handle_probe_handed();
        let now = self.now();
        let mut board = self.shared.board();
        count(&mut board.stats.pings_sent);
        if let Some(probe) = board.probe() {
            probe.handle_handed(number, now);
        }
        drop(board);
        trace!(number, "probe");
    }

    pub(crate) fn note_progress(&mut self) {
        if self.outbox.take_progress() && self.driver.machine.is_queued() {
            let now = self.now();
            self.driver.machine.handle_progress(now);
        }
    }

    fn note_ping_flushed(&mut self, now: Time) {
        if let Some((_, watch)) = self.driver.watched() {
            watch.handle_flushed(now);
        }
        if self.driver.half == Half::Sink {
            self.shared.fan.wake_stream();
        }
    }

    pub(crate) fn note_flushed(&mut self, progress: bool) {
        // A Close of the user's may be in the slot.
        let awaited =
            self.driver.machine.awaits_flush() && (self.driver.machine.is_queued() || !self.outbox.has_slot());
        if !awaited && !self.driver.probing {
            return;
        }
        let now = self.now();
        if awaited && (progress || self.driver.machine.poll_ping().is_none()) {
            self.driver.machine.handle_flushed(now);
            if self.driver.machine.is_sent() {
                self.note_ping_flushed(now);
            }
        }
        if self.driver.probing {
            if let Some(probe) = self.shared.board().probe() {
                probe.handle_flushed(now);
                self.driver.probing = probe.is_wanted();
            }
        }
    }
}
