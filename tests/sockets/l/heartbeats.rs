//! L: a service's own heartbeat above real WebSockets: what is sent, what answers it, and which layer a verdict is of.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{
    Cause, End, Expectation, Health, Heard, Heartbeat, HeartbeatProtocol, Layer, LiveConfig, LiveStream, LivenessError,
    Pace, WsProtocol,
};

use crate::pair::{Item, Live, WIDE, Ws, exact, piped, secs};

/// A heartbeat like many: `beat N`, answered by `ack` or `ack N`; `hello N` says how many seconds apart.
#[derive(Clone, Default)]
struct Numbered {
    heard: Arc<Mutex<Vec<String>>>,
    shows: bool,
}

impl Heartbeat<Message> for Numbered {
    fn beat(&mut self, number: u32) -> Option<Message> {
        Some(Message::text(format!("beat {number}")))
    }

    fn hear(&mut self, message: &Message) -> Heard {
        let Ok(text) = message.to_text() else { return Heard::Other };
        self.heard.lock().unwrap().push(text.into());
        let number = |text: &str| text.parse().unwrap();
        match text.split_once(' ') {
            _ if text == "ack" => Heard::Answer,
            Some(("ack", rest)) => Heard::AnswerTo(number(rest)),
            Some(("hello", rest)) => Heard::Pace(Pace::every(secs(number(rest).into())).first_after(secs(1))),
            _ => Heard::Other,
        }
    }

    fn shows_answers(&self) -> bool {
        self.shows
    }
}

type Beating = LiveStream<Live<DuplexStream>, HeartbeatProtocol<Numbered, WsProtocol>>;

/// Pings each 20 s with T = 20 s, heartbeats each 30 s with T = 10 s, close code 4000.
async fn beating(heartbeat: Numbered) -> (Beating, Ws<DuplexStream>) {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    (live.with_heartbeat(heartbeat, every(secs(30))), far)
}

fn every(interval: Duration) -> LiveConfig {
    exact().ping_interval(interval).pong_timeout(secs(10)).max_deferrals(0).close_code(4000).build().unwrap()
}

/// Answers each ping, as tungstenite does while it is read, and each heartbeat with what `answer` says.
async fn serves(mut far: Ws<DuplexStream>, answer: impl Fn(u32) -> Option<String>) -> Vec<(Duration, Message)> {
    let (start, mut seen) = (Instant::now(), Vec::new());
    while let Some(Ok(message)) = far.next().await {
        let beat = message.to_text().ok().and_then(|text| text.strip_prefix("beat ")).map(|text| text.parse().unwrap());
        seen.push((start.elapsed(), message.clone()));
        if let Some(text) = beat.and_then(&answer) {
            far.send(Message::text(text)).await.unwrap();
        }
    }
    seen
}

#[track_caller]
fn ours(item: Item) -> (Cause, Layer) {
    let error = item.expect("an item").expect_err("an error");
    let found = LivenessError::find(&error).unwrap_or_else(|| panic!("not ours: {error:?}"));
    (found.cause(), found.layer())
}

#[tokio::test(start_paused = true)]
async fn l1_a_session_that_is_dead_while_its_socket_answers_is_closed() {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let mut live = live.with_heartbeat(Numbered::default(), every(secs(25)));
    let (peer, monitor, start) = (tokio::spawn(serves(far, |_| None)), live.monitor(), Instant::now());
    let died = live.next().await;
    let text = died.as_ref().unwrap().as_ref().unwrap_err().to_string();
    assert_eq!((ours(died), start.elapsed()), ((Cause::PongTimeout, Layer::Heartbeat), secs(35)));
    assert!(text.contains("heartbeat timeout: heartbeat sent 10.000s ago was not answered"), "{text}");
    assert!(live.next().await.is_none());
    assert_eq!(monitor.ended().await, End::PongTimeout);
    let below = monitor.below().unwrap();
    assert!(below.stats().pongs_received >= 1 && below.stats().misses == 0);
    assert_eq!((monitor.stats().pings_sent, monitor.stats().misses), (1, 1));
    drop(live);
    let seen = peer.await.unwrap();
    let Some((_, Message::Close(Some(close)))) = seen.last() else { panic!("no Close: {seen:?}") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4000, "heartbeat timeout"));
}

