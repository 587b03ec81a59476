//! What `waker.rs` is built of, in one place: `tests/loom` puts loom's own in its stead.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use futures_util::task::{ArcWake, AtomicWaker};
