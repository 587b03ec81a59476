//! What a wrapped socket must do, whichever library it comes from. Everything runs over loopback TCP, so an upper
//! bound on a time is one by a clock that a busy machine does not break; exact instants are for the crate's own tests.
//!
//! A [`Kit`] describes the sockets of one library, [`conforms`] tries them. The libraries that the crate has an adapter for
//! are in `tests/kits`.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, End, Health, LiveConfig, LiveExt, LiveStream, LivenessError, Monitor, WsMessage};

use crate::pair::{
    CLOSE, PATIENCE, PING, ROLES, Ticks, bare, exact, farewell, millis, other, read_frames, secs, sockets,
};

mod ends;
#[path = "../../tests/support/pair.rs"]
mod pair;
mod tasks;

use ends::{
    a_reset_is_the_inners_to_tell, goodbye, rest, the_peers_close_is_answered, the_users_close_is_answered,
    the_users_close_is_not_answered, what_comes_in_is_the_inners,
};
use tasks::{a_busy_handler_keeps_its_connection, a_silent_peer_of_a_task_gets_its_verdict};

/// A library's socket.
pub trait Kit: 'static {
    /// Its message.
    type Message: WsMessage + Debug + Send + Sync + 'static;
    /// Its error.
    type Error: From<LivenessError> + StdError + Send + Sync + 'static;
    /// Its socket, as it comes out of the handshake.
    type Socket: Stream<Item = Result<Self::Message, Self::Error>>
        + Sink<Self::Message, Error = Self::Error>
        + Unpin
        + Send
        + 'static;
    /// The roles that its socket can play.
    const ROLES: &'static [Role] = &ROLES;

    /// The socket over `near`, after whatever handshake it needs over `far`. `tight`: its write buffer, where it can be
    /// limited, has room for a message of 90 bytes and for nothing more.
    fn open(near: TcpStream, far: &mut TcpStream, role: Role, tight: bool)
    -> impl Future<Output = Self::Socket> + Send;

    /// Its own form of a message.
    fn make(message: Message) -> Self::Message;

    /// The common form of its message.
    fn show(message: Self::Message) -> Message;
}

type Live<K> = LiveStream<<K as Kit>::Socket>;

const T: Duration = Duration::from_millis(300);
const C: Duration = Duration::from_millis(500);
/// Kernel buffers.
const SMALL: u32 = 4096;

/// Tries everything at once, in every role.
///
/// # Panics
///
/// Where a socket does not do what it must.
pub async fn conforms<K: Kit>() {
    let mut runs = JoinSet::new();
    for &role in K::ROLES {
        runs.spawn(a_live_peer_stays_and_parts_in_peace::<K>(role));
        runs.spawn(a_silent_peer_gets_its_verdict::<K>(role));
        runs.spawn(a_peer_that_does_not_read_gets_its_verdict::<K>(role));
        runs.spawn(a_full_write_buffer_is_no_failure::<K>(role));
        runs.spawn(the_users_close_is_answered::<K>(role));
        runs.spawn(the_users_close_is_not_answered::<K>(role));
        runs.spawn(the_peers_close_is_answered::<K>(role));
        runs.spawn(what_comes_in_is_the_inners::<K>(role));
        runs.spawn(a_blocked_writer_goes_on::<K>(role));
        runs.spawn(backpressure_goes_both_ways::<K>(role));
        runs.spawn(a_reset_is_the_inners_to_tell::<K>(role));
        runs.spawn(a_busy_handler_keeps_its_connection::<K>(role));
        runs.spawn(a_silent_peer_of_a_task_gets_its_verdict::<K>(role));
    }
    runs.join_all().await;
}

fn brisk() -> LiveConfig {
    exact().ping_interval(T).pong_timeout(T).write_timeout(2 * T).close_timeout(C).build().unwrap()
}

/// Pings often, judges late.
fn patient() -> LiveConfig {
    exact().ping_interval(millis(100)).pong_timeout(secs(8)).close_timeout(secs(8)).build().unwrap()
}

async fn open<K: Kit>(role: Role, config: LiveConfig, buffers: Option<u32>) -> (Live<K>, TcpStream) {
    let (near, mut far) = sockets(buffers).await;
    (K::open(near, &mut far, role, false).await.live(config), far)
}

