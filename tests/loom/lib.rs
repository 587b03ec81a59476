//! Every interleaving of the combined waker and of its flag (V1, V2): `cargo test --release` in this directory, which
//! takes seconds, and half a minute to build.
//!
//! `src/waker.rs` and `src/presence.rs` are included as they stand; loom's primitives take the place of what they import. In which order
//! `src/poll.rs` and `src/stream.rs` call it is told again in `world.rs`; `tests/racing.rs` in the crate tries that itself. A wake-up that is lost leaves a thread that
//! nobody wakes, which loom reports as a deadlock; `mutants.rs` shows that it does.

#![cfg(test)]

mod attention;
mod halves;
mod mutants;
#[path = "../../src/presence.rs"]
mod presence;
mod sync;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../../src/liveness/time.rs"]
mod time;
mod waits;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../../src/waker.rs"]
mod waker;
mod world;
