//! What a connection and its monitors share: the wakers, the statistics, the health.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::ArcWake;
use tokio::sync::Notify;

use super::Health;
use super::probe::Probe;
use super::stats::Stats;
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
    /// Made for the first monitor that waits, since most connections have none.
    desk: Option<Box<Desk>>,
    pub(super) health: Health,
    /// Counts the changes of `health`.
    pub(super) version: u32,
    pub(crate) judging: bool,
    pub(crate) reading: bool,
}

/// What only waiting monitors need.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) probe: Probe,
    pub(super) news: Arc<Notify>,
}

impl Board {
    pub(super) fn desk(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    /// Returns the probe, if one was ever asked for.
    pub(crate) fn probe(&mut self) -> Option<&mut Probe> {
        self.desk.as_mut().map(|desk| &mut desk.probe)
    }

    /// Returns what wakes waiting monitors, for use when the board is free again.
    fn news(&self) -> Option<Arc<Notify>> {
        self.desk.as_ref().map(|desk| desk.news.clone())
    }
}

impl Shared {
    pub(crate) fn new(judging: bool) -> Arc<Self> {
        let board =
            Board { stats: Stats::default(), desk: None, health: Health::Alive, version: 0, judging, reading: true };
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
        let mut board = self.board();
        if board.health == health || matches!(board.health, Health::Ended(_)) {
            return false;
        }
        board.health = health;
        board.version = board.version.wrapping_add(1);
        self.announce(board);
        true
    }

    /// Tells waiting monitors that something has changed.
    pub(crate) fn announce(&self, board: MutexGuard<'_, Board>) {
        let news = board.news();
        drop(board);
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
