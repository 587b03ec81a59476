//! TCP's own layer: what a socket knows of its peer, and what can be set on it (P4).

use std::io::ErrorKind;
use std::time::Duration;

use crate::pair::{PATIENCE, bare, exact, millis, secs, sockets};
use futures_util::{SinkExt, StreamExt};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::progress::{Diagnosis, Finding, TcpSnapshot};
use ws_liveness::{Cause, Judging, LiveConfig, LiveExt, LivenessError, PingWhen, Progress, TcpOptions, TcpProgress};

const T: Duration = Duration::from_millis(400);

fn look(source: &TcpProgress) -> TcpSnapshot {
    source.look().tcp.expect("a TCP socket")
}

/// Looks until it sees what it wants.
async fn sees(source: &TcpProgress, wants: impl Fn(&TcpSnapshot) -> bool) -> TcpSnapshot {
    let start = Instant::now();
    loop {
        let seen = look(source);
        if wants(&seen) {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "{seen:?}");
        sleep(millis(10)).await;
    }
}

#[tokio::test]
async fn p4_what_is_no_tcp_socket_is_refused() {
    let unix = std::os::unix::net::UnixStream::pair().unwrap().0;
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for error in [TcpProgress::new(&unix).unwrap_err(), TcpProgress::new(&udp).unwrap_err()] {
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, "not a TCP socket"));
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    TcpProgress::new(&file).unwrap_err();
}

#[tokio::test]
async fn p4_what_the_peers_kernel_acknowledged_is_told_from_what_waits() {
    let (mut near, mut far) = sockets(None).await;
    let (ours, theirs) = (TcpProgress::new(&near).unwrap(), TcpProgress::new(&far).unwrap());
    let before = look(&ours);
    assert_eq!(before.unacknowledged, 0);
    let written = Instant::now();
    near.write_all(&[7; 1000]).await.unwrap();
    let after = sees(&ours, |seen| seen.unacknowledged == 0).await;
    assert_eq!((after.acknowledged - before.acknowledged, after.unsent, after.retransmissions), (1000, 0, 0));
    // The kernel counts in its own ticks, of 10 ms at most.
    assert!(after.segment > 0 && after.since_acknowledged <= written.elapsed() + millis(10));
    assert_eq!(theirs.look().read, Some(1000));
    far.read_exact(&mut [0; 1000]).await.unwrap();
}

#[tokio::test]
async fn p4_the_window_of_a_peer_that_does_not_read_closes() {
    let (near, _far) = sockets(Some(4096)).await;
    let source = TcpProgress::new(&near).unwrap();
    while near.try_write(&[7; 4096]).is_ok() {
        sleep(millis(5)).await;
    }
    let seen = sees(&source, |seen| seen.unsent > 0 && seen.window.is_none_or(|window| window < seen.segment)).await;
    assert_eq!((seen.retransmissions, seen.unacknowledged >= seen.unsent), (0, true));
}

fn brisk() -> LiveConfig {
    exact().ping_interval(T).pong_timeout(T).write_timeout(T).build().unwrap()
}

/// The verdict on `near`, to which somebody writes `message` first.
async fn verdict(near: TcpStream, message: Option<Message>) -> (Cause, Diagnosis, String) {
    let source = TcpProgress::new(&near).unwrap();
    let (mut sink, mut stream) = bare(near, Role::Client).await.live(brisk()).with_progress(source).split();
    if let Some(message) = message {
        tokio::spawn(async move { sink.send(message).await });
    }
    let error = stream.next().await.unwrap().unwrap_err();
    let error = LivenessError::find(&error).unwrap();
    (error.cause(), *error.diagnosis().unwrap(), error.to_string())
}

#[tokio::test]
async fn p4_a_peer_whose_kernel_acknowledges_and_nobody_answers_hangs() {
    let (near, _far) = sockets(None).await;
    let (cause, diagnosis, text) = verdict(near, None).await;
    assert_eq!((cause, diagnosis.finding), (Cause::PongTimeout, Finding::PeerHung), "{diagnosis:?}");
    assert!(text.contains("; peer hung: its kernel acknowledged our ping"), "{text}");
}

