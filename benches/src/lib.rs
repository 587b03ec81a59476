//! What the benchmarks share: the sockets they measure, what one would use instead, and how two things are compared.

#![forbid(unsafe_code)]

pub mod baselines;
pub mod counted;
pub mod loopback;
pub mod memory;
pub mod paired;
pub mod plot;
