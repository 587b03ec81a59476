//! What callgrind counted, as gungraun keeps it.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What a run of the bench `instructions` counts together.
pub const MESSAGES: usize = 10_000;
/// What a run of the bench `cycles` counts together.
pub const CYCLES: usize = 200;

/// The instructions of one benchmark, by its file, group, and function with its id where it has one.
pub fn instructions(target: &Path, bench: [&str; 3]) -> Result<f64, Box<dyn Error>> {
    let [file, group, function] = bench;
    let path = target.join("gungraun/ws-liveness-benches").join(file).join(group).join(function).join("summary.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let summary: Value = serde_json::from_str(&text)?;
    let count = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new").and_then(Value::as_u64);
    Ok(count.ok_or_else(|| format!("{}: no count", path.display()))? as f64)
}
