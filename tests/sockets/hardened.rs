//! What a peer can make a socket hold, with the limits of `hardened` and without them (H3).

use allocation_counter::measure;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::hardened;

use crate::pair::frame;

const MAX: usize = 64 << 10;
/// Most of it is what a buffer has room for when it was doubled last.
const BOUND: u64 = 5 * MAX as u64;

/// The bytes that a server holds at most while it reads what the peer writes, who reads nothing. Ends with the bytes, or with
/// the first error.
fn held(limits: WebSocketConfig, bytes: Vec<u8>) -> (u64, Option<Error>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut peer, io): (DuplexStream, _) = duplex(4096);
    let mut error = None;
    let memory = measure(|| {
        runtime.block_on(async {
            let mut ws = WebSocketStream::from_raw_socket(io, Role::Server, Some(limits)).await;
            let mut reading = async {
                loop {
                    match ws.next().await {
                        Some(Ok(_)) => {}
                        Some(Err(failed)) => return Some(failed),
                        None => return None,
                    }
                }
            }
            .boxed_local();
            tokio::select! {
                failed = &mut reading => error = failed,
                written = peer.write_all(&bytes) => {
                    written.unwrap();
                    error = reading.as_mut().now_or_never().flatten();
                }
            }
        });
    });
    (memory.bytes_max, error)
}

fn pings(count: usize) -> Vec<u8> {
    frame(Role::Client, 9, &[0; 125]).repeat(count)
}

/// Of one message that has no end.
fn fragments(count: usize) -> Vec<u8> {
    let unfinished = |opcode| {
        let mut frame = frame(Role::Client, opcode, &[0; 1024]);
        frame[0] &= 0x7f;
        frame
    };
    [unfinished(2), unfinished(0).repeat(count)].concat()
}

#[test]
fn a_peer_that_pings_and_never_reads_is_bounded() {
    let (bytes, error) = held(hardened::tungstenite_0_30(MAX), pings(20_000));
    assert!(bytes < BOUND && error.is_none(), "{bytes} bytes, {error:?}");
    // The test can fail.
    let (bytes, _) = held(WebSocketConfig::default(), pings(20_000));
    assert!(bytes > 2_000_000, "{bytes} bytes");
}

#[test]
fn a_message_without_an_end_is_bounded() {
    let (bytes, error) = held(hardened::tungstenite_0_30(MAX), fragments(2_000));
    assert!(bytes < BOUND && matches!(error, Some(Error::Capacity(_))), "{bytes} bytes, {error:?}");
    let (bytes, _) = held(WebSocketConfig::default(), fragments(2_000));
    assert!(bytes > 2_000_000, "{bytes} bytes");
}

#[test]
fn a_frame_that_is_too_large_is_refused_at_its_header() {
    let mut frame = frame(Role::Client, 2, &vec![0; MAX + 1]);
    frame.truncate(100);
    let (bytes, error) = held(hardened::tungstenite_0_30(MAX), frame);
    assert!(bytes < MAX as u64 && matches!(error, Some(Error::Capacity(_))), "{bytes} bytes, {error:?}");
}

#[tokio::test]
async fn the_largest_message_can_be_sent_and_received() {
    let (near, far) = duplex(4096);
    let limits = Some(hardened::tungstenite_0_30(MAX));
    let mut near = WebSocketStream::from_raw_socket(near, Role::Client, limits).await;
    let mut far = WebSocketStream::from_raw_socket(far, Role::Server, limits).await;
    // As much as a sink that is ready may hold.
    near.feed(Message::binary(vec![0; (16 << 10) - 8])).await.unwrap();
    let sizes =
        tokio::spawn(
            async move { [far.next().await.unwrap().unwrap().len(), far.next().await.unwrap().unwrap().len()] },
        );
    near.send(Message::binary(vec![1; MAX])).await.unwrap();
    assert_eq!(sizes.await.unwrap(), [(16 << 10) - 8, MAX]);
    let too_large = near.send(Message::binary(vec![1; 2 * MAX])).await;
    assert!(matches!(too_large, Err(Error::WriteBufferFull(_))));
}

#[test]
#[cfg(all(
    feature = "tungstenite-0-26",
    feature = "tungstenite-0-27",
    feature = "tungstenite-0-28",
    feature = "tungstenite-0-29"
))]
fn every_version_has_the_same_limits() {
    let shown = format!("{:?}", hardened::tungstenite_0_30(MAX));
    assert_eq!(format!("{:?}", hardened::tungstenite_0_29(MAX)), shown);
    assert_eq!(format!("{:?}", hardened::tungstenite_0_28(MAX)), shown);
    assert_eq!(format!("{:?}", hardened::tungstenite_0_27(MAX)), shown);
    assert_eq!(format!("{:?}", hardened::tungstenite_0_26(MAX)), shown);
}

#[test]
fn limits_without_end_are_valid() {
    let limits = hardened::tungstenite_0_30(usize::MAX);
    assert!(limits.max_write_buffer_size > limits.write_buffer_size);
}
