//! One small file per foreign message type, each behind its feature.

#[cfg(feature = "tungstenite")]
mod tungstenite;
