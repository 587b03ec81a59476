//! Draws what the benches `instructions` and `cycles` have counted, where they were run with `--save-summary=json`.
//! `cargo run --release -p ws-liveness-benches --bin counts`

use std::error::Error;
use std::path::PathBuf;

use ws_liveness_benches::counted::{CYCLES, MESSAGES, instructions};
use ws_liveness_benches::plot::{self, Bar};

/// What it is called, and where it was counted.
type Row<'a> = (&'a str, [&'a str; 3]);

const PER_MESSAGE: [Row<'_>; 9] = [
    ("in: bare", ["instructions", "messages", "bare_in.bytes_32"]),
    ("in: LiveStream", ["instructions", "messages", "live_in.bytes_32"]),
    ("in, one at a time: bare", ["instructions", "messages", "bare_alone.bytes_32"]),
    ("in, one at a time: LiveStream", ["instructions", "messages", "live_alone.bytes_32"]),
    ("out: bare", ["instructions", "messages", "bare_out.bytes_32"]),
    ("out: LiveStream", ["instructions", "messages", "live_out.bytes_32"]),
    ("next().await: bare", ["instructions", "tasks", "bare_next.bytes_32"]),
    ("next().await: LiveStream", ["instructions", "tasks", "live_next.bytes_32"]),
    ("next().await: (a) select!", ["instructions", "tasks", "select_next.bytes_32"]),
];

const PER_CYCLE: [Row<'_>; 5] = [
    ("the runtime's timer alone", ["cycles", "cycles", "timer_alone.cycles"]),
    ("the cheapest program", ["cycles", "cycles", "floor.cycles"]),
    ("(a) select!", ["cycles", "cycles", "select.cycles"]),
    ("LiveStream", ["cycles", "cycles", "live.cycles"]),
    ("(b) split, channel", ["cycles", "cycles", "split.cycles"]),
];

fn draw(rows: &[Row<'_>], per: usize, title: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), PathBuf::from);
    let mut bars = Vec::new();
    for (name, bench) in rows {
        let count = instructions(&target, *bench)? / per as f64;
        println!("  {name:<28} {count:>6.0}");
        bars.push(Bar::count(name, count));
    }
    plot::bars(path, title, &bars)
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("instructions of a message:");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.svg");
    draw(&PER_MESSAGE, MESSAGES, "Instructions of a message, in memory", path)?;
    println!("instructions of a ping cycle:");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/cycles.svg");
    draw(&PER_CYCLE, CYCLES, "Instructions of a ping cycle, in memory", path)
}
