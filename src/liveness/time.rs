//! Time as the machine counts it: nanoseconds since the connection was wrapped.

use std::num::NonZeroU64;
use std::time::Duration;

/// A moment in eight bytes, saturating, and with room for `None`. 584 years are as good as never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Time {
    /// Counted from 1.
    nanos: NonZeroU64,
}

impl Time {
    pub(crate) const START: Self = Self { nanos: NonZeroU64::MIN };
    /// Later than every other moment.
    pub(crate) const NEVER: Self = Self { nanos: NonZeroU64::MAX };

    pub(crate) fn plus(self, span: Duration) -> Self {
        self.plus_nanos(nanos(span))
    }

    pub(crate) fn plus_nanos(self, nanos: u64) -> Self {
        Self { nanos: self.nanos.saturating_add(nanos) }
    }

    pub(crate) fn before(self, span: Duration) -> Self {
        self.minus_nanos(nanos(span))
    }

    pub(crate) fn minus_nanos(self, nanos: u64) -> Self {
        Self::from_bits(self.nanos.get().saturating_sub(nanos))
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.get().saturating_sub(earlier.nanos.get()))
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.nanos.get()
    }

    pub(crate) fn from_bits(nanos: u64) -> Self {
        Self { nanos: NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN) }
    }

    /// Returns the distance from the start, or `None` for never.
    pub(crate) fn elapsed(self) -> Option<Duration> {
        if self == Self::NEVER { None } else { Some(self.since(Self::START)) }
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
