//! (b) Interval and deadline in a `select!` loop, the deadline armed when the ping is queued.

use futures_util::SinkExt;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Sink, Stream, ping};
use crate::world::ours::User;
use crate::world::pace::Pace;
use crate::world::peer::never;

/// Whether the peer was taken for dead.
pub async fn run(mut sink: Sink, mut stream: Stream, user: User) -> bool {
    let mut pace = Pace::new(&user);
    let (i, t) = (user.scenario.config.ping_interval(), user.scenario.config.pong_timeout());
    let (mut number, mut tick, mut deadline) = (0, Instant::now() + i, None);
    loop {
        user.stay_away().await;
        tokio::select! {
            biased;
            item = user.next(&mut stream) => {
                if matches!(item, Some(Ok(Message::Pong(_)))) {
                    deadline = None;
                }
                if user.took(item).await {
                    return false;
                }
            }
            () = sleep_until(deadline.unwrap_or_else(never)) => return true,
            () = sleep_until(tick) => {
                tick = Instant::now() + i;
                deadline = deadline.or(Instant::now().checked_add(t));
                if sink.send(ping(&mut number)).await.is_err() {
                    return false;
                }
            }
            () = sleep_until(pace.next()) => pace.write(&mut sink).await,
        }
    }
}
