//! K1 to K3: what a verdict does. The Close that the peer sees, what it still says, the one error, and then nothing.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::FusedStream;
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use ws_liveness::{Cause, End, Health, LiveConfigBuilder, LiveExt};

use crate::pair::{
    CLOSE, Live, PING, ROLES, TEXT, WIDE, bare_with, cause_of, died_of, exact, farewell, frame, millis, other,
    piped_raw, read_frame, read_frames, secs,
};

/// The sink and the stream of a connection after its one error.
async fn is_over(live: &mut Live<DuplexStream>, cause: Cause) {
    let start = Instant::now();
    assert!(live.is_terminated());
    for _ in 0..3 {
        assert!(live.next().await.is_none());
        assert_eq!(cause_of(&live.send(Message::text("x")).await.unwrap_err()), cause);
        assert_eq!(cause_of(&live.flush().await.unwrap_err()), cause);
        assert_eq!(cause_of(&live.close().await.unwrap_err()), cause);
        assert_eq!(cause_of(&Pin::new(&mut *live).start_send(Message::text("x")).unwrap_err()), cause);
    }
    assert_eq!(live.monitor().health().end().unwrap().cause(), Some(cause));
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
}

/// A peer that hears all and says nothing: what it heard.
async fn silent(config: LiveConfigBuilder, role: Role) -> Vec<(u8, Vec<u8>)> {
    let (mut live, mut far) = piped_raw(WIDE, role, &config.build().unwrap()).await;
    let start = Instant::now();
    assert!(!live.is_terminated());
    assert_eq!(died_of(live.next().await), Cause::PongTimeout);
    assert_eq!(start.elapsed(), secs(40), "I + T, and no grace for the silent");
    is_over(&mut live, Cause::PongTimeout).await;
    drop(live);
    read_frames(&mut far).await
}

#[tokio::test(start_paused = true)]
async fn k1_a_silent_peer_is_told_by_code_and_reason() {
    for role in ROLES {
        let heard = silent(exact(), role).await;
        assert_eq!(heard.len(), 2);
        assert_eq!((heard[0].0, heard[0].1.len()), (PING, 8));
        assert_eq!(heard[1], (CLOSE, farewell(3008, "pong timeout")));
    }
}

#[tokio::test(start_paused = true)]
async fn k2_code_and_reason_are_the_configured_ones() {
    for role in ROLES {
        let heard = silent(exact().close_code(4408).close_reason("gone"), role).await;
        assert_eq!(heard[1], (CLOSE, farewell(4408, "gone")));
        let heard = silent(exact().close_code(1001), role).await;
        assert_eq!(heard[1], (CLOSE, farewell(1001, "pong timeout")));
        let heard = silent(exact().close_reason("ä".repeat(100)), role).await;
        assert_eq!(heard[1], (CLOSE, farewell(3008, &"ä".repeat(61))), "123 bytes at most");
    }
}

/// How a peer that talked all the while takes the Close.
#[derive(Clone, Copy)]
enum Answer {
    Echo,
    Leave,
    TalkOn,
}

