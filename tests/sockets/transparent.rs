//! Promise 3: where the bare socket stood, the wrapped one stands. The same conversations over both, compared word for
//! word.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{LiveExt, LiveStream, LivenessError, Monitor};

use crate::pair::{
    CLOSE, PING, PONG, ROLES, TEXT, WIDE, bare, bare_with, exact, farewell, frame, millis, other, piped, quick,
    read_frames, secs, shown, sockets,
};

/// What code written against tokio-tungstenite asks of a socket.
trait Socket: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send + 'static {}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send + 'static
{
}

async fn echo(mut socket: impl Socket) -> Result<usize, Error> {
    let mut echoed = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() {
            socket.send(message).await?;
            echoed += 1;
        }
    }
    Ok(echoed)
}

fn is_sent_and_shared<T: Send + Sync + Unpin + Debug + 'static>() {}

#[tokio::test]
async fn a_function_over_stream_and_sink_takes_either() {
    is_sent_and_shared::<WebSocketStream<TcpStream>>();
    is_sent_and_shared::<LiveStream<WebSocketStream<TcpStream>>>();
    is_sent_and_shared::<Monitor>();
    is_sent_and_shared::<LivenessError>();
    for role in ROLES {
        for wrapped in [false, true] {
            let (near, far) = sockets(None).await;
            let near = bare(near, role).await;
            let task = if wrapped { tokio::spawn(echo(near.live(quick(secs(20))))) } else { tokio::spawn(echo(near)) };
            let mut peer = bare(far, other(role)).await;
            for n in 0..10 {
                peer.send(Message::text(n.to_string())).await.unwrap();
                assert_eq!(peer.next().await.unwrap().unwrap(), Message::text(n.to_string()));
            }
            peer.close(None).await.unwrap();
            while peer.next().await.is_some_and(|item| item.is_ok()) && role == Role::Server {}
            drop(peer);
            assert_eq!(task.await.unwrap().unwrap(), 10);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// The peer writes.
    Peer(Vec<u8>),
    PeerLeaves,
    /// The user does.
    Read,
    Send(Message),
    Feed(Message),
    Flush,
    Close,
}

use Step::{Close, Feed, Flush, Peer, PeerLeaves, Read, Send as Say};

impl Step {
    fn is_of_the_sink(&self) -> bool {
        matches!(self, Say(_) | Feed(_) | Flush | Close)
    }
}

/// What the user gets at each step, and what the peer hears.
async fn converse(mut near: impl Socket, far: DuplexStream, script: Vec<Step>) -> (Vec<String>, Vec<(u8, Vec<u8>)>) {
    let (mut hear, mut speak) = tokio::io::split(far);
    let heard = tokio::spawn(async move { read_frames(&mut hear).await });
    let mut log = Vec::new();
    for step in script {
        let got = match step.clone() {
            Peer(bytes) => shown(speak.write_all(&bytes).await.is_ok()),
            PeerLeaves => shown(speak.shutdown().await.is_ok()),
            Read => shown(timeout(millis(1), near.next()).await),
            Say(message) => shown(timeout(millis(1), near.send(message)).await),
            Feed(message) => shown(timeout(millis(1), near.feed(message)).await),
            Flush => shown(timeout(millis(1), near.flush()).await),
            Close => shown(timeout(millis(1), near.close()).await),
        };
        log.push(format!("{step:?}: {got}"));
    }
    drop(near);
    (log, heard.await.unwrap())
}

/// Everything a peer of `role` may do, in the order in which a user meets it.
fn scripts(role: Role) -> Vec<Vec<Step>> {
    let text = |word: &str| Peer(frame(role, TEXT, word.as_bytes()));
    let says = |word: &str| Say(Message::text(word));
    let bye = || Peer(frame(role, CLOSE, &farewell(4000, "bye")));
    let mut halves = frame(role, TEXT, b"one ");
    halves[0] = TEXT;
    let mut rest = frame(role, 0, b"two");
    rest[0] = 0x80;
    let (first, second) = rest.split_at(3);
    vec![
        vec![Read, says("a"), text("b"), text("c"), Read, Read, Read, Feed(Message::text("d")), Flush, Read],
        vec![
            Peer(halves),
            Read,
            Peer(frame(role, PING, b"p")),
            Read,
            Peer(first.into()),
            Read,
            Peer(second.into()),
            Read,
        ],
        vec![
            Peer(frame(role, PING, b"p")),
            Peer(frame(role, PONG, b"unasked")),
            Peer(frame(role, PONG, b"")),
            Read,
            Read,
            Read,
        ],
        vec![
            Say(Message::Ping("mine".into())),
            Peer(frame(role, PONG, b"mine")),
            Read,
            Say(Message::Pong("x".into())),
            Read,
        ],
        vec![Peer(frame(role, PONG, b"8 bytes.")), Read, Peer(frame(role, PONG, &[0; 8])), Read, Read],
        vec![
            text("a"),
            bye(),
            text("late"),
            Read,
            Read,
            Read,
            says("x"),
            Flush,
            Close,
            Read,
            PeerLeaves,
            Read,
            Read,
            says("x"),
        ],
        vec![bye(), Read, PeerLeaves, Read, Read, Flush, Close, says("x"), Flush],
        vec![
            Close,
            says("x"),
            text("a"),
            Peer(frame(role, PING, b"p")),
            Read,
            Read,
            bye(),
            Read,
            PeerLeaves,
            Read,
            Read,
        ],
        vec![
            Say(Message::Close(None)),
            Close,
            Say(Message::Close(None)),
            Flush,
            Read,
            bye(),
            PeerLeaves,
            Read,
            Read,
            Close,
        ],
        vec![text("a"), PeerLeaves, Read, Read, Read, says("x"), Flush, Close],
        vec![Close, PeerLeaves, Read, Read, says("x")],
        vec![Peer(frame(role, 3, b"")), text("a"), Read, Read, Read, says("x"), Flush, Close],
        vec![Peer(frame(other(role), TEXT, b"wrong mask")), Read, Read, Close],
        vec![Peer(frame(role, TEXT, &[0xff])), Read, Read, says("x"), Close],
        vec![Peer(frame(role, CLOSE, &farewell(1006, "forbidden"))), Read, Read, PeerLeaves, Read],
    ]
}

#[tokio::test(start_paused = true)]
async fn every_conversation_is_the_same_with_and_without_us() {
    for role in ROLES {
        for script in scripts(other(role)) {
            let (near, far) = duplex(WIDE);
            let plain = converse(bare(near, role).await, far, script.clone()).await;
            let (near, far) = duplex(WIDE);
            let live = bare(near, role).await.live(exact().build().unwrap());
            let wrapped = converse(live, far, script.clone()).await;
            assert_eq!(wrapped.1, plain.1, "{role:?}");
            assert_same(&script, &wrapped.0, &plain.0);
        }
    }
}

/// Word for word, but for a sink that has failed: tungstenite's may go on, and that of a `LiveStream` fails for good (S10).
fn assert_same(script: &[Step], wrapped: &[String], plain: &[String]) {
    let mut failed = false;
    for (step, (wrapped, plain)) in script.iter().zip(wrapped.iter().zip(plain)) {
        if failed && step.is_of_the_sink() {
            assert!(wrapped.contains("Ok(Err(") && wrapped.contains("cause: SendFailed"), "{script:?}: {wrapped}");
        } else {
            assert_eq!(wrapped, plain, "{script:?}");
        }
        failed |= step.is_of_the_sink() && plain.contains("Ok(Err(") && !plain.contains("SendAfterClosing");
    }
}

/// How much a socket takes before it says Pending, and what becomes of it.
async fn swallowed(mut near: impl Socket, mut far: DuplexStream) -> (usize, usize) {
    let taken = poll_fn(|cx| {
        let mut taken = 0;
        while let Poll::Ready(ready) = Pin::new(&mut near).poll_ready(cx) {
            ready.unwrap();
            Pin::new(&mut near).start_send(Message::binary(vec![7; 1000])).unwrap();
            taken += 1;
        }
        Poll::Ready(taken)
    })
    .await;
    let heard = tokio::spawn(async move { read_frames(&mut far).await.len() });
    near.flush().await.unwrap();
    drop(near);
    (taken, heard.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn backpressure_is_the_inners_own() {
    for role in ROLES {
        for capacity in [256, 4096, 100_000] {
            let (near, far) = duplex(capacity);
            let plain = swallowed(bare(near, role).await, far).await;
            let (near, far) = duplex(capacity);
            let wrapped = swallowed(bare(near, role).await.live(exact().build().unwrap()), far).await;
            assert_eq!(wrapped, plain);
            assert!(plain.0 > 100 && plain.0 == plain.1);
        }
    }
}

/// Pings in between, permits spent on them, a pipe that is always full: order and content are the user's.
#[tokio::test(start_paused = true)]
async fn a_busy_channel_keeps_its_order_while_pings_go_by() {
    for role in ROLES {
        let config = exact().ping_interval(millis(2)).build().unwrap();
        let (near, far) = duplex(512);
        let small = tokio_tungstenite::tungstenite::protocol::WebSocketConfig::default().write_buffer_size(0);
        let live = bare_with(near, role, small).await.live(config);
        let (mut peer_sink, mut peer) = bare(far, other(role)).await.split();
        tokio::spawn(async move {
            while let Some(Ok(message)) = peer.next().await {
                if message.is_binary() {
                    sleep(millis(1)).await;
                    peer_sink.send(message).await.unwrap();
                }
            }
        });
        let monitor = live.monitor();
        let (mut sink, mut stream) = live.split();
        let message = |n: usize| Message::binary(vec![n as u8; n * 37 % 1500]);
        tokio::spawn(async move {
            for n in 0..500 {
                sink.send(message(n)).await.unwrap();
            }
            sink
        });
        for n in 0..500 {
            assert_eq!(stream.next().await.unwrap().unwrap(), message(n));
        }
        let stats = monitor.stats();
        assert!(stats.pings_sent >= 100 && stats.misses == 0, "{stats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn j2_only_the_answers_to_our_own_pings_are_hidden() {
    for role in ROLES {
        let (mut live, mut peer) = piped(WIDE, role, &exact().build().unwrap()).await;
        let monitor = live.monitor();
        let peer = tokio::spawn(async move {
            let mut pings = Vec::new();
            while let Some(Ok(message)) = peer.next().await {
                pings.push(message.into_data());
            }
            pings
        });
        assert!(timeout(secs(55), live.next()).await.is_err(), "two pings, two pongs, nothing to see");
        live.send(Message::Ping("mine".into())).await.unwrap();
        assert_eq!(live.next().await.unwrap().unwrap(), Message::Pong("mine".into()));
        assert!(timeout(secs(55), live.next()).await.is_err());
        assert_eq!((monitor.stats().pings_sent, monitor.stats().pongs_received), (5, 5));
        drop(live);
        let pings = peer.await.unwrap();
        assert_eq!(pings.iter().map(|ping| ping.len()).collect::<Vec<_>>(), [8, 8, 4, 8, 8, 8]);
    }
}
