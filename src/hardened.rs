//! Limits for sockets whose peers are not trusted, one function per WebSocket library.
//!
//! The libraries' defaults bound little of what a peer can make a connection hold. With tungstenite and axum, what waits to
//! be sent has no limit, and a peer that sends pings and never reads makes it grow with every answer; a message may have 64
//! MiB; and each socket has 128 KiB to read into, which are zeroed again for every read. The functions here take the one
//! number that only you know, the largest message that you send or receive, and derive the rest from it:
//!
//! | limit | value | why |
//! |---|---|---|
//! | received messages and frames | `max_message_size` | a larger one is an error, and ends the connection |
//! | what waits to be sent | `max_message_size` + 17 KiB | a message, what is gathered before a write, and room for answers to pings; beyond it only the newest ping is answered, and the connection ends with [`Cause::PingFlood`](crate::Cause::PingFlood) if the peer goes on |
//! | read buffer | 16 KiB | one TLS record; more is allocated only for a larger frame |
//! | write buffer | 16 KiB | what is gathered before a write, and what a ping waits behind |
//!
//! A peer can then make one connection hold about five times `max_message_size`: the fragments so far and what is unsent,
//! either in a buffer that may have doubled, and one frame that is still incomplete. For 200 peers and 1 MiB that is 1 GiB, so
//! choose it with the number of your peers in mind.
//!
//! A message that you send is refused if it does not fit: tungstenite's `Error::WriteBufferFull` hands it back, and the
//! connection goes on.
//!
//! ```
//! # #[cfg(feature = "tungstenite-0-30")]
//! # mod example {
//! use tokio::net::TcpStream;
//! use tokio_tungstenite::tungstenite::Error;
//! use tokio_tungstenite::{WebSocketStream, accept_async_with_config};
//! use ws_liveness::{LiveConfig, LiveExt, LiveStream, hardened};
//!
//! async fn accept(tcp: TcpStream) -> Result<LiveStream<WebSocketStream<TcpStream>>, Error> {
//!     let limits = hardened::tungstenite_0_30(64 << 10);
//!     Ok(accept_async_with_config(tcp, Some(limits)).await?.live(LiveConfig::default()))
//! }
//! # }
//! ```
//!
//! Liveness begins when the handshake is over. Bound the handshake itself with [`tokio::time::timeout`], and the number of
//! connections with a semaphore.

macro_rules! tungstenite {
    ($feature:literal, $tungstenite:ident, $version:literal) => {
        #[doc = concat!("Limits for tungstenite ", $version, ": tokio-tungstenite, async-tungstenite.")]
        ///
        /// See [the module](self) for the values and for an example.
        #[cfg(feature = $feature)]
        pub fn $tungstenite(max_message_size: usize) -> ::$tungstenite::protocol::WebSocketConfig {
            ::$tungstenite::protocol::WebSocketConfig::default()
                .read_buffer_size(BUFFER_SIZE)
                .write_buffer_size(BUFFER_SIZE)
                .max_write_buffer_size(max_write_buffer_size(max_message_size))
                .max_message_size(Some(max_message_size))
                .max_frame_size(Some(max_message_size))
        }
    };
}

tungstenite!("tungstenite-0-30", tungstenite_0_30, "0.30");
tungstenite!("tungstenite-0-29", tungstenite_0_29, "0.29");
tungstenite!("tungstenite-0-28", tungstenite_0_28, "0.28");
tungstenite!("tungstenite-0-27", tungstenite_0_27, "0.27");
tungstenite!("tungstenite-0-26", tungstenite_0_26, "0.26");

/// Sets the limits on an upgrade of axum 0.8.
///
/// See [the module](self) for the values.
///
/// ```
/// use axum::extract::ws::WebSocketUpgrade;
/// use axum::response::Response;
/// use futures_util::StreamExt;
/// use ws_liveness::{LiveConfig, LiveExt, hardened};
///
/// async fn channel(upgrade: WebSocketUpgrade) -> Response {
///     hardened::axum_0_8(upgrade, 64 << 10).on_upgrade(|socket| async {
///         let mut ws = socket.live(LiveConfig::default());
///         while let Some(Ok(message)) = ws.next().await {
///             println!("{} bytes", message.into_data().len());
///         }
///     })
/// }
/// ```
#[cfg(feature = "axum-0-8")]
pub fn axum_0_8<F>(
    upgrade: axum::extract::ws::WebSocketUpgrade<F>,
    max_message_size: usize,
) -> axum::extract::ws::WebSocketUpgrade<F> {
    upgrade
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE)
        .max_write_buffer_size(max_write_buffer_size(max_message_size))
        .max_message_size(max_message_size)
        .max_frame_size(max_message_size)
}

/// Limits for tokio-websockets 0.13, for the `limits` of its builders.
///
/// They bound what is received. The library's buffers are small, but it has no limit on what waits to be sent. Answers to
/// pings are bounded by [`max_pong_backlog`](crate::LiveConfigBuilder::max_pong_backlog) alone, and each may keep the memory
/// of the read in which its ping came, so that a peer which sends large messages in between holds more: choose a few KiB for
/// peers that are not trusted.
///
/// ```
/// use ws_liveness::hardened;
///
/// let limits = hardened::tokio_websockets_0_13(64 << 10);
/// ```
#[cfg(feature = "tokio-websockets-0-13")]
pub fn tokio_websockets_0_13(max_message_size: usize) -> tokio_websockets::Limits {
    tokio_websockets::Limits::default().max_payload_len(Some(max_message_size))
}

#[allow(dead_code, reason = "not for tokio-websockets")]
const BUFFER_SIZE: usize = 16 << 10;
/// For headers, and for answers to the peer's pings beside a message.
#[allow(dead_code, reason = "not for tokio-websockets")]
const SPARE: usize = 1 << 10;

/// Room for the largest message behind what is gathered before a write.
#[allow(dead_code, reason = "not for tokio-websockets")]
const fn max_write_buffer_size(max_message_size: usize) -> usize {
    max_message_size.saturating_add(BUFFER_SIZE + SPARE)
}
