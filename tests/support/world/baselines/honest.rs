//! (e) The best honest loop of sixty lines: a writer with a task of its own, T from the flush, reading before judging.

use futures_util::SinkExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Sink, Stream, ping};
use crate::world::ours::User;
use crate::world::pace::Pace;
use crate::world::peer::never;

/// Whether the peer was taken for dead.
pub async fn run(sink: Sink, stream: Stream, user: User) -> bool {
    let (order, orders) = unbounded_channel();
    let (tell, told) = unbounded_channel();
    let writing = user.gate(write(sink, orders, tell, user.clone()));
    let judging = user.gate(judge(stream, order, told, user.clone()));
    tokio::select! { biased; dead = judging => dead, () = writing => false }
}

async fn judge(
    mut stream: Stream,
    order: UnboundedSender<()>,
    mut flushed: UnboundedReceiver<Instant>,
    user: User,
) -> bool {
    let config = &user.scenario.config;
    let after = |from: Instant, time| from.checked_add(time).unwrap_or_else(never);
    let (mut due, mut deadline, mut waiting) = (after(Instant::now(), config.ping_interval()), never(), false);
    loop {
        user.stay_away().await;
        tokio::select! {
            biased;
            item = user.next(&mut stream) => {
                if matches!(item, Some(Ok(Message::Pong(_)))) {
                    (waiting, deadline) = (false, never());
                }
                if user.took(item).await {
                    return false;
                }
            }
            Some(at) = flushed.recv() => if waiting {
                deadline = after(at, config.pong_timeout());
            },
            () = sleep_until(deadline) => return true,
            () = sleep_until(due), if !waiting => {
                due = after(Instant::now(), config.ping_interval());
                (waiting, deadline) = (true, after(Instant::now(), config.write_timeout()));
                let _ = order.send(());
            }
        }
    }
}

async fn write(mut sink: Sink, mut orders: UnboundedReceiver<()>, tell: UnboundedSender<Instant>, user: User) {
    let (mut pace, mut number) = (Pace::new(&user), 0);
    loop {
        tokio::select! {
            biased;
            Some(()) = orders.recv() => {
                if sink.send(ping(&mut number)).await.is_err() {
                    std::future::pending::<()>().await;
                }
                let _ = tell.send(Instant::now());
            }
            () = sleep_until(pace.next()) => pace.write(&mut sink).await,
        }
    }
}
