//! The permit of `poll_ready` belongs to the user, and pings leave all the same (S6).

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::scripted::*;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{advance, timeout};
use tokio_util::sync::PollSender;
use ws_liveness::{Cause, End, Health, LiveStream};

fn is_ping(message: &Msg) -> bool {
    matches!(message, Msg::Ping(_))
}

#[tokio::test(start_paused = true)]
async fn s6_a_permit_that_is_never_used_does_not_starve_pings() {
    let (peer, mut ws) = answered(exact(), secs(0));
    assert!(ready(&mut ws).is_ready());
    idle(&mut ws, secs(90)).await;
    assert_eq!(peer.ping_times(), [20, 40, 60, 80].map(secs));
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    assert_eq!(peer.messages().pop(), Some(Msg::Data(1)));
}

/// A user with a permit, of which a ping has made use; the inner has no second one.
async fn robbed() -> (Peer, Live) {
    let (peer, mut ws) = answered(exact(), secs(0));
    assert!(ready(&mut ws).is_ready());
    peer.set_ready(false);
    idle(&mut ws, secs(25)).await;
    assert_eq!(peer.ping_times(), [secs(20)]);
    (peer, ws)
}

#[tokio::test(start_paused = true)]
async fn s6_a_message_whose_permit_a_ping_has_used_is_safe_and_in_order() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    assert!(ready(&mut ws).is_pending(), "one message at a time");
    assert!(flush(&mut ws).is_pending(), "it has not left");
    peer.set_ready(true);
    assert!(ready(&mut ws).is_ready());
    ws.start_send_unpin(Msg::Data(2)).unwrap();
    assert!(flush(&mut ws).is_ready());
    assert!(is_ping(&peer.messages()[0]));
    assert_eq!(peer.messages()[1..], [Msg::Data(1), Msg::Data(2)]);
}

#[tokio::test(start_paused = true)]
async fn s6_the_message_that_waits_leaves_and_is_flushed_although_only_the_stream_is_polled() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    peer.at(secs(30), |peer| peer.set_ready(true));
    idle(&mut ws, secs(7)).await;
    assert_eq!(peer.sent()[1].message, Msg::Data(1));
    assert_eq!(peer.sent()[1].at, secs(30));
}

#[tokio::test(start_paused = true)]
async fn s6_a_writer_that_waits_behind_the_message_is_woken() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    peer.at(secs(27), |peer| peer.set_ready(true));
    timeout(secs(3), ws.send(Msg::Data(2))).await.unwrap().unwrap();
    assert_eq!(peer.elapsed(), secs(27));
    assert_eq!(peer.messages()[1..], [Msg::Data(1), Msg::Data(2)]);
}

#[tokio::test(start_paused = true)]
async fn s6_a_message_that_waits_goes_before_the_next_ping() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    peer.at(secs(45), |peer| peer.set_ready(true));
    idle(&mut ws, secs(25)).await;
    let messages = peer.messages();
    assert!(messages[1] == Msg::Data(1) && is_ping(&messages[2]) && messages.len() == 3, "{messages:?}");
    assert_eq!(peer.ping_times(), [20, 45].map(secs));
}

#[tokio::test(start_paused = true)]
async fn s6_a_close_that_waits_is_the_last_to_leave() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Close(1000, String::new())).unwrap();
    peer.at(secs(30), |peer| peer.set_ready(true));
    idle(&mut ws, secs(9)).await;
    assert_eq!(peer.messages()[1..], [Msg::Close(1000, String::new())]);
}

#[tokio::test(start_paused = true)]
async fn s6_into_inner_hands_back_the_message_that_waits() {
    let (_, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(5)).unwrap();
    assert_eq!(ws.into_inner().1, Some(Msg::Data(5)));
    let (_, ws) = robbed().await;
    assert_eq!(ws.into_inner().1, None);
}

#[tokio::test(start_paused = true)]
async fn s6_a_message_that_waits_when_the_verdict_falls_is_not_sent_and_is_handed_back() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    // The next ping cannot be handed over; then our Close has a second.
    idle(&mut ws, ms(45_500)).await;
    assert_eq!(ws.monitor().health(), Health::Ended(End::WriteStalled));
    peer.set_ready(true);
    assert!(ws.next().await.unwrap().is_err());
    assert!(matches!(peer.messages()[..], [Msg::Ping(_), Msg::Close(..)]));
    assert_eq!(ws.into_inner().1, Some(Msg::Data(1)));
}

#[tokio::test(start_paused = true)]
async fn s6_into_inner_hands_back_the_message_also_where_the_write_side_has_failed() {
    let (peer, mut ws) = robbed().await;
    ws.start_send_unpin(Msg::Data(5)).unwrap();
    peer.resets();
    assert_eq!(verdict(&mut ws).cause(), Cause::PingFailed);
    assert_eq!(ws.into_inner().1, Some(Msg::Data(5)));
}

#[tokio::test(start_paused = true)]
async fn s6_a_ping_that_is_refused_for_now_leaves_the_user_its_permit() {
    let (peer, mut ws) = live(exact());
    assert!(ready(&mut ws).is_ready());
    peer.set_refuses(Some(Fault::Full));
    idle(&mut ws, secs(21)).await;
    peer.set_refuses(None);
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    assert!(flush(&mut ws).is_ready());
    assert!(peer.messages().contains(&Msg::Data(1)));
}