/// Says something every 100 ms; `answer`s a Close 200 ms after it came.
async fn talk(far: DuplexStream, role: Role, answer: Answer) -> Vec<(u8, Vec<u8>)> {
    let (mut read, mut write) = tokio::io::split(far);
    let talk = tokio::spawn(async move {
        let closed = async {
            let mut heard = Vec::new();
            while let Ok((opcode, payload)) = read_frame(&mut read).await {
                heard.push((opcode, payload));
                if opcode == CLOSE && !matches!(answer, Answer::TalkOn) {
                    break;
                }
            }
            sleep(millis(200)).await;
            (heard, read)
        };
        tokio::pin!(closed);
        let (heard, _read) = loop {
            tokio::select! {
                biased;
                closed = &mut closed => break closed,
                () = sleep(millis(100)) => { let _ = write.write_all(&frame(role, TEXT, b"x")).await; }
            }
        };
        if let Answer::Echo = answer {
            let _ = write.write_all(&frame(role, CLOSE, &heard.last().unwrap().1)).await;
            sleep(secs(3600)).await;
        }
        heard
    });
    talk.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn k1_what_a_talking_peer_still_says_is_discarded_until_its_close_its_end_or_the_grace() {
    let brief = exact().close_timeout(millis(300));
    for role in ROLES {
        for (answer, config, grace) in [
            (Answer::Echo, exact(), millis(200)),
            (Answer::Leave, exact(), millis(200)),
            (Answer::TalkOn, exact(), secs(1)),
            (Answer::TalkOn, brief.clone(), millis(300)),
        ] {
            let (mut live, far) = piped_raw(WIDE, role, &config.build().unwrap()).await;
            let monitor = live.monitor();
            let peer = tokio::spawn(talk(far, other(role), answer));
            let start = Instant::now();
            let end = loop {
                match live.next().await {
                    Some(Ok(message)) => assert_eq!(message, Message::text("x")),
                    end => break end,
                }
                assert!(start.elapsed() <= secs(60), "shown after the verdict");
                assert_eq!(matches!(monitor.health(), Health::Ended(_)), start.elapsed() > secs(60));
            };
            assert_eq!((died_of(end), start.elapsed()), (Cause::PongTimeout, secs(60) + grace));
            is_over(&mut live, Cause::PongTimeout).await;
            drop(live);
            peer.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k1_the_sink_fails_at_the_verdict_and_not_only_after_the_grace() {
    for role in ROLES {
        let (live, far) = piped_raw(WIDE, role, &exact().build().unwrap()).await;
        let peer = tokio::spawn(talk(far, other(role), Answer::TalkOn));
        let monitor = live.monitor();
        let (mut sink, mut stream) = live.split();
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            let mut errors = 0;
            while let Some(item) = stream.next().await {
                errors += usize::from(item.is_err());
            }
            (errors, start.elapsed())
        });
        assert_eq!((monitor.ended().await, start.elapsed()), (End::PongTimeout, secs(60)));
        assert_eq!(cause_of(&sink.send(Message::text("x")).await.unwrap_err()), Cause::PongTimeout);
        assert_eq!(start.elapsed(), secs(60));
        assert_eq!(reader.await.unwrap(), (1, secs(61)));
        peer.abort();
    }
}

/// Takes what the sink takes without waiting.
async fn stuff(live: &mut Live<DuplexStream>, size: usize) -> usize {
    poll_fn(|cx| {
        let mut taken = 0;
        while let Poll::Ready(ready) = Pin::new(&mut *live).poll_ready(cx) {
            ready.unwrap();
            Pin::new(&mut *live).start_send(Message::binary(vec![7; size])).unwrap();
            taken += 1;
        }
        Poll::Ready(taken)
    })
    .await
}

/// Room for one frame of 200 bytes, and then for none of ours.
fn tight() -> WebSocketConfig {
    WebSocketConfig::default().write_buffer_size(64).max_write_buffer_size(208)
}

/// tungstenite loses a Close for good that it gets on a full buffer. The peer drains within the grace: it sees it.
#[tokio::test(start_paused = true)]
async fn k3_a_close_on_a_full_write_buffer_waits_for_room() {
    for role in ROLES {
        for (drains, ends) in [(millis(50_500), millis(50_500)), (secs(100), secs(51))] {
            let (near, mut far) = duplex(1);
            let config = exact().build().unwrap();
            let mut live = bare_with(near, role, tight()).await.live(config);
            let taken = stuff(&mut live, 200).await;
            assert_eq!(taken, 1);
            let start = Instant::now();
            let peer = tokio::spawn(async move {
                sleep(drains).await;
                read_frames(&mut far).await
            });
            assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::WriteStalled, ends));
            is_over(&mut live, Cause::WriteStalled).await;
            drop(live);
            let heard = peer.await.unwrap();
            let closes = heard.iter().filter(|(opcode, _)| *opcode == CLOSE).count();
            assert_eq!(closes, usize::from(drains < ends + millis(1)), "{heard:?}");
            if closes == 1 {
                assert_eq!(heard.last(), Some(&(CLOSE, farewell(3008, "write stalled"))));
                assert_eq!(heard.len(), taken + 1, "no ping, and all of the user's");
            }
        }
    }
}

/// A limit below what the buffer may hold, so that the inner is ready and full: nothing helps the Close, the end comes.
#[tokio::test(start_paused = true)]
async fn k1_a_close_that_a_ready_inner_refuses_does_not_hold_up_the_end() {
    for role in ROLES {
        let (near, _far) = duplex(WIDE);
        let small = WebSocketConfig::default().write_buffer_size(100).max_write_buffer_size(120);
        let mut live = bare_with(near, role, small).await.live(exact().build().unwrap());
        assert!(timeout(secs(30), live.next()).await.is_err());
        live.feed(Message::binary(vec![7; 90])).await.unwrap();
        let start = Instant::now();
        assert_eq!(died_of(timeout(secs(11), live.next()).await.expect("bounded")), Cause::PongTimeout);
        assert!(start.elapsed() >= secs(10) && start.elapsed() <= secs(11));
        is_over(&mut live, Cause::PongTimeout).await;
    }
}

/// A ping that finds the buffer full has no fault in it: it leaves after the next flush.
#[tokio::test(start_paused = true)]
async fn s9_a_ping_that_finds_the_buffer_full_waits_for_a_flush() {
    for role in ROLES {
        let (near, mut far) = duplex(WIDE);
        let small = WebSocketConfig::default().write_buffer_size(100).max_write_buffer_size(101);
        let mut live = bare_with(near, role, small).await.live(exact().build().unwrap());
        live.feed(Message::binary(vec![7; 90])).await.unwrap();
        let start = Instant::now();
        assert_eq!((died_of(live.next().await), start.elapsed()), (Cause::PongTimeout, secs(40)));
        drop(live);
        let heard: Vec<u8> = read_frames(&mut far).await.into_iter().map(|(opcode, _)| opcode).collect();
        assert_eq!(heard, [2, PING, CLOSE]);
    }
}

/// Unread input at the moment of the drop would turn our Close into a reset; a talking peer over a pipe reads it all.
#[tokio::test(start_paused = true)]
async fn k1_the_input_of_a_talking_peer_is_read_to_the_end() {
    for role in ROLES {
        let (mut live, mut far) = piped_raw(64, role, &exact().build().unwrap()).await;
        let word = frame(other(role), TEXT, b"x");
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            loop {
                match live.next().await {
                    Some(Ok(_)) => {}
                    end => break (died_of(end), start.elapsed()),
                }
            }
        });
        let mut said = 0;
        while far.write_all(&word).await.is_ok() {
            said += 1;
            let _ = timeout(millis(10), far.read(&mut [0; 512])).await;
        }
        assert_eq!(reader.await.unwrap(), (Cause::PongTimeout, secs(61)));
        assert!(said >= 6000, "{said}: the writer was never held up for long");
    }
}
