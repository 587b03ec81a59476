use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use super::*;

/// Linux 6.18, x86-64: 321 bytes had come in; our writes had filled the window of a peer that does not read.
#[cfg(target_endian = "little")]
const FULL: [&str; 8] = [
    "010000000107aa00802c0300409c000000ba0000180200000000000000000000",
    "000000000000000000000000f800000000000000f801000024000000ffff0000",
    "d7ff00007b120000c0240000ffffff7f0f000000cbff00000700000000000000",
    "d7ff00000100000049f8556806000000ffffffffffffffff01f6010000000000",
    "4101000000000000090000000600000000863f000e0000000100000005000000",
    "0014b15800000000c0b0070000000000c0b00700000000000000000000000000",
    "060000000000000000b002000000000000ba0000000000000100000000000000",
    "0000000000000000000001000000000000000000000000000000000000000000",
];

/// Its first `known` bytes, as an older kernel would return them.
#[cfg(target_endian = "little")]
fn full(known: usize) -> Answer {
    let hex = FULL.concat();
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let info = std::array::from_fn(|at| if at < known { byte(at) } else { 0 });
    Answer { info, known, queue: [4_163_072; 2] }
}

#[test]
#[cfg(target_endian = "little")]
fn p4_what_a_kernel_returned_is_understood() {
    let tcp = TcpSnapshot {
        acknowledged: 128_513,
        unacknowledged: 4_163_072,
        unsent: 4_163_072,
        retransmissions: 0,
        probes: 0,
        window: Some(0),
        segment: 47_616,
        since_acknowledged: Duration::from_millis(36),
        since_received: Duration::from_millis(504),
    };
    assert_eq!(full(256).read(), Snapshot { read: Some(321), written: Some(128_513 + 4_163_072), tcp: Some(tcp) });
}

#[test]
#[cfg(target_endian = "little")]
fn p4_fields_that_an_older_kernel_does_not_have_are_unknown() {
    let older = |known| full(known).read();
    let (new, v5_3, v4_1) = (older(256).tcp.unwrap(), older(228).tcp.unwrap(), older(136).tcp.unwrap());
    assert_eq!(v5_3, TcpSnapshot { window: None, ..new });
    assert_eq!(v4_1, TcpSnapshot { window: None, unsent: 0, ..new });
    assert_eq!(older(231).tcp.unwrap(), v5_3, "half a field is none");
    for known in [0, 3, 104, 127] {
        assert_eq!(older(known), Snapshot::default(), "{known}");
    }
}

/// A peer that reads as fast as it can: an acknowledgement comes in at any moment, also between two calls.
#[test]
fn p4_no_byte_is_counted_twice_or_not_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    let reader = thread::spawn(move || while far.read(&mut [0; 1 << 16]).is_ok_and(|read| read > 0) {});
    near.set_nonblocking(true).unwrap();
    let mut taken = look(near.as_fd()).written.unwrap();
    for _ in 0..20_000 {
        taken += near.write(&[7; 1 << 14]).map_or(0, |written| written as u64);
        assert_eq!(look(near.as_fd()).written, Some(taken));
    }
    drop(near);
    reader.join().unwrap();
}
