//! Any number of simulated worlds on all cores, and a table of what became of them.
//!
//! ```sh
//! cargo run --release --example soak -- --seeds 100000 [--start 1] [--baselines]
//! cargo run --release --example soak -- --seed 4711
//! ```

#[path = "../../tests/support/world/mod.rs"]
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use world::baselines::Baseline;
use world::reach::Chart;
use world::report::{Finding, Table, examine};
use world::timeline::tell;

const USAGE: &str = "usage: soak (--seeds N [--start S] [--baselines] | --seed S)";
/// Timelines are long; the other seeds are only named.
const TOLD: usize = 3;
/// So many seeds reach all that there is to reach.
const FULL: u64 = 10_000;

#[derive(Default)]
struct Options {
    seeds: u64,
    start: u64,
    seed: Option<u64>,
    baselines: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Some(Options { seed: Some(seed), .. }) => repeat(seed),
        Some(options) => soak(&options),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { seeds: 10_000, ..Options::default() };
    while let Some(arg) = args.next() {
        let mut number = || args.next()?.parse().ok();
        match arg.as_str() {
            "--seeds" => options.seeds = number()?,
            "--start" => options.start = number()?,
            "--seed" => options.seed = Some(number()?),
            "--baselines" => options.baselines = true,
            _ => return None,
        }
    }
    Some(options)
}

/// Exactly that run, told.
fn repeat(seed: u64) -> ExitCode {
    let (finding, run) = examine(seed, &[]);
    println!("{}", tell(&run));
    verdict(&[finding.broken.join("; ")].into_iter().filter(|broken| !broken.is_empty()).collect::<Vec<_>>())
}

fn soak(options: &Options) -> ExitCode {
    let baselines: &[Baseline] = if options.baselines { &Baseline::ALL } else { &[] };
    let bar = ProgressBar::new(options.seeds).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left {msg}").expect("a template"),
    );
    let table = Mutex::new(Table::new(baselines));
    let chart = Mutex::new(Chart::default());
    let failures = Mutex::new(Vec::new());
    let next = AtomicU64::new(options.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.start + options.seeds {
                return;
            }
            let (finding, run) = examine(seed, baselines);
            table.lock().unwrap().add(&finding);
            chart.lock().unwrap().add(finding.family, &finding.reached);
            if !finding.broken.is_empty() {
                note(&mut failures.lock().unwrap(), &finding, &tell(&run));
                bar.set_message(format!("({} failed)", failures.lock().unwrap().len()));
            }
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    bar.finish();
    println!("{}", table.into_inner().unwrap().render());
    let (chart, mut failures) = (chart.into_inner().unwrap(), failures.into_inner().unwrap());
    println!("{}", chart.render());
    if options.seeds >= FULL {
        failures.extend(chart.missing().iter().map(|what| format!("never reached: {what}")));
    }
    verdict(&failures)
}

fn note(failures: &mut Vec<String>, finding: &Finding, story: &str) {
    let broken = finding.broken.join("; ");
    let head = format!("seed {}, {}: {broken}", finding.seed, finding.family.name());
    failures.push(if failures.len() < TOLD { format!("{head}\n{story}") } else { head });
}

fn verdict(failures: &[String]) -> ExitCode {
    failures.iter().for_each(|failure| println!("FAILED {failure}"));
    match failures.len() {
        0 => ExitCode::SUCCESS,
        failed => {
            println!("{failed} failed; `--seed S` repeats one of them");
            ExitCode::FAILURE
        }
    }
}