/// The same with its clocks.
async fn timed<K: Kit>(role: Role, config: LiveConfig, buffers: Option<u32>) -> (Live<K>, TcpStream, Clocks) {
    let (near, mut far) = sockets(buffers).await;
    let socket = K::open(near, &mut far, role, false).await;
    let clocks = Clocks::start();
    (socket.live(config), far, clocks)
}

#[track_caller]
fn cause_of<K: Kit>(error: &K::Error) -> Cause {
    LivenessError::find(error).unwrap_or_else(|| panic!("not ours: {error:?}")).cause()
}

/// More than small kernel buffers take, and what a library keeps for itself.
fn large() -> Message {
    Message::binary(vec![7; 1 << 20])
}

/// A connection, and the clocks by which its end is neither early nor late.
struct Clocks {
    made: Instant,
    ticks: Ticks,
}

impl Clocks {
    fn start() -> Self {
        Self { made: Instant::now(), ticks: Ticks::start() }
    }

    #[track_caller]
    fn show(&self, exactly: Duration) {
        self.show_between(exactly, exactly);
    }

    #[track_caller]
    fn show_between(&self, least: Duration, most: Duration) {
        let elapsed = self.made.elapsed();
        assert!(elapsed >= least, "{elapsed:?} instead of {least:?}");
        self.ticks.within(most);
    }
}

/// Waits until `pongs` of our pings have been answered, while somebody reads.
async fn answered(monitor: &Monitor, pongs: u64) {
    let answered = async {
        while monitor.stats().pongs_received < pongs {
            sleep(millis(5)).await;
        }
    };
    timeout(PATIENCE, answered).await.expect("no pong comes");
}

async fn a_live_peer_stays_and_parts_in_peace<K: Kit>(role: Role) {
    let (mut live, far) = open::<K>(role, patient(), None).await;
    let (monitor, mut peer) = (live.monitor(), bare(far, other(role)).await);
    let peer = tokio::spawn(async move { while peer.next().await.is_some_and(|item| item.is_ok()) {} });
    tokio::select! {
        () = answered(&monitor, 4) => {}
        item = live.next() => panic!("{item:?}"),
    }
    assert_eq!(monitor.stats().misses, 0);
    tokio::select! {
        rtt = monitor.probe() => assert!(rtt.is_ok()),
        item = live.next() => panic!("{item:?}"),
    }
    live.send(K::make(goodbye())).await.unwrap();
    let (messages, error) = rest::<K>(&mut live).await;
    assert!(matches!(messages[..], [Message::Close(_)]) && error.is_none(), "{messages:?} {error:?}");
    assert_eq!(monitor.health(), Health::Ended(End::Closed));
    drop(live);
    peer.await.unwrap();
}

/// K1, K6: the error is the library's own and carries ours; our Close arrives, and says why.
async fn a_silent_peer_gets_its_verdict<K: Kit>(role: Role) {
    let (mut live, mut far, clocks) = timed::<K>(role, brisk(), None).await;
    let dead = live.next().await.unwrap().unwrap_err();
    assert_eq!(cause_of::<K>(&dead), Cause::PongTimeout);
    clocks.show(2 * T);
    assert!(live.next().await.is_none());
    let refused = live.send(K::make(Message::text("x"))).await.unwrap_err();
    assert_eq!(cause_of::<K>(&refused), Cause::PongTimeout);
    drop(live);
    let heard = read_frames(&mut far).await;
    let (close, pings) = heard.split_last().unwrap();
    assert_eq!(*close, (CLOSE, farewell(3008, "pong timeout")));
    assert!(!pings.is_empty() && pings.iter().all(|(opcode, payload)| (*opcode, payload.len()) == (PING, 8)));
}

/// J1: both halves learn of it.
async fn a_peer_that_does_not_read_gets_its_verdict<K: Kit>(role: Role) {
    let (live, _far, clocks) = timed::<K>(role, brisk(), Some(SMALL)).await;
    let (mut sink, mut stream) = live.split();
    let reader = tokio::spawn(async move { stream.next().await.unwrap().unwrap_err() });
    let sent = sink.send(K::make(large())).await;
    assert_eq!(cause_of::<K>(&sent.unwrap_err()), Cause::WriteStalled);
    clocks.show(3 * T);
    assert_eq!(cause_of::<K>(&reader.await.unwrap()), Cause::WriteStalled);
    clocks.ticks.within(3 * T + C);
}

