//! A number behind a mutex, with the interface of the standard library's `AtomicU64` as far as it is used here.

#![cfg_attr(
    all(not(ws_liveness_no_atomic64), target_has_atomic = "64"),
    allow(dead_code, reason = "only its tests use it here")
)]

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every operation has the effects of acquiring and releasing a lock, which is at least what any [`Ordering`] but
/// `SeqCst` asks for; nothing here asks for that.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(Mutex<u64>);

impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self, _: Ordering) -> u64 {
        *self.lock()
    }

    pub(crate) fn store(&self, value: u64, _: Ordering) {
        *self.lock() = value;
    }

    /// Returns the value before the addition, which wraps around.
    pub(crate) fn fetch_add(&self, value: u64, _: Ordering) -> u64 {
        let mut held = self.lock();
        let before = *held;
        *held = before.wrapping_add(value);
        before
    }

    pub(crate) fn compare_exchange(&self, current: u64, new: u64, _: Ordering, _: Ordering) -> Result<u64, u64> {
        let mut held = self.lock();
        let before = *held;
        if before != current {
            return Err(before);
        }
        *held = new;
        Ok(before)
    }

    /// Nothing panics while the lock is held, so a poisoned one holds a whole value all the same.
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;
    use std::thread;

    use super::AtomicU64;

    #[test]
    fn it_counts_from_every_thread() {
        let counter = AtomicU64::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| _ = counter.fetch_add(3, Relaxed)));
            }
        });
        assert_eq!(counter.load(Relaxed), 12_000);
    }

    #[test]
    fn an_addition_wraps_around() {
        let counter = AtomicU64::new(u64::MAX);
        assert_eq!(counter.fetch_add(2, Relaxed), u64::MAX);
        assert_eq!(counter.load(Relaxed), 1);
    }

    #[test]
    fn it_is_exchanged_only_for_what_was_expected() {
        let value = AtomicU64::new(1);
        assert_eq!(value.compare_exchange(1, 2, Relaxed, Relaxed), Ok(1));
        assert_eq!(value.compare_exchange(1, 3, Relaxed, Relaxed), Err(2));
        assert_eq!(value.load(Relaxed), 2);
        value.store(u64::MAX, Relaxed);
        assert_eq!(value.load(Relaxed), u64::MAX);
    }

    /// As the standard library's does on the same sequence of calls.
    #[test]
    fn it_agrees_with_the_standard_library() {
        macro_rules! calls {
            ($atomic:expr) => {{
                let value = $atomic;
                let seen = [value.fetch_add(5, Relaxed), value.fetch_add(u64::MAX, Relaxed), value.load(Relaxed)];
                let swapped =
                    [value.compare_exchange(0, 9, Relaxed, Relaxed), value.compare_exchange(11, 9, Relaxed, Relaxed)];
                (seen, swapped, value.load(Relaxed))
            }};
        }
        assert_eq!(calls!(AtomicU64::new(7)), calls!(std::sync::atomic::AtomicU64::new(7)));
    }
}
