//! The contract on real WebSockets, over a pipe or over loopback TCP, a folder for each of its letters; the name of a test
//! begins with its clause.

#![cfg(feature = "tungstenite")]

#[cfg(feature = "connect-tungstenite-0-30")]
mod connecting;
mod hardened;
#[path = "../support/pair.rs"]
mod pair;
#[path = "../../examples/half_open/relay.rs"]
mod relay;
#[path = "../support/scripted.rs"]
mod scripted;
mod tcp;
mod transparent;
mod wire;

/// Heartbeats.
mod l {
    mod heartbeats;
}

/// Judging.
mod j {
    mod backlog;
    mod budget;
    mod coincidences;
    mod hostile;
    mod pauses;
}

/// Closing.
mod k {
    mod closing;
    mod farewell;
    mod foreign;
    mod slow_readers;
}

/// Progress below messages.
mod p {
    mod progress;
    #[cfg(all(feature = "tcp", target_os = "linux"))]
    mod tcp_layer;
}

/// Sending pings.
mod s {
    mod combinators;
}

/// Wakers.
mod v {
    mod interleavings;
    mod racing;
    mod wakers;
}

/// Time.
mod x {
    mod extremes;
}
