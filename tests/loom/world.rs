//! A `LiveStream` in small: a combined waker, and an inner with one slot for a waker.

use std::sync::Arc;
use std::sync::atomic::AtomicBool as StdBool;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use futures_util::task::{ArcWake, waker, waker_ref};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc as LoomArc, Mutex};
use loom::thread::JoinHandle;

use crate::wake::AtomicWaker;
use crate::wake::{Fan, Half, Time};

pub(crate) const HALVES: [Half; 2] = [Half::Stream, Half::Sink];

/// `Fan`, or something that is broken.
pub(crate) trait Combined: Default + Send + Sync + 'static {
    fn is_woken(&self) -> bool;
    fn begin(&self);
    fn park(&self, half: Half, waker: &Waker);
    fn wake_all(&self);

    fn call(&self) {
        self.wake_all();
    }

    fn is_called(&self) -> bool {
        true
    }

    fn take_call(&self) -> bool {
        false
    }

    fn wait(&self, _: Half) {}

    fn waits(&self, _: Half) -> bool {
        false
    }
}

impl Combined for Fan {
    fn is_woken(&self) -> bool {
        self.is_woken()
    }

    fn begin(&self) {
        self.begin();
    }

    fn park(&self, half: Half, waker: &Waker) {
        self.park(half, waker);
    }

    fn wake_all(&self) {
        self.wake_all();
    }

    fn call(&self) {
        self.call();
    }

    fn is_called(&self) -> bool {
        self.is_called()
    }

    fn take_call(&self) -> bool {
        self.take_call()
    }

    fn wait(&self, half: Half) {
        self.wait(half, Time::START);
    }

    fn waits(&self, half: Half) -> bool {
        self.away(half).is_none()
    }
}

/// As what holds the `Fan` is a waker.
#[derive(Default)]
struct Whole<F>(F);

impl<F: Combined> ArcWake for Whole<F> {
    fn wake_by_ref(whole: &Arc<Self>) {
        whole.0.wake_all();
    }
}

/// Something to read, room to write, and one waker for both.
#[derive(Default)]
struct Inner {
    readable: AtomicBool,
    writable: AtomicBool,
    waker: AtomicWaker,
}

impl Inner {
    fn flag(&self, half: Half) -> &AtomicBool {
        match half {
            Half::Stream => &self.readable,
            Half::Sink => &self.writable,
        }
    }

    fn poll(&self, half: Half, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.flag(half).load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The waker of a task, which is woken first to begin.
pub(crate) struct Bell(StdBool);

impl Bell {
    pub(crate) fn rung() -> Arc<Self> {
        Arc::new(Self(StdBool::new(true)))
    }

    /// Whether it was rung since the last time.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, SeqCst)
    }
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Self>) {
        bell.0.store(true, SeqCst);
    }
}

#[derive(Default)]
pub(crate) struct World<F> {
    fan: Arc<Whole<F>>,
    inner: Inner,
    /// The timer's state, as tokio keeps it: `fired` is stored before the waker is woken, and loaded without ordering.
    fired: AtomicBool,
    /// A poll has seen that it fired.
    judged: AtomicBool,
    /// The lock of `split`.
    turn: Mutex<()>,
}

impl<F: Combined> World<F> {
    /// What the reactor does.
    pub(crate) fn becomes_ready_for(&self, half: Half) {
        self.inner.flag(half).store(true, Ordering::Release);
        self.inner.waker.wake();
    }

    /// What a monitor does.
    pub(crate) fn is_called(&self) {
        self.fan.0.call();
    }

    /// What the timer does.
    pub(crate) fn fires(&self) {
        self.fired.store(true, Ordering::Release);
        self.fan.0.wake_all();
    }

    /// What has woken us is not only the inner.
    fn is_wanted(&self) -> bool {
        self.fan.0.begin();
        self.fan.0.is_called() || self.fired.load(Ordering::Relaxed)
    }

    /// One poll of a half. Where nobody has woken us, or the inner alone, it is the inner's alone.
    pub(crate) fn poll(&self, half: Half, cx: &mut Context<'_>) -> Poll<()> {
        let _turn = self.turn.lock().unwrap();
        if self.fan.0.is_woken() && self.is_wanted() {
            self.fan.0.begin();
            self.fan.0.take_call();
            if self.fired.load(Ordering::Relaxed) {
                self.judged.store(true, Ordering::Relaxed);
            }
        }
        let polled = self.inner.poll(half, &mut Context::from_waker(&waker_ref(&self.fan)));
        if polled.is_pending() {
            self.fan.0.wait(half);
            self.fan.0.park(half, cx.waker());
        }
        polled
    }
}

/// A task: it polls its half for as long as it is woken. Then it waits for whoever wakes it.
pub(crate) struct Task<F> {
    world: LoomArc<World<F>>,
    half: Half,
    bell: Arc<Bell>,
    is_ready: bool,
}

impl<F: Combined> Task<F> {
    fn run(mut self) -> Self {
        let waker = waker(self.bell.clone());
        while !self.is_ready && self.bell.take() {
            self.is_ready = self.world.poll(self.half, &mut Context::from_waker(&waker)).is_ready();
        }
        self
    }
}

impl<F: Combined> World<F> {
    /// A thread that polls `half`.
    pub(crate) fn spawn(world: &LoomArc<Self>, half: Half) -> JoinHandle<Task<F>> {
        let bell = Bell::rung();
        let task = Task { world: world.clone(), half, bell, is_ready: false };
        loom::thread::spawn(|| task.run())
    }

    /// Everything has happened. What the inner is ready for is not waited for any more. Who was woken polls again; then
    /// nothing must be left undone.
    pub(crate) fn settle(&self, tasks: impl IntoIterator<Item = JoinHandle<Task<F>>>) {
        let tasks: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        for Task { half, is_ready, .. } in &tasks {
            let happened = self.inner.flag(*half).load(Ordering::Acquire);
            assert!(*is_ready || !happened || !self.fan.0.waits(*half), "woken, and said to wait: {half:?}");
        }
        let tasks: Vec<_> = tasks.into_iter().map(Task::run).collect();
        // What one of them did may have woken the one before.
        for task in tasks.into_iter().map(Task::run) {
            let happened = self.inner.flag(task.half).load(Ordering::Acquire);
            assert_eq!(task.is_ready, happened, "a wake-up was lost: {:?}", task.half);
        }
        assert!(!self.fan.0.take_call(), "a wake-up was lost: a monitor's");
        let [fired, judged] = [&self.fired, &self.judged].map(|flag| flag.load(Ordering::Acquire));
        assert_eq!(fired, judged, "a wake-up was lost: the timer's");
    }
}

/// All interleavings with so many preemptions.
pub(crate) fn check(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(run);
}
