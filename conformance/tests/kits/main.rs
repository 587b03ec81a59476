//! Every socket that has an adapter keeps the same promises.

mod axum;
mod messages;
mod tokio_websockets;
mod tungstenite;
