//! `src/wake` as it stands, with loom's primitives in the place of what it imports.

#[path = "../../../src/wake/fan.rs"]
mod fan;
#[path = "../../../src/wake/presence.rs"]
mod presence;
mod sync;
mod waits;

pub(crate) use fan::{Fan, Half};
pub(crate) use sync::{AtomicBool, AtomicWaker, Clock, Ordering, Time};
