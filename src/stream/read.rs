//! The stream half: what the inner yields, without the answers to our own pings.

use std::task::{Context, Poll};

use futures_util::{Sink, Stream};

use super::driver::Driver;
use crate::heartbeat::Heard;
use crate::liveness::{CloseBy, Reading};
use crate::message::{MessageKind, Protocol, ProtocolOf};
use crate::monitor::{End, Health};
use crate::wake::Half;

/// After this many frames that the user does not see, a poll yields to other tasks, in case the inner is never
/// `Pending` or the peer sends pongs without end.
const HIDDEN_PER_POLL: u32 = 64;

impl<S, P, M, E> Driver<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: ProtocolOf<S, M, E>,
{
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M, E>>> {
        self.pilot.shared.fan.come(Half::Stream);
        let wants = self.pilot.begin(cx, self.half, self.rest);
        // Reading comes first if a look waits for it, since it may decide whether there is a verdict.
        let decides = wants && self.pilot.core.machine.is_due();
        if wants && !decides {
            self.settle(cx);
        }
        self.unsettled = decides;
        if let Some(item) = self.wire.as_mut().take_read() {
            return self.pass_on(cx, Poll::Ready(Some(item)));
        }
        if self.pilot.core.machine.is_over() {
            return Poll::Ready(self.last_word());
        }
        if self.pilot.core.machine.is_deaf() {
            return self.pass_on(cx, Poll::Pending);
        }
        let read = self.wire.as_mut().poll_next(cx);
        self.read_on(cx, read)
    }

    /// Ends a poll that reads. What the machine wants is carried out before `read` is passed on. If the user's code
    /// panics meanwhile, the next poll that reads passes it on (V6).
    fn pass_on(&mut self, cx: &mut Context<'_>, read: Poll<Option<Result<M, E>>>) -> Poll<Option<Result<M, E>>> {
        if !self.unsettled {
            return read;
        }
        let Poll::Ready(Some(item)) = read else {
            self.settle(cx);
            return read;
        };
        self.wire.as_mut().keep_read(item);
        self.settle(cx);
        Poll::Ready(self.wire.as_mut().take_read())
    }

    /// Does everything but reading, because the consumer has no room. Is `Ready` if the stream has ended all the same.
    pub(super) fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.begin(cx);
        self.pilot.unread();
        self.settle(cx);
        let machine = &self.pilot.core.machine;
        if machine.is_over() || machine.is_dying() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads until there is something to show. `read` is what the inner has already yielded.
    pub(super) fn read_on(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<Option<Result<M, E>>>,
    ) -> Poll<Option<Result<M, E>>> {
        let read = self.find(cx, read);
        self.pass_on(cx, read)
    }

