//! What a ping cycle costs from 1,000 to 1,000,000 connections: runs the example `scale`, and draws it. Takes ten minutes.
//! `cargo bench -p ws-liveness-benches --bench growth`

use std::error::Error;
use std::process::Command;

use ws_liveness_benches::plot::{Bar, Plot, whole};

/// The fewer there are, the shorter a window, and the more of them.
const RUNS: [(&str, &[&[&str]]); 2] = [
    ("over loopback TCP", &[&["--connections", "1000,9000,100000"]]),
    (
        "in memory",
        &[
            &["--memory", "--windows", "11", "--connections", "1000,9000"],
            &["--memory", "--windows", "3", "--connections", "100000"],
            &["--memory", "--windows", "1", "--connections", "1000000"],
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut plot = Plot::new(
        "A million connections: a ping costs what it does with a thousand",
        "µs of CPU of a ping cycle; grey: the cheapest program",
    );
    for (place, runs) in RUNS {
        plot.group(place);
        let text = runs.iter().map(|args| scale(args)).collect::<Result<String, _>>()?;
        let all = |kind| text.lines().filter_map(|line| cycle(line, kind)).collect::<Vec<_>>();
        for ((connections, live), (_, bare)) in all("live").into_iter().zip(all("bare")) {
            plot.bar(Bar::measure(&whole(connections), live).ours());
            plot.bar(Bar::measure("", bare));
        }
    }
    plot.save("growth")
}

/// What it said.
fn scale(args: &[&str]) -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = ["run", "--release", "--quiet", "--example", "scale", "--", "--cycles", "--numbers"];
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(cargo).current_dir(root).args(run).args(args).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    print!("{text}");
    Ok(text)
}

/// How many connections, and the microseconds of CPU: a line `numbers CONNECTIONS KIND MICROSECONDS`.
fn cycle(line: &str, kind: &str) -> Option<(f64, f64)> {
    let mut words = line.strip_prefix("numbers ")?.split(' ');
    let connections = words.next()?.parse().ok()?;
    (words.next()? == kind).then_some((connections, words.next()?.parse().ok()?))
}
