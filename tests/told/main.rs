//! What `tracing` hears (O1, D5). These tests are a program of their own: `tracing` keeps for every place in the code whether
//! anybody listens, and where one thread meets such a place for the first time while another begins to listen, it may keep
//! that nobody does. Here everybody listens before there is a connection.

#![cfg(feature = "tungstenite")]

#[cfg(feature = "connect-tungstenite-0-30")]
mod dialled;
mod events;
