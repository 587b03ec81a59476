//! (a) The `isAlive` recipe.

use futures_util::SinkExt;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Sink, Stream, ping};
use crate::world::ours::User;
use crate::world::pace::Pace;

/// Whether the peer was taken for dead.
pub async fn run(mut sink: Sink, mut stream: Stream, user: User) -> bool {
    let mut pace = Pace::new(&user);
    let config = &user.scenario.config;
    let interval = config.ping_interval().max(config.pong_timeout().min(user.scenario.horizon));
    let (mut alive, mut number, mut tick) = (true, 0, Instant::now() + interval);
    loop {
        user.stay_away().await;
        tokio::select! {
            biased;
            item = user.next(&mut stream) => {
                alive |= matches!(item, Some(Ok(Message::Pong(_))));
                if user.took(item).await {
                    return false;
                }
            }
            () = sleep_until(tick) => {
                if !alive {
                    return true;
                }
                alive = false;
                tick = Instant::now() + interval;
                if sink.send(ping(&mut number)).await.is_err() {
                    return false;
                }
            }
            () = sleep_until(pace.next()) => pace.write(&mut sink).await,
        }
    }
}
