//! WebSocket ping/pong liveness as middleware: a dead peer is always closed, a live peer never, and it costs nearly
//! nothing.
//!
//! [`LiveStream`] wraps any WebSocket that is `Stream + Sink`, sends RFC 6455 pings on an interval, arms a timeout for
//! the pong, closes a dead connection with close code [3008](PONG_TIMEOUT_CLOSE_CODE), and tells its caller why. Items,
//! errors, order and backpressure stay the inner's own, so it stands wherever the bare socket stood.
//!
//! ```
//! # #[cfg(feature = "tungstenite")]
//! # mod example {
//! use futures_util::{Sink, SinkExt, Stream, StreamExt};
//! use tokio_tungstenite::tungstenite::{Error, Message};
//! use ws_liveness::{LiveConfig, LiveExt, LivenessError};
//!
//! async fn channel<S>(socket: S) -> Result<(), Error>
//! where
//!     S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
//! {
//!     let mut ws = socket.live(LiveConfig::default());
//!     while let Some(message) = ws.next().await {
//!         match message {
//!             Ok(message) if message.is_text() => ws.send(message).await?,
//!             Ok(_) => {}
//!             Err(error) => {
//!                 if let Some(dead) = LivenessError::find(&error) {
//!                     eprintln!("dead, because of a {}: {dead}", dead.cause());
//!                 }
//!                 return Err(error);
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//! # }
//! ```
//!
//! # What the caller must do
//!
//! - **Keep polling.** Nothing happens while nobody polls: no ping leaves, no pong is read. A task that waits in
//!   `next()` is enough; one that handles a message for minutes is not, though it is never held against the peer (J7):
//!   [`LiveStream::spawn`] gives the socket a task of its own.
//! - **Handle the one error.** A verdict comes as one `Err` of the inner's own error type, found by
//!   [`LivenessError::find`], then `None` for ever; a [`Monitor`] tells the same from any task.
//!
//! # What is promised
//!
//! With the defaults a peer that falls silent is closed within 40 s (I + T), one that talks but never answers within
//! 60 s (I + 2T), one that does not read within 50 s (I + W). A peer whose pong can be read within T of our ping's flush
//! is never closed, and the time that our own consumer, scheduler or host takes does not count against it.
//! [The contract](contract) says all of it, clause by clause; code and tests cite its ids.
//!
//! What a stream of messages cannot see is half a message: everything that the inner buffers (tungstenite: 128 KiB) and
//! one message more must be written within W, and one incoming frame must arrive within T (P5). Where messages are
//! large and paths slow, choose both accordingly, or give it [a source of progress](guide::progress).
//!
//! [The guide](guide) tells which layer notices what, what each environment cuts and when, how to choose the times, and
//! what to do when a connection drops all the same.
//!
//! What a hostile peer can fill is the inner's: tungstenite queues a pong for every ping that comes, without limit by
//! default, and a peer that pings and never reads is closed by W; one that sips bytes, where a progress source is given,
//! is not (P2). `max_write_buffer_size` bounds both.
//!
//! # The data's way
//!
//! ```text
//!  inner S --poll_next--> frame.rs --handle_frame--> liveness/ --poll_ping--> pump.rs, outbox.rs --start_send--> inner S
//!                        (read.rs)  handle_timeout ^     | poll_timeout             (write.rs: the user's)
//!                                            judge |     v
//!                                                  deadline.rs
//!  both halves' wakers: waker.rs     knobs: config.rs     outcomes: error.rs, monitor.rs, probe.rs, stats.rs
//!  all meet in stream.rs (the type) and drive.rs (one poll of it); ends: verdict.rs; a task of its own: spawn/
//!  below the messages: progress/, tcp/     dialling: connect/
//! ```

#![cfg_attr(not(feature = "tcp"), forbid(unsafe_code))]

mod adapters;
mod config;
#[cfg(feature = "connect")]
mod connect;
#[cfg(test)]
mod cost;
mod deadline;
mod drive;
mod driver;
mod error;
mod frame;
mod liveness;
mod monitor;
mod outbox;
mod poll;
mod presence;
mod probe;
mod progress;
mod pump;
mod read;
mod spawn;
mod stats;
mod stream;
mod sync;
#[cfg(feature = "tcp")]
mod tcp;
mod verdict;
mod waker;
mod write;

#[cfg(feature = "serde")]
pub use config::LiveOverrides;
pub use config::{ConfigError, LiveConfig, LiveConfigBuilder, PONG_TIMEOUT_CLOSE_CODE, PingWhen};
#[cfg(feature = "connect")]
pub use connect::{ConnectError, ConnectOptions, ConnectPhase, Connected, connect};
pub use error::{Cause, LivenessError};
pub use frame::{Auto, Kind, Protocol, WsMessage};
pub use monitor::{Health, LiveStats, Monitor};
pub use progress::{Diagnosis, Finding, Progress, ProgressHandle, ProgressIo, Sight, TcpSight};
pub use spawn::Spawned;
pub use stream::{LiveExt, LiveStream};
#[cfg(feature = "tcp")]
pub use tcp::{TcpOptionFailure, TcpOptions, TcpOptionsError, TcpProgress};

pub mod guide;

/// The contract, clause by clause.
pub mod contract {
    #![doc = include_str!("contract.md")]
}

/// The README's code is compiled.
#[cfg(all(doctest, feature = "tungstenite"))]
#[doc = include_str!("../README.md")]
struct Readme;
