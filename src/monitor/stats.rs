//! The statistics of a connection (O3).

use std::time::Duration;

use crate::liveness::{Time, nanos};

/// The statistics of a connection since it was wrapped, as of the moment at which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveStats {
    /// How many pings the socket has taken, including probes.
    pub pings_sent: u64,
    /// How many pongs were the first answer to one of our pings.
    pub pongs_received: u64,
    /// How many pings were not answered in time.
    pub misses: u64,
    /// How often an inbound frame extended a deadline.
    pub deferrals: u64,
    /// The round-trip time of the last answered ping, from its flush to its pong.
    pub last_rtt: Option<Duration>,
    /// The smallest round-trip time.
    pub min_rtt: Option<Duration>,
    /// The smoothed round-trip time (RFC 6298 section 2: weight 1/8).
    pub smoothed_rtt: Option<Duration>,
    /// The mean deviation of the round-trip time (RFC 6298 section 2: weight 1/4).
    pub rtt_variance: Option<Duration>,
    /// The age of the last inbound frame, or `None` if there never was one.
    ///
    /// Frames only set a flag, and the clock is read when the timer fires or a pong comes in. So the frame may be older
    /// than this by the time between two such moments.
    pub last_inbound: Option<Duration>,
}

/// 32 bits are 136 years of one ping a second.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) pings_sent: u32,
    pub(crate) pongs_received: u32,
    pub(crate) misses: u32,
    pub(crate) deferrals: u32,
    rtt: Option<Rtt>,
    pub(crate) last_inbound: Option<Time>,
    pub(crate) last_pong: Option<Time>,
}

/// One more.
pub(crate) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// Half the size of `Duration`s; the last one is counted from the machine's start, so that `None` costs nothing.
#[derive(Clone, Copy, Debug)]
struct Rtt {
    last: Time,
    min: u64,
    smoothed: u64,
    variance: u64,
}

impl Rtt {
    fn first(rtt: Duration) -> Self {
        let sample = nanos(rtt);
        Self { last: Time::START.plus(rtt), min: sample, smoothed: sample, variance: sample / 2 }
    }

    /// RFC 6298 section 2: the variance first, from the old smoothed value.
    fn next(self, rtt: Duration) -> Self {
        let sample = nanos(rtt);
        Self {
            last: Time::START.plus(rtt),
            min: self.min.min(sample),
            smoothed: weigh(self.smoothed, sample, 8),
            variance: weigh(self.variance, self.smoothed.abs_diff(sample), 4),
        }
    }
}

/// `old * (1 - 1/parts) + new / parts`
fn weigh(old: u64, new: u64, parts: u64) -> u64 {
    old - old / parts + new / parts
}

impl Stats {
    pub(crate) fn handle_rtt(&mut self, rtt: Duration) {
        self.rtt = Some(self.rtt.map_or_else(|| Rtt::first(rtt), |old| old.next(rtt)));
    }

    pub(crate) fn public(&self, now: Time) -> LiveStats {
        let rtt = self.rtt;
        LiveStats {
            pings_sent: self.pings_sent.into(),
            pongs_received: self.pongs_received.into(),
            misses: self.misses.into(),
            deferrals: self.deferrals.into(),
            last_rtt: rtt.map(|rtt| rtt.last.since(Time::START)),
            min_rtt: rtt.map(|rtt| Duration::from_nanos(rtt.min)),
            smoothed_rtt: rtt.map(|rtt| Duration::from_nanos(rtt.smoothed)),
            rtt_variance: rtt.map(|rtt| Duration::from_nanos(rtt.variance)),
            last_inbound: self.last_inbound.map(|at| now.since(at)),
        }
    }
}
