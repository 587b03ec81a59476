//! What the compiler tells a user who has made a mistake. Only our own sentences are looked for: the rest is the
//! compiler's, and changes with it.

use std::process::Command;

/// What the compiler says when it compiles this crate with `mistake`, and whether it succeeds.
fn compile(mistake: &str) -> (bool, String) {
    let cargo = Command::new(env!("CARGO"))
        .args(["rustc", "--locked", "--offline", "--lib", "--color=never", "--manifest-path"])
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--", "--cfg"])
        .arg(format!("mistake=\"{mistake}\""))
        .output()
        .unwrap();
    (cargo.status.success(), String::from_utf8(cargo.stderr).unwrap())
}

#[track_caller]
fn says(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
}

#[test]
fn a_missing_feature_is_named_where_the_socket_is_wrapped() {
    let (compiles, text) = compile("message");
    assert!(!compiles);
    says(
        &text,
        &[
            "`Message` is not a known WebSocket message type",
            "ws-liveness does not know the messages of this socket",
            "enable the feature of `ws-liveness` for its version: `tungstenite-0-30`",
            "`tungstenite-0-29` to `tungstenite-0-26`, `axum-0-8` or `tokio-websockets-0-13`",
            "if the type is your own, implement `WsMessage` for it",
            "wrap the socket with `LiveStream::with_protocol`",
            "socket.live(LiveConfig::default())",
        ],
    );
}

#[test]
fn a_missing_protocol_is_named_where_the_socket_is_wrapped() {
    let (compiles, text) = compile("protocol");
    assert!(!compiles);
    says(
        &text,
        &[
            "`Mine` is not a `Protocol` for everything that this socket carries",
            "implement `Protocol<",
            "if the sink has another error than the stream",
            "LiveStream::with_protocol(socket, LiveConfig::default(), Mine)",
        ],
    );
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let (compiles, text) = compile("unused");
    assert!(compiles, "{text}");
    says(
        &text,
        &[
            "a `LiveStream` does nothing unless it is polled",
            "dropping the handle closes the connection",
            "the message, if any, was accepted and not sent",
            "a builder does nothing until `build` is called",
            "a `ProgressIo` only counts what passes through it",
            "a source has no effect until it is given to `LiveStream::with_progress`",
        ],
    );
    assert_eq!(text.matches("that must be used").count(), 6, "{text}");
}
