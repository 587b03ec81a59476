//! The stream half: what the inner yields, without the answers to our own pings.

use std::task::{Context, Poll};

use futures_util::{Sink, Stream};

use crate::drive::Parts;
use crate::error::Cause;
use crate::frame::{Kind, Protocol};
use crate::liveness::{CloseBy, Farewell, Judgement, Reading, Time, View};
use crate::monitor::Health;
use crate::waker::Half;

/// After so many frames that the user does not see, a poll gives way to others (an inner that never says `Pending`, a
/// peer that sends pongs without end).
const HIDDEN_PER_POLL: u32 = 64;

impl<S, P, M, E> Parts<'_, S, P>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    P: Protocol<M, E> + Protocol<M, <S as Sink<M>>::Error>,
{
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M, E>>> {
        self.driver.reader = true;
        self.shared.fan.presence.end_wait();
        self.take_over();
        self.tend(cx, Half::Stream);
        if self.driver.machine.dying().is_some() {
            self.judge(cx, View::Item { backlogged: false });
            self.end_farewell();
        }
        if self.driver.machine.is_over() {
            return Poll::Ready(self.last_word());
        }
        let read = self.inner.as_mut().poll_next(cx);
        self.read_on(cx, read)
    }

    /// Reads until there is something to show; `read` is what the inner has yielded already.
    pub(crate) fn read_on(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<Option<Result<M, E>>>,
    ) -> Poll<Option<Result<M, E>>> {
        self.driver.half = Half::Stream;
        let read = self.poll_inner(cx, read);
        self.driver.after_item = matches!(read, Poll::Ready(Some(Ok(_))));
        read
    }

    /// Everything but reading: the consumer has no room. Pings go on, and no silence is judged (B3). Whether the stream
    /// has come to its end all the same.
    pub(crate) fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.tend(cx, Half::Stream);
        let reader = self.reads_soon();
        self.judge(cx, View::Sink { reader });
        let ends = self.driver.machine.is_over() || self.driver.machine.dying().is_some();
        if ends { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A consumer that has only just gone away has its turn at an expired deadline, as one that sends has (V4).
    fn reads_soon(&mut self) -> bool {
        let away = self.shared.fan.presence.away_since();
        self.driver.reader && self.driver.timer.is_expired() && self.now().since(away) <= self.driver.machine.lateness()
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>, mut read: Poll<Option<Result<M, E>>>) -> Poll<Option<Result<M, E>>> {
        for hidden in 1.. {
            match read {
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(message) = self.sift(cx, message) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                    if self.driver.machine.is_over() {
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
            read = self.inner.as_mut().poll_next(cx);
        }
        self.judge_undrained(cx);
        self.shared.fan.wake_all();
        Poll::Pending
    }

    /// The message, where it is the user's.
    fn sift(&mut self, cx: &mut Context<'_>, message: M) -> Option<M> {
        let kind = Protocol::<M, E>::kind(self.protocol, &message);
        let close = kind == Kind::Close;
        let shown = match kind {
            Kind::Data => self.hear(),
            Kind::Pong(payload) => match self.driver.machine.read_pong(payload) {
                Reading::Foreign => self.hear(),
                Reading::Stale => !self.hear(),
                Reading::Answer(number) => {
                    self.answer(number);
                    self.settle(cx, false);
                    false
                }
            },
            Kind::Ping(_) => self.hear_and_flush(cx),
            Kind::Close => self.peer_closes(cx),
        };
        if self.driver.machine.dying().is_some() {
            if close {
                self.driver.machine.handle_end();
            }
            return None;
        }
        if shown {
            self.judge_undrained(cx);
        }
        shown.then_some(message)
    }

    fn judge_undrained(&mut self, cx: &mut Context<'_>) {
        if self.driver.machine.judges_undrained() {
            self.judge(cx, View::Item { backlogged: self.driver.backlogged });
        }
    }

    fn hear(&mut self) -> bool {
        self.driver.machine.handle_frame();
        true
    }

    /// The inner has queued its answer: it leaves although the user may never write (S8).
    fn hear_and_flush(&mut self, cx: &mut Context<'_>) -> bool {
        self.outbox.want_flush();
        self.settle(cx, false);
        self.hear()
    }

    fn peer_closes(&mut self, cx: &mut Context<'_>) -> bool {
        self.begin_close(CloseBy::Peer);
        self.hear_and_flush(cx)
    }

    /// A Close that comes is worth more than a failure that nobody has seen yet (J8).
    pub(crate) fn begin_close(&mut self, by: CloseBy) {
        if self.driver.machine.is_failed() {
            self.driver.forget_error();
        }
        let now = self.now();
        self.driver.machine.handle_close(by, now);
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M, E>>> {
        let mut drained = None;
        if self.driver.machine.is_failed() {
            self.condemn_failure(cx);
        } else {
            drained = self.end_absence();
            let backlogged = self.driver.backlogged;
            self.judge(cx, View::Drained { backlogged });
        }
        self.end_farewell();
        if self.driver.machine.is_over() {
            return Poll::Ready(self.last_word());
        }
        if self.driver.machine.counts_waiting() {
            let now = drained.unwrap_or_else(|| self.now());
            self.shared.fan.wait(now);
        }
        Poll::Pending
    }

    /// The moment, where it decides something.
    fn end_absence(&mut self) -> Option<Time> {
        let counts = self.driver.machine.counts_waiting();
        counts.then(|| {
            let now = self.now();
            let since = self.shared.fan.presence.away_since();
            self.driver.machine.handle_absence(since, now);
            now
        })
    }

    fn condemn_failure(&mut self, cx: &mut Context<'_>) {
        let now = self.now();
        let under_way = self.driver.machine.under_way();
        if let Judgement::Verdict(cause) = self.driver.machine.judge_failure(now) {
            self.condemn(cause, under_way, now);
        }
        self.settle(cx, false);
    }

    /// A silent peer is not waited for once our Close is out, or cannot get out (K1).
    fn end_farewell(&mut self) {
        if let Some((Farewell::Done, false)) = self.driver.machine.dying() {
            self.driver.machine.handle_end();
        }
    }

    fn inner_failed(&mut self, error: E) -> Option<Result<M, E>> {
        if self.driver.machine.dying().is_some() {
            self.driver.machine.handle_end();
            return self.last_word();
        }
        if self.driver.machine.is_failed() {
            self.driver.forget_error();
        }
        self.driver.machine.handle_stream_error();
        self.shared.fan.wake_all();
        self.driver.told = true;
        self.driver.busy = true;
        self.shared.set_health(Health::Ended(Cause::StreamError));
        Some(Err(error))
    }

    fn inner_ended(&mut self) -> Option<Result<M, E>> {
        let dying = self.driver.machine.dying().is_some();
        let cause = if self.driver.machine.is_closed() { Cause::Closed } else { Cause::EndOfStream };
        self.driver.machine.handle_end();
        self.shared.fan.wake_all();
        self.driver.busy = true;
        if dying {
            return self.last_word();
        }
        self.driver.told = true;
        self.shared.set_health(Health::Ended(cause));
        None
    }

    /// The error, once, where there is one; then `None` for ever.
    fn last_word(&mut self) -> Option<Result<M, E>> {
        self.driver.busy = true;
        if std::mem::replace(&mut self.driver.told, true) {
            return None;
        }
        let error = self.driver.error().cloned()?;
        Some(Err(Protocol::<M, E>::error(self.protocol, error)))
    }
}
