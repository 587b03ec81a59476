//! An honest connection: it says something, waits for the echo, and says the next.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::Failed;

/// Completes so many round trips, or fails. Returns how long each took.
pub(crate) async fn trips(port: u16, count: usize) -> Result<Vec<Duration>, Failed> {
    let (mut ws, _) = connect_async(format!("ws://127.0.0.1:{port}/")).await?;
    let mut trips = Vec::with_capacity(count);
    for number in 0..count {
        let said = Message::text(number.to_string());
        let begun = Instant::now();
        ws.send(said.clone()).await?;
        loop {
            match ws.next().await.ok_or("an honest connection was ended")?? {
                Message::Ping(_) => {}
                heard if heard == said => break,
                other => return Err(format!("said {said:?}, heard {other:?}").into()),
            }
        }
        trips.push(begun.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    ws.close(None).await?;
    Ok(trips)
}
