//! What came out, and the table of it.

use std::time::Duration;

use crate::Failure;
use crate::cycle::Kind;
use crate::death::Manner;

/// One window of all processes.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    cpu: Duration,
    bytes: f64,
    bins: Vec<u64>,
}

impl Figures {
    /// The answers of the processes.
    pub(crate) fn read(answers: &[String]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for answer in answers {
            let mut words = answer.split(' ');
            let mut next = || words.next().ok_or("too short an answer");
            all.cpu += Duration::from_nanos(next()?.parse()?);
            all.bytes = all.bytes.max(next()?.parse()?);
            let bins = words.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
            all.bins.resize(bins.len(), 0);
            all.bins.iter_mut().zip(bins).for_each(|(all, bin)| *all += bin);
        }
        Ok(all)
    }

    fn pings(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// Microseconds of CPU.
    fn cycle(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.pings() as f64
    }

    /// The share of the pings that the busiest hundredth of the time carries, wherever it begins.
    fn busiest(&self) -> f64 {
        let most = self.bins.windows(self.bins.len() / 100).map(|bins| bins.iter().sum::<u64>()).max();
        most.unwrap_or(0) as f64 / self.pings() as f64
    }
}

/// What is known about so many connections.
#[derive(Debug)]
pub(crate) struct Row {
    connections: usize,
    interval: Duration,
    /// Each one's windows; bare is the first.
    pub(crate) kinds: Vec<(Kind, Vec<Figures>)>,
    /// Sorted: from the deadlines to the verdicts.
    pub(crate) deaths: Vec<(Manner, Vec<Duration>)>,
}

pub(crate) fn lateness(answers: &[String]) -> Result<Vec<Duration>, Failure> {
    let mut late = Vec::new();
    for word in answers.iter().flat_map(|answer| answer.split_whitespace()) {
        late.push(Duration::from_nanos(word.parse()?));
    }
    late.sort();
    Ok(late)
}

impl Row {
    pub(crate) fn new(connections: usize, interval: Duration, kinds: &[Kind]) -> Self {
        let kinds = kinds.iter().map(|kind| (*kind, Vec::new())).collect();
        Self { connections, interval, kinds, deaths: Vec::new() }
    }

    /// Against the bare window of the same turn.
    fn show_cycle(&self, kind: Kind, windows: &[Figures]) {
        let cycle = median(windows.iter().map(Figures::cycle).collect());
        let mut ratios: Vec<_> =
            windows.iter().zip(&self.kinds[0].1).map(|(one, bare)| one.cycle() / bare.cycle()).collect();
        ratios.sort_by(f64::total_cmp);
        let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
        let ratio = median(ratios);
        println!("  ping cycle, {:<13} {ratio:.2} of bare ({low:.2} to {high:.2}); {cycle:.1} µs of CPU", kind.name());
    }

    /// For a program to read.
    pub(crate) fn show_numbers(&self) {
        for (kind, windows) in &self.kinds {
            let cycle = median(windows.iter().map(Figures::cycle).collect());
            println!("numbers {} {} {cycle:.2}", self.connections, kind.name());
        }
    }

    pub(crate) fn show(&self) {
        println!("\n{} connections, a ping every {:.1?}", self.connections, self.interval);
        for (kind, windows) in &self.kinds {
            self.show_cycle(*kind, windows);
        }
        if let Some((_, live)) = self.kinds.iter().find(|(kind, _)| *kind == Kind::Live) {
            println!("  memory beyond the inner   {:.0} bytes a connection", live[0].bytes);
            let pings: u64 = live.iter().map(Figures::pings).sum();
            let [bare, live] = [&self.kinds[0].1, live].map(|windows| busiest(windows) * 100.0);
            println!("  busiest 1 % of the time   {live:.2} % of the {pings} pings, of bare's {bare:.2} %");
        }
        for (manner, late) in &self.deaths {
            let missing = self.connections - late.len();
            let told = if missing == 0 { String::new() } else { format!("; {missing} WITHOUT A VERDICT") };
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| quantile(late, part).as_secs_f64() * 1e3);
            println!("  verdicts, dying {:<14} p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms{told}", manner.name());
        }
    }
}

/// In whichever window it was busiest.
fn busiest(windows: &[Figures]) -> f64 {
    windows.iter().map(Figures::busiest).fold(0.0, f64::max)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or_default()
}
