//! What a source's sights mean for the ping under way (P2 to P4). Pure, as the machine is.

use std::fmt;

use super::{Diagnosis, Finding, Progress, Sight};
use crate::error::Cause;
use crate::liveness::Time;

/// Our ping alone: 14 bytes at most, and what TLS adds to a record.
const ALONE: u64 = 128;

/// A source and what was seen of it last.
pub(crate) struct Watch {
    source: Box<dyn Progress>,
    /// When the ping that is watched was queued.
    ping: Option<Time>,
    /// The last look.
    at: Time,
    last: Sight,
    /// How many acknowledged bytes contain our ping.
    target: Option<u64>,
    /// T has been started for it a last time.
    started_last: bool,
    /// Bytes came in since the look before the last, no message among them, and too few.
    trickle: Option<u64>,
}

impl Watch {
    pub(crate) fn new(source: Box<dyn Progress>) -> Self {
        Self {
            source,
            ping: None,
            at: Time::START,
            last: Sight::default(),
            target: None,
            started_last: false,
            trickle: None,
        }
    }

    /// When to: a ping is queued since `at`; again and again for the same one.
    pub(crate) fn handle_queued(&mut self, at: Time) {
        if self.ping != Some(at) {
            self.ping = Some(at);
            (self.target, self.started_last, self.trickle) = (None, false, None);
            self.look(at);
        }
    }

    /// When to: it was flushed.
    pub(crate) fn handle_flushed(&mut self, now: Time) {
        let seen = self.look(now);
        self.target = seen.tcp.map(|tcp| tcp.acknowledged.saturating_add(tcp.unacknowledged));
        // Where nothing was before it, T runs from the flush as ever.
        self.started_last = seen.tcp.is_some_and(|tcp| tcp.unacknowledged <= ALONE);
    }

    /// When to: W has passed. Since when bytes have been standing still, where they have moved since the last look (P2).
    pub(crate) fn writes(&mut self, now: Time) -> Option<Time> {
        let before = self.last;
        let seen = self.look(now);
        match (before.tcp, seen.tcp) {
            (Some(before), Some(tcp)) if tcp.acknowledged > before.acknowledged => {
                Some(now.before(tcp.since_acknowledged))
            }
            _ if grown(before.written, seen.written) > 0 => Some(now),
            _ => None,
        }
    }

    /// When to: T has passed and everything is read; `frame`: there was a complete one. Since when T runs anew (P3, P4).
    pub(crate) fn answers(&mut self, now: Time, frame: bool, rate: u64) -> Option<Time> {
        let (before, since) = (self.last, self.at);
        let seen = self.look(now);
        let read = if frame { 0 } else { grown(before.read, seen.read) };
        let nanos = now.since(since).as_nanos();
        let enough = u128::from(read) * 1_000_000_000 >= u128::from(rate) * nanos;
        self.trickle = (read > 0 && !enough).then_some(read);
        if read > 0 && enough { Some(now) } else { self.acknowledges(before, seen, now) }
    }

    /// T and W run from the last acknowledgement as long as our ping is not acknowledged, and a last time when it is.
    fn acknowledges(&mut self, before: Sight, seen: Sight, now: Time) -> Option<Time> {
        let (tcp, target) = (seen.tcp?, self.target?);
        let moved = before.tcp.is_some_and(|before| tcp.acknowledged > before.acknowledged);
        let arrives = tcp.acknowledged >= target;
        let last = arrives && !self.started_last;
        self.started_last |= arrives;
        (last || moved && !arrives).then(|| now.before(tcp.since_acknowledged))
    }

    /// What the last look says about a verdict.
    pub(crate) fn diagnose(&self, cause: Cause) -> Diagnosis {
        Diagnosis { finding: self.find(cause), tcp: self.last.tcp, trickle: self.trickle }
    }

    fn find(&self, cause: Cause) -> Finding {
        let Some(tcp) = self.last.tcp else {
            return if self.trickle.is_some() { Finding::Trickle } else { Finding::Unknown };
        };
        match () {
            () if self.trickle.is_some() => Finding::Trickle,
            // First: a peer that does not read may hold our ping, acknowledged, before what its window has no room for.
            () if tcp.is_window_full() && tcp.retransmissions == 0 && tcp.probes < 2 => Finding::WindowFull,
            () if cause == Cause::PongTimeout && self.has_arrived() => Finding::PeerHung,
            () if tcp.retransmissions > 0 || tcp.probes > 1 => Finding::PathDead,
            () if tcp.unacknowledged > tcp.unsent => Finding::PathDead,
            () => Finding::Unknown,
        }
    }

    fn has_arrived(&self) -> bool {
        self.target.zip(self.last.tcp).is_some_and(|(target, tcp)| tcp.acknowledged >= target)
    }

    fn look(&mut self, now: Time) -> Sight {
        (self.at, self.last) = (now, self.source.look());
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
