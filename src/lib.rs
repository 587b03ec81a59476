//! Ping/pong liveness for WebSockets: notices when a peer is dead, and never closes one that is alive.
//!
//! A connection whose path has forgotten it does not end by itself: sending succeeds, reading waits. [`LiveStream`]
//! wraps any WebSocket that is `Stream + Sink`, sends RFC 6455 pings, and yields one error if they are not answered.
//! Items, errors, order and backpressure stay those of the socket, so the wrapper goes where the bare socket went.
//!
//! ```no_run
//! # #[cfg(feature = "tungstenite-0-30")]
//! # mod example {
//! use std::time::Duration;
//!
//! use futures_util::{SinkExt, StreamExt};
//! use ws_liveness::{LiveConfig, LiveExt, LivenessError};
//!
//! # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
//! let config = LiveConfig::builder()
//!     .ping_interval(Duration::from_secs(20)) // shorter than the shortest idle limit on the path
//!     .pong_timeout(Duration::from_secs(20)) // how long an answer may take
//!     .build()?;
//! let (socket, _) = tokio_tungstenite::connect_async("ws://localhost:9001").await?;
//! let mut ws = socket.live(config);
//! ws.send("hello".into()).await?;
//! while let Some(message) = ws.next().await {
//!     match message {
//!         Ok(message) => println!("{message}"),
//!         Err(error) => match LivenessError::find(&error) {
//!             Some(dead) => eprintln!("the peer is dead: {dead}"),
//!             None => return Err(error.into()),
//!         },
//!     }
//! }
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! | to do this | use |
//! |---|---|
//! | wrap a socket | [`LiveExt::live`], [`LiveConfig`] |
//! | tell our error from the socket's own | [`LivenessError::find`] |
//! | work for minutes without polling | [`LiveStream::spawn`] |
//! | close with a code of your own | [`LiveSocket::close_with`] |
//! | watch a connection from another task | [`LiveStream::monitor`], [`Monitor`] |
//! | close all connections of a server | [a recipe](guide::shutdown) |
//! | bound what a hostile peer can make a connection hold | [`hardened`] |
//! | hear of every round trip, suspicion and end | [`LiveStream::with_observer`], [`Observer`] |
//! | wrap a socket with message or error types of your own, or of another crate | [`WsMessage`], [`Protocol`] |
//! | keep slow transfers alive, and learn which layer died | [`LiveStream::with_progress`], [`ProgressIo`] |
//! | find out what an error text means | [is it us, the peer, or the path?](guide::errors) |
//!
//! # What the caller must do
//!
//! - **Keep polling the stream.** Pings leave and pongs are read only while somebody polls. A task that waits in
//!   `next()` is enough. A task that handles one message for minutes sends no pings meanwhile, though that never counts
//!   against the peer; [`LiveStream::spawn`] gives the socket a task of its own.
//! - **Handle the one error.** A dead connection yields one `Err` of the socket's own error type, then `None`, and
//!   sending fails. [`LivenessError::find`] tells that error from the socket's own. A [`Monitor`] tells the same from
//!   any task.
//!
//! # What is promised
//!
//! | the peer | is noticed within | with the defaults |
//! |---|---|---|
//! | falls silent | `ping_interval + pong_timeout` | 40 s |
//! | talks, but never answers a ping | `ping_interval + 2 * pong_timeout` | 60 s |
//! | does not read, so that our ping cannot leave | `ping_interval + write_timeout` | 50 s |
//!
//! A monitor and a waiting writer know at that moment. The stream yields its error up to 1 s later, because a Close
//! with code [3008](PONG_TIMEOUT_CLOSE_CODE) is sent first.
//!
//! These timeouts count *attention*: they run only while the reader, or the writer, waits. So a peer whose pong can be
//! read in time is never closed, and the time that our own consumer, scheduler or host takes does not count against it.
//! [The contract](contract) says all of it, clause by clause.
//!
//! A stream of messages cannot see half a message. One incoming frame must arrive within `pong_timeout`, and everything
//! that the socket buffers (tungstenite: 128 KiB) and one message more must be written within `write_timeout`. If
//! messages are large and paths slow, choose longer times, or give the connection [a source of
//! progress](guide::progress).
//!
//! Memory that a hostile peer can fill is the socket's. tungstenite queues a pong for every ping that comes in, without
//! limit by default. A peer that pings and never reads is closed after `write_timeout`; one that reads a few bytes now
//! and then is not, if there is a progress source. `max_write_buffer_size` in tungstenite's configuration bounds both.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tungstenite-0-30` (default, also as `tungstenite` in this major version) | tokio-tungstenite 0.30, and whatever else carries tungstenite 0.30's `Message` |
//! | `tungstenite-0-26` to `tungstenite-0-29` | the same for older versions; all of them can be used together |
//! | `axum-0-8` | axum 0.8's `extract::ws::WebSocket` |
//! | `tokio-websockets-0-13` | tokio-websockets 0.13 (needs Rust 1.89) |
//! | `serde` | `LiveConfig` from and to configuration files; `LiveOverrides` for one channel |
//! | `tcp` | `TcpProgress`, which asks the TCP socket (Linux); `TcpOptions`, which sets TCP's own options |
//! | `connect` | `connect` dials `ws://` within one deadline, over tokio-tungstenite 0.30 |
//! | `connect-rustls` | the same for `wss://`, with rustls, ring and Mozilla's roots |

// The way of a frame, a ping and a verdict; CONTRIBUTING.md tells it in words.
//
//                            stream/mod.rs   the type; the short ways of a poll that only passes a message on
//                                  |
//              stream/read.rs      |      stream/write.rs     what each half does in a long poll
//                         \        |       /
//                          stream/driver.rs     the one loop: carries out what the machine wants
//                           /             \
//       stream/wire.rs  <--'               '-->  stream/pilot.rs      what does not depend on the socket's type
//       the inner S, its write side               |        |       \
//                                     liveness/ <-'     timer.rs    '--> monitor/  what others see
//                                     the machine       wake/            error.rs  what the user is told

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "tcp"), forbid(unsafe_code))]

mod adapters;
mod atomic;
#[cfg(test)]
mod auto_traits;
mod closing;
mod config;
#[cfg(feature = "connect-tungstenite-0-30")]
mod connect;
#[cfg(test)]
mod cost;
mod error;
#[cfg(feature = "serde")]
mod forms;
mod heartbeat;
mod liveness;
mod message;
mod monitor;
pub mod progress;
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
#[cfg(feature = "connect-tungstenite-0-30")]
pub use connect::{ConnectError, ConnectOptions, ConnectPhase, Connected, Dialled, connect, dial};
/// The version of tokio-rustls, and with it of rustls, that [`connect`] uses.
#[cfg(feature = "connect-rustls-0-23")]
pub use tokio_rustls;
/// The version of tokio-tungstenite, and with it of tungstenite, that [`connect`] uses. It is built without its own
/// `connect_async`: for that depend on it yourself.
#[cfg(feature = "connect-tungstenite-0-30")]
pub use tokio_tungstenite;

pub use error::{Cause, Layer, LivenessError};
pub use heartbeat::{Expectation, Heard, Heartbeat, HeartbeatProtocol, Pace};
pub use message::{MessageKind, Protocol, ProtocolOf, WsMessage, WsProtocol};
pub use monitor::{End, Event, Health, LiveStats, Monitor, Observer};
pub use progress::{Progress, ProgressIo};
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
