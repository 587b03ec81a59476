//! How much attention may a verdict need beyond its timeout? What promise 1 allows a host or a program that is not there
//! in time.

use std::time::Duration;

use super::facts::{GRAIN, TICK};
use super::scenario::{Consumer, Ours};

/// A last look that comes late is repeated so often, a tick later each (J5).
const REPEATS: u32 = 3;

/// So many polls that are late by a period each: eight looks, and the first after a flush by the other half.
const LATE_POLLS: u32 = 9;

impl Ours {
    /// How long our program lets the crate wait for the next poll, again and again.
    pub fn period(&self) -> Duration {
        let p = match self.consumer {
            Consumer::Ticks(p) | Consumer::Works(p) | Consumer::Echoes(p) => p,
            _ => Duration::ZERO,
        };
        let late = if self.host.late.is_zero() { Duration::ZERO } else { self.host.late + TICK };
        p + late
    }

    /// For each time that W or T runs.
    pub fn slack(&self) -> Duration {
        let stops = self.stalls.len() as u32 + 1;
        GRAIN + TICK * REPEATS * stops + self.period() * LATE_POLLS
    }
}
