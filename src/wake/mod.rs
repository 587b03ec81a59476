//! The wakers of both halves, and which of the halves waits.

mod fan;
mod presence;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use fan::{Fan, Half};
