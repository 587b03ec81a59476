//! The numbers of a connection (O3).

use std::time::Duration;

use crate::liveness::Time;

/// The numbers of a connection since it was wrapped, as of the moment they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveStats {
    /// Pings that the inner took, probes included.
    pub pings_sent: u64,
    /// Pongs that were the first answer to a ping of ours.
    pub pongs_received: u64,
    /// Pings whose absence of an answer was judged.
    pub misses: u64,
    /// Deadlines that an inbound frame deferred.
    pub deferrals: u64,
    /// Round-trip time of the last answered ping, from its flush to its pong.
    pub last_rtt: Option<Duration>,
    /// The smallest round-trip time.
    pub min_rtt: Option<Duration>,
    /// The smoothed round-trip time (RFC 6298 section 2: weight 1/8).
    pub smoothed_rtt: Option<Duration>,
    /// The mean deviation of the round-trip time (RFC 6298 section 2: weight 1/4).
    pub rtt_variance: Option<Duration>,
    /// Age of the last inbound frame, to the timer's granularity: frames set a flag, and the clock is read when the
    /// timer fires or a pong comes in.
    pub last_inbound: Option<Duration>,
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) pings_sent: u64,
    pub(crate) pongs_received: u64,
    pub(crate) misses: u32,
    pub(crate) deferrals: u32,
    rtt: Option<Rtt>,
    pub(crate) last_inbound: Option<Time>,
    pub(crate) last_pong: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Rtt {
    last: Nanos,
    min: Nanos,
    smoothed: Nanos,
    variance: Nanos,
}

/// Half the size of a `Duration`.
type Nanos = u64;

impl Stats {
    pub(crate) fn handle_rtt(&mut self, rtt: Duration) {
        let last = crate::liveness::nanos(rtt);
        self.rtt = Some(match self.rtt {
            None => Rtt { last, min: last, smoothed: last, variance: last / 2 },
            Some(rtt) => Rtt {
                last,
                min: rtt.min.min(last),
                smoothed: rtt.smoothed - rtt.smoothed / 8 + last / 8,
                variance: rtt.variance - rtt.variance / 4 + rtt.smoothed.abs_diff(last) / 4,
            },
        });
    }

    pub(crate) fn public(&self, now: Time) -> LiveStats {
        let rtt = |pick: fn(Rtt) -> Nanos| self.rtt.map(|rtt| Duration::from_nanos(pick(rtt)));
        LiveStats {
            pings_sent: self.pings_sent,
            pongs_received: self.pongs_received,
            misses: self.misses.into(),
            deferrals: self.deferrals.into(),
            last_rtt: rtt(|rtt| rtt.last),
            min_rtt: rtt(|rtt| rtt.min),
            smoothed_rtt: rtt(|rtt| rtt.smoothed),
            rtt_variance: rtt(|rtt| rtt.variance),
            last_inbound: self.last_inbound.map(|at| now.since(at)),
        }
    }
}
