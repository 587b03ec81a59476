//! `close_with`: a Close of the user's own words, and an end within C, whoever reads, talks or is silent (K4).

use std::future::poll_fn;
use std::time::Duration;

use futures_util::stream::FusedStream;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use ws_liveness::{Cause, ConfigError, End, Health, LiveSocket, LivenessError};

use crate::scripted::*;

fn goodbye() -> Msg {
    Msg::Close(1001, "going away".into())
}

/// The peer answers a Close when it sees one, and then ends.
fn answers_a_close(peer: &Peer, after: Duration, then: impl FnOnce(&Peer) + Send + 'static) {
    let peer = peer.clone();
    tokio::spawn(async move {
        while !peer.messages().iter().any(|message| matches!(message, Msg::Close(..))) {
            sleep(ms(10)).await;
        }
        sleep(after).await;
        peer.sends(goodbye());
        then(&peer);
    });
}

/// What code that knows neither of them would write.
async fn says_goodbye<L: LiveSocket<Error = Fault>>(ws: &mut L) -> Result<End, Fault> {
    ws.close_with(1001, "going away").unwrap().await
}

fn cause(fault: &Fault) -> Option<Cause> {
    LivenessError::find(fault).map(LivenessError::cause)
}

#[tokio::test(start_paused = true)]
async fn k4_close_with_says_why_and_waits_for_the_answer() {
    for spawned in [false, true] {
        let (peer, mut ws) = live(exact());
        answers_a_close(&peer, secs(3), Peer::ends);
        peer.sends(Msg::Data(1));
        let monitor = ws.monitor();
        let end = if spawned { says_goodbye(&mut ws.spawn(4)).await } else { says_goodbye(&mut ws).await };
        assert_eq!((end.unwrap(), monitor.ended().await), (End::Closed, End::Closed));
        assert_eq!(peer.messages(), [goodbye()], "once, with its own words");
        assert!(peer.elapsed() >= secs(3) && peer.elapsed() < secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn k4_what_follows_a_complete_handshake_is_no_failure() {
    for fails in [Peer::fails, Peer::ends, Peer::resets] {
        let (peer, mut ws) = live(exact());
        answers_a_close(&peer, secs(1), fails);
        assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::Closed);
        assert_eq!(ws.monitor().health(), Health::Ended(End::Closed));
    }
    // A handshake that is not complete has failed.
    let (peer, mut ws) = live(exact());
    peer.at(secs(1), Peer::fails);
    assert!(matches!(says_goodbye(&mut ws).await, Err(Fault::Reset)));
    let (peer, mut ws) = live(exact());
    peer.at(secs(1), Peer::ends);
    assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::EndOfStream);
}

#[tokio::test(start_paused = true)]
async fn k4_a_peer_that_does_not_answer_is_waited_for_until_c() {
    for spawned in [false, true] {
        for way in [|_: &Peer| {}, |peer: &Peer| peer.set_flushes(false), |peer: &Peer| peer.set_ready(false)] {
            let (peer, mut ws) = live(exact());
            way(&peer);
            let monitor = ws.monitor();
            let said =
                async { if spawned { says_goodbye(&mut ws.spawn(4)).await } else { says_goodbye(&mut ws).await } };
            let error = timeout(secs(60), said).await.expect("waits for ever").unwrap_err();
            assert_eq!(
                (cause(&error), monitor.health()),
                (Some(Cause::CloseTimeout), Health::Ended(End::CloseTimeout))
            );
            assert!(peer.elapsed() >= secs(10) && peer.elapsed() <= secs(11), "{:?}", peer.elapsed());
        }
    }
}

/// Discarding is bounded by C in time: a peer that never stops talking gets no more of it.
#[tokio::test(start_paused = true)]
async fn k4_a_peer_that_talks_on_and_on_is_discarded_until_c() {
    for spawned in [false, true] {
        let (peer, mut ws) = live(exact());
        peer.talks(ms(20), secs(100));
        let said = async { if spawned { says_goodbye(&mut ws.spawn(4)).await } else { says_goodbye(&mut ws).await } };
        let error = timeout(secs(60), said).await.expect("waits for ever").unwrap_err();
        assert_eq!(cause(&error), Some(Cause::CloseTimeout));
        assert!(peer.elapsed() >= secs(10) && peer.elapsed() <= secs(11), "{:?}", peer.elapsed());
    }
    // One that has always something to say, even.
    let (peer, mut ws) = live(exact());
    peer.set_floods(true);
    let (flooded, witness) = (peer.clone(), peer.clone());
    let said = tokio::spawn(async move { says_goodbye(&mut ws).await.map_err(|fault| cause(&fault)) });
    while flooded.elapsed() < secs(11) && !said.is_finished() {
        tokio::task::yield_now().await;
        tokio::time::advance(ms(200)).await;
    }
    assert_eq!(timeout(secs(1), said).await.expect("waits for ever").unwrap(), Err(Some(Cause::CloseTimeout)));
    assert!(witness.elapsed() <= secs(11));
}

#[tokio::test(start_paused = true)]
async fn k4_as_a_stream_it_delivers_what_still_comes() {
    let (peer, mut ws) = live(exact());
    peer.at(secs(1), |peer| peer.sends(Msg::Data(1)));
    peer.at(secs(2), |peer| peer.sends(Msg::Data(2)));
    peer.at(secs(3), |peer| {
        peer.sends(goodbye());
        peer.fails();
    });
    let mut closing = ws.close_with(1001, "going away").unwrap();
    let mut got = Vec::new();
    while let Some(item) = closing.next().await {
        got.push(item.unwrap());
    }
    assert!(closing.is_terminated() && closing.next().await.is_none());
    assert_eq!(got, [Msg::Data(1), Msg::Data(2), goodbye()]);
    assert_eq!((peer.messages(), ws.monitor().health()), (vec![goodbye()], Health::Ended(End::Closed)));
}

/// A flush before the Close is handed over does not count as its own.
#[tokio::test(start_paused = true)]
async fn k4_a_close_that_was_not_handed_over_was_not_sent() {
    let (peer, mut ws) = live(exact());
    peer.set_ready(false);
    {
        let mut closing = ws.close_with(1001, "going away").unwrap();
        assert!(closing.next().now_or_never().is_none());
    }
    assert!(flush(&mut ws).is_ready());
    // The handshake goes on with another call, and its words.
    peer.set_ready(true);
    answers_a_close(&peer, secs(1), Peer::ends);
    assert_eq!(ws.close_with(1012, "restart").unwrap().await.unwrap(), End::Closed);
    assert_eq!(peer.messages(), [Msg::Close(1012, "restart".into())]);
}

#[tokio::test(start_paused = true)]
async fn k4_after_a_close_of_either_side_nothing_more_is_said() {
    let (peer, mut ws) = live(exact());
    peer.sends(goodbye());
    peer.ends();
    assert_eq!(ws.next().await.unwrap().unwrap(), goodbye());
    assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::Closed);
    assert_eq!(peer.messages(), [], "the inner has answered by itself");

    let (peer, mut ws) = live(exact());
    ws.send(Msg::Close(1000, "mine".into())).await.unwrap();
    answers_a_close(&peer, secs(1), Peer::ends);
    assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::Closed);
    assert_eq!(peer.messages(), [Msg::Close(1000, "mine".into())]);
}

