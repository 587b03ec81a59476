//! Time as the machine counts it: nanoseconds since the connection was wrapped.

use std::time::Duration;

/// Eight bytes, saturating; `NEVER` is past every other. 584 years are as good as never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

impl Time {
    pub(crate) const START: Self = Self(0);
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The distance from the start; `None` for never.
    pub(crate) fn elapsed(self) -> Option<Duration> {
        if self == Self::NEVER { None } else { Some(Duration::from_nanos(self.0)) }
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
