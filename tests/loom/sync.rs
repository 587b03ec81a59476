//! Tokio's `Notify`, as far as `src/monitor` uses it: a future is completed by every `notify_waiters` that comes after it
//! was made, whether or not it was polled before.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Notify {
    state: Mutex<State>,
    moment: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    calls: usize,
    waiting: Vec<Waker>,
}

impl Notify {
    pub(crate) fn notified(&self) -> impl Future<Output = ()> + Send {
        let made = self.state.lock().unwrap().calls;
        // Loom tries what others may do here: the board behind the standard library's lock is none of its own.
        self.moment.load(Ordering::Relaxed);
        poll_fn(move |cx| {
            let mut state = self.state.lock().unwrap();
            if state.calls != made {
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
    }

    pub(crate) fn notify_waiters(&self) {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}
