//! The guide: what notices a dead connection, what each environment does to one, which times to choose, what to do when
//! it drops all the same.
//!
//! | page | for whom |
//! |---|---|
//! | [`layers`] | who wants to know what TCP, ping and application can each see |
//! | [`progress`] | who moves large messages over slow paths, or wants to know which layer died |
//! | [`environments`] | who is on WSL2, in Docker, without sysctl, behind a proxy or a load balancer |
//! | [`interval`] | who chooses I, T, W and C, and who fears that all clients come back at once |
//! | [`troubleshooting`] | who has a connection that drops every minute |
//!
//! Every figure has its source beside it. Limits of products change: where one decides something for you, follow the
//! link. What was measured says so.

/// Which layer sees what: operating system, WebSocket, application.
pub mod layers {
    #![doc = include_str!("layers.md")]
}

/// A progress source in ten lines: tokio-tungstenite, TLS, axum, the TCP socket itself.
pub mod progress {
    #![doc = include_str!("progress.md")]
}

/// What cuts an idle connection where, after how long, and what to set.
pub mod environments {
    #![doc = include_str!("environments.md")]
}

/// How to choose the times, and what happens when everybody reconnects at once.
pub mod interval {
    #![doc = include_str!("interval.md")]
}

/// A WhatsApp connection that drops every minute.
pub mod troubleshooting {
    #![doc = include_str!("troubleshooting.md")]
}
