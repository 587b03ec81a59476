//! Arbitrary bytes from the peer, arbitrary interleavings of calls, arbitrary time: see `tests/sockets/v/interleavings/body.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/sockets/v/interleavings/bell.rs"]
mod bell;
#[path = "../../tests/sockets/v/interleavings/body.rs"]
mod body;
#[path = "../../tests/sockets/v/interleavings/script.rs"]
mod script;
#[path = "../../tests/sockets/v/interleavings/subject.rs"]
mod subject;
#[path = "../../tests/sockets/wire.rs"]
mod wire;

fuzz_target!(|data: &[u8]| {
    let _ = body::run(data);
});
