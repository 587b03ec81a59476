//! Two things side by side: in turn, in one process, and only their ratio is believed.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

/// What every pair of runs gave.
#[derive(Clone, Debug, Default)]
pub struct Ratios(Vec<f64>);

impl Ratios {
    /// One pair.
    pub fn push(&mut self, ratio: f64) {
        self.0.push(ratio);
    }

    /// All of them, in order of size.
    #[must_use]
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// That fraction of the pairs lies below.
    #[must_use]
    pub fn quantile(&self, fraction: f64) -> f64 {
        quantile(&self.sorted(), fraction)
    }

    /// Half of the pairs lie below.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// Of sorted values.
#[must_use]
pub fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * fraction).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The median, and between which the middle half lies.
impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ({:.3} to {:.3})", self.median(), self.quantile(0.25), self.quantile(0.75))
    }
}

/// What `--rounds` says.
pub fn rounds(args: impl Iterator<Item = String>, usual: usize) -> usize {
    let after = args.skip_while(|arg| arg != "--rounds").nth(1);
    after.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual).clamp(1, 10_000)
}

/// What one batch took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    /// From its first message to its last.
    pub wall: Duration,
    /// The thread's own time, which other programs on the machine hardly change.
    pub cpu: Duration,
}

impl AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// Some subjects against one base.
#[derive(Debug)]
pub struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

/// One subject.
#[derive(Debug)]
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// The base's time through its own.
    pub wall: Ratios,
    /// The same, of CPU time.
    pub cpu: Ratios,
    /// Nanoseconds of the base, each.
    base: Ratios,
}

impl Row {
    /// Before the first pair.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, wall: Ratios::default(), cpu: Ratios::default(), base: Ratios::default() }
    }

    /// One pair of batches of `count`.
    pub fn add(&mut self, base: Took, took: Took, count: usize) {
        self.wall.push(base.wall.as_secs_f64() / took.wall.as_secs_f64());
        self.cpu.push(base.cpu.as_secs_f64() / took.cpu.as_secs_f64());
        self.base.push(base.wall.as_secs_f64() * 1e9 / count as f64);
    }
}

impl Table {
    /// Without subjects.
    #[must_use]
    pub fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    /// One subject more.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// What was compared.
    #[must_use]
    pub fn title(&self) -> &str {
        self.title
    }

    /// The subjects.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.rows.first().map_or(f64::NAN, |row| row.base.median());
        writeln!(f, "\n{} (bare: {base:.0} ns a message)", self.title)?;
        self.rows.iter().try_for_each(|Row { name, wall, cpu, .. }| writeln!(f, "  {name:<20} {wall}   of CPU {cpu}"))
    }
}
