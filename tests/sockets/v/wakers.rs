//! V1, V2: reader and writer on two tasks over one socket with one slot for the write waker: no wake-up is lost, none
//! is made up.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use ws_liveness::{Cause, LiveExt, Monitor};

use crate::pair::{
    Item, Live, PATIENCE, ROLES, Ws, bare, cause_of, died_of, exact, millis, other, piped, piped_raw, quick, secs,
    sockets,
};

/// Much more than a pipe, a socket's small buffers and tungstenite take.
const LARGE: usize = 4 << 20;
/// A busy loop on a paused clock would never end.
const TOO_MANY: u32 = 500;

fn large() -> Message {
    Message::binary(vec![7; LARGE])
}

/// What the peer reads until it has seen `pings` pings; it answers each.
async fn drain<T: AsyncRead + AsyncWrite + Unpin>(peer: &mut Ws<T>, pings: usize) -> Vec<Message> {
    let mut seen = Vec::new();
    while seen.iter().filter(|message: &&Message| message.is_ping()).count() < pings {
        seen.push(peer.next().await.expect("the wrapped side lives").unwrap());
    }
    peer.flush().await.unwrap();
    seen
}

/// Reads as a `select!` loop does: something of its own wakes it again and again, and only it, so that the write waker
/// it leaves in the inner is the last one.
async fn read_restlessly<T>(stream: &mut SplitStream<Live<T>>) -> Item
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if let Ok(item) = timeout(millis(90), stream.next()).await {
            return item;
        }
    }
}

/// Pings fall due in the reader while the writer is parked on the only write waker; then the peer drains, and all of
/// it leaves within `moment`, before a timer could come to the rescue.
async fn blocked_writer<T>(live: Live<T>, mut peer: Ws<T>, silence: Duration, moment: Duration) -> Monitor
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let monitor = live.monitor();
    let (mut sink, mut stream) = live.split();
    let reader = tokio::spawn(async move { while matches!(read_restlessly(&mut stream).await, Some(Ok(_))) {} });
    let writer = tokio::spawn(async move {
        sink.send(large()).await.unwrap();
        sink.send(Message::text("done")).await.unwrap();
        sink
    });
    sleep(silence).await;
    assert!(!writer.is_finished(), "the pipe is too wide for this test");
    let mut seen = timeout(moment, drain(&mut peer, 1)).await.expect("a wake-up was lost");
    let _sink = timeout(moment, writer).await.expect("the writer's wake-up was lost").unwrap();
    seen.extend(drain(&mut peer, 2).await);
    seen.retain(|message| !message.is_ping());
    assert_eq!(seen, [large(), Message::text("done")]);
    assert!(!reader.is_finished());
    reader.abort();
    monitor
}

#[tokio::test(start_paused = true)]
async fn v1_a_parked_writer_survives_a_reader_that_pings() {
    for role in ROLES {
        let (live, peer) = piped(4096, role, &exact().build().unwrap()).await;
        let stats = blocked_writer(live, peer, secs(25), millis(1)).await.stats();
        assert_eq!((stats.pings_sent, stats.misses), (3, 0));
    }
}

#[tokio::test]
async fn v1_a_parked_writer_survives_a_reader_that_pings_over_tcp() {
    for role in ROLES {
        let (near, far) = sockets(Some(4096)).await;
        let config = quick(millis(200)).to_builder().write_timeout(2 * PATIENCE).build().unwrap();
        let live = bare(near, role).await.live(config);
        let peer = bare(far, other(role)).await;
        let stats = blocked_writer(live, peer, millis(300), PATIENCE).await.stats();
        assert_eq!(stats.misses, 0);
    }
}

