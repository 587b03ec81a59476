//! What the wakers are built of, in one place, so that `tests/loom` can put loom's own types in its stead.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

pub(crate) use futures_util::task::AtomicWaker;

pub(crate) use crate::atomic::AtomicU64;
pub(crate) use crate::liveness::Time;
pub(crate) use crate::timer::Clock;
