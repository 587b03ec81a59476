//! Who is woken, and who waits.

mod fan;
mod presence;
mod sync;

pub(crate) use fan::{Fan, Half};
