//! Row 6: a closing handshake, and a user that reads slowly.

use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Cause, End, Health, LiveConfig, Monitor};

use crate::pair::{Live, ROLES, TEXT, WIDE, Ws, died_of, exact, frame, other, piped, piped_raw, secs};

/// How a user says goodbye.
#[derive(Clone, Copy, Debug)]
enum Saying {
    Close,
    Send,
}

/// What a user does from its Close on, with a connection of its own or one that was spawned.
#[derive(Clone, Copy, Debug)]
struct User {
    saying: Saying,
    pauses: Duration,
    /// How long it takes for each message.
    takes: Duration,
    spawned: bool,
}

trait Ends: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {}
impl<W: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin> Ends for W {}

const COUNT: usize = 10;

impl User {
    fn all() -> Vec<Self> {
        let mut users = Vec::new();
        for (pauses, takes) in [(0, 4), (15, 0), (15, 4), (3_600, 0), (0, 60)] {
            for saying in [Saying::Close, Saying::Send] {
                users.extend([false, true].map(|spawned| Self {
                    saying,
                    pauses: secs(pauses),
                    takes: secs(takes),
                    spawned,
                }));
            }
        }
        users
    }

    /// Closes, and reads what the peer sent before. Returns when it took the last message.
    async fn closes(self, ws: &mut impl Ends) -> Instant {
        match self.saying {
            Saying::Close => ws.close().await.unwrap(),
            Saying::Send => ws.send(Message::Close(None)).await.unwrap(),
        }
        sleep(self.pauses).await;
        let mut taken = Instant::now();
        for number in 0..COUNT {
            let item = ws.next().await;
            taken = Instant::now();
            assert!(matches!(&item, Some(Ok(read)) if *read == text(number)), "{self:?}: {number}: {item:?}");
            sleep(self.takes).await;
        }
        taken
    }
}

fn text(number: usize) -> Message {
    Message::text(number.to_string())
}

fn exactly() -> LiveConfig {
    exact().build().unwrap()
}

/// A peer that has sent all its messages, and completes every handshake at once.
async fn prompt(role: Role) -> (Live<DuplexStream>, Monitor) {
    let (live, mut peer): (_, Ws<_>) = piped(WIDE, role, &exactly()).await;
    for number in 0..COUNT {
        peer.send(text(number)).await.unwrap();
    }
    tokio::spawn(async move { while peer.next().await.is_some_and(|item| item.is_ok()) {} });
    let monitor = live.monitor();
    (live, monitor)
}

async fn parts(user: User, mut ws: impl Ends) {
    user.closes(&mut ws).await;
    let close = ws.next().await;
    assert!(matches!(close, Some(Ok(Message::Close(_)))), "{user:?}: {close:?}");
    assert!(ws.next().await.is_none(), "{user:?}");
}

/// Row 6: `close()`; the peer completes the handshake at once; the user reads a message every 4 s, or pauses 15 s first.
#[tokio::test(start_paused = true)]
async fn k4_what_the_peer_sent_before_its_close_arrives_however_slowly_the_user_reads() {
    for role in ROLES {
        for user in User::all() {
            let (live, monitor) = prompt(role).await;
            if user.spawned {
                parts(user, live.spawn(1)).await;
            } else {
                parts(user, live).await;
            }
            assert_eq!(monitor.health(), Health::Ended(End::Closed), "{role:?} {user:?}");
        }
    }
}

/// A peer that has sent all its messages and never completes a handshake.
async fn deaf(role: Role) -> (Live<DuplexStream>, DuplexStream) {
    let (live, mut far) = piped_raw(WIDE, role, &exactly()).await;
    for number in 0..COUNT {
        far.write_all(&frame(other(role), TEXT, number.to_string().as_bytes())).await.unwrap();
    }
    (live, far)
}

/// C runs when the last message is taken: while the user is in `next`, or while the spawned task reads for it.
async fn waits_in_vain(user: User, mut ws: impl Ends) {
    let taken = user.closes(&mut ws).await;
    let start = if user.spawned { taken } else { Instant::now() };
    let late = Instant::now().max(start + secs(10));
    assert_eq!(died_of(ws.next().await), Cause::CloseTimeout, "{user:?}");
    assert_eq!(Instant::now(), late, "{user:?}");
    assert!(ws.next().await.is_none(), "{user:?}");
}

#[tokio::test(start_paused = true)]
async fn k4_a_peer_that_never_completes_the_handshake_is_closed_c_after_its_last_message() {
    for role in ROLES {
        for user in User::all() {
            let (live, _far) = deaf(role).await;
            let monitor = live.monitor();
            if user.spawned {
                waits_in_vain(user, live.spawn(1)).await;
            } else {
                waits_in_vain(user, live).await;
            }
            assert_eq!(monitor.health(), Health::Ended(End::CloseTimeout), "{role:?} {user:?}");
        }
    }
}
