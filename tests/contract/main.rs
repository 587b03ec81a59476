//! The contract on a scripted socket, a folder for each of its letters; the name of a test begins with its clause. What
//! needs a real WebSocket is in `tests/sockets`.

#[cfg(feature = "serde")]
mod config_files;
#[path = "../support/scripted.rs"]
mod scripted;
#[path = "../support/traps.rs"]
mod traps;

/// Busy consumers.
mod b {
    mod spawning;
}

/// Hostile peers.
mod h {
    mod flooding;
}

/// Judging.
mod j {
    mod attention;
    mod draining;
    mod judging;
    mod judging_writes;
    mod late_looks;
    mod lone_halves;
    mod loops;
    mod waiting;
}

/// Closing.
mod k {
    mod dropping;
    mod saying_goodbye;
}

/// Observing.
mod o {
    #[cfg(feature = "serde")]
    mod forms;
    mod observer;
    mod observing;
    mod probing;
}

/// Progress below messages.
mod p {
    mod sources;
}

/// Sending pings.
mod s {
    mod failed_sinks;
    mod own_frames;
    mod permits;
    mod recoverable;
    mod refusals;
    mod sending;
}

/// Wakers, cancellation, runtimes, panics.
mod v {
    mod awakenings;
    mod halves;
    mod panicking_wakers;
    mod panics;
    mod runtimes;
}
