//! The table: per family, how often and how well.

use std::fmt::Write;
use std::time::Duration;

use super::baselines::Baseline;
use super::checks::check;
use super::families::Family;
use super::oracle::Oracle;
use super::reach::{Reached, reached};
use super::run::{Run, Who, simulate};
use super::scenario::Scenario;

/// What one run tells the table.
pub struct Finding {
    pub seed: u64,
    pub family: Family,
    pub live_closed: bool,
    pub dead_missed: bool,
    pub verdict: bool,
    pub lateness: Option<Duration>,
    pub broken: Vec<String>,
    pub reached: Vec<Reached>,
    pub baselines: Vec<Missteps>,
}

#[derive(Clone, Copy, Default)]
pub struct Missteps {
    pub live_closed: usize,
    pub dead_missed: usize,
}

pub fn examine(seed: u64, baselines: &[Baseline]) -> (Finding, Run) {
    let (mut finding, run) = inspect(Scenario::new(seed));
    finding.baselines = baselines.iter().map(|baseline| misstep(seed, *baseline)).collect();
    (finding, run)
}

pub fn inspect(scenario: Scenario) -> (Finding, Run) {
    let run = simulate(scenario, Who::Ours);
    let oracle = Oracle::new(&run);
    let finding = Finding {
        seed: run.scenario.seed,
        family: run.scenario.family,
        live_closed: oracle.live_closed().is_some(),
        dead_missed: oracle.dead_missed().is_some(),
        verdict: oracle.verdict().is_some(),
        lateness: oracle.lateness(),
        broken: check(&oracle),
        reached: reached(&oracle),
        baselines: Vec::new(),
    };
    drop(oracle);
    (finding, run)
}

pub fn misstep(seed: u64, baseline: Baseline) -> Missteps {
    let run = simulate(Scenario::new(seed), Who::Baseline(baseline));
    let oracle = Oracle::new(&run);
    let (i, t) = (oracle.config.ping_interval(), oracle.config.pong_timeout());
    // A later verdict than ours is still one: only who misses by far has missed.
    let grace = i.max(t).saturating_mul(3);
    Missteps {
        live_closed: oracle.live_closed().is_some().into(),
        dead_missed: oracle.dead_missed().is_some_and(|late| late > grace).into(),
    }
}

#[derive(Default)]
pub struct Row {
    pub runs: usize,
    pub verdicts: usize,
    pub failed: usize,
    pub ours: Missteps,
    pub lateness: Vec<Duration>,
    pub baselines: Vec<Missteps>,
}

impl Row {
    pub fn add(&mut self, finding: &Finding) {
        self.runs += 1;
        self.verdicts += usize::from(finding.verdict);
        self.failed += usize::from(!finding.broken.is_empty());
        self.ours.live_closed += usize::from(finding.live_closed);
        self.ours.dead_missed += usize::from(finding.dead_missed);
        self.lateness.extend(finding.lateness);
        self.baselines.resize(finding.baselines.len(), Missteps::default());
        for (sum, one) in self.baselines.iter_mut().zip(&finding.baselines) {
            sum.live_closed += one.live_closed;
            sum.dead_missed += one.dead_missed;
        }
    }

    /// Median, p99 and maximum.
    fn quantiles(&self) -> String {
        let mut sorted = self.lateness.clone();
        sorted.sort();
        let at = |part: f64| sorted.get(((sorted.len() - 1) as f64 * part).round() as usize);
        match sorted.is_empty() {
            true => format!("{:>24}", "-"),
            false => [0.5, 0.99, 1.0].iter().filter_map(|part| at(*part)).fold(String::new(), |mut text, late| {
                let _ = write!(text, " {:>7}", format!("{} ms", late.as_millis()));
                text
            }),
        }
    }
}

pub struct Table {
    rows: Vec<Row>,
    baselines: Vec<Baseline>,
}

impl Table {
    pub fn new(baselines: &[Baseline]) -> Self {
        Self { rows: Family::ALL.iter().map(|_| Row::default()).collect(), baselines: baselines.to_vec() }
    }

    pub fn add(&mut self, finding: &Finding) {
        self.rows[finding.family as usize].add(finding);
    }

    /// In how many families this baseline erred.
    pub fn erred(&self, baseline: usize) -> usize {
        let errs = |row: &&Row| row.baselines.get(baseline).is_some_and(|it| it.live_closed + it.dead_missed > 0);
        self.rows.iter().filter(errs).count()
    }

    pub fn render(&self) -> String {
        let mut text = format!(
            "{:<24} {:>6} {:>8} {:>6} | {:>4} {:>4} | {:^24}",
            "family", "runs", "verdicts", "failed", "live", "dead", "late: median, p99, max"
        );
        self.baselines.iter().for_each(|it| text += &format!(" | {:>11}", it.name()));
        text += "\n";
        let mut sum = Row::default();
        for (family, row) in Family::ALL.iter().zip(&self.rows) {
            text += &line(family.name(), row);
            sum.join(row);
        }
        text += &line("all", &sum);
        text + "live: live connections closed; dead: dead ones missed; a baseline's: live / dead\n"
    }
}

impl Row {
    fn join(&mut self, row: &Self) {
        self.runs += row.runs;
        self.verdicts += row.verdicts;
        self.failed += row.failed;
        self.ours.live_closed += row.ours.live_closed;
        self.ours.dead_missed += row.ours.dead_missed;
        self.lateness.extend(&row.lateness);
        self.baselines.resize(row.baselines.len().max(self.baselines.len()), Missteps::default());
        for (sum, one) in self.baselines.iter_mut().zip(&row.baselines) {
            sum.live_closed += one.live_closed;
            sum.dead_missed += one.dead_missed;
        }
    }
}

fn line(name: &str, row: &Row) -> String {
    let mut text = format!("{name:<24} {:>6} {:>8} {:>6}", row.runs, row.verdicts, row.failed);
    text += &format!(" | {:>4} {:>4} | {}", row.ours.live_closed, row.ours.dead_missed, row.quantiles());
    for it in &row.baselines {
        text += &format!(" | {:>5}/{:>5}", it.live_closed, it.dead_missed);
    }
    text + "\n"
}
