//! The statistics of a connection (O3).

use std::time::Duration;

use crate::liveness::{Time, nanos};

/// The statistics of a connection since it was wrapped, as of the moment at which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
    /// The round-trip time of the last answered ping, from its flush until its pong was read.
    ///
    /// So it includes the time in which our own consumer did not read. Of several pings that one pong answers, only the
    /// newest counts.
    pub last_rtt: Option<Duration>,
    /// The smallest round-trip time.
    pub min_rtt: Option<Duration>,
    /// The largest round-trip time.
    pub max_rtt: Option<Duration>,
    /// The smoothed round-trip time, to the microsecond (RFC 6298 section 2: weight 1/8).
    pub smoothed_rtt: Option<Duration>,
    /// The mean deviation of the round-trip time, to the microsecond (RFC 6298 section 2: weight 1/4).
    pub rtt_variance: Option<Duration>,
    /// The age of the last inbound frame, or `None` if there never was one.
    ///
    /// Frames only set a flag, and the clock is read when the timer fires or a pong comes in. So the frame may be older
    /// than this by the time between two such moments. It grows on after the end; that of
    /// [`LivenessError::stats`](crate::LivenessError::stats) stands still.
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
    max: u64,
    /// Estimates: 24 bits of them are enough.
    smoothed: f32,
    variance: f32,
}

impl Rtt {
    fn first(rtt: Duration) -> Self {
        let sample = nanos(rtt);
        let smoothed = sample as f32;
        Self { last: Time::START.plus(rtt), min: sample, max: sample, smoothed, variance: smoothed / 2.0 }
    }

    /// RFC 6298 section 2: the variance first, from the old smoothed value.
    fn next(self, rtt: Duration) -> Self {
        let sample = nanos(rtt);
        let new = sample as f32;
        Self {
            last: Time::START.plus(rtt),
            min: self.min.min(sample),
            max: self.max.max(sample),
            smoothed: weigh(self.smoothed, new, 1.0 / 8.0),
            variance: weigh(self.variance, (self.smoothed - new).abs(), 1.0 / 4.0),
        }
    }
}

/// Nanoseconds, to the microsecond: what follows is noise.
fn micros(nanos: f32) -> Duration {
    Duration::from_micros((nanos / 1_000.0).round() as u64)
}

fn weigh(old: f32, new: f32, part: f32) -> f32 {
    old + (new - old) * part
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
            max_rtt: rtt.map(|rtt| Duration::from_nanos(rtt.max)),
            smoothed_rtt: rtt.map(|rtt| micros(rtt.smoothed)),
            rtt_variance: rtt.map(|rtt| micros(rtt.variance)),
            last_inbound: self.last_inbound.map(|at| now.since(at)),
        }
    }
}
