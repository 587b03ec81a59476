//! WebSocket ping/pong liveness as middleware: a dead peer is always closed, a live peer never, and it costs nearly
//! nothing.
//!
//! [`LiveStream`] wraps any WebSocket that is `Stream + Sink`, sends RFC 6455 pings on an interval, arms a timeout for
//! the pong, closes a dead connection with close code [3008](PONG_TIMEOUT_CLOSE_CODE), and tells its caller why. Items,
//! errors, order and backpressure stay the inner's own, so it stands wherever the bare socket stood.
//!
//! ```
//! # #[cfg(feature = "tungstenite-0-30")]
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
//!   `next()` is enough; one that handles a message for minutes is not, though that never counts against the peer:
//!   [`LiveStream::spawn`] gives the socket a task of its own.
//! - **Handle the one error.** A verdict comes as one `Err` of the inner's own error type, found by
//!   [`LivenessError::find`], then `None` for ever; a [`Monitor`] tells the same from any task.
//!
//! # What is promised
//!
//! With the defaults a peer that falls silent is closed within 40 s (`ping_interval + pong_timeout`), one that talks but
//! never answers within 60 s (`ping_interval + 2 * pong_timeout`), one that does not read within 50 s (`ping_interval +
//! write_timeout`). These timeouts count *attention*, not time: they run only while we would notice what they wait for. So
//! a peer whose pong can be read in time is never closed, and the time that our own consumer, scheduler or host takes does
//! not count against it. [The contract](contract) says all of it, clause by clause.
//!
//! What a stream of messages cannot see is half a message: everything that the inner buffers (tungstenite: 128 KiB) and
//! one message more must be written within `write_timeout`, and one incoming frame must arrive within `pong_timeout`. If
//! messages are large and paths slow, choose both accordingly, or give it [a source of progress](guide::progress).
//!
//! [The guide](guide) tells which layer notices what, what each environment cuts and when, how to choose the times, and
//! what to do when a connection drops all the same.
//!
//! What a hostile peer can fill is the inner's: tungstenite queues a pong for every ping that comes, without limit by
//! default, and a peer that pings and never reads is closed by W; one that sips bytes, where a progress source is given,
//! is not (P2). `max_write_buffer_size` bounds both.
//!
//! # The way of a frame, a ping and a verdict
//!
//! ```text
//!                            stream/mod.rs   the type; the short ways of a poll that only passes a message on
//!                                  |
//!              stream/read.rs      |      stream/write.rs     what each half does in a long poll
//!                         \        |       /
//!                          stream/driver.rs     the one loop: carries out what the machine wants
//!                           /             \
//!       stream/wire.rs  <--'               '-->  stream/pilot.rs      what does not depend on the socket's type
//!       the inner S, its write side               |        |       \
//!                                     liveness/ <-'     timer.rs    '--> monitor/  what others see
//!                                     the machine       wake/            error.rs  what the user is told
//! ```
//!
//! A frame comes in by `wire.rs`, is told apart in `read.rs` by `message.rs` (the seam to a message type; `adapters/` has
//! the foreign ones), and is told to the machine by `pilot.rs`. A ping falls due in the machine, is taken from there by
//! `driver.rs`, goes out by `wire.rs`, and its pong comes back as a frame. A verdict falls in the machine, is told by
//! `pilot.rs`, and reaches the user by `read.rs` and `write.rs`.
//!
//! `liveness/` is pure: `now` is a parameter. What happens comes in by `input.rs`, what is to be done goes out by `output.rs`;
//! `phase.rs` draws its states, `stopwatch.rs` has the one idea. `wake/` has the wakers of both halves and knows which of them waits.
//! `config/` makes the rules of the machine. `spawn/` gives a `LiveStream` a task of its own. `progress/` and `tcp/` look
//! below the messages, `connect/` dials.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "tcp"), forbid(unsafe_code))]

mod adapters;
mod atomic;
#[cfg(test)]
mod auto_traits;
mod closing;
mod config;
#[cfg(feature = "connect")]
mod connect;
#[cfg(test)]
mod cost;
mod error;
#[cfg(feature = "serde")]
mod forms;
mod liveness;
mod message;
mod monitor;
mod progress;
mod spawn;
mod stream;
#[cfg(feature = "tcp")]
mod tcp;
mod timer;
mod wake;

pub use closing::{Closing, Discard, LiveSocket};
#[cfg(feature = "serde")]
pub use config::LiveOverrides;
pub use config::{ConfigError, Judging, LiveConfig, LiveConfigBuilder, PONG_TIMEOUT_CLOSE_CODE, PingWhen};
#[cfg(feature = "connect")]
pub use connect::{ConnectError, ConnectOptions, ConnectPhase, Connected, Dialled, connect, dial};
/// The version of tokio-rustls, and with it of rustls, that [`connect`] uses.
#[cfg(feature = "connect-rustls")]
pub use tokio_rustls;
/// The version of tokio-tungstenite, and with it of tungstenite, that [`connect`] uses.
#[cfg(feature = "connect")]
pub use tokio_tungstenite;

pub use error::{Cause, Layer, LivenessError};
pub use message::{Auto, Kind, Protocol, ProtocolOf, WsMessage};
pub use monitor::{End, Event, Health, LiveStats, Monitor, Observer};
pub use progress::{Diagnosis, Finding, Progress, ProgressHandle, ProgressIo, Sight, TcpSight};
pub use spawn::Spawned;
pub use stream::{LiveExt, LiveStream};
#[cfg(feature = "tcp")]
pub use tcp::{TcpOptionFailure, TcpOptions, TcpOptionsError, TcpProgress};

pub mod guide;
pub mod hardened;

/// The contract, clause by clause.
pub mod contract {
    #![doc = include_str!("contract.md")]
}

/// The README's code is compiled.
#[cfg(all(doctest, feature = "tungstenite-0-30"))]
#[doc = include_str!("../README.md")]
struct Readme;
