//! All peers die at once: how long after its deadline each verdict is delivered.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use ws_liveness::{LiveConfig, LiveExt, LiveStream, LivenessError, PONG_TIMEOUT_CLOSE_CODE};

use crate::cycle::Socket;
use crate::socket::Noting;

const PONG_TIMEOUT: Duration = Duration::from_secs(1);
/// A verdict that takes longer than this beyond its bound is none, and this for each connection: a million take a while.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_EACH: Duration = Duration::from_micros(100);

/// How deadlines fall, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As they usually do.
    Spread,
    /// All pings at the same time, so that all deadlines fall together too.
    Together,
    /// The same by the cheapest program: what of it is the sockets' own.
    Bare,
}

impl Manner {
    pub(crate) const ALL: [Self; 3] = [Self::Spread, Self::Together, Self::Bare];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Together => "together",
            Self::Bare => "together, bare",
        }
    }

    /// Of the order to a process.
    pub(crate) fn order(self) -> &'static str {
        match self {
            Self::Spread => "die-spread",
            Self::Together => "die-together",
            Self::Bare => "die-bare",
        }
    }
}

pub(crate) struct Dying(JoinSet<Option<Duration>>);

/// Pinging from now on.
pub(crate) fn start<T>(sockets: Vec<Noting<T>>, interval: Duration, manner: Manner) -> Dying
where
    Noting<T>: Socket,
{
    let config = LiveConfig::builder().ping_interval(interval).pong_timeout(PONG_TIMEOUT);
    let config = if manner == Manner::Together { config.jitter(0.0) } else { config };
    let config = config.build().expect("valid");
    let mut tasks = JoinSet::new();
    for socket in sockets {
        match manner {
            Manner::Bare => tasks.spawn(farewell(socket, interval)),
            Manner::Spread | Manner::Together => tasks.spawn(verdict(socket.live(config.clone()))),
        };
    }
    Dying(tasks)
}

/// One ping, one deadline, one Close.
async fn farewell<T>(mut ws: Noting<T>, interval: Duration) -> Option<Duration>
where
    Noting<T>: Socket,
{
    sleep(interval).await;
    ws.send(Message::Ping(Bytes::from_static(b"12345678"))).await.ok()?;
    let deadline = ws.last_ping? + PONG_TIMEOUT;
    timeout_at(deadline, ws.next()).await.err()?;
    let frame = CloseFrame { code: PONG_TIMEOUT_CLOSE_CODE.into(), reason: "pong timeout".into() };
    ws.send(Message::Close(Some(frame))).await.ok()?;
    Instant::now().checked_duration_since(deadline)
}

/// From the deadline of the last ping to the error in the hands of the task that reads.
async fn verdict<T>(mut ws: LiveStream<Noting<T>>) -> Option<Duration>
where
    Noting<T>: Socket,
{
    loop {
        if let Err(error) = ws.next().await? {
            let now = Instant::now();
            LivenessError::find(&error)?;
            return now.checked_duration_since(ws.get_ref().last_ping? + PONG_TIMEOUT);
        }
    }
}

impl Dying {
    pub(crate) async fn lateness(mut self, interval: Duration) -> Vec<Duration> {
        let mut lateness = Vec::new();
        let patience = PATIENCE + PATIENCE_EACH * u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let bound = Instant::now() + interval + PONG_TIMEOUT + patience;
        while let Ok(Some(verdict)) = timeout_at(bound, self.0.join_next()).await {
            lateness.extend(verdict.ok().flatten());
        }
        lateness
    }
}

pub(crate) fn line(lateness: &[Duration]) -> String {
    lateness.iter().map(|late| late.as_nanos().to_string()).collect::<Vec<_>>().join(" ")
}
