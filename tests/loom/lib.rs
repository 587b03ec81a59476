//! Every interleaving of the combined waker and of the attention flag (V1, V2): `cargo test --release` in this directory,
//! which takes half a minute.
//!
//! `src/waker.rs` is included as it stands; loom's primitives take the place of what it imports. How `src/poll.rs`,
//! `src/stream.rs` and `src/monitor.rs` use it is told again in `world.rs`. A wake-up that is lost leaves a thread that
//! nobody wakes, which loom reports as a deadlock; `mutants.rs` shows that it does.

#![cfg(test)]

mod attention;
mod halves;
mod mutants;
mod sync;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../src/waker.rs"]
mod waker;
mod world;