#[tokio::test(start_paused = true)]
async fn k4_after_a_verdict_close_with_tells_it() {
    let (_peer, mut ws) = live(exact());
    let fault = ws.next().await.unwrap().unwrap_err();
    assert_eq!(cause(&fault), Some(Cause::PongTimeout));
    assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::PongTimeout, "the error was told");
}

#[tokio::test(start_paused = true)]
async fn k4_a_message_that_waits_for_its_permit_goes_before_the_close() {
    let (peer, mut ws) = live(exact());
    // A ping uses the permit that the user holds.
    assert!(ready(&mut ws).is_ready());
    idle(&mut ws, secs(21)).await;
    peer.set_ready(false);
    ws.start_send_unpin(Msg::Data(7)).unwrap();
    peer.at(secs(22), |peer| peer.set_ready(true));
    answers_a_close(&peer, secs(1), Peer::ends);
    assert_eq!(says_goodbye(&mut ws).await.unwrap(), End::Closed);
    let kept: Vec<_> = peer.messages().into_iter().filter(|message| !matches!(message, Msg::Ping(_))).collect();
    assert_eq!(kept, [Msg::Data(7), goodbye()]);
}

#[tokio::test(start_paused = true)]
async fn k4_a_sink_that_is_full_for_now_gets_the_close_later() {
    let (peer, mut ws) = live(exact());
    peer.set_refuses(Some(Fault::Full));
    peer.at(secs(2), |peer| peer.set_refuses(None));
    answers_a_close(&peer, secs(1), Peer::ends);
    let mut said = Box::pin(says_goodbye(&mut ws));
    // The sink is ready all the while: who waits comes again by a clock of its own.
    let end = loop {
        let polled = poll_fn(|cx| std::task::Poll::Ready(said.as_mut().poll_unpin(cx))).await;
        match polled {
            std::task::Poll::Ready(end) => break end,
            std::task::Poll::Pending => sleep(ms(100)).await,
        }
    };
    assert_eq!((end.unwrap(), peer.messages()), (End::Closed, vec![goodbye()]));
}

