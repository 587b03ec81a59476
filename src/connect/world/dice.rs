//! Everything that a seed decides is thrown here.

pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(super) fn chance(&mut self, of: f64) -> bool {
        self.0.f64() < of
    }

    pub(super) fn share(&mut self) -> f64 {
        self.0.f64()
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.0.usize(..from.len())]
    }

    pub(super) fn number(&mut self, low: u64, high: u64) -> u64 {
        self.0.u64(low..=high)
    }

    /// Short ones, those around 250 ms and its multiples, and as long as a whole timeout.
    pub(super) fn time(&mut self) -> u64 {
        match self.number(0, 9) {
            0..=3 => self.number(1, 60),
            4 => self.number(1, 8) * 250 + self.number(0, 2) - 1,
            5..=7 => self.number(60, 1_500),
            8 => self.number(1_500, 6_000),
            _ => self.number(6_000, 16_000),
        }
    }

    /// Of a message: none, a few bytes, or more than is read at once.
    pub(super) fn length(&mut self) -> usize {
        let length = match self.number(0, 9) {
            0 => 0,
            1..=6 => self.number(1, 200),
            7 | 8 => self.number(200, 5_000),
            _ => self.number(5_000, 70_000),
        };
        usize::try_from(length).expect("it is small")
    }
}
