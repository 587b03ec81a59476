//! What an idle socket takes of its own, by tungstenite's `read_buffer_size`: its heap, and what of it is resident once a
//! message has come in (Linux). `cargo bench -p ws-liveness-benches --bench buffers`

use std::fs;
use std::hint::black_box;

use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const SOCKETS: usize = 1_000;
const PAGE: usize = 4096;
/// A text of one letter, as a server sends it.
const FRAME: &[u8] = b"\x81\x01a";

type Pair = (WebSocketStream<DuplexStream>, DuplexStream);

async fn idle(config: WebSocketConfig) -> Option<Pair> {
    let (near, mut far) = duplex(64);
    let mut ws = WebSocketStream::from_raw_socket(near, Role::Client, Some(config)).await;
    far.write_all(FRAME).await.ok()?;
    ws.next().await?.ok()?;
    Some((ws, far))
}

/// Bytes of the process.
fn resident() -> Option<usize> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse::<usize>().ok().map(|pages| pages * PAGE)
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("an idle socket that has read a message, pipe included:");
    let default = WebSocketConfig::default();
    // Smallest first: what is freed is not given back to the system.
    for size in [1 << 10, 4 << 10, 16 << 10, default.read_buffer_size] {
        let config = default.read_buffer_size(size);
        let before = resident();
        let mut sockets = Vec::with_capacity(SOCKETS);
        let heap = allocation_counter::measure(|| {
            runtime.block_on(async {
                for _ in 0..SOCKETS {
                    sockets.push(idle(config).await.expect("a healthy pipe"));
                }
            });
        });
        let resident = resident().zip(before).map(|(after, before)| after.saturating_sub(before) / SOCKETS);
        black_box(&sockets);
        let resident = resident.map_or("unknown".to_owned(), |bytes| bytes.to_string());
        println!(
            "  read_buffer_size {size:>6}   heap {:>7}   resident {resident:>7}",
            heap.bytes_current / SOCKETS as i64
        );
        // Kept, so that the next ones take memory of their own.
        std::mem::forget(sockets);
    }
}
