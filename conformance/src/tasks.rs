//! A task of its own, over each library's socket.

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{Cause, End, Health, LivenessError};

use super::{Kit, T, answered, brisk, open, patient, timed};
use crate::pair::{CLOSE, PATIENCE, bare, farewell, other, read_frames};

/// B1, B2, B5: pings are answered while nobody polls; what came meanwhile is there; dropping the handle parts in peace.
pub(crate) async fn a_busy_handler_keeps_its_connection<K: Kit>(role: Role) {
    let (live, far) = open::<K>(role, patient(), None).await;
    let (monitor, mut peer) = (live.monitor(), bare(far, other(role)).await);
    let mut handle = live.spawn(4);
    peer.send(Message::text("work")).await.unwrap();
    let peer = tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = peer.next().await {
            heard.push(message);
        }
        heard
    });
    answered(&monitor, 4).await;
    assert_eq!(monitor.stats().misses, 0);
    assert_eq!(K::show(handle.next().await.unwrap().unwrap()), Message::text("work"));
    handle.send(K::make(Message::text("done"))).await.unwrap();
    drop(handle);
    let heard = timeout(PATIENCE, peer).await.expect("it was closed").unwrap();
    assert!(heard.contains(&Message::text("done")) && heard.last().is_some_and(Message::is_close), "{heard:?}");
    // tokio-websockets' own `close` discards the peer's Close: nobody saw it come.
    assert!(matches!(monitor.ended().await, End::Closed | End::EndOfStream));
}

/// B4, B7: the verdict is the socket's own, for a reader and for a writer, and the peer is told.
pub(crate) async fn a_silent_peer_of_a_task_gets_its_verdict<K: Kit>(role: Role) {
    let (live, mut far, clocks) = timed::<K>(role, brisk(), None).await;
    let (monitor, mut handle) = (live.monitor(), live.spawn(1));
    let dead = handle.next().await.unwrap().unwrap_err();
    assert_eq!(LivenessError::find(&dead).unwrap().cause(), Cause::PongTimeout);
    clocks.show(2 * T);
    assert!(handle.next().await.is_none());
    assert!(handle.send(K::make(Message::text("x"))).await.is_err());
    assert_eq!(monitor.health(), Health::Ended(End::PongTimeout));
    drop(handle);
    let heard = read_frames(&mut far).await;
    assert_eq!(*heard.last().unwrap(), (CLOSE, farewell(3008, "pong timeout")));
}
