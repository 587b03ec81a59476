//! What is buffered is delivered first, and counts (J5).

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::scripted::*;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::consume_budget;
use tokio::time::{advance, timeout};
use ws_liveness::{End, Health, LiveStream};

/// A ping left at 20 s and nobody has polled since 26 s; it is 28 s now, one second past the deadline.
async fn a_second_late() -> (Peer, Live) {
    let (peer, mut ws) = live(exact().pong_timeout(secs(7)).max_deferrals(0));
    idle(&mut ws, secs(26)).await;
    (peer, ws)
}

#[tokio::test(start_paused = true)]
async fn j5_a_buffered_pong_beats_an_expired_deadline() {
    for late in [false, true] {
        let (peer, mut ws) = a_second_late().await;
        if !late {
            peer.answers(0);
        }
        advance(secs(2)).await;
        if late {
            peer.answers(0);
        }
        idle(&mut ws, secs(1)).await;
        let stats = ws.monitor().stats();
        assert_eq!((stats.pongs_received, stats.misses), (1, 0));
        assert_eq!(reads_to_death(&peer, ws).await.0, secs(47), "of the next ping");
    }
}

#[tokio::test(start_paused = true)]
async fn j5_what_is_buffered_is_delivered_before_the_verdict() {
    let (peer, mut ws) = a_second_late().await;
    for number in 1..=3 {
        peer.sends(Msg::Data(number));
    }
    advance(secs(2)).await;
    for number in 1..=3 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
        assert_eq!(ws.monitor().health(), Health::Alive);
    }
    // Six of the seven seconds were waited; from 26 s on nobody was here.
    assert_eq!(reads_to_death(&peer, ws).await, (secs(29), End::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j5_a_pong_behind_what_is_buffered_beats_an_expired_deadline() {
    let (peer, mut ws) = a_second_late().await;
    for number in 1..=200 {
        peer.sends(Msg::Data(number));
    }
    peer.answers(0);
    advance(secs(2)).await;
    for _ in 1..=200 {
        assert!(matches!(read(&mut ws), Poll::Ready(Some(Ok(_)))));
    }
    idle(&mut ws, secs(1)).await;
    assert_eq!(ws.monitor().stats().pongs_received, 1);
}

/// A stream that obeys tokio's cooperative budget: with none left it says `Pending` whatever there is to read.
struct Coop {
    stream: UnboundedReceiver<Msg>,
    sink: Socket,
}

impl Stream for Coop {
    type Item = Result<Msg, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_recv(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Msg> for Coop {
    type Error = Fault;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        self.sink.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_close_unpin(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn j5_a_used_up_budget_of_the_task_is_no_drained_stream() {
    for burnt in 0..=128 {
        let ((peer, sink), (tx, stream)) = (socket(), unbounded_channel());
        let mut ws = LiveStream::new(Coop { stream, sink }, exact().pong_timeout(secs(7)).build().unwrap());
        assert!(timeout(secs(26), ws.next()).await.is_err());
        tx.send(Msg::Pong(peer.payload(0))).unwrap();
        advance(secs(2)).await;
        poll_fn(|cx| {
            for _ in 0..burnt {
                let _ = pin!(consume_budget()).poll(cx);
            }
            assert!(ws.poll_next_unpin(cx).is_pending());
            assert_eq!(ws.monitor().health(), Health::Alive, "with {burnt} units gone");
            Poll::Ready(())
        })
        .await;
        assert!(timeout(secs(1), ws.next()).await.is_err());
        assert_eq!(ws.monitor().stats().pongs_received, 1, "with {burnt} units gone");
    }
}
