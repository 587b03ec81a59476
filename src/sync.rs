//! What `waker.rs` and `presence.rs` are built of, in one place: `tests/loom` puts loom's own in its stead.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) use futures_util::task::AtomicWaker;

pub(crate) use crate::deadline::Clock;
pub(crate) use crate::liveness::Time;
