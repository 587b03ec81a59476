//! What the command line says.

use std::time::Duration;

use crate::cycle::Kind;
use crate::death::Manner;

pub(crate) const USAGE: &str = "\
usage: scale [--connections N[,N...]] [--interval SECONDS] [--windows N] [--memory] [--baselines]
             [--cycles] [--numbers]

Pings N connections over loopback, their peers in processes of their own, and tells what a ping cycle costs, beside the
cheapest program that sends a ping and reads a pong in turn with it; what a connection takes; how even the pings are;
and how soon a death is told.

  --connections  how many; several numbers are run one after the other, for comparison (default 1000)
  --interval     between the pings of a connection (default: as long as makes 2,000 pings a second in a process)
  --windows      how often both are measured, in turn (default 2)
  --baselines    also what is usually written by hand: one `select!`; split halves with a ping task and a channel
  --memory       no TCP: both ends in one process, with small buffers; for a million of them
  --cycles       only the ping cycles, no deaths
  --numbers      the cycles once more, for a program to read: `numbers CONNECTIONS KIND MICROSECONDS`

A process has 9,000 connections at most, and opens a file for each, as many as the hard limit lets it (`ulimit -Hn`).
More than 9,000 need addresses beside 127.0.0.1, which Linux has.";

/// One loopback address takes no more connections well, and many systems let a process open no more than twice as many
/// files.
const PER_PROCESS: usize = 9_000;
/// Comparable from one number of connections to another: what a wake-up of the process costs is shared by as many pings.
const PINGS_PER_SECOND: usize = 2_000;
const MEMORY_PINGS_PER_SECOND: usize = 40_000;

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) connections: Vec<usize>,
    interval: Option<Duration>,
    pub(crate) windows: u32,
    pub(crate) memory: bool,
    pub(crate) cycles_only: bool,
    pub(crate) numbers: bool,
    pub(crate) kinds: &'static [Kind],
}

impl Args {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self {
            connections: vec![1_000],
            interval: None,
            windows: 2,
            memory: false,
            cycles_only: false,
            numbers: false,
            kinds: &Kind::ALL[..2],
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--connections" => parsed.connections = numbers(&args.next()?)?,
                "--interval" => parsed.interval = Some(Duration::try_from_secs_f64(args.next()?.parse().ok()?).ok()?),
                "--windows" => {
                    parsed.windows = args.next()?.parse().ok().filter(|windows| (1..=100).contains(windows))?
                }
                "--baselines" => parsed.kinds = &Kind::ALL,
                "--memory" => parsed.memory = true,
                "--cycles" => parsed.cycles_only = true,
                "--numbers" => parsed.numbers = true,
                _ => return None,
            }
        }
        let bounded = parsed.interval.is_none_or(|interval| (0.05..=60.0).contains(&interval.as_secs_f64()));
        bounded.then_some(parsed)
    }

    /// How they die.
    pub(crate) fn manners(&self) -> &'static [Manner] {
        if self.cycles_only { &[] } else { &Manner::ALL }
    }

    /// How many connections each process has.
    pub(crate) fn shares(&self, connections: usize) -> Vec<usize> {
        let processes = if self.memory { 1 } else { connections.div_ceil(PER_PROCESS) };
        (0..processes).map(|process| connections / processes + usize::from(process < connections % processes)).collect()
    }

    pub(crate) fn interval(&self, share: usize) -> Duration {
        let (rate, least) = if self.memory { (MEMORY_PINGS_PER_SECOND, 50) } else { (PINGS_PER_SECOND, 500) };
        let even = Duration::from_secs_f64(share as f64 / rate as f64);
        self.interval.unwrap_or(even.max(Duration::from_millis(least)))
    }
}

fn numbers(list: &str) -> Option<Vec<usize>> {
    list.split(',').map(|number| number.parse().ok().filter(|number| (1..=1_000_000).contains(number))).collect()
}
