//! Tasks that are polled late, or in odd ways.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::scenario::Faults;

pub struct Unruly<F> {
    /// A poll that somebody asked for comes so much later.
    late: Duration,
    due: Option<Pin<Box<Sleep>>>,
    /// Polled so often for nothing, and each time with another waker.
    restless: Option<Duration>,
    nudge: Option<Pin<Box<Sleep>>>,
    task: Pin<Box<F>>,
}

impl<F: Future> Unruly<F> {
    pub fn new(faults: &Faults, task: F) -> Self {
        let Faults { late, restless, .. } = *faults;
        Self { late, due: None, restless, nudge: None, task: Box::pin(task) }
    }

    fn nudge(&mut self, cx: &mut Context<'_>) {
        while let Some(every) = self.restless {
            let nudge = self.nudge.get_or_insert_with(|| Box::pin(sleep(every)));
            if nudge.as_mut().poll(cx).is_pending() {
                return;
            }
            self.nudge = None;
        }
    }
}

impl<F: Future> Future for Unruly<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.late.is_zero() {
            let late = self.late;
            ready!(self.due.get_or_insert_with(|| Box::pin(sleep(late))).as_mut().poll(cx));
            self.due = None;
        }
        if self.restless.is_none() {
            return self.task.as_mut().poll(cx);
        }
        self.nudge(cx);
        let other = Waker::from(Arc::new(Relay(cx.waker().clone())));
        self.task.as_mut().poll(&mut Context::from_waker(&other))
    }
}

/// A waker that equals no other.
struct Relay(Waker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}