#[tokio::test]
async fn p4_a_peer_that_does_not_read_is_named() {
    let (near, _far) = sockets(Some(4096)).await;
    let (cause, diagnosis, text) = verdict(near, Some(Message::binary(vec![7; 1 << 20]))).await;
    assert_eq!((cause, diagnosis.finding), (Cause::WriteStalled, Finding::WindowFull), "{diagnosis:?}");
    assert!(text.contains("; peer does not read: its window is full"), "{text}");
}

#[tokio::test]
async fn options_are_set_by_reference_and_nothing_else_is() {
    let (near, far) = sockets(None).await;
    let options = TcpOptions::default()
        .keepalive(secs(7))
        .keepalive_interval(secs(3))
        .keepalive_retries(4)
        .user_timeout(millis(12_345))
        .notsent_lowat(16_384)
        .nodelay(false);
    options.apply(&near).unwrap();
    let set = SockRef::from(&near);
    assert!(set.keepalive().unwrap() && !set.tcp_nodelay().unwrap());
    assert_eq!(set.tcp_keepalive_time().unwrap(), secs(7));
    assert_eq!((set.tcp_keepalive_interval().unwrap(), set.tcp_keepalive_retries().unwrap()), (secs(3), 4));
    assert_eq!(set.tcp_user_timeout().unwrap(), Some(millis(12_345)));
    assert_eq!(set.tcp_notsent_lowat().unwrap(), 16_384);
    TcpOptions::default().apply(&far).unwrap();
    let unset = SockRef::from(&far);
    assert!(!unset.keepalive().unwrap() && unset.tcp_nodelay().unwrap());
    assert_eq!(unset.tcp_user_timeout().unwrap(), None);
}

#[tokio::test]
async fn a_value_that_is_not_allowed_is_named_and_nothing_is_set() {
    let (near, _far) = sockets(None).await;
    let options = TcpOptions::default().keepalive(millis(999)).user_timeout(Duration::MAX).keepalive_retries(0);
    let error = options.nodelay(false).apply(&near).unwrap_err();
    let named: Vec<_> = error.failures().iter().map(|failure| (failure.option, failure.error.kind())).collect();
    let invalid = ErrorKind::InvalidInput;
    assert_eq!(named, [("keepalive", invalid), ("keepalive_retries", invalid), ("user_timeout", invalid)]);
    let text = error.to_string();
    assert!(
        text.starts_with("keepalive = 999ms: allowed is 1 s to 32,767 s, in whole seconds; keepalive_retries = 0: ")
    );
    assert!(SockRef::from(&near).tcp_nodelay().unwrap());
}

#[tokio::test]
async fn what_is_allowed_the_system_takes_and_nothing_is_rounded() {
    let (near, _far) = sockets(None).await;
    let (options, micros) = (TcpOptions::default, Duration::from_micros);
    let least = options().keepalive(secs(1)).keepalive_interval(secs(1)).keepalive_retries(1);
    least.user_timeout(millis(1)).notsent_lowat(1).apply(&near).unwrap();
    let most = options().keepalive(secs(32_767)).keepalive_interval(secs(32_767)).keepalive_retries(127);
    most.user_timeout(millis(i32::MAX as u64)).notsent_lowat(u32::MAX).apply(&near).unwrap();
    let set = SockRef::from(&near);
    assert_eq!((set.tcp_keepalive_time().unwrap(), set.tcp_keepalive_retries().unwrap()), (secs(32_767), 127));
    assert_eq!(set.tcp_user_timeout().unwrap(), Some(millis(i32::MAX as u64)));
    for (refused, option) in [
        (options().keepalive(Duration::ZERO), "keepalive"),
        (options().keepalive(secs(32_768)), "keepalive"),
        (options().keepalive(millis(1_500)), "keepalive"),
        (options().keepalive_interval(millis(1_500)), "keepalive_interval"),
        (options().keepalive_retries(128), "keepalive_retries"),
        (options().user_timeout(micros(1_500)), "user_timeout"),
        (options().user_timeout(millis(1 << 31)), "user_timeout"),
        (options().notsent_lowat(0), "notsent_lowat"),
    ] {
        let error = refused.apply(&near).unwrap_err();
        let named: Vec<_> = error.failures().iter().map(|failure| (failure.option, failure.error.kind())).collect();
        assert_eq!(named, [(option, ErrorKind::InvalidInput)]);
    }
}

