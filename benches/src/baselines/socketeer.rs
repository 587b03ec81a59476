//! (c) socketeer's client, as its documentation shows it.

use std::time::Duration;

use socketeer::{ConnectOptions, RawCodec};

/// Messages as they are.
pub type Socketeer = socketeer::Socketeer<RawCodec>;

/// Connects; a ping where nothing was heard for `idle`. No pong is waited for.
pub async fn connect(url: &str, idle: Duration) -> Socketeer {
    let options = ConnectOptions::builder().keepalive_interval(Some(idle)).build();
    Socketeer::connect_with(url, options).await.expect("loopback")
}
