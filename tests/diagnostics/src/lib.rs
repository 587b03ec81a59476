//! Common mistakes, one module each. `tests/texts.rs` compiles this crate with one of them, and reads what the compiler
//! says of it.

#[cfg(mistake = "message")]
mod message {
    use tokio::net::TcpStream;
    use tokio_tungstenite_0_29::WebSocketStream;
    use ws_liveness::{LiveConfig, LiveExt, LiveStream};

    /// The feature of this version is missing.
    pub fn wrap(socket: WebSocketStream<TcpStream>) -> LiveStream<WebSocketStream<TcpStream>> {
        socket.live(LiveConfig::default())
    }
}

#[cfg(mistake = "protocol")]
mod protocol {
    use tokio::net::TcpStream;
    use tokio_tungstenite::WebSocketStream;
    use ws_liveness::{LiveConfig, LiveStream};

    pub struct Mine;

    /// `Mine` lacks its implementation.
    pub fn wrap(socket: WebSocketStream<TcpStream>) -> LiveStream<WebSocketStream<TcpStream>, Mine> {
        LiveStream::with_protocol(socket, LiveConfig::default(), Mine)
    }
}

#[cfg(mistake = "unused")]
pub mod unused {
    //! Every one of these lines has no effect.

    use tokio::net::TcpStream;
    use tokio_tungstenite::WebSocketStream;
    use ws_liveness::{LiveConfig, LiveExt, LiveStream, ProgressIo};

    /// A socket that is wrapped and dropped.
    pub fn live(socket: WebSocketStream<TcpStream>) {
        socket.live(LiveConfig::default());
    }

    /// A handle that is dropped at once.
    pub fn spawned(live: LiveStream<WebSocketStream<TcpStream>>) {
        live.spawn(1);
    }

    /// A message that is lost.
    pub fn taken_apart(live: LiveStream<WebSocketStream<TcpStream>>) {
        live.into_inner();
    }

    /// A builder that builds nothing.
    pub fn builder() {
        LiveConfig::builder();
    }

    /// A counter of nothing, and a source for nobody.
    pub fn progress(tcp: TcpStream, io: &ProgressIo<TcpStream>) {
        ProgressIo::new(tcp);
        io.handle();
    }
}
