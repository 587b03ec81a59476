//! Draws what the benches `instructions` and `cycles` have counted, where they were run with `--save-summary=json`.
//! `cargo run --release -p ws-liveness-benches --bin counts`

use std::error::Error;
use std::path::PathBuf;

use ws_liveness_benches::counted::{CYCLES, MESSAGES, instructions};
use ws_liveness_benches::plot::{Bar, Plot};

/// What it is called, and where it was counted.
type Row<'a> = (&'a str, [&'a str; 3]);

const LIVE: &str = "LiveStream";

const PER_MESSAGE: [(&str, &[Row<'_>]); 4] = [
    (
        "in",
        &[
            ("bare", ["instructions", "messages", "bare_in.bytes_32"]),
            (LIVE, ["instructions", "messages", "live_in.bytes_32"]),
        ],
    ),
    (
        "in, one at a time",
        &[
            ("bare", ["instructions", "messages", "bare_alone.bytes_32"]),
            (LIVE, ["instructions", "messages", "live_alone.bytes_32"]),
        ],
    ),
    (
        "out",
        &[
            ("bare", ["instructions", "messages", "bare_out.bytes_32"]),
            (LIVE, ["instructions", "messages", "live_out.bytes_32"]),
        ],
    ),
    (
        "next().await",
        &[
            ("bare", ["instructions", "tasks", "bare_next.bytes_32"]),
            (LIVE, ["instructions", "tasks", "live_next.bytes_32"]),
            ("(a) select!", ["instructions", "tasks", "select_next.bytes_32"]),
        ],
    ),
];

const PER_CYCLE: [Row<'_>; 5] = [
    ("the timer alone", ["cycles", "cycles", "timer_alone.cycles"]),
    ("the cheapest program", ["cycles", "cycles", "floor.cycles"]),
    ("(a) select!", ["cycles", "cycles", "select.cycles"]),
    (LIVE, ["cycles", "cycles", "live.cycles"]),
    ("(b) split, channel", ["cycles", "cycles", "split.cycles"]),
];

fn add(plot: &mut Plot, rows: &[Row<'_>], per: usize) -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), PathBuf::from);
    for (name, bench) in rows {
        let count = instructions(&target, *bench)? / per as f64;
        println!("  {name:<28} {count:>6.0}");
        let bar = Bar::count(name, count);
        plot.bar(if *name == LIVE { bar.ours() } else { bar });
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut plot = Plot::new("A message: some hundred instructions more", "instructions of a message, in memory");
    for (way, rows) in PER_MESSAGE {
        println!("instructions of a message, {way}:");
        plot.group(way);
        add(&mut plot, rows, MESSAGES)?;
    }
    plot.save("instructions")?;
    println!("instructions of a ping cycle:");
    let mut plot = Plot::new("A ping cycle: mostly the runtime's timer", "instructions of a ping cycle, in memory");
    add(&mut plot, &PER_CYCLE, CYCLES)?;
    plot.save("cycles")
}