/// The reader has polled, and with that used the write waker, and now waits for the writer: only the right waker helps.
#[tokio::test(start_paused = true)]
async fn v1_a_parked_writer_survives_a_reader_that_waits_for_it() {
    for role in ROLES {
        let (live, mut peer) = piped(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let writer = tokio::spawn(async move {
            sink.send(large()).await.unwrap();
            sink
        });
        let reader = tokio::spawn(async move {
            assert_eq!(stream.next().await.unwrap().unwrap(), Message::text("one"));
            assert!(timeout(millis(500), read_restlessly(&mut stream)).await.is_err());
            let _sink = writer.await.unwrap();
        });
        sleep(secs(22)).await;
        peer.send(Message::text("one")).await.unwrap();
        sleep(secs(1)).await;
        let read = timeout(millis(1), peer.next()).await.expect("the writer's wake-up was lost");
        assert_eq!(read.unwrap().unwrap(), large());
        let drained = tokio::spawn(async move { while peer.next().await.is_some() {} });
        timeout(millis(1), reader).await.expect("a wake-up was lost").unwrap();
        drained.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn v1_a_parked_writer_that_was_dropped_takes_no_wake_up_with_it() {
    for role in ROLES {
        let (live, mut peer) = piped(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let writer = tokio::spawn(async move { sink.send(large()).await });
        let reader = tokio::spawn(async move {
            assert_eq!(stream.next().await.unwrap().unwrap(), Message::Ping("q".into()));
            stream.next().await
        });
        sleep(secs(1)).await;
        peer.send(Message::Ping("q".into())).await.unwrap();
        sleep(secs(1)).await;
        writer.abort();
        assert!(writer.await.unwrap_err().is_cancelled());
        sleep(secs(23)).await;
        let mut seen = timeout(millis(1), drain(&mut peer, 1)).await.expect("a wake-up was lost");
        seen.extend(drain(&mut peer, 2).await);
        assert_eq!(seen[..2], [large(), Message::Pong("q".into())]);
        assert!(seen[2..].iter().all(Message::is_ping), "{seen:?}");
        assert!(!reader.is_finished());
        reader.abort();
    }
}

/// Nobody drains: the parked writer learns of the verdict that the reader takes, and of the one that it takes itself.
#[tokio::test(start_paused = true)]
async fn v1_k1_a_parked_writer_wakes_with_the_error() {
    for (role, reads) in [(ROLES[0], true), (ROLES[1], true), (ROLES[0], false), (ROLES[1], false)] {
        let (live, _far) = piped_raw(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let reader = tokio::spawn(async move { if reads { Some(died_of(stream.next().await)) } else { None } });
        let sent = timeout(secs(50) + millis(1), sink.send(large())).await.expect("I + W, then at once");
        assert_eq!(cause_of(&sent.unwrap_err()), Cause::WriteStalled);
        assert_eq!(reader.await.unwrap(), reads.then_some(Cause::WriteStalled));
    }
}

/// The timer has fired, and the reader comes a millisecond after it: nothing but the verdict itself wakes the writer.
#[tokio::test(start_paused = true)]
async fn v1_k1_a_parked_writer_wakes_at_the_verdict_of_a_late_reader() {
    for role in ROLES {
        let (live, _far) = piped_raw(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            assert!(timeout(millis(39_999), stream.next()).await.is_err());
            sleep(millis(2)).await;
            (died_of(stream.next().await), start.elapsed())
        });
        sleep(secs(25)).await;
        assert_eq!(cause_of(&sink.send(large()).await.unwrap_err()), Cause::PongTimeout);
        assert_eq!(start.elapsed(), millis(40_001), "not at the end of the farewell");
        assert_eq!(reader.await.unwrap(), (Cause::PongTimeout, millis(41_001)), "the Close had no way out");
    }
}

/// Counts the polls of `future`, and of the task that runs it.
async fn counted<F: Future>(future: F, polls: Arc<AtomicU32>) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        assert!(polls.fetch_add(1, Ordering::Relaxed) < TOO_MANY, "two parked halves keep waking each other");
        future.as_mut().poll(cx)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn v1_two_parked_halves_let_each_other_sleep() {
    for role in ROLES {
        let (live, _far) = piped_raw(4096, role, &exact().build().unwrap()).await;
        let (mut sink, mut stream) = live.split();
        let polls = [Arc::<AtomicU32>::default(), Arc::default()];
        let now = || polls.each_ref().map(|polls| polls.load(Ordering::Relaxed));
        let writer = tokio::spawn({
            let polls = polls[0].clone();
            async move { counted(sink.send(large()), polls).await.is_err() }
        });
        let reader = tokio::spawn({
            let polls = polls[1].clone();
            async move { died_of(counted(stream.next(), polls).await) }
        });
        sleep(secs(1)).await;
        let parked = now();
        sleep(secs(18)).await;
        assert_eq!(now(), parked, "nothing happened");
        sleep(secs(15)).await;
        let pinged = now();
        assert!(pinged.iter().zip(parked).all(|(now, before)| now - before <= 4), "{parked:?} {pinged:?}");
        assert_eq!(reader.await.unwrap(), Cause::WriteStalled);
        assert!(writer.await.unwrap());
        assert!(now().iter().all(|&polls| polls < 30), "{:?}", now());
    }
}

#[tokio::test(start_paused = true)]
async fn v1_an_idle_pair_is_polled_only_for_its_pings() {
    for role in ROLES {
        let (live, mut peer) = piped(1 << 16, role, &exact().build().unwrap()).await;
        tokio::spawn(async move { while peer.next().await.is_some() {} });
        let (mut sink, mut stream) = live.split();
        sink.flush().await.unwrap();
        let polls = Arc::<AtomicU32>::default();
        let reader = counted(stream.next(), polls.clone());
        assert!(timeout(secs(1000) + millis(1), reader).await.is_err());
        let polls = polls.load(Ordering::Relaxed);
        assert!((100..=152).contains(&polls), "{polls} polls for 50 pings, their pongs and the next due time");
    }
}

/// Reader, writer and peer on threads of their own, through pipes that are always full or always empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v1_no_wake_up_is_lost_between_threads() {
    let config = exact().ping_interval(millis(1)).build().unwrap();
    let mut channels = JoinSet::new();
    for (capacity, role) in [(16, ROLES[0]), (16, ROLES[1]), (100, ROLES[0]), (300, ROLES[1])] {
        let (live, peer) = piped(capacity, role, &config).await;
        let (mut back, mut there) = peer.split();
        tokio::spawn(async move {
            while let Some(Ok(message)) = there.next().await {
                if message.is_binary() {
                    back.send(message).await.unwrap();
                }
            }
        });
        let (mut sink, mut stream) = live.split();
        let (read, done) = oneshot::channel::<()>();
        channels.spawn(async move {
            for n in 0..1000 {
                sink.send(Message::binary(vec![7; n % 90])).await.unwrap();
            }
            // Held until the reader is done: the last echo must not depend on a drop.
            let _ = done.await;
        });
        channels.spawn(async move {
            for n in 0..1000 {
                let echo = stream.next().await.unwrap().unwrap();
                assert_eq!(echo.len(), n % 90);
            }
            drop(read);
        });
    }
    timeout(PATIENCE, channels.join_all()).await.expect("a wake-up was lost");
}
