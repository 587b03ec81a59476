//! What liveness costs at scale, on this machine.
//!
//! ```sh
//! cargo run --release --example scale -- --connections 9000
//! cargo run --release --example scale -- --help
//! ```

mod args;
mod baselines;
mod crew;
mod cycle;
mod death;
mod figures;
mod peer;
mod socket;
mod subject;

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use args::{Args, USAGE};
use crew::Crew;
use death::Manner;
use figures::{Figures, Row, lateness};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["peer", addr] => child(async { peer::run(addr.parse()?).await }),
        ["subject"] => child(subject::run(None)),
        ["subject", addr] => child(async { subject::run(Some(addr.parse()?)).await }),
        _ => match Args::parse(args.into_iter()) {
            Some(args) => run(&args),
            None => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread: its time is the work's alone.
fn child(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

fn run(args: &Args) -> Result<(), Failure> {
    let others = if args.cycles_only { 1 } else { 2 * args.manners().len() as u64 };
    let steps = args.connections.len() as u64 * (u64::from(args.windows) * args.kinds.len() as u64 + others);
    let style = ProgressStyle::with_template("{bar:40} {elapsed} {msg}").expect("a template");
    let bar = ProgressBar::new(steps).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let rows = args.connections.iter().map(|count| measure(args, *count, &bar)).collect::<Result<Vec<_>, _>>();
    bar.finish_and_clear();
    let rows = rows?;
    rows.iter().for_each(Row::show);
    if args.numbers {
        rows.iter().for_each(Row::show_numbers);
    }
    Ok(())
}

/// What a process opens beside its connections.
const OTHER_FILES: u64 = 32;

/// Many systems let a process open 1,024 files only, until it asks for more.
fn allow_files(connections: usize) -> Result<(), Failure> {
    let needed = connections as u64 + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(needed)?;
    if allowed < needed {
        return Err(
            format!("{connections} connections need {needed} open files, {allowed} are allowed: ulimit -Hn").into()
        );
    }
    Ok(())
}

fn measure(args: &Args, connections: usize, bar: &ProgressBar) -> Result<Row, Failure> {
    let step = |what: &str| {
        bar.set_message(format!("{connections} connections: {what}"));
        bar.inc(1);
    };
    let shares = args.shares(connections);
    let interval = args.interval(shares[0]);
    if !args.memory {
        // The children inherit it.
        allow_files(shares[0])?;
    }
    let mut crew = Crew::hire(&shares, args.memory)?;
    let mut row = Row::new(connections, interval, args.kinds);
    step("connecting");
    crew.connect()?;
    for window in 0..args.windows {
        // Who goes first takes turns.
        let forward = args.kinds.iter().enumerate();
        let order: Vec<_> = if window % 2 == 0 { forward.collect() } else { forward.rev().collect() };
        for (number, kind) in order {
            step(&format!("window {} of {}, {}", window + 1, args.windows, kind.name()));
            let answers = crew.ask(&format!("{} {}", kind.name(), interval.as_nanos()))?;
            row.kinds[number].1.push(Figures::read(&answers)?);
        }
    }
    for (number, manner) in args.manners().iter().enumerate() {
        if number > 0 {
            step("connecting again");
            crew.connect()?;
        }
        step(&format!("dying, {}", manner.name()));
        row.deaths.push((*manner, die(&mut crew, *manner, interval)?));
    }
    Ok(row)
}

/// The answers are many numbers: a line for each process.
fn die(crew: &mut Crew, manner: Manner, interval: Duration) -> Result<Vec<Duration>, Failure> {
    crew.ask(&format!("{} {}", manner.order(), interval.as_nanos()))?;
    crew.mute()?;
    lateness(&crew.answers()?)
}
