//! Two halves with two wakers: no wake-up is lost, none is made up, and whatever is dropped loses nothing (V1 to V3).

use std::task::Poll;

use crate::scripted::*;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{advance, sleep};
use ws_liveness::Cause;

#[tokio::test(start_paused = true)]
async fn v1_a_parked_writer_is_woken_by_the_verdict_with_its_error() {
    let (peer, ws) = live(exact());
    let (mut tx, mut rx) = ws.split();
    let far = peer.clone();
    let writer = tokio::spawn(async move {
        sleep(secs(30)).await;
        (tx.send(Msg::Data(1)).await, far.elapsed())
    });
    peer.at(secs(25), |peer| peer.set_ready(false));
    assert!(matches!(rx.next().await, Some(Err(Fault::Dead(_)))));
    let (sent, at) = writer.await.unwrap();
    assert!(matches!(sent, Err(Fault::Dead(error)) if error.cause() == Cause::PongTimeout));
    assert_eq!(at, secs(40));
}

#[tokio::test(start_paused = true)]
async fn v1_a_writer_that_looked_just_before_the_verdict_is_woken_by_it() {
    let (peer, mut ws) = live(exact().pong_timeout(secs(7)));
    let (reader, writer) = (Task::new(), Task::new());
    idle(&mut ws, secs(26)).await;
    peer.set_ready(false);
    assert!(read_by(&mut ws, &reader).is_pending() && ready_by(&mut ws, &writer).is_pending());
    advance(secs(1)).await;
    assert!(ready_by(&mut ws, &writer).is_pending(), "T is for the stream half to judge");
    let _ = writer.take();
    let _ = read_by(&mut ws, &reader);
    assert_eq!(writer.take(), 1);
    assert!(matches!(ready_by(&mut ws, &writer), Poll::Ready(Err(Fault::Dead(_)))));
}

#[tokio::test(start_paused = true)]
async fn v1_a_parked_writer_is_woken_by_the_failure_that_the_reader_met() {
    let (peer, mut ws) = live(exact());
    let (reader, writer) = (Task::new(), Task::new());
    peer.set_flushes(false);
    idle(&mut ws, secs(21)).await;
    assert!(flush_by(&mut ws, &writer).is_pending());
    peer.resets_in_silence();
    let _ = read_by(&mut ws, &reader);
    assert_eq!(writer.take(), 1);
    assert!(matches!(flush_by(&mut ws, &writer), Poll::Ready(Err(Fault::Dead(_)))));
}

#[tokio::test(start_paused = true)]
async fn v1_a_writer_that_was_dropped_while_parked_takes_no_wake_up_with_it() {
    let (peer, ws) = answered(exact(), secs(0));
    let (mut tx, mut rx) = ws.split();
    peer.set_ready(false);
    // It parks after the reader, and the inner has one slot for a waker.
    let writer = tokio::spawn(async move {
        sleep(secs(21)).await;
        let _ = tx.send(Msg::Data(1)).await;
    });
    peer.at(secs(22), move |_| writer.abort());
    peer.at(secs(25), |peer| peer.set_ready(true));
    peer.at(secs(50), |peer| peer.sends(Msg::Data(7)));
    assert!(matches!(rx.next().await, Some(Ok(Msg::Data(7)))));
    assert_eq!(peer.ping_times(), [25, 40].map(secs));
}

#[tokio::test(start_paused = true)]
async fn v1_a_reader_that_was_dropped_while_parked_takes_no_wake_up_with_it() {
    let (peer, mut ws) = live(exact());
    let (reader, writer) = (Task::new(), Task::new());
    peer.set_ready(false);
    assert!(ready_by(&mut ws, &writer).is_pending());
    assert!(read_by(&mut ws, &reader).is_pending());
    peer.set_ready(true);
    assert_eq!(writer.take(), 1);
}

