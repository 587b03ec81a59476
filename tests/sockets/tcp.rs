//! Promises 1 and 2 over loopback TCP, in both roles: an idle live peer stays, a peer on a dark path gets its verdict.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, End, LiveConfig, LiveExt};

use crate::pair::{
    CLOSE, Live, ROLES, Ticks, Ws, bare, died_of, farewell, millis, other, over_tcp, quick, read_frames, sockets, stays,
};
use crate::relay::{Relay, Way};

const T: Duration = Duration::from_millis(200);

/// Reads, and thereby answers, until the end.
fn attend(mut peer: Ws<TcpStream>) {
    tokio::spawn(async move { while peer.next().await.is_some_and(|item| item.is_ok()) {} });
}

#[tokio::test]
async fn a_live_idle_peer_stays() {
    let (mut client, peer) = over_tcp(ROLES[0], &quick(T)).await;
    attend(peer);
    let (mut server, peer) = over_tcp(ROLES[1], &quick(T)).await;
    attend(peer);
    tokio::join!(stays(&mut client, 5), stays(&mut server, 5));
    for live in [client, server] {
        assert_eq!(live.monitor().stats().misses, 0);
    }
}

/// Both ends wrapped: each pings, each answers, and both part in peace.
#[tokio::test]
async fn two_wrapped_ends_keep_each_other() {
    let (near, far) = sockets(None).await;
    let mut client = bare(near, Role::Client).await.live(quick(T));
    let mut server = bare(far, Role::Server).await.live(quick(T));
    let monitor = server.monitor();
    let echo = tokio::spawn(async move {
        while let Some(item) = server.next().await {
            let message = item.unwrap();
            if message.is_text() {
                server.send(message).await.unwrap();
            }
        }
    });
    // The pings of the other end are the user's to see.
    assert!(client.next().await.unwrap().unwrap().is_ping());
    client.send(Message::text("x")).await.unwrap();
    let (mut echoed, mut pings) = (0, 0);
    while pings < 3 {
        let message = client.next().await.unwrap().unwrap();
        assert!(message.is_ping() || message == Message::text("x"), "{message:?}");
        echoed += u32::from(message.is_text());
        pings += u32::from(message.is_ping());
    }
    assert_eq!(echoed, 1);
    client.close().await.unwrap();
    while let Some(item) = client.next().await {
        let message = item.unwrap();
        assert!(message.is_ping() || message.is_close());
    }
    echo.await.unwrap();
    assert_eq!((monitor.ended().await, client.monitor().ended().await), (End::Closed, End::Closed));
}

/// A wrapped end and a bare one with a relay between them.
async fn relayed(role: Role, config: LiveConfig) -> (Live<TcpStream>, Ws<TcpStream>, Relay) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start(listener.local_addr().unwrap(), None).await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(relay.addr()), listener.accept());
    let (client, server) = (client.unwrap(), server.unwrap().0);
    let (near, far) = if role == Role::Client { (client, server) } else { (server, client) };
    (bare(near, role).await.live(config), bare(far, other(role)).await, relay)
}

/// The way from `role`, or to it.
fn way(from: bool, role: Role) -> Way {
    if from == (role == Role::Client) { Way::ToServer } else { Way::ToClient }
}

#[tokio::test]
async fn a_peer_behind_a_dark_path_gets_its_verdict() {
    let mut runs = tokio::task::JoinSet::new();
    for role in ROLES {
        for (out, back) in [(true, true), (true, false), (false, true)] {
            runs.spawn(async move {
                let (mut live, peer, relay) = relayed(role, quick(T)).await;
                attend(peer);
                stays(&mut live, 1).await;
                for (dark, from) in [(out, true), (back, false)] {
                    if dark {
                        relay.darken(way(from, role));
                    }
                }
                let ticks = Ticks::start();
                assert_eq!(died_of(live.next().await), Cause::PongTimeout, "{out} {back}");
                ticks.within(2 * T);
                assert!(live.next().await.is_none());
            });
        }
    }
    runs.join_all().await;
}

/// The path swallows the answers only: the Close still arrives and says why.
#[tokio::test]
async fn k1_a_peer_that_never_answers_hears_why() {
    for role in ROLES {
        let (near, mut far) = sockets(None).await;
        let (start, ticks) = (Instant::now(), Ticks::start());
        let mut live = bare(near, role).await.live(quick(T));
        assert_eq!(died_of(live.next().await), Cause::PongTimeout);
        assert!(start.elapsed() >= 2 * T, "{:?}", start.elapsed());
        ticks.within(2 * T);
        drop(live);
        let heard = read_frames(&mut far).await;
        assert_eq!(heard.last(), Some(&(CLOSE, farewell(3008, "pong timeout"))));
    }
}

/// A peer that does not read, and kernel buffers that fill: W, not T.
#[tokio::test]
async fn j1_a_peer_that_stops_reading_is_stalled() {
    for role in ROLES {
        let (near, _far) = sockets(Some(4096)).await;
        let (start, ticks) = (Instant::now(), Ticks::start());
        let live = bare(near, role).await.live(quick(T));
        let (mut sink, mut stream) = live.split();
        let reader = tokio::spawn(async move { died_of(stream.next().await) });
        let sent = sink.send(Message::binary(vec![7; 8 << 20])).await;
        assert_eq!(crate::pair::cause_of(&sent.unwrap_err()), Cause::WriteStalled);
        assert!(start.elapsed() >= 4 * T, "{:?}", start.elapsed());
        ticks.within(4 * T);
        assert_eq!(reader.await.unwrap(), Cause::WriteStalled);
        // C is shorter than 1 s.
        ticks.within(4 * T + millis(500));
    }
}
