//! `AtomicU64`, and a replacement for processors that have none.
//!
//! The replacement is a mutex. The crate `portable-atomic` would be a dependency of everyone for the sake of a few targets,
//! and what is held here is touched by two threads at most; tokio does the same on these processors. With
//! `--cfg ws_liveness_no_atomic64` the replacement is used on every processor, for tests.

#[cfg(any(test, ws_liveness_no_atomic64, not(target_has_atomic = "64")))]
mod locked;

#[cfg(any(ws_liveness_no_atomic64, not(target_has_atomic = "64")))]
pub(crate) use locked::AtomicU64;
#[cfg(all(not(ws_liveness_no_atomic64), target_has_atomic = "64"))]
pub(crate) use std::sync::atomic::AtomicU64;

#[cfg(all(test, ws_liveness_no_atomic64))]
#[test]
fn the_replacement_is_used() {
    assert!(size_of::<AtomicU64>() > size_of::<u64>());
}