/// S9: our ping waits for a flush.
async fn a_full_write_buffer_is_no_failure<K: Kit>(role: Role) {
    let (near, mut far) = sockets(None).await;
    let mut live = K::open(near, &mut far, role, true).await.live(patient());
    let mut peer = bare(far, other(role)).await;
    tokio::spawn(async move { while peer.next().await.is_some_and(|item| item.is_ok()) {} });
    live.feed(K::make(Message::binary(vec![7; 90]))).await.unwrap();
    let monitor = live.monitor();
    tokio::select! {
        () = answered(&monitor, 1) => {}
        item = live.next() => panic!("{item:?}"),
    }
    assert_eq!(monitor.stats().misses, 0);
}

/// V1: a ping is asked of a reader that wakes itself, and only itself, while the writer is parked on the only write
/// waker. No timer comes to the rescue.
async fn a_blocked_writer_goes_on<K: Kit>(role: Role) {
    let never = 2 * PATIENCE;
    let config = exact().ping_interval(never).pong_timeout(never).write_timeout(never).build().unwrap();
    let (live, far) = open::<K>(role, config, Some(SMALL)).await;
    let (monitor, mut peer) = (live.monitor(), bare(far, other(role)).await);
    let (mut sink, mut stream) = live.split();
    let reader = tokio::spawn(async move {
        loop {
            if let Ok(item) = timeout(millis(90), stream.next()).await {
                return format!("{item:?}");
            }
        }
    });
    let writer = tokio::spawn(async move {
        sink.send(K::make(large())).await.unwrap();
        sink.send(K::make(Message::text("done"))).await.unwrap();
        sink
    });
    sleep(millis(200)).await;
    let probe = tokio::spawn(async move { monitor.probe().await });
    sleep(millis(300)).await;
    assert!(!writer.is_finished(), "the buffers are too wide for this test");
    let mut seen = Vec::new();
    let drained = timeout(PATIENCE, async {
        while seen.last() != Some(&Message::text("done")) {
            seen.push(peer.next().await.unwrap().unwrap());
        }
    });
    assert!(drained.await.is_ok(), "a wake-up was lost after {} messages", seen.len());
    assert!(seen[1].is_ping());
    seen.remove(1);
    assert_eq!(seen, [large(), Message::text("done")]);
    let _sink = timeout(PATIENCE, writer).await.expect("the writer's wake-up was lost").unwrap();
    assert!(timeout(PATIENCE, probe).await.expect("the reader's wake-up was lost").unwrap().is_ok());
    assert!(!reader.is_finished());
    reader.abort();
}

async fn backpressure_goes_both_ways<K: Kit>(role: Role) {
    let (mut live, far) = open::<K>(role, patient(), Some(SMALL)).await;
    let mut peer = bare(far, other(role)).await;
    let message = |n: u8| Message::binary(vec![n; 1 << 16]);
    let mut taken = 0;
    while timeout(millis(300), live.feed(K::make(message(taken)))).await.is_ok_and(|fed| fed.is_ok()) {
        taken += 1;
        assert!(taken < 64, "taken without end");
    }
    let (flushed, peer) = tokio::join!(live.flush(), async {
        let mut next = 0;
        while next < taken {
            let read = peer.next().await.unwrap().unwrap();
            if !read.is_ping() {
                assert_eq!(read, message(next));
                next += 1;
            }
        }
        peer
    });
    flushed.unwrap();
    let (mut sink, mut stream) = peer.split();
    tokio::spawn(async move { while stream.next().await.is_some() {} });
    let sender = tokio::spawn(async move {
        for n in 0..64 {
            sink.send(message(n)).await.unwrap();
        }
    });
    sleep(millis(300)).await;
    assert!(!sender.is_finished(), "read without being asked");
    for n in 0..64 {
        assert_eq!(K::show(live.next().await.unwrap().unwrap()), message(n));
    }
    sender.await.unwrap();
}

/// The example of an axum server in the guide is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../src/guide/axum.md")]
#[doc = include_str!("../../src/guide/progress.md")]
struct Guide;
