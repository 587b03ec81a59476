//! The guide: what notices a dead connection, what each environment does to one, which times to choose, and what to do
//! when a connection drops all the same.
//!
//! | page | read it if you |
//! |---|---|
//! | [`errors`] | have an error or a log line and ask: is it us, the peer, or the path? |
//! | [`troubleshooting`] | have a connection that drops every minute |
//! | [`environments`] | are on WSL2, in Docker, without sysctl, behind a proxy or a load balancer |
//! | [`interval`] | choose the times, or fear that all clients come back at once |
//! | [`progress`] | move large messages over slow paths, or want to know which layer died |
//! | [`axum`] | want a complete server: `/health`, progress, graceful shutdown |
//! | [`heartbeats`] | use a service that has a heartbeat of its own, or a feed that should never be silent |
//! | [`layers`] | want to know what TCP, ping and application can each see |
//! | [`shutdown`] | close many connections at once |
//! | [`testing`] | test your own code against dead peers, without waiting |
//! | [`runtimes`] | do not use tokio, or use several runtimes |
//!
//! The pages write I for `ping_interval`, T for `pong_timeout`, W for `write_timeout` and C for `close_timeout`. Every
//! figure has its source beside it. The limits of products change: if one decides something for you, follow the link.
//! What was measured says so.

/// Is it us, the peer, or the path? By the texts of errors and logs.
pub mod errors {
    #![doc = include_str!("errors.md")]
}

/// Which layer sees what: operating system, WebSocket, application.
pub mod layers {
    #![doc = include_str!("layers.md")]
}

/// Heartbeats above WebSocket: a service's own, and feeds that have none.
pub mod heartbeats {
    #![doc = include_str!("heartbeats.md")]
}

/// Sources of progress in ten lines: tokio-tungstenite, TLS, axum, the TCP socket itself.
pub mod progress {
    #![doc = include_str!("progress.md")]
}

/// A complete axum server: a source of progress, a task per connection, `/health` as JSON, a graceful shutdown.
pub mod axum {
    #![doc = include_str!("axum.md")]
}

/// What cuts an idle connection in which environment, after how long, and what to set.
pub mod environments {
    #![doc = include_str!("environments.md")]
}

/// How to choose the times, and what happens when everybody reconnects at once.
pub mod interval {
    #![doc = include_str!("interval.md")]
}

/// What a runtime other than tokio has to do.
pub mod runtimes {
    #![doc = include_str!("runtimes.md")]
}

/// How to close many connections in bounded time.
pub mod shutdown {
    #![doc = include_str!("shutdown.md")]
}

/// A WhatsApp connection that drops every minute, and any other that an idle path cuts.
pub mod troubleshooting {
    #![doc = include_str!("troubleshooting.md")]
}

/// Tests that wait for a verdict, and take no time.
pub mod testing {
    #![doc = include_str!("testing.md")]
}
