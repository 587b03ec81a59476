//! Every end of a connection, and the reason that the client is told.

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use support::relay::{Relay, Way};
use support::{I, PATIENCE, T, Ticks, W, answer, connect, end, factory, hasty, next, pair, serve};
use tokio::time::{sleep, timeout};
use tokio_websockets::{CloseCode, Message};
use whatsapp_rust::transport::TransportEvent;
use whatsapp_rust::wacore::net::DisconnectReason;
use ws_liveness_whatsapp::liveness;

/// What hanging up takes at most.
const GOODBYE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_silent_path_is_a_read_error_that_names_the_cause() {
    let (addr, mut accepted) = serve().await;
    let relay = Relay::start(addr, None).await.unwrap();
    let (transport, events) = connect(&factory(relay.addr())).await;
    let (_, mut server) = accepted.recv().await.unwrap();
    answer(&mut server, 2).await;

    relay.darken_both();
    let ticks = Ticks::start();
    let reason = end(&events).await;
    ticks.within(I + T);
    let DisconnectReason::ReadError(text) = &reason else { panic!("{reason:?}") };
    assert!(text.starts_with("pong timeout: ping sent "), "{text}");
    assert!(!reason.is_clean_shutdown(), "loud");
    assert!(transport.send("late".into()).await.is_err());
}

/// Whether or not it answered a ping before.
#[tokio::test]
async fn a_server_that_stops_reading_ends_a_waiting_send_and_the_connection() {
    for answered in [0, 2] {
        let ((transport, events), mut server) = pair(hasty()).await;
        answer(&mut server, answered).await;

        let ticks = Ticks::start();
        let sent = timeout(PATIENCE, transport.send(vec![0; 16 << 20].into())).await;
        assert!(sent.expect("bounded").is_err());
        ticks.within(I + W);
        // As the client does where a send failed.
        transport.disconnect().await;
        let reason = end(&events).await;
        let DisconnectReason::ReadError(text) = &reason else { panic!("{reason:?}") };
        assert!(text.starts_with("write stalled: "), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_pings_is_kept() {
    let (addr, mut accepted) = serve().await;
    let relay = Relay::start(addr, None).await.unwrap();
    let (transport, events) = connect(&factory(relay.addr())).await;
    let (_, mut server) = accepted.recv().await.unwrap();
    relay.darken(Way::ToClient);

    answer(&mut server, 8).await;
    assert!(events.is_empty(), "nothing is judged before the first answer");
    transport.send("data".into()).await.unwrap();
    assert!(next(&mut server).await.is_binary());
}

#[tokio::test]
async fn a_client_that_is_busy_for_long_keeps_its_connection() {
    let ((_transport, events), mut server) = pair(hasty()).await;
    for number in 0..5 {
        server.send(Message::binary(vec![number])).await.unwrap();
    }
    answer(&mut server, 8).await;
    for number in 0..5 {
        let Ok(TransportEvent::DataReceived(data)) = events.recv().await else { panic!("its messages wait for it") };
        assert_eq!(data[..], [number]);
    }
}

#[tokio::test]
async fn a_close_of_the_server_is_told_with_its_code() {
    let ((transport, events), mut server) = pair(hasty()).await;
    server.send(Message::close(CloseCode::try_from(1001).ok(), "going away")).await.unwrap();
    let reason = end(&events).await;
    assert!(matches!(&reason, DisconnectReason::ServerClose { code: Some(1001), reason } if reason == "going away"));
    assert!(reason.is_clean_shutdown());
    assert!(next(&mut server).await.is_close(), "it is answered");
    assert!(transport.send("late".into()).await.is_err());
}

#[tokio::test]
async fn an_end_without_a_close_is_told_as_such() {
    let ((transport, events), server) = pair(hasty()).await;
    drop(server);
    let reason = end(&events).await;
    assert!(matches!(reason, DisconnectReason::StreamEnded), "{reason:?}");
    assert!(transport.send("late".into()).await.is_err());
}

#[tokio::test]
async fn hanging_up_says_goodbye_after_what_was_sent() {
    let ((transport, events), mut server) = pair(liveness()).await;
    transport.send("last words".into()).await.unwrap();
    let heard = async {
        let mut heard = vec![next(&mut server).await, next(&mut server).await];
        while let Some(Ok(message)) = server.next().await {
            heard.push(message);
        }
        heard
    };
    let (heard, ()) = tokio::join!(heard, transport.disconnect());
    assert!(heard.len() == 2 && heard[0].is_binary() && heard[1].is_close(), "{heard:?}");
    assert!(matches!(end(&events).await, DisconnectReason::Unknown));
}

#[tokio::test]
async fn a_transport_that_is_dropped_says_goodbye() {
    let ((transport, events), mut server) = pair(liveness()).await;
    drop((transport, events));
    assert!(timeout(PATIENCE, next(&mut server)).await.expect("at once").is_close());
}

#[tokio::test]
async fn hanging_up_does_not_wait_for_a_send_nor_a_send_for_hanging_up() {
    let ((transport, events), _server) = pair(liveness()).await;
    let sender = transport.clone();
    let mut send = tokio::spawn(async move { sender.send(vec![0; 16 << 20].into()).await });
    assert!(timeout(2 * I, &mut send).await.is_err(), "it waits: nobody reads");

    let ticks = Ticks::start();
    let (sent, later, ()) = tokio::join!(
        async { timeout(PATIENCE, &mut send).await.expect("let go at once").unwrap() },
        async {
            sleep(I / 20).await;
            timeout(PATIENCE, transport.send("late".into())).await.expect("refused at once")
        },
        transport.disconnect(),
    );
    assert!(sent.is_err() && later.is_err());
    ticks.within(GOODBYE);
    assert!(matches!(end(&events).await, DisconnectReason::Unknown));
}

#[tokio::test]
async fn on_a_dark_path_sending_and_hanging_up_are_bounded() {
    let (addr, mut accepted) = serve().await;
    let relay = Relay::start(addr, None).await.unwrap();
    let (transport, events) = connect(&factory(relay.addr()).with_liveness(liveness())).await;
    let _server = accepted.recv().await.unwrap();
    relay.darken_both();

    let ticks = Ticks::start();
    transport.send("into the dark".into()).await.unwrap();
    transport.disconnect().await;
    ticks.within(GOODBYE);
    assert!(matches!(end(&events).await, DisconnectReason::Unknown));
    transport.disconnect().await;
}
