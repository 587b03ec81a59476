//! What `src/wake` and `src/monitor` take from the machine, as it stands.

#[path = "../../src/liveness/payload.rs"]
mod payload;
#[path = "../../src/liveness/time.rs"]
mod time;

pub(crate) use payload::answers;
pub(crate) use time::{Time, nanos};
