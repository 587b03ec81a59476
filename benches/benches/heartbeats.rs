//! CPU of a ping cycle over loopback TCP, of everything that has a heartbeat, in turn. Many connections on one thread,
//! their peers on another. `cargo bench -p ws-liveness-benches --bench heartbeats [-- --rounds 5]`

use std::sync::atomic::Ordering;
use std::time::Duration;

use cpu_time::ThreadTime;
use futures_util::{SinkExt, StreamExt};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use ws_liveness::{LiveConfig, LiveExt};
use ws_liveness_benches::baselines::registry::{Registered, registry};
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::baselines::split::Halves;
use ws_liveness_benches::baselines::{ezsocket, socketeer};
use ws_liveness_benches::loopback::{self, PINGS, Socket};
use ws_liveness_benches::paired::{self, Ratios};
use ws_liveness_benches::plot::{Bar, Plot};

const CONNECTIONS: u32 = 500;
const INTERVAL: Duration = Duration::from_millis(500);
const NAMES: [&str; 7] =
    ["bare", "live", "(a) select!", "(b) split, channel", "(c) ezsockets", "(c) socketeer", "(c) ws-heartbeat"];

fn main() {
    let rounds = paired::rounds(std::env::args(), 5);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let addr = loopback::serve().expect("loopback").addr;
    let mut ratios: [Ratios; NAMES.len()] = Default::default();
    let mut cycles: [Ratios; NAMES.len()] = Default::default();
    for round in 0..rounds {
        let mut cpu = [0.0; NAMES.len()];
        for turn in 0..NAMES.len() {
            // Who goes first takes turns.
            let subject = (turn + round) % NAMES.len();
            cpu[subject] = runtime.block_on(window(addr, subject)).expect("a healthy loopback");
        }
        for (subject, took) in cpu.iter().enumerate() {
            ratios[subject].push(took / cpu[0]);
            cycles[subject].push(*took);
        }
    }
    println!("CPU of a ping cycle through the bare socket's: median (middle half) of {rounds} rounds");
    for ((name, ratio), cycle) in NAMES.iter().zip(&ratios).zip(&cycles) {
        println!("  {name:<20} {ratio}   {:.1} µs", cycle.median());
    }
    let mut plot = Plot::new("Pings over TCP: hardly dearer than the cheapest", "CPU of a ping cycle, bare socket = 1");
    for (name, ratios) in NAMES.iter().zip(&ratios) {
        plot.bar(match *name {
            "live" => Bar::ratio("LiveStream", ratios).ours(),
            name => Bar::ratio(name, ratios),
        });
    }
    plot.save("heartbeats").expect("the plot is written");
}

/// Microseconds a ping, from the third interval on.
async fn window(addr: std::net::SocketAddr, subject: usize) -> Result<f64, Error> {
    let mut tasks = JoinSet::new();
    // Only the last of them needs it, and pings all at the same time.
    let registry = (subject == 6).then(|| registry(INTERVAL));
    let url = format!("ws://{addr}/");
    for number in 0..CONNECTIONS {
        let first = INTERVAL.mul_f64(f64::from(number) / f64::from(CONNECTIONS));
        if matches!(subject, 4 | 5) {
            // They ping from when they connected; the others' first pings are spread over the interval too.
            sleep(INTERVAL / CONNECTIONS).await;
        }
        if subject == 4 {
            let (tell, mut told) = mpsc::unbounded_channel();
            let client = ezsocket::connect(&url, INTERVAL, tell).await;
            tasks.spawn(async move {
                while told.recv().await.is_some() {}
                drop(client);
            });
        } else if subject == 5 {
            let mut client = socketeer::connect(&url, INTERVAL).await;
            tasks.spawn(async move { while client.next_message().await.is_ok() {} });
        } else if let Some(registry) = &registry {
            let mut ws = Registered::new(loopback::connect(addr).await?, registry, number);
            tasks.spawn(async move { while ws.next().await.is_some_and(|item| item.is_ok()) {} });
        } else {
            let ws = loopback::connect(addr).await?;
            tasks.spawn(async move { drive(ws, subject, first).await.unwrap_or_default() });
        }
    }
    sleep(INTERVAL * 2).await;
    let (cpu, pings) = (ThreadTime::now(), PINGS.load(Ordering::Relaxed));
    sleep(INTERVAL * 4).await;
    Ok(cpu.elapsed().as_secs_f64() * 1e6 / (PINGS.load(Ordering::Relaxed) - pings) as f64)
}

async fn drive(mut ws: Socket, subject: usize, first: Duration) -> Option<()> {
    match subject {
        0 => {
            let mut ticks = interval_at(Instant::now() + first, INTERVAL);
            loop {
                ticks.tick().await;
                ws.send(Message::Ping(Bytes::from_static(b"12345678"))).await.ok()?;
                ws.next().await?.ok()?;
            }
        }
        1 => {
            let config = LiveConfig::builder().ping_interval(INTERVAL).build().expect("valid");
            let mut ws = ws.live(config);
            while ws.next().await?.is_ok() {}
        }
        2 => {
            let mut ws = Selected::new(ws, first, INTERVAL);
            while ws.next().await?.is_ok() {}
        }
        _ => {
            let mut ws = Halves::new(ws, first, INTERVAL);
            while ws.next().await?.is_ok() {}
        }
    }
    None
}
