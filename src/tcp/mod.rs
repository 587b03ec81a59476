//! TCP's own layer: what the socket knows (P4), and what can be set on it.

mod error;
mod info;
#[cfg(target_os = "linux")]
mod linux;
mod options;
mod platform;
mod preset;

pub use error::{TcpOptionFailure, TcpOptionsError};
pub use info::TcpProgress;
pub use options::TcpOptions;
