//! A poll of a `LiveStream`, and the one loop that carries out what the machine wants: our frames to the wire, the
//! timer, and what others are to hear. Reading is in `read.rs`, the user's writing in `write.rs`.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};

use super::pilot::Pilot;
use super::wire::Wire;
use crate::error::{Cause, LivenessError};
use crate::liveness::Frame;
use crate::message::{Protocol, ProtocolOf};
use crate::timer::Rest;
use crate::wake::Half;

/// A `LiveStream` in a poll of one of its halves.
pub(super) struct Driver<'a, S: Stream, P> {
    pub(super) wire: Pin<&'a mut Wire<S>>,
    pub(super) protocol: &'a P,
    pub(super) pilot: Pilot<'a>,
    pub(super) half: Half,
    /// What the last long poll has left to do.
    pub(super) rest: Rest,
    /// What the machine wants is to be carried out after something was read.
    pub(super) unsettled: bool,
}

impl<S, P, M, E> Driver<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    /// The first step of every long poll.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) {
        if self.pilot.begin(cx, self.half, self.rest) {
            self.settle(cx);
        }
    }

    /// Carries out what the machine wants, until it wants nothing more.
    #[inline(never)]
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        loop {
            self.pilot.watch_ping();
            // A sink that has failed is not busy, and finishes no flush either.
            if !self.pilot.is_quiet() || self.wire.is_busy() || self.pilot.core.machine.is_flooded() {
                self.pump(cx);
                while self.pilot.blocked() {
                    self.pump(cx);
                }
            }
            self.pilot.tell();
            if !self.pilot.set_timer(cx, self.half) {
                break;
            }
        }
    }

    fn pump(&mut self, cx: &mut Context<'_>) {
        // Some sinks are of no use after the end of their stream. From then on only the user polls the sink.
        if self.pilot.core.machine.is_over() {
            return;
        }
        let reads = self.half == Half::Stream;
        if reads {
            self.pump_slot(cx);
        }
        let machine = &self.pilot.core.machine;
        if self.wire.book.is_failed() {
            if machine.is_leaving() || machine.is_dying() {
                self.pilot.fail(Box::new(FailedBefore));
            }
        } else if machine.is_open() || machine.is_dying() {
            let pumped = match self.try_pump(cx) {
                // The flush may have made room for what was refused before.
                Ok(true) => self.try_pump(cx),
                other => other,
            };
            match pumped {
                Ok(_) => {}
                Err(error) if self.is_lasting(&error) => {
                    self.pilot.fail(Protocol::<M, S::Error>::source(self.protocol, error));
                }
                // Refused only for now: the ping goes on waiting.
                Err(_) => {}
            }
        } else if reads && machine.account().is_none() {
            // This flushes the inner's own answer (S8). The sink half has its own flush, and its own error.
            if let Err(error) = self.flush_unflushed(cx) {
                self.meet(error);
            }
        }
    }

    /// Sends the user's message, even if only the stream half is polled.
    fn pump_slot(&mut self, cx: &mut Context<'_>) {
        let machine = &self.pilot.core.machine;
        if !self.wire.has_slot() || machine.account().is_some() || self.pilot.core.has_refusal() {
            return;
        }
        match self.poll_slot(cx) {
            Poll::Ready(Ok(())) => self.wire.as_mut().book().want_flush(),
            Poll::Ready(Err(error)) => self.meet(error),
            Poll::Pending => {}
        }
    }

    /// Is `Ready` when none of the user's messages waits for a permit any more. It flushes first, because a refusal now
    /// would lose what was accepted before.
    pub(super) fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        if self.wire.has_slot() && !self.wire.book.is_failed() {
            ready!(self.poll_flush(cx))?;
            ready!(self.wire.as_mut().poll_ready(cx))?;
            self.note_moved();
            self.wire.as_mut().send_slot()?;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a flush has ended the wait of a frame that had no room.
    fn try_pump(&mut self, cx: &mut Context<'_>) -> Result<bool, <S as Sink<M>>::Error> {
        self.send_frames(cx)?;
        self.note_moved();
        let full = self.wire.book.is_full();
        self.flush_unflushed(cx)?;
        Ok(full && !self.wire.book.is_full())
    }

    fn flush_unflushed(&mut self, cx: &mut Context<'_>) -> Result<(), <S as Sink<M>>::Error> {
        if self.wire.book.is_unflushed() {
            let _ = self.poll_flush(cx)?;
        }
        Ok(())
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), <S as Sink<M>>::Error>> {
        let flush = self.wire.book.flush;
        let polled = self.wire.as_mut().poll_flush(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.pilot.flushed(self.half, flush, self.wire.has_slot());
        }
        polled
    }

    fn send_frames(&mut self, cx: &mut Context<'_>) -> Result<(), <S as Sink<M>>::Error> {
        while let Some(frame) = self.next_frame() {
            if self.wire.book.is_full() || self.wire.as_mut().poll_ready(cx)?.is_pending() {
                break;
            }
            let sent = match self.make(frame) {
                Some(message) => self.wire.as_mut().send_ours(message, matches!(frame, Frame::Probe(_))),
                // What is awaited is not asked for: the next flush, which has nothing to do, begins the wait.
                None => {
                    self.wire.as_mut().book().want_flush();
                    Ok(())
                }
            };
            match sent {
                Ok(()) => self.pilot.handed(frame),
                Err(error) if self.is_lasting(&error) => return Err(error),
                Err(_) => self.wire.as_mut().book().handle_full(),
            }
        }
        self.wire.as_mut().reclaim(cx)
    }

    fn next_frame(&self) -> Option<Frame> {
        let machine = &self.pilot.core.machine;
        machine.poll_transmit(false).or_else(|| {
            let probe = self.pilot.shared.fan.is_called() && machine.is_open() && self.pilot.wants_probe();
            if probe { machine.poll_transmit(true) } else { None }
        })
    }

    fn make(&self, frame: Frame) -> Option<M> {
        match frame {
            Frame::Ping(payload) | Frame::Probe(payload) => Protocol::<M, E>::beat(self.protocol, &payload),
            Frame::Close => {
                let machine = &self.pilot.core.machine;
                let reason = machine.account().map_or(Cause::PongTimeout.close_reason(), LivenessError::close_reason);
                let reason = machine.rules().close_reason.as_deref().unwrap_or(reason);
                Some(Protocol::<M, E>::close(self.protocol, machine.rules().close_code, reason))
            }
        }
    }

    pub(super) fn note_moved(&mut self) {
        if self.wire.as_mut().book().take_moved() {
            self.pilot.moved();
        }
    }

    /// Whether an error of the sink is for good; then the sink is not polled again (S10).
    #[cold]
    #[inline(never)]
    pub(super) fn is_lasting(&mut self, error: &<S as Sink<M>>::Error) -> bool {
        // A `LiveStream` below answers for itself.
        if self.pilot.core.below().is_some() {
            return !Protocol::<M, S::Error>::is_transient(self.protocol, error);
        }
        self.wire.as_mut().book().fail();
        let transient = Protocol::<M, S::Error>::is_transient(self.protocol, error);
        self.wire.as_mut().book().settle_error(transient);
        !transient
    }

    /// Keeps an error of the sink that the stream half has met.
    #[cold]
    #[inline(never)]
    fn meet(&mut self, error: <S as Sink<M>>::Error) {
        let lasting = self.is_lasting(&error);
        let source = Protocol::<M, S::Error>::source(self.protocol, error);
        if lasting && self.pilot.core.machine.is_open() {
            self.pilot.fail(source);
        } else {
            self.pilot.keep(Some(source));
        }
    }
}

/// Why a ping could not leave if the sink had failed before, and its error went to the user.
#[derive(Debug)]
struct FailedBefore;

impl fmt::Display for FailedBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink had failed before")
    }
}

impl Error for FailedBefore {}