#[tokio::test]
async fn what_the_system_refuses_is_reported_and_the_rest_is_set() {
    let (near, _far) = tokio::net::UnixStream::pair().unwrap();
    let options = TcpOptions::default().nodelay(true).keepalive(secs(1)).keepalive_retries(2).user_timeout(secs(1));
    let error = options.apply(&near).unwrap_err();
    let named: Vec<_> = error.failures().iter().map(|failure| failure.option).collect();
    assert_eq!(named, ["nodelay", "keepalive", "keepalive_retries", "user_timeout"]);
    assert!(SockRef::from(&near).keepalive().unwrap(), "SO_KEEPALIVE is every socket's");
}

#[tokio::test]
async fn every_kind_of_socket_is_taken() {
    let (near, _far) = sockets(None).await;
    let options = TcpOptions::for_liveness(&LiveConfig::default());
    options.apply(&near).unwrap();
    assert!(TcpProgress::new(&near).unwrap().look().tcp.is_some());
    let near = near.into_std().unwrap();
    options.apply(&near).unwrap();
    assert!(TcpProgress::new(&near).unwrap().look().tcp.is_some());
    let near = socket2::Socket::from(near);
    options.apply(&near).unwrap();
    assert!(TcpProgress::new(&near).unwrap().look().tcp.is_some());
}

/// `user_timeout`, `keepalive`, `keepalive_interval`, `keepalive_retries`, in seconds.
fn preset(timeout: Duration, [time, interval]: [u64; 2], retries: u32) -> TcpOptions {
    let options = TcpOptions::default().nodelay(true).user_timeout(timeout);
    options.keepalive(secs(time)).keepalive_interval(secs(interval)).keepalive_retries(retries)
}

#[tokio::test]
async fn the_preset_is_never_faster_than_a_verdict() {
    let of = |config: ws_liveness::LiveConfigBuilder| TcpOptions::for_liveness(&config.build().unwrap());
    assert_eq!(TcpOptions::for_liveness(&LiveConfig::default()), preset(secs(120), [20, 5], 20));
    assert_eq!(of(exact().ping_when(PingWhen::Idle)), preset(secs(140), [20, 5], 24));
    assert_eq!(of(exact().missed_pongs(3).max_deferrals(0)), preset(secs(260), [20, 5], 48));
    assert_eq!(of(exact().pong_timeout(secs(30))), preset(secs(140), [30, 5], 22), "a hung peer's kernel is not asked");
    let odd = Duration::from_micros(1_001);
    let odd = of(exact().ping_interval(odd).pong_timeout(odd).write_timeout(odd));
    assert_eq!(odd, preset(millis(6), [1, 1], 1), "5.005 ms");
    odd.apply(&sockets(None).await.0).unwrap();
}

#[test]
fn the_preset_cuts_nobody_whom_we_let_live() {
    let patient = TcpOptions::default().nodelay(true).keepalive(secs(20)).keepalive_interval(secs(5));
    for config in [
        exact().judging(Judging::Never),
        exact().judging(Judging::AfterFirstPong),
        exact().pong_timeout(Duration::MAX),
        exact().write_timeout(Duration::MAX),
        exact().missed_pongs(u32::MAX),
    ] {
        assert_eq!(TcpOptions::for_liveness(&config.build().unwrap()), patient);
    }
    let never = exact().ping_interval(Duration::MAX).build().unwrap();
    assert_eq!(TcpOptions::for_liveness(&never), TcpOptions::default().nodelay(true));
}
