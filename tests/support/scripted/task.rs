//! Wakers that count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::{ArcWake, waker};
use futures_util::{SinkExt, StreamExt};

use super::Live;
use super::message::{Fault, Msg};

/// A task that does nothing but count how often it is woken.
#[derive(Default)]
pub(crate) struct Task(AtomicUsize);

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Self>) {
        task.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Task {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How often since the last time.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

pub(crate) fn read_by(ws: &mut Live, task: &Arc<Task>) -> Poll<Option<Result<Msg, Fault>>> {
    ws.poll_next_unpin(&mut Context::from_waker(&waker(task.clone())))
}

pub(crate) fn ready_by(ws: &mut Live, task: &Arc<Task>) -> Poll<Result<(), Fault>> {
    ws.poll_ready_unpin(&mut Context::from_waker(&waker(task.clone())))
}

pub(crate) fn flush_by(ws: &mut Live, task: &Arc<Task>) -> Poll<Result<(), Fault>> {
    ws.poll_flush_unpin(&mut Context::from_waker(&waker(task.clone())))
}
