//! Ends: whoever closes, and what a library yields and answers until then.

use std::fmt::Debug;

use futures_util::{SinkExt, Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use ws_liveness::{Cause, End, Health};

use super::{C, Kit, Live, cause_of, open, patient, timed};
use crate::pair::{CLOSE, PATIENCE, PING, PONG, TEXT, exact, farewell, frame, other, read_frame, read_frames, sockets};

pub(crate) fn goodbye() -> Message {
    Message::Close(Some(CloseFrame { code: 1001.into(), reason: "bye".into() }))
}

/// The stream's last words: what it yields until it ends, its error if there is one.
pub(crate) async fn rest<K: Kit>(live: &mut Live<K>) -> (Vec<Message>, Option<K::Error>) {
    let mut messages = Vec::new();
    let mut end = None;
    while let Some(item) = timeout(PATIENCE, live.next()).await.expect("nothing hangs") {
        match item {
            Ok(message) if end.is_none() => messages.push(K::show(message)),
            Ok(message) => panic!("{message:?} after an error"),
            Err(error) => assert!(end.replace(error).is_none(), "one error"),
        }
    }
    assert!(live.next().await.is_none());
    (messages, end)
}

pub(crate) async fn the_users_close_is_answered<K: Kit>(role: Role) {
    for says in [true, false] {
        let (mut live, mut far) = open::<K>(role, patient(), None).await;
        let peer = tokio::spawn(async move {
            loop {
                let (opcode, payload) = read_frame(&mut far).await.unwrap();
                if opcode == CLOSE {
                    far.write_all(&frame(other(role), CLOSE, &payload)).await.unwrap();
                    return payload;
                }
            }
        });
        if says {
            live.send(K::make(goodbye())).await.unwrap();
        } else {
            timeout(PATIENCE, live.close()).await.expect("nothing hangs").unwrap();
        }
        let (messages, error) = rest::<K>(&mut live).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(peer.await.unwrap() == farewell(1001, "bye"), says);
        let ended = match messages[..] {
            [Message::Close(_)] => End::Closed,
            // tokio-websockets' own `close` waits for the peer's Close, and discards it: nobody saw it come.
            [] if !says => End::EndOfStream,
            _ => panic!("{messages:?}"),
        };
        assert_eq!(live.monitor().health(), Health::Ended(ended));
    }
}

/// K4: within C. If the library's own `close` waits for the peer, as tokio-websockets' does, nobody reads meanwhile: it has C in
/// time, and a reader that comes after it has C of attention.
pub(crate) async fn the_users_close_is_not_answered<K: Kit>(role: Role) {
    for says in [true, false] {
        let (mut live, _far, clocks) = timed::<K>(role, exact().close_timeout(C).build().unwrap(), None).await;
        if says {
            live.send(K::make(goodbye())).await.unwrap();
        } else if let Err(error) = timeout(PATIENCE, live.close()).await.expect("nothing hangs") {
            assert_eq!(cause_of::<K>(&error), Cause::CloseTimeout);
        }
        let (messages, error) = rest::<K>(&mut live).await;
        assert_eq!((messages, cause_of::<K>(&error.expect("a verdict"))), (vec![], Cause::CloseTimeout));
        clocks.show_between(C, if says { C } else { 2 * C });
    }
}

/// S8: the answer leaves with the poll that shows the Close.
pub(crate) async fn the_peers_close_is_answered<K: Kit>(role: Role) {
    let (mut live, mut far) = open::<K>(role, exact().build().unwrap(), None).await;
    far.write_all(&frame(other(role), CLOSE, &farewell(1001, "bye"))).await.unwrap();
    assert_eq!(K::show(live.next().await.unwrap().unwrap()), goodbye());
    let (opcode, payload) = timeout(PATIENCE, read_frame(&mut far)).await.expect("it left").unwrap();
    assert_eq!((opcode, &payload[..2]), (CLOSE, &1001_u16.to_be_bytes()[..]));
    drop(far);
    let (messages, error) = rest::<K>(&mut live).await;
    assert!(messages.is_empty() && error.is_none(), "{messages:?} {error:?}");
    assert_eq!(live.monitor().health(), Health::Ended(End::Closed));
}

/// Promise 3: items, errors and the end, and what the library answers of itself.
pub(crate) async fn what_comes_in_is_the_inners<K: Kit>(role: Role) {
    let peer = other(role);
    let mut beginning = frame(peer, TEXT, b"frag");
    beginning[0] &= 0x7f;
    let fragments = [beginning, frame(peer, PING, b"between"), frame(peer, 0, b"ment")].concat();
    let talk = [frame(peer, TEXT, b"x"), frame(peer, 2, b"y"), frame(peer, PONG, b"unasked"), fragments].concat();
    let endings = [vec![], frame(peer, CLOSE, &farewell(1001, "bye")), frame(peer, 3, b"nonsense")];
    for ending in endings {
        let script = [talk.clone(), ending].concat();
        let (near, mut far) = sockets(None).await;
        let inner = K::open(near, &mut far, role, false).await;
        let expected = tokio::join!(items(inner), perform(far, &script));
        let (live, far) = open::<K>(role, exact().build().unwrap(), None).await;
        let monitor = live.monitor();
        let seen = tokio::join!(items(live), perform(far, &script));
        assert_eq!(seen, expected);
        assert!(seen.0.len() >= 5, "{seen:?}");
        assert!(matches!(monitor.health(), Health::Ended(End::Closed | End::EndOfStream | End::StreamError)));
    }
}

/// J8: a reset while a message is half received is told as it would be without us, and then there is nothing more.
pub(crate) async fn a_reset_is_the_inners_to_tell<K: Kit>(role: Role) {
    let half = &frame(other(role), TEXT, b"whole")[..4];
    let (near, mut far) = sockets(None).await;
    let inner = K::open(near, &mut far, role, false).await;
    let (expected, ()) = tokio::join!(items(inner), reset(far, half));
    let (mut live, far) = open::<K>(role, exact().build().unwrap(), None).await;
    let monitor = live.monitor();
    let (seen, ()) = tokio::join!(items(&mut live), reset(far, half));
    assert_eq!(seen, expected);
    assert!(matches!(monitor.health(), Health::Ended(End::StreamError | End::EndOfStream)), "{seen:?}");
    assert!(live.send(K::make(Message::text("x"))).await.is_err());
}

async fn reset(mut far: TcpStream, last: &[u8]) {
    far.write_all(last).await.unwrap();
    far.set_zero_linger().unwrap();
}

async fn items<S, M, E>(mut socket: S) -> Vec<String>
where
    S: Stream<Item = Result<M, E>> + Unpin,
    M: Debug,
    E: Debug,
{
    let mut items = Vec::new();
    while let Some(item) = timeout(PATIENCE, socket.next()).await.expect("nothing hangs") {
        items.push(format!("{item:?}"));
    }
    items
}

/// Says `script` and no more; what it hears until the end.
async fn perform(mut far: TcpStream, script: &[u8]) -> Vec<(u8, Vec<u8>)> {
    far.write_all(script).await.unwrap();
    far.shutdown().await.unwrap();
    read_frames(&mut far).await
}
