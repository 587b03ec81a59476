//! The machine that our side runs on, as its sockets know it: stopped, out of budget, or yielding.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};

use tokio::task::coop::{RestoreOnPending, poll_proceed};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::scenario::{Ours, Shape};

/// Cheap to clone; all clones are one machine.
#[derive(Clone, Default)]
pub struct Host(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// No socket event is delivered: timers have fired, and the I/O driver has not turned yet.
    held: bool,
    /// The wake-ups that are kept back meanwhile.
    rings: Vec<Waker>,
    /// So often a read says `Pending` and wakes itself before it looks.
    yields: usize,
    yielded: usize,
    /// Reads and writes spend tokio's cooperative budget.
    coop: bool,
    /// How often there was none left.
    exhausted: usize,
}

impl Host {
    pub fn new(ours: &Ours) -> Self {
        let state = State { yields: ours.host.yields, coop: ours.host.coop, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub fn poll_read(&self, cx: &mut Context<'_>) -> Poll<Coop> {
        ready!(self.poll_write(cx)).yielding(self, cx)
    }

    pub fn poll_write(&self, cx: &mut Context<'_>) -> Poll<Coop> {
        let mut state = self.0.lock().unwrap();
        if state.held {
            state.rings.push(cx.waker().clone());
            return Poll::Pending;
        }
        match state.coop {
            true => {
                let proceeds = poll_proceed(cx).map(|coop| Coop(Some(coop)));
                state.exhausted += usize::from(proceeds.is_pending());
                proceeds
            }
            false => Poll::Ready(Coop(None)),
        }
    }

    /// How much of what there is a read takes: little, where each read is to cost budget.
    pub fn sip(&self, room: usize) -> usize {
        if self.0.lock().unwrap().coop { room.min(16) } else { room }
    }

    pub fn exhausted(&self) -> usize {
        self.0.lock().unwrap().exhausted
    }

    /// What the path is to wake: `cx`, once events are delivered.
    pub fn doorbell(&self, cx: &Context<'_>) -> Waker {
        Arc::new(Doorbell { host: self.clone(), rings: cx.waker().clone() }).into()
    }

    fn ring(&self, waker: &Waker) {
        let mut state = self.0.lock().unwrap();
        match state.held {
            true => state.rings.push(waker.clone()),
            false => {
                drop(state);
                waker.wake_by_ref();
            }
        }
    }

    fn release(&self) {
        let rings = {
            let mut state = self.0.lock().unwrap();
            state.held = false;
            std::mem::take(&mut state.rings)
        };
        rings.into_iter().for_each(Waker::wake);
    }

    /// Whether this read is to yield once more.
    fn yields(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        state.yielded = (state.yielded + 1) % (state.yields + 1);
        state.yielded > 0
    }
}

/// Budget that is given back where nothing came of it.
pub struct Coop(Option<RestoreOnPending>);

impl Coop {
    pub fn made_progress(self) {
        if let Some(coop) = self.0 {
            coop.made_progress();
        }
    }

    fn yielding(self, host: &Host, cx: &Context<'_>) -> Poll<Self> {
        if host.yields() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self)
    }
}

struct Doorbell {
    host: Host,
    rings: Waker,
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.host.ring(&self.rings);
    }
}

/// Stops the machine whenever the scenario says so. Our tasks stand at their gates meanwhile; no gate shuts a task of the
/// crate's own, so there the clock jumps.
pub async fn stops(host: Host, ours: Ours, start: Instant) {
    let jumps = ours.host.jumps || matches!(ours.shape, Shape::Spawned(_));
    for (from, time) in &ours.stalls {
        sleep_until(start + *from).await;
        host.0.lock().unwrap().held = ours.host.timers_first;
        match jumps {
            true => tokio::time::advance((start + *from + *time).saturating_duration_since(Instant::now())).await,
            false => sleep_until(start + *from + *time).await,
        }
        // The timers have fired; the I/O driver turns when every task has run.
        yield_now().await;
        host.release();
    }
}
