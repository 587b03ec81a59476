//! The numbers of a connection (O3).

use std::time::Duration;

use crate::liveness::{Time, nanos};

/// The numbers of a connection since it was wrapped, as of the moment they were asked for.
///
/// With the feature `serde` they can be serialised: durations are numbers of seconds and say so in their names
/// (`"last_rtt_seconds": 0.025`), and what is not known yet is `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
    #[cfg_attr(feature = "serde", serde(rename = "last_rtt_seconds", with = "seconds"))]
    pub last_rtt: Option<Duration>,
    /// The smallest round-trip time.
    #[cfg_attr(feature = "serde", serde(rename = "min_rtt_seconds", with = "seconds"))]
    pub min_rtt: Option<Duration>,
    /// The smoothed round-trip time (RFC 6298 section 2: weight 1/8).
    #[cfg_attr(feature = "serde", serde(rename = "smoothed_rtt_seconds", with = "seconds"))]
    pub smoothed_rtt: Option<Duration>,
    /// The mean deviation of the round-trip time (RFC 6298 section 2: weight 1/4).
    #[cfg_attr(feature = "serde", serde(rename = "rtt_variance_seconds", with = "seconds"))]
    pub rtt_variance: Option<Duration>,
    /// Age of the last inbound frame, to the timer's granularity: frames set a flag, and the clock is read when the
    /// timer fires or a pong comes in.
    #[cfg_attr(feature = "serde", serde(rename = "last_inbound_seconds", with = "seconds"))]
    pub last_inbound: Option<Duration>,
}

/// A duration, or none, as a number of seconds.
#[cfg(feature = "serde")]
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Serialize, Serializer};

    pub(crate) fn serialize<T, S>(span: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Copy + Into<Option<Duration>>,
        S: Serializer,
    {
        (*span).into().map(|span| span.as_secs_f64()).serialize(serializer)
    }
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

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn durations_are_serialised_as_seconds_with_the_unit_in_the_name() {
        let mut stats = Stats { pings_sent: 3, pongs_received: 2, misses: 1, deferrals: 4, ..Stats::default() };
        stats.handle_rtt(Duration::from_millis(40));
        stats.handle_rtt(Duration::from_millis(24));
        stats.last_inbound = Some(Time::START);
        let public = stats.public(Time::START.plus(Duration::from_millis(1_500)));
        assert_eq!(
            serde_json::to_value(&public).unwrap(),
            serde_json::json!({
                "pings_sent": 3,
                "pongs_received": 2,
                "misses": 1,
                "deferrals": 4,
                "last_rtt_seconds": 0.024,
                "min_rtt_seconds": 0.024,
                "smoothed_rtt_seconds": 0.038,
                "rtt_variance_seconds": 0.019,
                "last_inbound_seconds": 1.5,
            })
        );
    }

    #[test]
    fn what_is_not_known_yet_is_null() {
        let value = serde_json::to_value(LiveStats::default()).unwrap();
        assert_eq!(value["last_rtt_seconds"], serde_json::Value::Null);
        assert_eq!(value.as_object().unwrap().len(), 9, "every field is there: {value}");
    }
}
