//! Upper bounds in real time that a busy machine does not break.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

const TICK: Duration = Duration::from_millis(5);

/// What is waited for at most, so that a hang is a failure; never a bound on what is right.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A clock of the runtime that it is made in, which must have one thread: the ticks of a timer that is set anew when it has
/// fired. If the machine is busy with something else, it is late as often as all else on that thread, and so never ahead.
pub(crate) struct Ticks {
    fired: Arc<AtomicU32>,
    task: AbortHandle,
}

impl Ticks {
    pub(crate) fn start() -> Self {
        let fired = Arc::<AtomicU32>::default();
        let counted = fired.clone();
        let task = tokio::spawn(async move {
            loop {
                sleep(TICK).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { fired, task: task.abort_handle() }
    }

    /// At most the time since the start; on an idle machine a tenth less.
    pub(crate) fn elapsed(&self) -> Duration {
        TICK * self.fired.load(Ordering::Relaxed)
    }

    /// Asserts that no more than `most`, and an eighth for what is rounded, has passed by this clock.
    #[track_caller]
    pub(crate) fn within(&self, most: Duration) {
        let elapsed = self.elapsed();
        assert!(elapsed <= most + most / 8, "{elapsed:?} instead of {most:?}");
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.task.abort();
    }
}