#[tokio::test(start_paused = true)]
async fn v1_both_halves_parked_do_not_keep_waking_each_other() {
    for ready in [true, false] {
        let (peer, mut ws) = live(exact());
        let (reader, writer) = (Task::new(), Task::new());
        peer.set_ready(ready);
        peer.set_flushes(false);
        if ready {
            assert!(ready_by(&mut ws, &writer).is_ready());
            ws.start_send_unpin(Msg::Data(1)).unwrap();
        }
        let mut polls = 0;
        let (mut read, mut write) = (1, 1);
        for _ in 0..490 {
            while read + write > 0 {
                polls += 1;
                assert!(polls < 20, "at {:?}", peer.elapsed());
                assert!(read == 0 || read_by(&mut ws, &reader).is_pending());
                let poll = if ready { flush_by } else { ready_by };
                assert!(write == 0 || poll(&mut ws, &writer).is_pending());
                (read, write) = (reader.take(), writer.take());
            }
            advance(ms(100)).await;
            (read, write) = (reader.take(), writer.take());
        }
        // The start, the due ping, and half of W; some of them twice.
        assert!((3..=8).contains(&polls), "{polls}");
        assert_eq!(peer.pings().len(), usize::from(ready));
    }
}

#[tokio::test(start_paused = true)]
async fn v2_whatever_a_pending_half_waits_for_wakes_it() {
    let (peer, mut ws) = live(exact());
    let (reader, writer) = (Task::new(), Task::new());
    let mut woken_by = |act: &dyn Fn()| {
        assert!(read_by(&mut ws, &reader).is_pending());
        assert!(ready_by(&mut ws, &writer).is_pending());
        let _ = (reader.take(), writer.take());
        act();
        (reader.take() > 0, writer.take() > 0)
    };
    peer.set_ready(false);
    assert!(woken_by(&|| peer.set_ready(true)).1);
    peer.set_ready(false);
    assert!(woken_by(&|| peer.sends(Msg::Data(1))).0);
    assert!(matches!(read_by(&mut ws, &reader), Poll::Ready(Some(Ok(Msg::Data(1))))));
    assert!(read_by(&mut ws, &reader).is_pending() && ready_by(&mut ws, &writer).is_pending());
    let _ = (reader.take(), writer.take());
    advance(secs(20)).await;
    assert_eq!((reader.take(), writer.take()), (1, 1), "the due ping");
}

#[tokio::test(start_paused = true)]
async fn v2_the_answer_to_the_peers_ping_is_flushed_by_whichever_half_can() {
    let (peer, mut ws) = live(exact());
    let (reader, writer) = (Task::new(), Task::new());
    peer.set_flushes(false);
    peer.sends(Msg::Ping(vec![]));
    assert!(matches!(read_by(&mut ws, &reader), Poll::Ready(Some(Ok(Msg::Ping(_))))));
    assert!(read_by(&mut ws, &reader).is_pending());
    assert!(flush_by(&mut ws, &writer).is_pending());
    peer.set_flushes(true);
    assert_eq!((reader.take(), writer.take()), (1, 1));
    assert!(flush_by(&mut ws, &writer).is_ready());
    assert_eq!(peer.own_pongs().len(), 1);
    assert!(read_by(&mut ws, &reader).is_pending());
    assert_eq!(reader.take(), 0);
}

#[tokio::test(start_paused = true)]
async fn v3_a_next_and_a_send_that_are_dropped_lose_nothing() {
    let (peer, mut ws) = answered(exact(), secs(0));
    let mut read = Vec::new();
    for number in 0..100 {
        peer.at(ms(990) * (number + 1), move |peer| peer.sends(Msg::Data(number)));
    }
    for round in 0..1_000 {
        peer.set_ready(round % 3 > 0);
        tokio::select! {
            biased;
            item = ws.next() => read.push(item.unwrap().unwrap()),
            () = sleep(ms(100)) => {}
        }
        tokio::select! {
            biased;
            sent = ws.send(Msg::Data(round)) => sent.unwrap(),
            () = std::future::ready(()) => {}
        }
    }
    assert!(read.into_iter().eq((0..100).map(Msg::Data)));
    let times = peer.ping_times();
    assert!(times.len() >= 4 && times.windows(2).all(|pair| pair[1] - pair[0] <= ms(20_400)), "{times:?}");
    let data = peer.messages().into_iter().filter(|message| matches!(message, Msg::Data(_)));
    assert!(data.eq((0..1_000).filter(|round| round % 3 > 0).map(Msg::Data)));
}