#[test]
fn a_code_that_may_not_be_sent_is_refused_and_a_long_reason_is_cut() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (peer, mut ws) = live(exact());
        for code in [0, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000] {
            let refused: ConfigError = ws.close_with(code, "").unwrap_err();
            assert_eq!(refused.field(), "code");
        }
        assert_eq!((peer.messages(), ws.monitor().health()), (vec![], Health::Alive), "nothing has happened");
        answers_a_close(&peer, secs(1), Peer::ends);
        ws.close_with(4000, &"ä".repeat(100)).unwrap().await.unwrap();
        assert_eq!(peer.messages(), [Msg::Close(4000, "ä".repeat(61))]);
    });
}

/// C is time for whoever discards, though nobody attended meanwhile: a stream would go on waiting.
#[tokio::test(start_paused = true)]
async fn k4_discarding_is_over_after_c_also_if_the_process_stood_still() {
    let (peer, mut ws) = live(exact());
    let mut said = Box::pin(says_goodbye(&mut ws));
    assert!(poll_fn(|cx| std::task::Poll::Ready(said.as_mut().poll_unpin(cx))).await.is_pending());
    tokio::time::advance(secs(12)).await;
    let error = timeout(secs(60), said).await.expect("waits for ever").unwrap_err();
    assert_eq!(cause(&error), Some(Cause::CloseTimeout));
    assert!(peer.elapsed() < secs(13), "{:?}", peer.elapsed());
}

/// As above, and the peer's Close comes: the answer to it has still to leave.
#[tokio::test(start_paused = true)]
async fn k4_a_handshake_is_complete_only_when_a_close_was_flushed() {
    let (peer, mut ws) = live(exact());
    peer.set_ready(false);
    {
        let mut closing = ws.close_with(1001, "going away").unwrap();
        assert!(closing.next().now_or_never().is_none());
    }
    assert!(flush(&mut ws).is_ready());
    peer.set_flushes(false);
    peer.sends(goodbye());
    assert_eq!(ws.next().await.unwrap().unwrap(), goodbye());
    assert_eq!(ws.monitor().health(), Health::Alive, "nothing of ours has left");
    peer.set_flushes(true);
    peer.ends();
    assert!(ws.next().await.is_none());
}
