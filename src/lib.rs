//! WebSocket ping/pong liveness as middleware: a dead peer is always closed, a live peer never.
/// The contract, clause by clause.
pub mod contract {
    #![doc = include_str!("contract.md")]
}
mod adapters;
mod config;
#[cfg(test)]
mod cost;
mod deadline;
mod drive;
mod error;
mod frame;
mod liveness;
mod monitor;
mod outbox;
mod probe;
mod pump;
mod read;
mod stats;
mod stream;
mod waker;
mod write;

pub use config::{ConfigError, LiveConfig, LiveConfigBuilder, PONG_TIMEOUT_CLOSE_CODE, PingWhen};
pub use error::{Cause, LivenessError};
pub use frame::{Auto, Kind, Protocol, WsMessage};
pub use monitor::{Health, LiveStats, Monitor};
pub use stream::{LiveExt, LiveStream};