#[tokio::test(start_paused = true)]
async fn l2_answered_heartbeats_keep_it_and_disappear() {
    for answer in [(|_| Some("ack".into())) as fn(u32) -> _, |number| Some(format!("ack {number}"))] {
        let (mut live, far) = beating(Numbered::default()).await;
        let peer = tokio::spawn(serves(far, answer));
        assert!(timeout(secs(3601), live.next()).await.is_err(), "nothing comes");
        let monitor = live.monitor();
        assert_eq!(monitor.health(), Health::Alive);
        assert_eq!((monitor.stats().pings_sent, monitor.stats().pongs_received), (120, 120));
        assert_eq!(monitor.stats().last_rtt, Some(Duration::ZERO));
        drop(live);
        let seen = peer.await.unwrap();
        let beats: Vec<_> = seen.iter().filter(|(_, message)| message.is_text()).collect();
        assert_eq!(beats[0], &(secs(30), Message::text("beat 1")));
        assert_eq!(beats[119], &(secs(3600), Message::text("beat 120")));
    }
}

#[tokio::test(start_paused = true)]
async fn l2_answers_are_shown_if_the_user_wants_them() {
    let (mut live, far) = beating(Numbered { shows: true, ..Numbered::default() }).await;
    let peer = tokio::spawn(serves(far, |_| Some("ack".into())));
    for _ in 0..3 {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text("ack"));
    }
    assert_eq!(live.monitor().stats().pongs_received, 3);
    peer.abort();
}

#[tokio::test(start_paused = true)]
async fn l2_an_answer_to_an_earlier_heartbeat_does_not_count() {
    let (mut live, far) = beating(Numbered::default()).await;
    let (peer, start) = (tokio::spawn(serves(far, |_| Some("ack 1".into()))), Instant::now());
    assert_eq!(ours(live.next().await), (Cause::PongTimeout, Layer::Heartbeat));
    assert_eq!(start.elapsed(), secs(70));
    peer.abort();
}

/// Nothing is outstanding, or it was never sent: a message like any other, which does not panic and answers nothing.
#[tokio::test(start_paused = true)]
async fn l2_answers_that_nobody_asked_for_answer_nothing() {
    let (mut live, mut far) = beating(Numbered::default()).await;
    for text in ["ack", "ack 7", "ack 0", "ack 4294967295", "data"] {
        far.send(Message::text(text)).await.unwrap();
    }
    for text in ["ack 7", "ack 0", "ack 4294967295", "data"] {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text(text));
    }
    assert_eq!(live.monitor().stats().pongs_received, 0);
    let peer = tokio::spawn(serves(far, |_| None));
    assert_eq!(ours(live.next().await), (Cause::PongTimeout, Layer::Heartbeat));
    peer.abort();
}

#[tokio::test(start_paused = true)]
async fn l3_the_service_says_how_often_and_the_first_beat_waits_for_that() {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let mut live = live.with_heartbeat(Numbered::default(), every(Duration::MAX));
    let start = Instant::now();
    let (mut says, mut reads) = far.split();
    let peer = tokio::spawn(async move {
        let (mut beats, mut hellos) = (Vec::new(), ["hello 0", "hello 45"].into_iter());
        let mut hello = start + secs(1000);
        loop {
            tokio::select! {
                () = sleep_until(hello), if hellos.len() > 0 => {
                    says.send(Message::text(hellos.next().unwrap())).await.unwrap();
                    hello += secs(1000);
                }
                read = reads.next() => match read {
                    Some(Ok(Message::Text(_))) => {
                        beats.push(start.elapsed());
                        if beats.len() < 4 {
                            says.send(Message::text("ack")).await.unwrap();
                        }
                    }
                    Some(Ok(_)) => {}
                    _ => return beats,
                },
            }
        }
    });
    // Zero is no interval, and changes nothing.
    for (text, at) in [("hello 0", 1000), ("hello 45", 2000)] {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text(text));
        assert_eq!((start.elapsed(), live.monitor().stats().pings_sent), (secs(at), 0));
    }
    assert_eq!(ours(live.next().await), (Cause::PongTimeout, Layer::Heartbeat));
    drop(live);
    assert_eq!(peer.await.unwrap(), [2001, 2046, 2091, 2136].map(secs));
}

