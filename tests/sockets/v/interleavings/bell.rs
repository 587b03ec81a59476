//! Who was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use futures_util::task::AtomicWaker;

/// A half's own waker: it is polled again only where this was woken.
#[derive(Default)]
pub(crate) struct Bell {
    pub(crate) rung: AtomicBool,
    pub(crate) task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}
