//! One deadline over all phases (D2). Time is real until a server, or a resolver, has got where it stops: from there it is
//! paused, and jumps to the deadline.

use std::future::pending;

use super::*;

const LIMIT: Duration = Duration::from_secs(15);

/// Reads what the client says first, says this itself, and does nothing any more.
async fn stops(mut tcp: TcpStream, says: &[u8]) {
    assert!(tcp.read(&mut [0; 4096]).await.unwrap() > 0);
    tcp.write_all(says).await.unwrap();
    tokio::time::pause();
    pending().await
}

/// The time of all phases.
fn sum(error: &ConnectError) -> Duration {
    error.spent().iter().map(|(_, spent)| *spent).sum()
}

#[tokio::test]
async fn d2_a_server_that_stops_during_the_upgrade_is_given_up_when_the_time_is_over() {
    for says in ["", "HTTP/1.1 101 Switching Protocols\r\nUpgr"] {
        let url = server(|tcp| stops(tcp, says.as_bytes())).await;
        let start = Instant::now();
        let error = refused(&url, &ConnectOptions::default()).await;
        assert!(error.is_timeout() && start.elapsed() >= LIMIT && sum(&error) <= LIMIT + TICK, "{error}");
        assert_eq!(phases(&error), [ConnectPhase::Resolve, ConnectPhase::Tcp, ConnectPhase::Upgrade]);
        assert!(error.to_string().starts_with("upgrade: not done within 15s (name resolution "), "{error}");
        tokio::time::resume();
    }
}

#[tokio::test]
#[cfg(feature = "connect-rustls-0-23")]
async fn d2_a_server_that_stops_during_tls_is_given_up_when_the_time_is_over() {
    for says in [&b""[..], b"\x16\x03\x03\x00\x7a\x02\x00"] {
        let url = server(|tcp| stops(tcp, says)).await.replace("ws:", "wss:");
        let start = Instant::now();
        let error = refused(&url, &ConnectOptions::default()).await;
        assert!(error.is_timeout() && start.elapsed() >= LIMIT && sum(&error) <= LIMIT + TICK, "{error}");
        assert_eq!(phases(&error), [ConnectPhase::Resolve, ConnectPhase::Tcp, ConnectPhase::Tls]);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn d2_a_server_that_ends_during_the_upgrade_is_no_timeout() {
    let url = server(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgr").await.unwrap();
    });
    let error = refused(&url.await, &ConnectOptions::default()).await;
    assert!(!error.is_timeout() && error.phase() == ConnectPhase::Upgrade, "{error}");
}

#[tokio::test(start_paused = true)]
async fn d2_a_resolver_that_never_answers_is_given_up_and_dropped() {
    let asked = std::sync::Arc::new(());
    let held = asked.clone();
    let options = ConnectOptions::default().resolver(move |_, _| {
        let held = held.clone();
        async move {
            pending::<()>().await;
            drop(held);
            Ok(vec![])
        }
    });
    let start = Instant::now();
    let error = refused("ws://example.com/", &options).await;
    assert!(error.is_timeout() && error.phase() == ConnectPhase::Resolve, "{error}");
    assert!(start.elapsed() >= LIMIT && start.elapsed() <= LIMIT + TICK);
    assert_eq!(std::sync::Arc::strong_count(&asked), 2, "the future is still there");
}

#[tokio::test]
async fn d2_what_one_phase_takes_is_missing_to_the_next() {
    const NAME: Duration = Duration::from_secs(9);
    let (listener, url) = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { stops(listener.accept().await.unwrap().0, b"").await });
    let options = ConnectOptions::default().resolver(move |_, _| async move {
        tokio::time::pause();
        tokio::time::sleep(NAME).await;
        tokio::time::resume();
        Ok(vec![address])
    });
    let start = Instant::now();
    let error = refused(&url, &options).await;
    assert!(error.is_timeout() && error.phase() == ConnectPhase::Upgrade, "{error}");
    assert!(start.elapsed() >= LIMIT && sum(&error) <= LIMIT + TICK, "{error}");
    assert!(error.spent()[0].1 >= NAME && error.spent()[2].1 <= LIMIT - NAME + TICK, "{error}");
}

#[tokio::test]
async fn d2_a_timeout_without_end_is_none() {
    connect(server(echo).await, &ConnectOptions::default().timeout(Duration::MAX)).await.map(|_| ()).unwrap();
}

#[tokio::test]
async fn d2_a_dialling_that_is_dropped_leaves_no_socket() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    let url = server(|mut tcp| async move {
        assert!(tcp.read(&mut [0; 4096]).await.unwrap() > 0);
        tell.send(()).unwrap();
        gone.send(tcp.read(&mut [0; 1]).await.unwrap_or(0)).unwrap();
    });
    let (url, options) = (url.await, ConnectOptions::default());
    tokio::select! {
        _ = connect(&url, &options) => panic!("nobody answered"),
        told = told => told.unwrap(),
    }
    assert_eq!(is_gone.await.unwrap(), 0);
}
