//! One line per event: the seconds since the machine started, which the script reads too; the connection; the event; then
//! `key=value`.

use std::fmt::Display;
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error;
use ws_liveness::{LivenessError, Monitor};

/// The seconds since the machine started, and when they were read.
static CLOCK: LazyLock<(f64, Instant)> = LazyLock::new(|| {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok());
    (seconds.unwrap_or_default(), Instant::now())
});

/// Before the first event, whose time is counted from here.
pub(crate) fn start() {
    LazyLock::force(&CLOCK);
}

pub(crate) struct Report {
    pub(crate) id: usize,
    /// The moment of the end, which the monitor learns before the stream tells it (K1).
    ended: Option<JoinHandle<Instant>>,
    monitor: Option<Monitor>,
}

pub(crate) fn say(id: usize, event: &str, facts: impl Display) {
    say_at(Instant::now(), id, event, facts);
}

pub(crate) fn say_at(at: Instant, id: usize, event: &str, facts: impl Display) {
    let (uptime, read) = *CLOCK;
    let at = uptime + at.saturating_duration_since(read).as_secs_f64();
    println!("{at:.3} {id} {event} {facts}");
}

impl Report {
    pub(crate) fn bare(id: usize) -> Self {
        Self { id, ended: None, monitor: None }
    }

    pub(crate) fn live(id: usize, monitor: Monitor) -> Self {
        let watched = monitor.clone();
        let ended = tokio::spawn(async move {
            watched.ended().await;
            Instant::now()
        });
        Self { id, ended: Some(ended), monitor: Some(monitor) }
    }

    pub(crate) fn say(&self, event: &str, facts: impl Display) {
        say(self.id, event, facts);
    }

    /// How a connection came to its end.
    pub(crate) async fn end(self, error: Option<&Error>) {
        let told = Instant::now();
        let Some(error) = error else {
            return self.say("end", self.stats());
        };
        let Some(dead) = LivenessError::find(error) else {
            return self.say("error", format_args!("error={error:?} {}", self.stats()));
        };
        let at = match self.ended {
            Some(ended) => ended.await.unwrap_or(told),
            None => told,
        };
        let farewell = told.saturating_duration_since(at);
        say_at(at, self.id, "verdict", facts(dead, farewell));
        println!("# {dead}");
    }

    fn stats(&self) -> String {
        let Some(stats) = self.monitor.as_ref().map(Monitor::stats) else {
            return String::new();
        };
        format!("pings={} pongs={} deferrals={}", stats.pings_sent, stats.pongs_received, stats.deferrals)
    }
}

fn facts(dead: &LivenessError, farewell: Duration) -> String {
    let finding = dead.diagnosis().map_or_else(|| "none".into(), |diagnosis| diagnosis.finding.to_string());
    let mut facts = format!(
        "cause={} finding={} farewell={:.3} queued={} flushed={} deferrals={}",
        dead.cause().to_string().replace(' ', "-"),
        finding.replace(' ', "-"),
        farewell.as_secs_f64(),
        seconds(dead.since_queued()),
        seconds(dead.since_flushed()),
        dead.deferrals(),
    );
    if let Some(tcp) = dead.diagnosis().and_then(|diagnosis| diagnosis.tcp) {
        facts += &format!(
            " unacked={} unsent={} retrans={} probes={} window={:?} segment={} acked_ago={} data_ago={}",
            tcp.unacknowledged,
            tcp.unsent,
            tcp.retransmissions,
            tcp.probes,
            tcp.window,
            tcp.segment,
            seconds(Some(tcp.since_acknowledged)),
            seconds(Some(tcp.since_received)),
        );
    }
    facts
}

fn seconds(span: Option<Duration>) -> String {
    span.map_or_else(|| "none".into(), |span| format!("{:.3}", span.as_secs_f64()))
}
