//! Loom's primitives under the names that `src/waker.rs` imports.

use std::task::Waker;

pub(crate) use futures_util::task::ArcWake;
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

/// With the interface of futures' own.
#[derive(Debug, Default)]
pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

impl AtomicWaker {
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register_by_ref(waker);
    }

    pub(crate) fn wake(&self) {
        self.0.wake();
    }

    pub(crate) fn take(&self) -> Option<Waker> {
        self.0.take_waker()
    }
}
