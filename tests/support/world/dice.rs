//! Everything that a seed decides is thrown here.

use std::ops::RangeInclusive;
use std::time::Duration;

pub struct Dice(pub fastrand::Rng);

impl Dice {
    pub fn chance(&mut self, of: f64) -> bool {
        self.0.f64() < of
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.0.usize(..from.len())].clone()
    }

    pub fn number(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.usize(range)
    }

    /// So many times `whole`, from `low` to `high`.
    pub fn times(&mut self, whole: Duration, low: f64, high: f64) -> Duration {
        millis(whole.mul_f64(low + (high - low) * self.0.f64()))
    }

    /// As likely small as great.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.0.f64())
    }
}

/// Whole milliseconds, at least one.
pub fn millis(time: Duration) -> Duration {
    Duration::from_millis((time.as_millis() as u64).max(1))
}