    fn find(&mut self, cx: &mut Context<'_>, mut read: Poll<Option<Result<M, E>>>) -> Poll<Option<Result<M, E>>> {
        for hidden in 1.. {
            match read {
                Poll::Ready(Some(Ok(message))) => {
                    if self.shows(cx, &message) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                    if self.pilot.core.machine.is_over() {
                        return Poll::Ready(self.last_word());
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.inner_failed(error)),
                Poll::Ready(None) => return Poll::Ready(self.inner_ended()),
                Poll::Pending => return self.drained(cx),
            }
            if hidden == HIDDEN_PER_POLL {
                break;
            }
            read = self.wire.as_mut().poll_next(cx);
        }
        self.pilot.shared.fan.rouse();
        Poll::Pending
    }

    /// Whether a message that came in goes to the user.
    fn shows(&mut self, cx: &mut Context<'_>, message: &M) -> bool {
        if Protocol::<M, E>::hears(self.protocol) {
            if let Some(shows) = self.hears(cx, message) {
                return shows;
            }
        }
        let machine = &mut self.pilot.core.machine;
        match Protocol::<M, E>::kind(self.protocol, message) {
            MessageKind::Data => {}
            MessageKind::Pong(payload) => match machine.read_pong(payload) {
                Reading::Foreign => self.pilot.note_foreign_pong(),
                Reading::Stale => {
                    machine.handle_frame();
                    return false;
                }
                Reading::Answer(number) => {
                    self.pilot.answer(number);
                    self.settle(cx);
                    return false;
                }
            },
            MessageKind::Ping(payload) => {
                machine.handle_ping(payload.len());
                self.flush_answer();
            }
            MessageKind::Close => {
                if let Some(code) = Protocol::<M, E>::close_code(self.protocol, message) {
                    self.pilot.shared.note_close_code(code);
                }
                self.pilot.close(CloseBy::Peer);
                self.flush_answer();
            }
        }
        self.pilot.core.machine.handle_frame();
        !self.is_discarding()
    }

    /// Whether an answer to our heartbeat goes to the user; none if the message is none.
    fn hears(&mut self, cx: &mut Context<'_>, message: &M) -> Option<bool> {
        let (heard, shown) = Protocol::<M, E>::hear(self.protocol, message);
        let number = match heard {
            Heard::Other => return None,
            Heard::Answer => None,
            Heard::AnswerTo(number) => Some(number),
            Heard::Sign => {
                self.unsettled |= self.pilot.sign();
                return None;
            }
            Heard::Pace(pace) => {
                self.pilot.pace(pace);
                self.unsettled = true;
                return None;
            }
        };
        match self.pilot.core.machine.read_answer(number) {
            Reading::Foreign => return None,
            Reading::Stale => self.pilot.core.machine.handle_frame(),
            Reading::Answer(number) => {
                self.pilot.answer(number);
                self.settle(cx);
            }
        }
        Some(shown && !self.is_discarding())
    }

    /// Everything after a verdict is discarded (K1).
    fn is_discarding(&self) -> bool {
        let machine = &self.pilot.core.machine;
        machine.account().is_some() && (machine.is_dying() || machine.is_over())
    }

    /// Asks for a flush of the answer that the inner has queued, since the user may never write (S8).
    fn flush_answer(&mut self) {
        self.wire.as_mut().book().want_flush();
        self.unsettled = true;
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M, E>>> {
        while self.pilot.drained() {
            self.settle(cx);
        }
        if self.pilot.core.machine.is_over() {
            return Poll::Ready(self.last_word());
        }
        Poll::Pending
    }

    fn inner_failed(&mut self, error: E) -> Option<Result<M, E>> {
        let dying = self.pilot.core.machine.is_dying();
        let now = self.pilot.now();
        self.pilot.core.machine.handle_stream_error(now);
        self.pilot.shared.fan.rouse();
        if dying {
            return self.last_word();
        }
        let end = self.pilot.core.end_below().unwrap_or(End::StreamError);
        self.pilot.shared.set_health(Health::Ended(end));
        Some(Err(error))
    }

    #[cold]
    #[inline(never)]
    fn inner_ended(&mut self) -> Option<Result<M, E>> {
        let machine = &mut self.pilot.core.machine;
        let (dying, failed, closed) = (machine.is_dying(), machine.is_failed(), machine.is_closed());
        machine.handle_end();
        self.pilot.shared.fan.rouse();
        // The failure is told in this poll.
        self.unsettled |= failed;
        if dying || failed {
            return self.last_word();
        }
        let end = if closed { End::Closed } else { End::EndOfStream };
        let end = self.pilot.core.end_below().unwrap_or(end);
        self.pilot.shared.set_health(Health::Ended(end));
        None
    }

    /// Returns the error once, if there is one, then `None` for ever.
    #[inline(never)]
    fn last_word(&mut self) -> Option<Result<M, E>> {
        let error = self.pilot.core.machine.poll_last_word()?.clone();
        let error = Protocol::<M, E>::error(self.protocol, error);
        self.pilot.core.machine.handle_told();
        Some(Err(error))
    }
}
