//! TCP's own layer: what the socket knows (P4), and what can be set on it.

mod error;
mod info;
mod options;

pub use error::{TcpOptionFailure, TcpOptionsError};
pub use info::TcpProgress;
pub use options::TcpOptions;
