//! What one would use instead, each as its documentation, or the habit, shows it.

pub mod ezsocket;
pub mod registry;
pub mod select;
pub mod socketeer;
pub mod split;

use std::time::Duration;

/// The interval that all of them ping at, where the run is too short for a ping to fall due.
pub const NEVER_DUE: Duration = Duration::from_secs(20);
