//! Every interleaving of the wakers, of the waits and of the monitors' calls (V1, V2, J6, O2, O3): `cargo test --release`
//! in this directory, which takes seconds, and half a minute to build.
//!
//! `src/wake` and `src/monitor` are included as they stand; loom's primitives take the place of what they import. In which
//! order `src/stream` calls them is told again in `world.rs` and `calls.rs`; `tests/sockets/v/racing.rs` in the crate tries that
//! itself. A wake-up that is lost leaves a thread that nobody wakes, which loom reports as a deadlock; `mutants.rs` shows
//! that it does.

#![cfg(test)]

// What `src/monitor` takes from tokio is in `sync.rs`.
extern crate self as tokio;

mod attention;
mod calls;
mod halves;
#[allow(dead_code, reason = "not all of it is used here")]
mod liveness;
#[allow(
    clippy::enum_variant_names,
    dead_code,
    unused_imports,
    reason = "not all of it is used here, and it is not public"
)]
#[path = "../../src/monitor/mod.rs"]
mod monitor;
mod mutants;
mod news;
mod sync;
#[allow(dead_code, reason = "not all of it is used here")]
mod wake;
mod world;

/// No monitor here has an error to keep.
mod error {
    #[derive(Clone, Debug)]
    pub(crate) struct LivenessError;

    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Layer {
        Protocol,
    }
}

mod timer {
    pub(crate) use crate::wake::Clock;
}
