//! Arbitrary bytes from the peer, arbitrary interleavings of calls, arbitrary time: see `tests/interleavings/body.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/interleavings/bell.rs"]
mod bell;
#[path = "../../tests/interleavings/body.rs"]
mod body;
#[path = "../../tests/interleavings/script.rs"]
mod script;
#[path = "../../tests/interleavings/wire.rs"]
mod wire;

fuzz_target!(|data: &[u8]| {
    body::run(data);
});
