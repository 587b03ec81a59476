//! One scenario is dialled, and everything that comes of it is compared with what has to.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;

use super::super::net::Net;
use super::super::{ConnectError, ConnectOptions, Stream};
use super::faults::{Fault, dial};
use super::net::{PLACES, PORT, World, wait};
use super::oracle::{Outcome, expected};
use super::scenario::{Dropped, Name, Scenario};
use super::server::trusting;
use crate::config::LiveConfig;
use crate::stream::LiveStream;

/// Longer than anything in the world.
const HOUR: Duration = Duration::from_secs(3_600);

pub(super) enum Reached {
    Stream(Box<Stream<World>>),
    Live(Box<LiveStream<WebSocketStream<Stream<World>>>>),
}

impl Reached {
    fn host(&self) -> usize {
        match self {
            Self::Stream(stream) => stream.get_ref().get_ref().host,
            Self::Live(live) => live.get_ref().get_ref().get_ref().get_ref().host,
        }
    }
}

/// What was seen when the future was over, or was dropped.
struct Seen {
    outcome: Outcome,
    at: u64,
    attempts: Vec<(SocketAddr, u64)>,
    spoken: Vec<usize>,
}

/// What is wrong. Permits are the thread's own, since all have to come back.
pub(super) fn run(scenario: &Scenario, fault: Option<Fault>, permits: &'static Semaphore) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = Arc::new(World::new(scenario.clone(), permits));
        let mut wrong = Vec::new();
        let scene = timeout(HOUR, scene(&world, fault, &mut wrong));
        if scene.await.is_err() {
            wrong.push("it hangs".into());
        }
        wrong
    })
}

fn options(world: &Arc<World>) -> (String, ConnectOptions) {
    let it = &world.scenario;
    let liveness = LiveConfig::builder().ping_interval(HOUR).build().unwrap();
    let limit = it.timeout.map_or(Duration::MAX, Duration::from_millis);
    let options = ConnectOptions::new(liveness).timeout(limit).tls(trusting());
    let options = match it.name {
        Name::Given => options.addresses(it.addresses()),
        Name::Own(_) => {
            let (weak, held) = (Arc::downgrade(world), Arc::downgrade(&world.held));
            options.resolver(move |host, port| {
                let held = held.upgrade();
                let resolving = weak.upgrade().expect("the world is there").resolving(&host, port);
                async move {
                    let _held = held;
                    resolving.await
                }
            })
        }
        Name::Address | Name::System { .. } => options,
    };
    let scheme = if it.tls { "wss" } else { "ws" };
    let host = match (&it.name, it.hosts.first()) {
        (Name::Address, Some(host)) if host.address.is_ipv6() => "[::1]",
        (Name::Address, _) => "127.0.0.1",
        _ => "localhost",
    };
    (format!("{scheme}://{host}:{PORT}/feed"), options)
}

