//! (c) ezsockets' client, as its documentation shows it.

use std::time::Duration;

use async_trait::async_trait;
use ezsockets::{Bytes, Client, ClientConfig, ClientExt, Error, SocketConfig, Utf8Bytes};
use tokio::sync::mpsc::UnboundedSender;

/// Tells that it is connected, by a nought, and how long each binary message was.
#[derive(Debug)]
pub struct Telling(UnboundedSender<usize>);

#[async_trait]
impl ClientExt for Telling {
    type Call = ();

    async fn on_connect(&mut self) -> Result<(), Error> {
        let _ = self.0.send(0);
        Ok(())
    }

    async fn on_text(&mut self, _: Utf8Bytes) -> Result<(), Error> {
        Ok(())
    }

    async fn on_binary(&mut self, bytes: Bytes) -> Result<(), Error> {
        let _ = self.0.send(bytes.len());
        Ok(())
    }

    async fn on_call(&mut self, (): ()) -> Result<(), Error> {
        Ok(())
    }
}

/// Begins to connect, and discards what is sent before it tells that it has; a ping where nothing was heard for `heartbeat`.
pub async fn connect(url: &str, heartbeat: Duration, tell: UnboundedSender<usize>) -> Client<Telling> {
    let socket = SocketConfig { heartbeat, timeout: heartbeat * 2, ..SocketConfig::default() };
    let config = ClientConfig::new(url).socket_config(socket);
    let (client, done) = ezsockets::connect(|_| Telling(tell), config).await;
    tokio::spawn(done);
    client
}
