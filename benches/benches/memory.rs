//! What a connection takes beyond its socket, on the heap and beside it, tasks and timers included.
//! `cargo bench -p ws-liveness-benches --bench memory`

use std::hint::black_box;
use std::time::Duration;

use ezsockets::Client;
use futures_util::StreamExt;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::timeout;
use ws_liveness::{LiveConfig, LiveExt, LiveStream};
use ws_liveness_benches::baselines::ezsocket::Telling;
use ws_liveness_benches::baselines::registry::{Registered, registry};
use ws_liveness_benches::baselines::select::Selected;
use ws_liveness_benches::baselines::socketeer::{self, Socketeer};
use ws_liveness_benches::baselines::split::Halves;
use ws_liveness_benches::baselines::{NEVER_DUE, ezsocket};
use ws_liveness_benches::loopback::{self, Socket};
use ws_liveness_benches::memory::Echo;
use ws_liveness_benches::plot::{Bar, Plot};

const LIVE: &str = "LiveStream";
const WAIT: Duration = Duration::from_millis(50);

/// What is still allocated on this thread when the work has come to its end, its result kept. The second time: what is
/// made once for all connections is not counted.
fn kept<T>(work: impl AsyncFn() -> T) -> i64 {
    kept_once(&work);
    kept_once(&work)
}

fn kept_once<T>(work: &impl AsyncFn() -> T) -> i64 {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    // What the runtime itself takes at first.
    runtime.block_on(async {
        let _ = tokio::spawn(yield_now()).await;
        let _ = timeout(WAIT, std::future::pending::<()>()).await;
    });
    let mut result = None;
    let heap = allocation_counter::measure(|| result = Some(runtime.block_on(work())));
    black_box(&result);
    heap.bytes_current
}

/// Waits for a message that does not come: timers are made, tasks are parked.
async fn idle<T>(next: impl Future<Output = T>) {
    let _ = timeout(WAIT, next).await;
}

fn main() {
    let socket = i64::try_from(size_of::<Echo>()).expect("small");
    let beside = |size: usize| i64::try_from(size).expect("small") - socket;
    let live = kept(async || {
        let mut ws = Echo::new(1).live(LiveConfig::default());
        idle(ws.next()).await;
        ws
    });
    let spawned = kept(async || {
        let mut ws = Echo::new(1).live(LiveConfig::default()).spawn(16);
        idle(ws.next()).await;
        ws
    });
    let select = kept(async || {
        let mut ws = Selected::new(Echo::new(1), NEVER_DUE, NEVER_DUE);
        idle(ws.next()).await;
        ws
    });
    let split = kept(async || {
        let mut ws = Halves::new(Echo::new(1), NEVER_DUE, NEVER_DUE);
        idle(ws.next()).await;
        ws
    });
    println!("bytes of a connection beyond its socket:");
    let mut plot = Plot::new("A connection: less than half a kilobyte", "bytes beyond the socket");
    let mut row = |name: &str, heap: i64, beside: i64| {
        println!("  {name:<24} {:>6}", heap + beside);
        let bar = Bar::count(name, (heap + beside) as f64);
        plot.bar(if name.starts_with(LIVE) { bar.ours() } else { bar });
    };
    row(LIVE, live, beside(size_of::<LiveStream<Echo>>()));
    row("LiveStream, spawned", spawned, -socket);
    row("(a) select!", select, beside(size_of::<Selected<Echo>>()));
    row("(b) split, channel", split, beside(size_of::<Halves<Echo>>()));

    let addr = loopback::serve().expect("loopback").addr;
    let bare = kept(async || {
        let mut ws = loopback::connect(addr).await.expect("loopback");
        idle(ws.next()).await;
        ws
    });
    let ezsockets = kept(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let client = ezsocket::connect(&format!("ws://{addr}/"), NEVER_DUE, tell).await;
        idle(told.recv()).await;
        client
    });
    let over_tcp =
        |size: usize| i64::try_from(size).expect("small") - i64::try_from(size_of::<Socket>()).expect("small");
    row("(c) ezsockets", ezsockets - bare, over_tcp(size_of::<Client<Telling>>()));
    let socketeer = kept(async || {
        let mut client = socketeer::connect(&format!("ws://{addr}/"), NEVER_DUE).await;
        idle(client.next_message()).await;
        client
    });
    row("(c) socketeer", socketeer - bare, over_tcp(size_of::<Socketeer>()));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let entered = runtime.enter();
    let sweeper = registry(NEVER_DUE);
    drop(entered);
    let registered = kept(async || {
        let mut ws = Registered::new(Echo::new(1), &sweeper, 1);
        idle(ws.next()).await;
        ws
    });
    row("(c) ws-heartbeat", registered, beside(size_of::<Registered<Echo>>()));
    plot.save("memory").expect("the plot is written");
}