/// The first verdict counts, and its error is the one that everybody gets. In the first case the next heartbeat falls due just
/// then.
#[tokio::test(start_paused = true)]
async fn l4_a_dead_path_is_told_by_the_layer_that_notices_it_first() {
    for (interval, layer, at) in [(40, Layer::Protocol, 40), (30, Layer::Protocol, 40), (25, Layer::Heartbeat, 35)] {
        let (live, _silent) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
        let longer = every(secs(interval)).to_builder().pong_timeout(secs(if interval == 30 { 20 } else { 10 }));
        let mut live = live.with_heartbeat(Numbered::default(), longer.build().unwrap());
        let (start, monitor) = (Instant::now(), live.monitor());
        assert_eq!((ours(live.next().await), start.elapsed()), ((Cause::PongTimeout, layer), secs(at)));
        assert!(live.next().await.is_none());
        assert_eq!(monitor.ended().await, End::PongTimeout);
        assert_eq!(monitor.error().unwrap().layer(), layer);
        assert_eq!(monitor.since_end(), Some(Duration::ZERO));
        let late = live.send(Message::text("x")).await.unwrap_err();
        assert_eq!(LivenessError::find(&late).unwrap().layer(), layer);
    }
}

/// The peer talks without end and answers no ping: its words are discarded for the grace of the layer below, while heartbeats
/// fall due and cannot be sent.
#[tokio::test(start_paused = true)]
async fn l4_heartbeats_that_fall_due_in_the_farewell_below_say_nothing() {
    let below = exact().ping_interval(secs(5)).pong_timeout(secs(5)).max_deferrals(0).build().unwrap();
    let (live, far) = piped(WIDE, Role::Client, &below).await;
    let often = exact().ping_interval(Duration::from_millis(100)).pong_timeout(secs(60)).build().unwrap();
    let mut live = live.with_heartbeat(Numbered::default(), often);
    // Reads nothing, so that no ping is answered.
    let (mut says, _held): (_, SplitStream<_>) = far.split();
    let talker = tokio::spawn(async move {
        while says.send(Message::text("on and on")).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    let (monitor, start) = (live.monitor(), Instant::now());
    let watcher = tokio::spawn(async move { (monitor.ended().await, start.elapsed()) });
    let end = loop {
        match live.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    // The monitor knows it at once, the stream tells it after the farewell.
    assert_eq!(watcher.await.unwrap(), (End::PongTimeout, secs(10)));
    assert!(start.elapsed() > secs(10), "there was no farewell");
    assert_eq!(ours(end), (Cause::PongTimeout, Layer::Protocol));
    assert_eq!(live.monitor().health(), Health::Ended(End::PongTimeout));
    talker.abort();
}

#[tokio::test(start_paused = true)]
async fn l4_other_ends_are_those_of_the_websocket() {
    let (mut live, mut far) = beating(Numbered::default()).await;
    let monitor = live.monitor();
    far.close(None).await.unwrap();
    assert!(live.next().await.unwrap().unwrap().is_close());
    assert!(live.next().await.is_none());
    assert_eq!((monitor.ended().await, monitor.below().unwrap().ended().await), (End::Closed, End::Closed));
    assert_eq!(monitor.peer_close_code(), Some(1005));

    let (mut live, far) = beating(Numbered::default()).await;
    drop(far);
    assert!(live.next().await.unwrap().is_err());
    assert_eq!(live.monitor().health(), Health::Ended(End::StreamError));

    let (mut live, far) = beating(Numbered::default()).await;
    let peer = tokio::spawn(serves(far, |_| None));
    assert_eq!(live.close_with(4001, "bye").unwrap().await.unwrap(), End::Closed);
    let seen = peer.await.unwrap();
    assert!(matches!(&seen[..], [(_, Message::Close(Some(close)))] if u16::from(close.code) == 4001));
}

#[tokio::test(start_paused = true)]
async fn l5_every_message_is_heard_once_and_in_order() {
    let heartbeat = Numbered::default();
    let heard = heartbeat.heard.clone();
    let (mut live, far) = beating(heartbeat).await;
    let peer = tokio::spawn(async move {
        let mut far = far;
        for number in 0..5 {
            far.send(Message::text(format!("data {number}"))).await.unwrap();
        }
        serves(far, |_| Some("ack".into())).await
    });
    live.send(Message::text("ours is not heard")).await.unwrap();
    for number in 0..5 {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text(format!("data {number}")));
    }
    assert!(timeout(secs(31), live.next()).await.is_err());
    assert_eq!(*heard.lock().unwrap(), ["data 0", "data 1", "data 2", "data 3", "data 4", "ack"]);
    peer.abort();
}

#[tokio::test(start_paused = true)]
async fn l6_spawned_and_split_it_is_the_same() {
    let (live, far) = beating(Numbered::default()).await;
    let (peer, start) = (tokio::spawn(serves(far, |number| (number < 3).then(|| "ack".into()))), Instant::now());
    let mut spawned = live.spawn(4);
    assert_eq!((ours(spawned.next().await), start.elapsed()), ((Cause::PongTimeout, Layer::Heartbeat), secs(100)));
    assert_eq!(spawned.monitor().ended().await, End::PongTimeout);
    drop(spawned);
    peer.await.unwrap();

    let (live, far) = beating(Numbered::default()).await;
    let (peer, start) = (tokio::spawn(serves(far, |number| (number < 3).then(|| "ack".into()))), Instant::now());
    let (mut says, mut hears) = live.split();
    let writer = tokio::spawn(async move {
        loop {
            sleep(secs(7)).await;
            if let Err(error) = says.send(Message::text("x")).await {
                return LivenessError::find(&error).unwrap().layer();
            }
        }
    });
    assert_eq!((ours(hears.next().await), start.elapsed()), ((Cause::PongTimeout, Layer::Heartbeat), secs(100)));
    assert_eq!(writer.await.unwrap(), Layer::Heartbeat);
    drop(hears);
    peer.await.unwrap();
}

/// A monitor that waits hears of either layer.
#[tokio::test(start_paused = true)]
async fn l7_one_monitor_shows_both_layers() {
    let (mut live, far) = beating(Numbered::default()).await;
    let mut monitor = live.monitor();
    let watcher = tokio::spawn(async move { (monitor.changed().await, monitor.ended().await) });
    // Nobody answers anything: the ping is missed at 40 s, and so is the heartbeat.
    let reader = tokio::spawn(async move { live.next().await });
    assert_eq!(watcher.await.unwrap(), (Health::Ended(End::PongTimeout), End::PongTimeout));
    reader.await.unwrap();
    drop(far);
}

fn within(silence: u64, answer: u64) -> LiveConfig {
    exact().jitter(0.5).ping_interval(secs(silence)).pong_timeout(secs(answer)).max_deferrals(0).build().unwrap()
}

/// A feed: so many messages, so many seconds apart, then silence on a socket that answers pings.
async fn feeds(far: Ws<DuplexStream>, messages: u64, gap: u64) -> Vec<Message> {
    let (mut says, mut reads) = far.split();
    let feed = tokio::spawn(async move {
        for number in 0..messages {
            sleep(secs(gap)).await;
            says.send(Message::text(format!("trade {number}"))).await.unwrap();
        }
        says
    });
    let mut seen = Vec::new();
    while let Some(Ok(message)) = reads.next().await {
        seen.push(message);
    }
    drop(feed.await);
    seen
}

#[tokio::test(start_paused = true)]
async fn l8_a_feed_that_falls_silent_is_closed_so_long_after_its_last_message() {
    for messages in [0, 1, 7] {
        let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
        let mut live = live.with_heartbeat(Expectation::any(), within(20, 10));
        let (peer, start) = (tokio::spawn(feeds(far, messages, 25)), Instant::now());
        for number in 0..messages {
            assert_eq!(live.next().await.unwrap().unwrap(), Message::text(format!("trade {number}")));
        }
        let died = live.next().await;
        let text = died.as_ref().unwrap().as_ref().unwrap_err().to_string();
        assert_eq!(ours(died), (Cause::PongTimeout, Layer::Expectation));
        assert_eq!(start.elapsed(), secs(messages * 25 + 30));
        let told = if messages == 0 { "what was expected never came" } else { "came 30.000s ago" };
        assert!(text.contains(told), "{text}");
        drop(live);
        let seen = peer.await.unwrap();
        assert!(seen.iter().all(|message| message.is_ping() || message.is_close()), "nothing was sent: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn l8_a_challenge_asks_before_the_verdict_and_only_then() {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let asks = Expectation::any().challenge(|| Message::text("beat 0"));
    let mut live = live.with_heartbeat(asks, within(20, 10));
    let (peer, start) = (tokio::spawn(serves(far, |_| Some("here".into()))), Instant::now());
    for number in 1..=3 {
        assert_eq!(live.next().await.unwrap().unwrap(), Message::text("here"));
        assert_eq!(start.elapsed(), secs(20 * number));
    }
    drop(live);
    let seen = peer.await.unwrap();
    assert_eq!(seen.iter().filter(|(_, message)| message.is_text()).count(), 3);

    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let asks = Expectation::any().challenge(|| Message::text("beat 0"));
    let mut live = live.with_heartbeat(asks, within(20, 10));
    let (peer, start) = (tokio::spawn(feeds(far, 10, 19)), Instant::now());
    for _ in 0..10 {
        assert!(live.next().await.unwrap().unwrap().is_text());
    }
    assert_eq!(ours(live.next().await), (Cause::PongTimeout, Layer::Expectation));
    assert_eq!(start.elapsed(), secs(190 + 30));
    drop(live);
    let asked = peer.await.unwrap().into_iter().filter(Message::is_text).count();
    assert_eq!(asked, 1, "only in silence");
}

#[tokio::test(start_paused = true)]
async fn l8_what_does_not_count_is_no_sign_of_life() {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let mut live = live.with_heartbeat(Expectation::of(|message: &Message| message.is_binary()), within(20, 10));
    let (peer, start) = (tokio::spawn(feeds(far, 10, 5)), Instant::now());
    for _ in 0..5 {
        assert!(live.next().await.unwrap().unwrap().is_text());
    }
    let end = loop {
        match live.next().await {
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    assert_eq!((ours(end), start.elapsed()), ((Cause::PongTimeout, Layer::Expectation), secs(30)));
    peer.abort();
}

/// What came while our user was busy was in time.
#[tokio::test(start_paused = true)]
async fn l8_a_busy_reader_does_not_make_a_feed_silent() {
    let (live, far) = piped(WIDE, Role::Client, &exact().build().unwrap()).await;
    let mut live = live.with_heartbeat(Expectation::any(), within(20, 10));
    let peer = tokio::spawn(feeds(far, 40, 5));
    for _ in 0..4 {
        sleep(secs(47)).await;
        assert!(live.next().await.unwrap().unwrap().is_text());
    }
    peer.abort();
}