async fn scene(world: &Arc<World>, fault: Option<Fault>, wrong: &mut Vec<String>) {
    let it = &world.scenario;
    if let Name::System { taken: Some(taken), .. } = it.name {
        let all = world.permits().try_acquire_many(u32::try_from(PLACES).unwrap()).expect("all of them are free");
        world.servers.lock().unwrap().spawn(async move {
            wait(taken).await;
            drop(all);
        });
    }
    let (url, options) = options(world);
    let result = dropped(it.dropped, dial(fault, world, &url, &options)).await;
    // Not an instant later: neither a task nor a timer has run since.
    let (reached, error) = match result {
        None => (None, None),
        Some(Ok(reached)) => (Some(reached), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let outcome = match (&reached, &error) {
        (Some(reached), _) => Outcome::Connected(reached.host()),
        (_, Some(error)) if error.is_timeout() => Outcome::TimedOut(error.phase()),
        (_, Some(error)) => Outcome::Failed(error.phase()),
        _ => Outcome::Dropped,
    };
    let attempts = world.attempts.lock().unwrap().clone();
    let spoken = world.spoken.lock().unwrap().clone();
    judge(it, &Seen { outcome, at: world.now(), attempts, spoken }, wrong);
    if let Some(error) = error {
        account(world, &error, wrong);
    }
    let (held, due) = (world.held(), usize::from(reached.is_some()));
    if held != due {
        wrong.push(format!("{held} attempts, lookups and streams are left, not {due}"));
    }
    match reached {
        Some(Reached::Live(mut live)) => hear(it, &mut live, wrong).await,
        other => drop(other),
    }
    end(world, wrong).await;
}

/// Drops the future when the scenario says so.
async fn dropped<T>(when: Dropped, dialling: impl Future<Output = T>) -> Option<T> {
    match when {
        Dropped::Never => Some(dialling.await),
        Dropped::At(at) => timeout(Duration::from_millis(at), dialling).await.ok(),
        Dropped::Polls(polls) => {
            let (mut dialling, mut left) = (pin!(dialling), polls);
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                dialling.as_mut().poll(cx).map(Some)
            })
            .await
        }
    }
}

fn judge(it: &Scenario, seen: &Seen, wrong: &mut Vec<String>) {
    let all = expected(it);
    let fits = all.iter().any(|expected| {
        // What begins in the very millisecond of the end may have begun or not.
        let must = expected.attempts.iter().take_while(|(_, at)| *at < seen.at).count();
        let silent = seen.spoken.iter().all(|host| Some(*host) == expected.winner);
        expected.outcome == seen.outcome
            && (expected.from..=expected.to).contains(&seen.at)
            && expected.attempts.starts_with(&seen.attempts)
            && (seen.attempts.len() >= must || matches!(it.dropped, Dropped::Polls(_)))
            && silent
    });
    if !fits {
        let Seen { outcome, at, attempts, spoken } = seen;
        wrong.push(format!("{outcome:?} at {at} after {attempts:?}, having spoken to {spoken:?}; right were {all:?}"));
    }
}

/// The times of the phases add up to the whole time.
fn account(world: &World, error: &ConnectError, wrong: &mut Vec<String>) {
    let sum: Duration = error.spent().iter().map(|(_, spent)| *spent).sum();
    let last = error.spent().last().map(|(phase, _)| *phase);
    if sum != world.begun.elapsed()
        || last != Some(error.phase())
        || !error.spent().is_sorted_by_key(|(phase, _)| *phase)
    {
        wrong.push(format!("the times of the phases are wrong: {error:?}"));
    }
}

/// What came right behind the answer belongs to the WebSocket.
async fn hear(it: &Scenario, live: &mut LiveStream<WebSocketStream<Stream<World>>>, wrong: &mut Vec<String>) {
    let at = live.get_ref().get_ref().get_ref().get_ref().host;
    for length in &it.hosts[at].upgrade.early {
        match live.next().await {
            Some(Ok(message)) if message.len() == *length => {}
            other => {
                return wrong
                    .push(format!("{:?} instead of {length} bytes", other.map(|item| item.map(|it| it.len()))));
            }
        }
    }
}

/// In the end nothing is left at all.
async fn end(world: &World, wrong: &mut Vec<String>) {
    let threads = world.threads.load(Ordering::Relaxed);
    if threads > 1 {
        wrong.push(format!("{threads} lookups were begun"));
    }
    // The longest lookup, and whoever has all places.
    sleep(Duration::from_secs(100)).await;
    let mut servers = std::mem::take(&mut *world.servers.lock().unwrap());
    servers.shutdown().await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (held, free) = (world.held(), world.permits().available_permits());
    if (tasks, held, free) != (0, 0, PLACES) {
        wrong.push(format!("in the end {tasks} tasks and {held} streams are left, and {free} permits free"));
    }
    wrong.append(&mut world.complaints.lock().unwrap());
}
