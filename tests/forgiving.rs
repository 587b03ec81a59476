//! What is not held against a live peer: a late judge, a busy consumer, what is buffered (J5 to J7).

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use scripted::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::consume_budget;
use tokio::time::{advance, sleep, timeout};
use ws_liveness::{Cause, Health, LiveStream};

#[path = "support/scripted.rs"]
mod scripted;

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
    assert_eq!(reads_to_death(&peer, ws).await, (secs(28), Cause::PongTimeout));
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

/// Reads until a second after the first ping; then nobody polls until `until`.
async fn stalled(peer: &Peer, ws: &mut Live, until: Duration) {
    idle(ws, secs(21)).await;
    advance(until - peer.elapsed()).await;
}

#[tokio::test(start_paused = true)]
async fn j6_a_late_judge_sends_a_fresh_ping_and_gives_it_a_full_t_without_deferrals() {
    let (peer, mut ws) = live(exact().max_deferrals(9));
    stalled(&peer, &mut ws, secs(46)).await;
    idle(&mut ws, secs(1)).await;
    assert_eq!(peer.ping_times(), [20, 46].map(secs));
    assert_eq!(ws.monitor().health(), Health::Suspect);
    peer.talks(secs(1), secs(99));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(66), Cause::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j6_late_is_more_than_a_quarter_of_t_or_250_ms() {
    for (t, limit) in [(secs(20), secs(5)), (ms(400), ms(250)), (secs(1), ms(250)), (secs(2), ms(500))] {
        for (late, pardoned) in [(limit, false), (limit + ms(1), true)] {
            let (peer, mut ws) = live(exact().pong_timeout(t));
            idle(&mut ws, secs(20) + t / 2).await;
            advance(t / 2 + late).await;
            assert_eq!(read(&mut ws).is_pending(), pardoned, "T = {t:?}, late by {late:?}");
            assert_eq!(peer.pings().len(), 1 + usize::from(pardoned));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_second_pardon_needs_an_answer_in_between() {
    for answer in [false, true] {
        let (peer, mut ws) = live(exact());
        stalled(&peer, &mut ws, secs(46)).await;
        idle(&mut ws, secs(1)).await;
        if answer {
            peer.answers(1);
            idle(&mut ws, secs(20)).await;
            assert_eq!(peer.ping_times(), [20, 46, 66].map(secs));
        }
        advance(secs(99)).await;
        assert_eq!(read(&mut ws).is_pending(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn j6_a_peer_that_answers_the_fresh_ping_is_alive() {
    let (peer, mut ws) = live(exact());
    stalled(&peer, &mut ws, secs(4_000)).await;
    peer.set_echo(Some(ms(19_999)));
    idle(&mut ws, secs(3_600)).await;
    assert_eq!(ws.monitor().health(), Health::Alive);
    assert_eq!(ws.monitor().stats().misses, 0);
}

#[tokio::test(start_paused = true)]
async fn j6_w_starts_again_once_where_its_judge_is_late() {
    for (until, end) in [(ms(57_500), ms(57_500)), (ms(57_501), ms(87_501)), (secs(200), secs(230))] {
        let (peer, mut ws) = live(exact());
        peer.set_flushes(false);
        stalled(&peer, &mut ws, until).await;
        assert_eq!(reads_to_death(&peer, ws).await, (end, Cause::WriteStalled));
    }
}

#[tokio::test(start_paused = true)]
async fn j6_w_is_pardoned_once_per_ping() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(60)).await;
    idle(&mut ws, secs(1)).await;
    advance(secs(100)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(161), Cause::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j6_a_peer_that_drains_once_we_are_back_is_alive() {
    let (peer, mut ws) = answered(exact(), secs(1));
    peer.set_flushes(false);
    stalled(&peer, &mut ws, secs(200)).await;
    peer.at(secs(215), |peer| peer.set_flushes(true));
    idle(&mut ws, secs(99)).await;
    assert_eq!(ws.monitor().health(), Health::Alive);
}

/// Takes `pace` for each of twelve messages, behind which the pong waits.
async fn consume_slowly(ws: &mut Live, pace: Duration) {
    for number in 0..12 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number), "{pace:?}");
        sleep(pace).await;
    }
    idle(ws, secs(300)).await;
    let stats = ws.monitor().stats();
    assert_eq!((stats.misses, stats.deferrals), (0, 0), "{pace:?}");
    assert_eq!(ws.monitor().health(), Health::Alive);
}

#[tokio::test(start_paused = true)]
async fn j7_a_slow_consumer_kills_no_peer_whose_pong_is_behind_twelve_messages() {
    for pace in [5, 15, 21, 30, 60] {
        let (peer, mut ws) = answered(exact(), secs(0));
        idle(&mut ws, ms(19_500)).await;
        for number in 0..12 {
            peer.sends(Msg::Data(number));
            peer.stumbles();
        }
        consume_slowly(&mut ws, secs(pace)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j7_neither_where_the_peer_itself_is_held_up_by_backpressure() {
    for pace in [5, 15, 21, 30, 60] {
        let (peer, mut ws) = live(exact());
        idle(&mut ws, secs(19)).await;
        let far = peer.clone();
        tokio::spawn(async move {
            for number in 0..12 {
                far.sends(Msg::Data(number));
                while far.unread() > 0 {
                    sleep(ms(10)).await;
                }
            }
            far.answers(0);
            far.set_echo(Some(secs(0)));
        });
        consume_slowly(&mut ws, secs(pace)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn j7_uses_up_neither_the_deferral_nor_the_pardon() {
    let (peer, mut ws) = live(exact());
    idle(&mut ws, secs(20)).await;
    peer.sends(Msg::Data(1));
    peer.sends(Msg::Data(2));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    advance(secs(26)).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(2)))));
    // At 46 s: T starts again, and ends at 66 s by the deferral, then late at 92 s by the pardon.
    idle(&mut ws, ms(39_999)).await;
    assert_eq!(ws.monitor().stats().deferrals, 1);
    advance(ms(6_001)).await;
    idle(&mut ws, secs(1)).await;
    assert_eq!(peer.ping_times(), [20, 92].map(secs));
    assert_eq!(reads_to_death(&peer, ws).await, (secs(112), Cause::PongTimeout));
}

#[tokio::test(start_paused = true)]
async fn j7_needs_a_frame_since_the_flush() {
    let (peer, mut ws) = live(exact());
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    advance(secs(21)).await;
    peer.sends(Msg::Data(2));
    // The ping leaves at 21 s, in the poll that yields the second message: the peer has shown nothing after it.
    assert!(matches!(ws.next().await, Some(Ok(_))));
    idle(&mut ws, secs(19)).await;
    advance(secs(1)).await;
    assert!(ws.monitor().stats().misses == 0);
    assert_eq!(reads_to_death(&peer, ws).await, (secs(61), Cause::PongTimeout), "that frame counts once, for J3");
}

#[tokio::test(start_paused = true)]
async fn j7_w_starts_again_where_the_consumer_was_busy_and_the_judge_is_late() {
    let (peer, mut ws) = live(exact());
    peer.set_flushes(false);
    idle(&mut ws, secs(21)).await;
    peer.sends(Msg::Data(1));
    assert!(matches!(ws.next().await, Some(Ok(_))));
    advance(secs(39)).await;
    // At 60 s, which costs no pardon: that is for the stall until 98 s.
    idle(&mut ws, secs(29)).await;
    advance(secs(9)).await;
    assert_eq!(reads_to_death(&peer, ws).await, (secs(128), Cause::WriteStalled));
}

#[tokio::test(start_paused = true)]
async fn j7_a_stream_that_always_has_something_to_read_does_not_put_off_w() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    peer.set_flushes(false);
    peer.set_floods(true);
    while monitor.health() != Health::Ended(Cause::WriteStalled) {
        assert!(peer.elapsed() < secs(51));
        let _ = ws.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        advance(ms(10)).await;
    }
    assert_eq!(peer.elapsed(), ms(50_010), "one step after the poll at 50 s");
}
