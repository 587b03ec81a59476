//! Draws every plot again from what was recorded. `cargo run -p ws-liveness-benches --bin plots`

use std::error::Error;

use ws_liveness_benches::plot::Plot;

fn main() -> Result<(), Box<dyn Error>> {
    ["cycles", "growth", "heartbeats", "instructions", "memory", "messages"].into_iter().try_for_each(Plot::redraw)
}
