//! What the looks at a source mean for the ping under way (P2 to P4). Like the machine, it has no clock and no async.

use std::fmt;

use super::{Diagnosis, Finding, Progress, Snapshot};
use crate::error::Cause;
use crate::liveness::Time;

/// Our ping alone: 14 bytes at most, and what TLS adds to a record.
const ALONE: u64 = 128;

/// A source, and what was seen of it last.
pub(crate) struct Watch {
    source: Box<dyn Progress>,
    /// When the ping that is watched was queued.
    ping: Option<Time>,
    /// What was seen last.
    last: Snapshot,
    /// What was seen when W, or T, was started or last looked at, each by itself: later pings leave while T runs.
    w: Snapshot,
    t: (Time, Snapshot),
    /// The ping to which T belongs, and the last that left.
    oldest: Aim,
    newest: Aim,
    /// How often in a row the source panicked when it was asked; one more while it is being asked.
    panics: u8,
    owed: Owed,
    /// How many bytes came in since the look before the last, if no message was among them and they were too few.
    trickle: Option<u64>,
}

/// What still waits for a look because the last look panicked.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    /// A ping was flushed.
    flush: bool,
    /// T was started.
    start: Option<Time>,
}

/// How often in a row a source may panic before it is taken to know nothing new.
const PATIENCE: u8 = 2;

/// A ping among the bytes that are to be acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Aim {
    /// How many acknowledged bytes contain it.
    target: Option<u64>,
    /// T has been started for it a last time, or runs from the flush since no data was before it.
    started_last: bool,
}

impl Aim {
    fn at(seen: Snapshot) -> Self {
        Self {
            target: seen.tcp.map(|tcp| tcp.acknowledged.saturating_add(tcp.unacknowledged)),
            started_last: seen.tcp.is_some_and(|tcp| tcp.unacknowledged <= ALONE),
        }
    }

    fn is_reached(&self, acknowledged: u64) -> bool {
        self.target.is_some_and(|target| acknowledged >= target)
    }
}

impl Watch {
    pub(crate) fn new(source: Box<dyn Progress>) -> Self {
        Self {
            source,
            ping: None,
            last: Snapshot::default(),
            w: Snapshot::default(),
            t: (Time::START, Snapshot::default()),
            oldest: Aim::default(),
            newest: Aim::default(),
            panics: 0,
            owed: Owed::default(),
            trickle: None,
        }
    }

    /// Does what a poll that panicked has left to do. If a ping is queued, takes the first look for it; further calls
    /// for the same ping change nothing.
    pub(crate) fn catch_up(&mut self, queued: Option<Time>) {
        self.pay();
        if queued.is_some() && self.ping != queued {
            self.w = self.look();
            self.ping = queued;
        }
    }

    /// Records that a ping was flushed. `first` says that no other is unanswered, so that T starts with it.
    pub(crate) fn handle_flushed(&mut self, now: Time, first: bool) {
        self.owed = Owed { flush: true, start: if first { Some(now) } else { self.owed.start } };
        self.pay();
    }

    /// Records that an older ping was answered, so that T starts again with the newest.
    pub(crate) fn handle_answered_in_part(&mut self, now: Time) {
        self.owed.start = Some(now);
        self.pay();
    }

    fn pay(&mut self) {
        if !self.owed.flush && self.owed.start.is_none() {
            return;
        }
        let seen = self.look();
        let Owed { flush, start } = std::mem::take(&mut self.owed);
        if flush {
            self.newest = Aim::at(seen);
        }
        if let Some(now) = start {
            (self.t, self.oldest, self.trickle) = ((now, seen), self.newest, None);
        }
    }

    /// Looks when W is over. Returns since when no bytes have moved, if they have moved since the last look (P2).
    pub(crate) fn writes(&mut self, now: Time) -> Option<Time> {
        let seen = self.look();
        let before = std::mem::replace(&mut self.w, seen);
        match (before.tcp, seen.tcp) {
            (Some(before), Some(tcp)) if tcp.acknowledged > before.acknowledged => {
                Some(now.before(tcp.since_acknowledged))
            }
            _ if grown(before.written, seen.written) > 0 => Some(now),
            _ => None,
        }
    }

    /// Looks when T is over and everything is read. `frame` says that a complete frame came. Returns since when T runs
    /// again (P3, P4).
    pub(crate) fn answers(&mut self, now: Time, frame: bool, rate: u64) -> Option<Time> {
        let seen = self.look();
        let (since, before) = std::mem::replace(&mut self.t, (now, seen));
        let read = if frame { 0 } else { grown(before.read, seen.read) };
        let nanos = now.since(since).as_nanos();
        let enough = u128::from(read) * 1_000_000_000 >= u128::from(rate) * nanos;
        self.trickle = (read > 0 && !enough).then_some(read);
        if read > 0 && enough { Some(now) } else { self.acknowledges(before, seen, now) }
    }

    /// Starts T again from the last acknowledgement as long as our ping is not acknowledged, and a last time when it
    /// is.
    fn acknowledges(&mut self, before: Snapshot, seen: Snapshot, now: Time) -> Option<Time> {
        let tcp = seen.tcp.filter(|_| self.oldest.target.is_some())?;
        let moved = before.tcp.is_some_and(|before| tcp.acknowledged > before.acknowledged);
        let arrives = self.oldest.is_reached(tcp.acknowledged);
        let last = arrives && !self.oldest.started_last;
        self.oldest.started_last |= arrives;
        (last || moved && !arrives).then(|| now.before(tcp.since_acknowledged))
    }

    /// Returns what the last look says about a verdict.
    pub(crate) fn diagnose(&self, cause: Cause) -> Diagnosis {
        Diagnosis { finding: self.find(cause), tcp: self.last.tcp, trickle: self.trickle }
    }

    fn find(&self, cause: Cause) -> Finding {
        let Some(tcp) = self.last.tcp else {
            return if self.trickle.is_some() { Finding::Trickle } else { Finding::Unknown };
        };
        match () {
            () if self.trickle.is_some() => Finding::Trickle,
            // This comes first, because a peer that does not read may have acknowledged our ping before its window was full.
            () if tcp.is_window_full() && tcp.retransmissions == 0 && tcp.probes < 2 => Finding::WindowFull,
            () if cause == Cause::PongTimeout && self.has_arrived() => Finding::PeerHung,
            () if tcp.retransmissions > 0 || tcp.probes > 1 => Finding::PathDead,
            () if tcp.unacknowledged > tcp.unsent => Finding::PathDead,
            () => Finding::Unknown,
        }
    }

    fn has_arrived(&self) -> bool {
        self.last.tcp.is_some_and(|tcp| self.oldest.is_reached(tcp.acknowledged))
    }

    /// Looks at the source. A panic of the source passes through, and the next poll asks again.
    fn look(&mut self) -> Snapshot {
        if self.panics < PATIENCE {
            self.panics += 1;
            self.last = self.source.look();
        }
        self.panics = 0;
        self.last
    }
}

fn grown(before: Option<u64>, seen: Option<u64>) -> u64 {
    match (before, seen) {
        (Some(before), Some(seen)) => seen.saturating_sub(before),
        _ => 0,
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("last", &self.last).finish_non_exhaustive()
    }
}
