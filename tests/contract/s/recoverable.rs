//! An error of the inner stream that goes on yielding afterwards (S4).

use std::time::Duration;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{advance, sleep, timeout};
use ws_liveness::{End, Health};

/// After `span`, the stream yields an error; three messages are still to be read.
async fn after_an_error(peer: &Peer, ws: &mut Live, span: Duration) {
    if !span.is_zero() {
        idle(ws, span).await;
    }
    peer.fails();
    for number in 0..3 {
        peer.sends(Msg::Data(number));
    }
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
}

#[tokio::test(start_paused = true)]
async fn s4_the_monitor_learns_an_error_of_the_stream_at_once() {
    let (peer, mut ws) = live(exact());
    let obituary = obituary(&peer, &ws);
    after_an_error(&peer, &mut ws, secs(5)).await;
    assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError));
    assert_eq!(obituary.await.unwrap(), (secs(5), End::StreamError));
    assert!(ws.monitor().probe().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn s4_what_the_stream_still_yields_after_an_error_is_passed_on_without_a_ping() {
    let (peer, mut ws) = live(exact());
    after_an_error(&peer, &mut ws, secs(5)).await;
    for number in 0..3 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
    }
    // As long as something comes within C, it goes on; for hours.
    peer.talks(secs(9), secs(9 * 1_000));
    for number in 0..1_000 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
    }
    assert_eq!(peer.messages(), [], "neither a ping nor a Close");
    assert_eq!(peer.elapsed(), secs(9_005));
}

/// The errors of a stream are its own, however many there are.
#[tokio::test(start_paused = true)]
async fn s4_every_error_of_the_stream_is_passed_on() {
    let (peer, mut ws) = live(exact());
    for _ in 0..3 {
        after_an_error(&peer, &mut ws, secs(0)).await;
        for _ in 0..3 {
            assert!(matches!(ws.next().await, Some(Ok(Msg::Data(_)))));
        }
    }
    peer.ends();
    assert!(ws.next().await.is_none());
    assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError), "the first cause stays");
}

#[tokio::test(start_paused = true)]
async fn s4_a_stream_that_yields_nothing_for_c_after_its_error_ends() {
    for c in [ms(300), secs(10), secs(100)] {
        let (peer, mut ws) = live(exact().close_timeout(c));
        after_an_error(&peer, &mut ws, secs(5)).await;
        for _ in 0..3 {
            assert!(matches!(ws.next().await, Some(Ok(Msg::Data(_)))));
        }
        idle(&mut ws, c - ms(1)).await;
        let last = timeout(secs(1), ws.next()).await.expect("it hangs");
        assert!(last.is_none(), "{last:?}: its one error was told");
        assert_eq!(peer.elapsed(), secs(5) + c);
        assert!(ws.next().await.is_none() && ws.next().await.is_none());
    }
}

/// What the stream yields starts C again.
#[tokio::test(start_paused = true)]
async fn s4_c_runs_from_the_last_thing_that_the_stream_yielded() {
    let (peer, mut ws) = live(exact());
    after_an_error(&peer, &mut ws, secs(5)).await;
    peer.at(secs(12), |peer| peer.sends(Msg::Data(3)));
    peer.at(secs(20), Peer::fails);
    for _ in 0..4 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(_)))));
    }
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    assert!(timeout(secs(60), ws.next()).await.expect("it hangs").is_none());
    assert_eq!(peer.elapsed(), secs(30));
}

/// C counts attention: a user who is away does not lose what can be read.
#[tokio::test(start_paused = true)]
async fn s4_what_came_while_the_user_was_away_is_delivered() {
    let (peer, mut ws) = live(exact());
    after_an_error(&peer, &mut ws, secs(5)).await;
    for number in 0..3 {
        sleep(secs(60)).await;
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
    }
    assert!(read(&mut ws).is_pending());
    advance(secs(5)).await;
    peer.sends(Msg::Data(3));
    sleep(secs(60)).await;
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(3)))));
    assert!(timeout(secs(60), ws.next()).await.expect("it hangs").is_none());
}

/// The sink is the inner's own as long as the stream goes on.
#[tokio::test(start_paused = true)]
async fn s4_after_an_error_of_the_stream_the_user_writes_on() {
    let (peer, mut ws) = live(exact());
    after_an_error(&peer, &mut ws, secs(5)).await;
    ws.send(Msg::Data(9)).await.unwrap();
    assert_eq!(peer.messages(), [Msg::Data(9)]);
    ws.close().await.unwrap();
    assert!(peer.is_closed());
}

/// A ping that is under way counts against nobody any more.
#[tokio::test(start_paused = true)]
async fn s4_an_error_of_the_stream_ends_the_judging() {
    for stalled in [false, true] {
        let (peer, mut ws) = live(exact());
        peer.set_flushes(!stalled);
        after_an_error(&peer, &mut ws, secs(25)).await;
        peer.talks(secs(1), secs(100));
        for _ in 0..100 {
            assert!(matches!(ws.next().await, Some(Ok(Msg::Data(_)))));
        }
        assert_eq!(peer.pings().len(), 1);
        assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError));
    }
}

#[tokio::test(start_paused = true)]
async fn s4_a_reader_on_a_task_of_its_own_ends_too() {
    let (peer, ws) = live(exact());
    let (_tx, mut rx) = ws.split();
    let reader = tokio::spawn(async move {
        let mut seen = 0;
        while rx.next().await.is_some() {
            seen += 1;
        }
        seen
    });
    peer.at(secs(5), Peer::fails);
    assert_eq!(timeout(secs(100), reader).await.expect("it hangs").unwrap(), 1);
    assert_eq!(peer.elapsed(), secs(15));
}

/// With a task of its own the items, the errors and the end are the same (B7); the socket is let go.
#[tokio::test(start_paused = true)]
async fn s4_a_spawned_connection_ends_likewise() {
    let (peer, live) = live(exact());
    let mut ws = live.spawn(8);
    let monitor = ws.monitor();
    peer.at(secs(5), |peer| {
        peer.fails();
        peer.sends(Msg::Data(1));
    });
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    assert_eq!(monitor.health(), Health::Ended(End::StreamError));
    assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))));
    assert!(timeout(secs(60), ws.next()).await.expect("it hangs").is_none());
    assert_eq!(peer.elapsed(), secs(15));
    assert_eq!(peer.messages(), []);
}
