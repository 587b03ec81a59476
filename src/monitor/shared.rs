//! What a connection and its monitors share: the wakers, the statistics, the health.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::ArcWake;
use tokio::sync::Notify;

use super::observer::{Event, Observer};
use super::probe::Probe;
use super::stats::Stats;
use super::{End, Health, count};
use crate::error::{Layer, LivenessError};
use crate::liveness::Time;
use crate::timer::Clock;
use crate::wake::Fan;

/// What a `LiveStream` and its monitors share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) fan: Fan,
    board: Mutex<Board>,
}

#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) stats: Stats,
    /// Made for an observer or for the first monitor that waits, since most connections have neither.
    desk: Option<Box<Desk>>,
    pub(super) health: Health,
    /// Counts the changes of `health`.
    pub(super) version: u32,
    /// Since the last answer a pong came that answers no ping of ours.
    pub(crate) foreign: bool,
    pub(crate) judging: bool,
    pub(crate) reading: bool,
}

/// What only an observer and waiting monitors need.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) probe: Probe,
    pub(super) news: Arc<Notify>,
    observer: Option<Arc<dyn Observer>>,
    /// What is watched above a WebSocket.
    layer: Option<Layer>,
    pub(super) obituary: Obituary,
}

/// What is kept of a connection that has ended, or whose peer closes. Allocated only then.
#[derive(Default)]
pub(super) struct Obituary {
    pub(super) at: Option<Time>,
    pub(super) error: Option<LivenessError>,
    /// Of the peer's Close.
    pub(super) code: Option<u16>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("probe", &self.probe).finish_non_exhaustive()
    }
}

impl Board {
    pub(super) fn desk(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    pub(super) fn obituary(&self) -> Option<&Obituary> {
        self.desk.as_ref().map(|desk| &desk.obituary)
    }

    /// Whether there may be an observer or a waiting monitor.
    pub(crate) fn is_heard(&self) -> bool {
        self.desk.is_some()
    }

    pub(crate) fn layer(&self) -> Layer {
        self.desk.as_ref().and_then(|desk| desk.layer).unwrap_or(Layer::Protocol)
    }

    /// Returns the probe, if one was ever asked for.
    pub(crate) fn probe(&mut self) -> Option<&mut Probe> {
        self.desk.as_mut().map(|desk| &mut desk.probe)
    }
}

impl Shared {
    pub(crate) fn new(judging: bool) -> Arc<Self> {
        let board = Board {
            stats: Stats::default(),
            desk: None,
            health: Health::Alive,
            version: 0,
            foreign: false,
            judging,
            reading: true,
        };
        Arc::new(Self { fan: Fan::default(), board: Mutex::new(board) })
    }

    pub(crate) fn clock(&self) -> Clock {
        self.fan.clock()
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing panics while the lock is held. If something did, the statistics would still be good.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn health(&self) -> Health {
        self.board().health
    }

    /// Sets the health. The first end stays (K5). Returns whether it changed.
    pub(crate) fn set_health(&self, health: Health) -> bool {
        self.set(health, None)
    }

    /// The same for an end of which an error tells.
    pub(crate) fn set_end(&self, end: End, error: Option<&LivenessError>) {
        self.set(Health::Ended(end), error);
    }

    fn set(&self, health: Health, error: Option<&LivenessError>) -> bool {
        let changed = self.mark_health(health, error);
        if changed {
            self.announce();
            self.observe(match health {
                Health::Alive => Event::Trusted,
                Health::Suspect => Event::Suspected,
                Health::Ended(end) => Event::Ended(end),
            });
        }
        changed
    }

    /// The same; that others hear of it is left to the caller.
    pub(crate) fn mark_health(&self, health: Health, error: Option<&LivenessError>) -> bool {
        let mut board = self.board();
        if board.health == health || matches!(board.health, Health::Ended(_)) {
            return false;
        }
        if matches!(health, Health::Ended(_)) {
            let now = self.clock().now();
            let obituary = &mut board.desk().obituary;
            (obituary.at, obituary.error) = (Some(now), error.cloned());
        }
        board.health = health;
        board.version = board.version.wrapping_add(1);
        true
    }

    /// Counts a deferral or a miss.
    pub(crate) fn count_event(&self, event: Event) {
        let mut board = self.board();
        match event {
            Event::Deferred => count(&mut board.stats.deferrals),
            Event::Missed => count(&mut board.stats.misses),
            _ => {}
        }
        drop(board);
        self.observe(event);
    }

    /// What is watched is not the WebSocket itself.
    pub(crate) fn set_layer(&self, layer: Layer) {
        self.board().desk().layer = Some(layer);
    }

    /// Notes with which code the peer closes; the first counts.
    pub(crate) fn note_close_code(&self, code: u16) {
        self.board().desk().obituary.code.get_or_insert(code);
    }

    pub(crate) fn set_observer(&self, observer: Arc<dyn Observer>) {
        self.board().desk().observer = Some(observer);
    }

    /// Tells the observer, if there is one. It may look at the board.
    pub(crate) fn observe(&self, event: Event) {
        let observer = self.board().desk.as_ref().and_then(|desk| desk.observer.clone());
        if let Some(observer) = observer {
            observer.on_event(&event);
        }
    }

    /// Tells waiting monitors that something has changed.
    pub(crate) fn announce(&self) {
        let news = self.board().desk.as_ref().map(|desk| desk.news.clone());
        if let Some(news) = news {
            news.notify_waiters();
        }
    }
}

/// The one waker of the inner and of the timer.
impl ArcWake for Shared {
    fn wake_by_ref(shared: &Arc<Self>) {
        shared.fan.wake_all();
    }
}
