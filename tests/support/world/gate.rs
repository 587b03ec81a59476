//! A task that does not run at times: a stalled runtime, a host asleep, a peer that hangs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

pub struct Gate<F> {
    /// From, and until when if ever.
    shut: Vec<(Instant, Option<Instant>)>,
    sleep: Pin<Box<Sleep>>,
    task: Pin<Box<F>>,
}

impl<F: Future> Gate<F> {
    pub fn new(shut: Vec<(Instant, Option<Instant>)>, task: F) -> Self {
        Self { shut, sleep: Box::pin(sleep_until(Instant::now())), task: Box::pin(task) }
    }
}

impl<F: Future> Future for Gate<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let now = Instant::now();
        let shut = self.shut.iter().find(|(from, until)| *from <= now && until.is_none_or(|until| now < until));
        match shut.copied() {
            None => self.task.as_mut().poll(cx),
            Some((_, None)) => Poll::Pending,
            Some((_, Some(until))) => {
                self.sleep.as_mut().reset(until);
                let _ = self.sleep.as_mut().poll(cx);
                Poll::Pending
            }
        }
    }
}
