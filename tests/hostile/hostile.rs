//! Hostile peers against a server in a process of its own, on loopback TCP: how much memory they can make it hold, and whether
//! anybody else notices. `run` starts it; the README beside it has the figures.
//!
//! Arguments: `--full` (200 peers of each kind, for 30 s) or `--before` (a few, against a server without any limits). `serve`
//! and `serve-bare` are the server.

mod client;
mod kinds;
mod server;

use std::error::Error;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use kinds::Kind;

type Failed = Box<dyn Error + Send + Sync>;

/// Far longer than any machine takes: what has not ended by then hangs.
const HANG: Duration = Duration::from_secs(300);
const HONEST: usize = 4;
/// Round trips that each honest connection completes beside every kind.
const TRIPS: usize = 50;

/// How much of it.
#[derive(Clone, Copy)]
struct Scale {
    peers: usize,
    time: Duration,
    mode: &'static str,
}

const SHORT: Scale = Scale { peers: 20, time: Duration::from_secs(2), mode: "serve" };
const FULL: Scale = Scale { peers: 200, time: Duration::from_secs(30), mode: "serve" };
const BEFORE: Scale = Scale { peers: 10, time: Duration::from_secs(3), mode: "serve-bare" };

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let scale = match std::env::args().nth(1).as_deref() {
        None => SHORT,
        Some("--full") => FULL,
        Some("--before") => BEFORE,
        Some("serve") => return server::run(true).await,
        Some("serve-bare") => return server::run(false).await,
        Some(other) => return Err(format!("unknown argument {other}").into()),
    };
    println!("{} peers for {:?}, {HONEST} honest connections", scale.peers, scale.time);
    println!("{:<22} {:>9} {:>9} {:>11} {:>11}  ended", "kind", "MiB", "at most", "RTT median", "RTT most");
    let bound = server::bound(scale.peers + HONEST);
    let mut broken = Vec::new();
    for kind in Kind::ALL {
        let outcome = timeout(HANG + scale.time, attacked(kind, scale)).await.map_err(|_| format!("{kind:?} hangs"))?;
        match outcome {
            Ok(peak) if peak > bound && scale.mode == "serve" => broken.push(format!("{kind:?}: {peak} bytes")),
            Ok(_) => {}
            Err(error) if scale.mode == "serve" => broken.push(format!("{kind:?}: {error}")),
            Err(error) => println!("{:<22} {error}", format!("{kind:?}")),
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

/// One kind against a server of its own. Returns the server's largest resident memory.
async fn attacked(kind: Kind, scale: Scale) -> Result<u64, Failed> {
    let server = Server::start(scale.mode).await?;
    let port = server.port;
    let attackers = kinds::start(kind, scale.peers, port);
    let honest: Vec<_> = (0..HONEST).map(|_| tokio::spawn(client::trips(port, TRIPS))).collect();
    sleep(scale.time).await;
    let mut trips = Vec::new();
    for honest in honest {
        // No bound of its own: on a busy machine all of it takes longer, and nobody may be closed for that.
        trips.extend(honest.await??);
    }
    let peak = server.peak()?;
    for attacker in attackers {
        attacker.abort();
    }
    trips.sort_unstable();
    let (median, most) = (trips[trips.len() / 2], trips[trips.len() - 1]);
    let ended = server.stop().await?;
    println!(
        "{:<22} {:>9.1} {:>9.1} {:>11.1?} {:>11.1?}  {ended}",
        format!("{kind:?}"),
        mib(peak),
        mib(server::bound(scale.peers + HONEST)),
        median,
        most
    );
    Ok(peak)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

struct Server {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Server {
    async fn start(mode: &str) -> Result<Self, Failed> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(output).lines();
        let port = output.next_line().await?.ok_or("the server did not start")?.parse()?;
        Ok(Self { child, output, port })
    }

    /// The most that was resident at any time.
    fn peak(&self) -> Result<u64, Failed> {
        let id = self.child.id().ok_or("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the server has ended")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib << 10)
    }

    /// The server ends when its input does. Returns what it says then.
    async fn stop(mut self) -> Result<String, Failed> {
        drop(self.child.stdin.take());
        let ended = self.output.next_line().await?.unwrap_or_default();
        let mut rest = Vec::new();
        self.output.into_inner().read_to_end(&mut rest).await?;
        let status = self.child.wait().await?;
        if status.success() { Ok(ended) } else { Err(format!("the server ended with {status}").into()) }
    }
}
