//! All peers die at once: how long after its deadline each verdict is delivered.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use ws_liveness::{LiveConfig, LiveExt, LiveStream, LivenessError};

use crate::cycle::Socket;
use crate::socket::Noting;

const PONG_TIMEOUT: Duration = Duration::from_secs(1);
/// A verdict that takes longer than this beyond its bound is none, and this for each connection: a million take a while.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_EACH: Duration = Duration::from_micros(100);

pub(crate) struct Dying(JoinSet<Option<Duration>>);

/// Pinging from now on; `together`: all of them at the same time, so that all deadlines fall together too.
pub(crate) fn start<T>(sockets: Vec<Noting<T>>, interval: Duration, together: bool) -> Dying
where
    Noting<T>: Socket,
{
    let config = LiveConfig::builder().ping_interval(interval).pong_timeout(PONG_TIMEOUT);
    let config = if together { config.jitter(0.0) } else { config };
    let config = config.build().expect("valid");
    let mut tasks = JoinSet::new();
    for socket in sockets {
        tasks.spawn(verdict(socket.live(config.clone())));
    }
    Dying(tasks)
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
