//! J5 and tokio's cooperative budget: with the task's budget used up a readable socket looks empty, and one with room
//! looks full; a live peer looks dead.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream};
use tokio::task::JoinSet;
use tokio::task::coop::{consume_budget, has_budget_remaining};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, End, Health};

use crate::pair::{Item, Live, ROLES, WIDE, Ws, died_of, exact, millis, over_tcp, piped, piped_raw, quick, secs};

/// Past what one poll of a `LiveStream` asks of the budget.
const UNITS: u32 = 8;

/// Uses one unit of the budget.
fn burn(cx: &mut Context<'_>) {
    assert!(pin!(consume_budget()).poll(cx).is_ready());
}

/// What a task has at the beginning of a poll.
async fn whole_budget() -> u32 {
    tokio::task::yield_now().await;
    poll_fn(|cx| {
        let mut units = 0;
        while has_budget_remaining() {
            burn(cx);
            units += 1;
        }
        Poll::Ready(units)
    })
    .await
}

/// One poll of the stream half with just `left` units.
async fn poll_with<T>(live: &mut Live<T>, left: u32) -> Poll<Item>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let whole = whole_budget().await;
    assert!(whole > UNITS, "{whole} units are too few for this test");
    tokio::task::yield_now().await;
    poll_fn(|cx| {
        (left..whole).for_each(|_| burn(cx));
        Poll::Ready(Pin::new(&mut *live).poll_next(cx))
    })
    .await
}

/// The answer comes while the reader is away, and is read when its deadline is past. `unit` is a quarter of T.
async fn alive<T>(mut live: Live<T>, mut peer: Ws<T>, unit: Duration, left: u32)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = tokio::spawn(async move {
        sleep(6 * unit).await;
        assert!(peer.next().await.unwrap().unwrap().is_ping());
        while peer.next().await.is_some() {}
    });
    assert!(timeout(5 * unit, live.next()).await.is_err());
    sleep(3 * unit + millis(20)).await;
    let polled = poll_with(&mut live, left).await;
    assert!(polled.is_pending(), "{left} units: {polled:?}");
    let monitor = live.monitor();
    assert!(timeout(2 * unit, live.next()).await.is_err(), "{left} units");
    let stats = monitor.stats();
    assert!(stats.pongs_received > 0 && stats.misses == 0, "{left} units: {stats:?}");
    answer.abort();
}

#[tokio::test(start_paused = true)]
async fn j5_a_pong_in_the_pipe_counts_however_little_budget_is_left() {
    for role in ROLES {
        for left in 0..UNITS {
            let (live, peer) = piped(WIDE, role, &exact().build().unwrap()).await;
            alive(live, peer, secs(5), left).await;
        }
    }
}

#[tokio::test]
async fn j5_a_pong_in_the_socket_counts_however_little_budget_is_left() {
    let mut runs = JoinSet::new();
    for left in 0..UNITS {
        let (live, peer) = over_tcp(ROLES[left as usize % 2], &quick(millis(240))).await;
        runs.spawn(alive(live, peer, millis(60), left));
    }
    runs.join_all().await;
}

/// No budget is no life: the verdict comes with the next poll, which nobody but tokio asks for (V2).
#[tokio::test(start_paused = true)]
async fn j5_a_dead_peer_gains_nothing_by_an_empty_budget() {
    for role in ROLES {
        for left in 0..UNITS {
            let (mut live, _far) = piped_raw(WIDE, role, &exact().build().unwrap()).await;
            let mut excess = whole_budget().await - left;
            tokio::task::yield_now().await;
            let start = Instant::now();
            let next = poll_fn(|cx| {
                if start.elapsed() >= secs(40) {
                    (0..std::mem::take(&mut excess)).for_each(|_| burn(cx));
                }
                live.poll_next_unpin(cx)
            });
            let item = timeout(secs(41), next).await.expect("polled again");
            assert_eq!((died_of(item), start.elapsed()), (Cause::PongTimeout, secs(40)), "{left} units");
            assert_eq!(excess, 0);
        }
    }
}

/// A ping waits behind a message that is half written; W has run to its end, in a reader that waits.
async fn stalled(role: Role) -> (Live<DuplexStream>, DuplexStream) {
    let (mut live, far) = piped_raw(NARROW, role, &exact().build().unwrap()).await;
    live.feed(Message::binary(vec![7; NARROW + 40])).await.unwrap();
    assert!(live.flush().now_or_never().is_none());
    let end = Instant::now() + secs(50);
    tokio::select! {
        biased;
        () = sleep_until(end) => {}
        item = live.next() => panic!("{item:?}"),
    }
    (live, far)
}

/// The bytes of one message that a client masks, and of a ping behind it, are more than once this and less than twice.
const NARROW: usize = 100;

/// At the very end of W the pipe is empty again; a flush without budget says that it is full.
#[tokio::test(start_paused = true)]
async fn j1_a_pipe_that_has_room_counts_however_little_budget_is_left() {
    for role in ROLES {
        for left in 0..UNITS {
            let (mut live, mut far) = stalled(role).await;
            far.read_exact(&mut [0; NARROW]).await.unwrap();
            let polled = poll_with(&mut live, left).await;
            assert!(polled.is_pending(), "{left} units: {polled:?}");
            let peer = tokio::spawn(async move { far.read_to_end(&mut Vec::new()).await });
            assert!(timeout(millis(19_990), live.next()).await.is_err(), "{left} units");
            let item = timeout(secs(1), live.next()).await.expect("T runs from the flush");
            assert_eq!(died_of(item), Cause::PongTimeout, "{left} units");
            peer.abort();
        }
    }
}

/// No budget is no life here either.
#[tokio::test(start_paused = true)]
async fn j1_a_peer_that_does_not_read_gains_nothing_by_an_empty_budget() {
    for role in ROLES {
        for left in 0..UNITS {
            let (mut live, _far) = stalled(role).await;
            let monitor = live.monitor();
            let mut excess = whole_budget().await - left;
            tokio::task::yield_now().await;
            let start = Instant::now();
            let next = poll_fn(|cx| {
                (0..std::mem::take(&mut excess)).for_each(|_| burn(cx));
                match live.poll_next_unpin(cx) {
                    Poll::Pending if monitor.health() != Health::Ended(End::WriteStalled) => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            });
            timeout(secs(1), next).await.expect("polled again");
            assert_eq!(start.elapsed(), Duration::ZERO, "{left} units");
        }
    }
}
