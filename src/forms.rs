//! What can be written down with serde: durations are numbers of seconds, with the unit in the name.

use std::error::Error as _;
use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::{Cause, Layer, LivenessError};
use crate::monitor::{End, Event, Health, LiveStats, Monitor};

/// Types that are a word.
macro_rules! word {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}

word!(Cause, End, Layer);

/// `"alive"`, `"suspect"`, or `{"ended": "pong_timeout"}`.
impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ended(end) => serializer.serialize_newtype_variant("Health", 2, self.as_str(), end),
            Self::Suspect => serializer.serialize_unit_variant("Health", 1, self.as_str()),
            Self::Alive => serializer.serialize_unit_variant("Health", 0, self.as_str()),
        }
    }
}

/// `"missed"`, `{"ended": "closed"}`, `{"round_trip": {"rtt_seconds": 0.025}}`.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Form {
            RoundTrip { rtt_seconds: f64 },
            Deferred,
            Missed,
            Suspected,
            Trusted,
            Ended(End),
        }
        match *self {
            Self::RoundTrip { rtt } => Form::RoundTrip { rtt_seconds: rtt.as_secs_f64() },
            Self::Deferred => Form::Deferred,
            Self::Missed => Form::Missed,
            Self::Suspected => Form::Suspected,
            Self::Trusted => Form::Trusted,
            Self::Ended(end) => Form::Ended(end),
        }
        .serialize(serializer)
    }
}

/// One connection as it is now, for a health page: see [`Monitor`].
impl Serialize for Monitor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let health = self.health();
        let mut form = serializer.serialize_struct("Monitor", 6)?;
        form.serialize_field("health", health.as_str())?;
        form.serialize_field("end", &health.end())?;
        form.serialize_field("since_end_seconds", &seconds(self.since_end()))?;
        form.serialize_field("peer_close_code", &self.peer_close_code())?;
        form.serialize_field("error", &self.error().map(|error| error.to_string()))?;
        form.serialize_field("stats", &self.stats())?;
        form.end()
    }
}

impl Serialize for LivenessError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_struct("LivenessError", 13)?;
        form.serialize_field("layer", &self.layer())?;
        form.serialize_field("cause", &self.cause())?;
        form.serialize_field("message", &self.to_string())?;
        form.serialize_field("since_queued_seconds", &seconds(self.since_queued()))?;
        form.serialize_field("since_flushed_seconds", &seconds(self.since_flushed()))?;
        form.serialize_field("since_inbound_seconds", &seconds(self.since_inbound()))?;
        form.serialize_field("since_pong_seconds", &seconds(self.since_pong()))?;
        form.serialize_field("deferrals", &self.deferrals())?;
        form.serialize_field("misses", &self.misses())?;
        form.serialize_field("saw_foreign_pongs", &self.saw_foreign_pongs())?;
        form.serialize_field("diagnosis", &self.diagnosis())?;
        form.serialize_field("source", &self.source().map(ToString::to_string))?;
        form.serialize_field("stats", self.stats())?;
        form.end()
    }
}

impl Serialize for LiveStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_struct("LiveStats", 10)?;
        form.serialize_field("pings_sent", &self.pings_sent)?;
        form.serialize_field("pongs_received", &self.pongs_received)?;
        form.serialize_field("misses", &self.misses)?;
        form.serialize_field("deferrals", &self.deferrals)?;
        form.serialize_field("last_rtt_seconds", &seconds(self.last_rtt))?;
        form.serialize_field("min_rtt_seconds", &seconds(self.min_rtt))?;
        form.serialize_field("max_rtt_seconds", &seconds(self.max_rtt))?;
        form.serialize_field("smoothed_rtt_seconds", &seconds(self.smoothed_rtt))?;
        form.serialize_field("rtt_variance_seconds", &seconds(self.rtt_variance))?;
        form.serialize_field("last_inbound_seconds", &seconds(self.last_inbound))?;
        form.end()
    }
}

fn seconds(span: Option<Duration>) -> Option<f64> {
    span.map(|span| span.as_secs_f64())
}

/// For derived forms.
pub(crate) mod span {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(span.as_secs_f64())
    }
}
