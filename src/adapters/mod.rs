//! One small file per foreign message type, each behind its feature.

#[cfg(feature = "axum-0-8")]
mod axum;
#[cfg(feature = "tokio-websockets-0-13")]
mod tokio_websockets;
mod tungstenite;
