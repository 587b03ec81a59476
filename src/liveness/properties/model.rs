//! When things are due, once more, from the contract's words alone.

mod events;
mod judge;

use super::NEVER;
use crate::config::{LiveConfig, PingWhen};

#[derive(Debug)]
pub(super) struct Model {
    config: LiveConfig,
    due: u64,
    /// The due time was passed at this moment; the next one is not known yet.
    passed: Option<u64>,
    /// A frame since the last due time.
    traffic: bool,
    ping: Option<Ping>,
    end: Option<End>,
    misses: u32,
    pardoned: bool,
    proven: bool,
    pub(super) issued: u32,
    answered: u32,
}

/// The ping that is outstanding, or on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Ping {
    queued: u64,
    number: Option<u32>,
    flushed: Option<u64>,
    /// W or T runs from here.
    since: u64,
    /// More than T after `since`: for how long the consumer was away.
    extra: u64,
    /// Where nothing is judged: until the next is due.
    unjudged: bool,
    half_w: bool,
    forgiven: bool,
    /// A frame since it was queued, or flushed; since the last deferral.
    heard: bool,
    frame: bool,
    deferrals: u32,
    overdue: bool,
    /// The consumer came back when a judge would have been late.
    late: bool,
    left_until: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Closing { until: u64, flushed: bool, received: bool },
    Dying { until: u64, talking: bool },
    Over,
}

fn whole(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(NEVER)
}

fn later(from: u64, by: u64) -> u64 {
    // The machine counts from 1: its last instant is one nanosecond less after the start.
    match from.saturating_add(by) {
        sum if sum >= NEVER - 1 => NEVER,
        sum => sum,
    }
}

impl Model {
    pub(super) fn new(config: &LiveConfig, first: u64) -> Self {
        let i = whole(config.ping_interval());
        assert!(if config.jitter() == 0.0 || i == NEVER { first == i } else { (1..=i).contains(&first) });
        Self {
            config: config.clone(),
            due: first,
            passed: None,
            traffic: false,
            ping: None,
            end: None,
            misses: 0,
            pardoned: false,
            proven: false,
            issued: 0,
            answered: 0,
        }
    }

    fn t(&self) -> u64 {
        whole(self.config.pong_timeout())
    }

    fn w(&self) -> u64 {
        whole(self.config.write_timeout())
    }

    fn judging(&self) -> bool {
        let waits = self.config.judge_after_first_pong() && !self.proven;
        !self.config.keep_alive_only() && self.t() != NEVER && !waits
    }

    pub(super) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn wants_ping(&self) -> bool {
        self.is_open() && self.ping.is_some_and(|ping| ping.number.is_none())
    }

    pub(super) fn awaits_flush(&self) -> bool {
        match self.end {
            Some(End::Closing { flushed, .. }) => !flushed,
            Some(_) => false,
            None => self.ping.is_some_and(|ping| ping.flushed.is_none()),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.end, Some(End::Closing { flushed: true, received: true, .. }))
    }

    /// K1: where it is dying, whether it was talking.
    pub(super) fn talking(&self) -> Option<bool> {
        match self.end {
            Some(End::Dying { talking, .. }) => Some(talking),
            _ => None,
        }
    }

    fn deadline(&self, ping: &Ping) -> u64 {
        match ping.flushed {
            None => later(ping.since, self.w()),
            Some(_) if ping.unjudged => self.due,
            Some(_) => later(later(ping.since, self.t()), ping.extra),
        }
    }

    /// When the timer is to fire.
    pub(super) fn next(&self) -> u64 {
        match (self.end, self.ping) {
            (Some(End::Closing { until, .. } | End::Dying { until, .. }), _) => until,
            (Some(End::Over), _) => NEVER,
            (None, None) => self.due,
            (None, Some(ping)) if ping.flushed.is_none() => {
                let half = if ping.half_w || self.w() == NEVER { NEVER } else { later(ping.queued, self.w() / 2) };
                self.deadline(&ping).min(half)
            }
            (None, Some(ping)) => {
                let due = if ping.overdue { NEVER } else { self.due };
                ping.left_until.unwrap_or(self.deadline(&ping).min(due))
            }
        }
    }

    /// S1, where the machine has drawn the next due time.
    pub(super) fn learn_due(&mut self, due: u64) {
        let Some(passed) = self.passed.take() else {
            assert!(!self.is_open() || due == self.due, "moved from {} to {due}", self.due);
            return;
        };
        let i = whole(self.config.ping_interval());
        let least = if i == NEVER { NEVER } else { i - (i as f64 * self.config.jitter()) as u64 };
        assert!((later(passed, least.max(1))..=later(passed, i)).contains(&due), "{due} after {passed}");
        self.due = due;
    }

    fn queue(&mut self, now: u64) {
        self.passed = Some(now);
        self.ping = Some(Ping { queued: now, since: now, ..Ping::default() });
    }

    pub(super) fn timeout(&mut self, now: u64) {
        if !self.is_open() {
            return;
        }
        let (due, w) = (self.due <= now && self.due != NEVER, self.w());
        match &mut self.ping {
            None if due => {
                let skip = self.config.ping_when() == PingWhen::Idle && self.traffic;
                self.traffic = false;
                self.passed = Some(now);
                if !skip {
                    self.queue(now);
                }
            }
            None => {}
            Some(ping) if ping.flushed.is_none() => ping.half_w |= w != NEVER && later(ping.queued, w / 2) <= now,
            Some(ping) => ping.overdue |= due,
        }
    }
}