/// Any order of calls that the `Sink` contract allows, gates that open and close, pings and probes in between.
#[tokio::test(start_paused = true)]
async fn s6_nothing_is_lost_doubled_or_out_of_order_whatever_happens() {
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (peer, mut ws) = answered(exact().ping_interval(ms(5)).write_timeout(secs(3_600)), secs(0));
        let (mut next, mut permit) = (0, false);
        for _ in 0..1_500 {
            match rng.u32(..7) {
                0 => permit |= matches!(ready(&mut ws), Poll::Ready(Ok(()))),
                1 if permit => {
                    ws.start_send_unpin(Msg::Data(next)).unwrap();
                    (next, permit) = (next + 1, false);
                }
                2 => assert!(!matches!(flush(&mut ws), Poll::Ready(Err(_))), "{seed}"),
                3 => assert!(read(&mut ws).is_pending(), "{seed}"),
                4 => peer.set_ready(rng.bool()),
                5 => peer.set_flushes(rng.bool()),
                _ => advance(ms(rng.u64(..3))).await,
            }
        }
        assert!(peer.pings().len() > 20, "{seed}");
        let data: Vec<_> = peer.messages().into_iter().filter(|message| !is_ping(message)).collect();
        let rest = ws.into_inner().1;
        assert!(data.into_iter().chain(rest).eq((0..next).map(Msg::Data)), "{seed}");
    }
}

/// A stream of one kind and a sink of another; the sink panics where it is used without a permit of its own.
struct Joined {
    stream: Socket,
    sink: PollSender<Msg>,
}

impl Stream for Joined {
    type Item = Result<Msg, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(cx)
    }
}

impl Sink<Msg> for Joined {
    type Error = Fault;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_ready_unpin(cx).map_err(|_| Fault::Reset)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Msg) -> Result<(), Fault> {
        self.sink.start_send_unpin(message).map_err(|_| Fault::Reset)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_flush_unpin(cx).map_err(|_| Fault::Reset)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.sink.poll_close_unpin(cx).map_err(|_| Fault::Reset)
    }
}

fn joined(capacity: usize) -> (Peer, Receiver<Msg>, LiveStream<Joined>) {
    let (peer, stream) = socket();
    let (tx, rx) = channel(capacity);
    let ws = LiveStream::new(Joined { stream, sink: PollSender::new(tx) }, exact().build().unwrap());
    (peer, rx, ws)
}

async fn idle_joined(ws: &mut LiveStream<Joined>, until: std::time::Duration) {
    assert!(timeout(until, ws.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn s6_a_channel_that_panics_without_a_permit_carries_pings_and_messages() {
    let (_peer, mut rx, mut ws) = joined(2);
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    assert!(ws.poll_ready_unpin(cx).is_ready());
    idle_joined(&mut ws, secs(20)).await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    assert!(is_ping(&rx.recv().await.unwrap()));
    assert_eq!(rx.recv().await, Some(Msg::Data(1)));
    assert!(ws.poll_ready_unpin(cx).is_ready());
    ws.start_send_unpin(Msg::Data(2)).unwrap();
    assert_eq!(rx.recv().await, Some(Msg::Data(2)));
}

#[tokio::test(start_paused = true)]
async fn s6_a_channel_whose_only_permit_the_ping_took_gets_the_message_as_soon_as_it_has_room() {
    let (_peer, mut rx, mut ws) = joined(1);
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    assert!(ws.poll_ready_unpin(cx).is_ready());
    idle_joined(&mut ws, secs(20)).await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    assert!(ws.poll_ready_unpin(cx).is_pending());
    assert!(is_ping(&rx.recv().await.unwrap()));
    idle_joined(&mut ws, secs(1)).await;
    assert_eq!(rx.recv().await, Some(Msg::Data(1)));
}

#[tokio::test(start_paused = true)]
async fn s6_a_full_channel_holds_the_ping_until_there_is_room_and_stalls_after_w() {
    let (_peer, mut rx, mut ws) = joined(1);
    let monitor = ws.monitor();
    ws.send(Msg::Data(1)).await.unwrap();
    idle_joined(&mut ws, ms(49_999)).await;
    assert_eq!(monitor.health(), Health::Suspect);
    idle_joined(&mut ws, ms(1)).await;
    assert_eq!(monitor.health(), Health::Ended(End::WriteStalled), "a flush with nothing to do is no progress");
    assert_eq!(rx.recv().await, Some(Msg::Data(1)));

    let (_peer, mut rx, mut ws) = joined(1);
    ws.send(Msg::Data(1)).await.unwrap();
    idle_joined(&mut ws, secs(45)).await;
    assert_eq!(rx.recv().await, Some(Msg::Data(1)));
    idle_joined(&mut ws, ms(19_999)).await;
    assert!(is_ping(&rx.recv().await.unwrap()), "and T runs from then");
    assert_eq!(ws.monitor().health(), Health::Alive);
}
