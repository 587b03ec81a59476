//! Sockets made of combinators that panic when they are polled after an error or after their end (S10).

use std::future::{Ready, ready as done};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::pair::{ROLES, WIDE, Ws, piped_pair};
use crate::scripted::*;
use futures_util::stream::MapErr;
use futures_util::{Sink, SinkExt, Stream, StreamExt, TryFutureExt, TryStreamExt, sink, stream};
use tokio::io::DuplexStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};
use ws_liveness::{Cause, End, Health, LiveStream, LivenessError};

type Translate = fn(tungstenite::Error) -> io::Error;
type Mapped = LiveStream<sink::SinkMapErr<MapErr<Ws<DuplexStream>, Translate>, Translate>>;

/// A socket whose errors are translated both ways, as an application does with every crate's.
async fn mapped(role: Role) -> (Mapped, Ws<DuplexStream>) {
    let (near, far) = piped_pair(WIDE, role).await;
    let translate: Translate = io::Error::other;
    let near = near.map_err(translate).sink_map_err(translate);
    (LiveStream::new(near, exact().build().unwrap()), far)
}

fn cause(error: &io::Error) -> Cause {
    LivenessError::find(error).unwrap_or_else(|| panic!("not ours: {error:?}")).cause()
}

/// The peer has sent its Close and left.
async fn left_by_its_peer(role: Role) -> Mapped {
    let (mut ws, mut far) = mapped(role).await;
    far.close(None).await.unwrap();
    drop(far);
    assert!(matches!(ws.next().await, Some(Ok(Message::Close(_)))));
    ws
}

#[tokio::test(start_paused = true)]
async fn s10_mapped_errors_the_peer_closes_and_leaves_and_the_user_sends_twice() {
    for role in ROLES {
        let mut ws = left_by_its_peer(role).await;
        assert!(ws.send(Message::text("one")).await.is_err());
        for _ in 0..3 {
            assert_eq!(cause(&ws.send(Message::text("two")).await.unwrap_err()), Cause::SendFailed);
        }
        assert!(ws.close().await.is_err());
        let reads = async { while ws.next().await.is_some() {} };
        timeout(secs(100), reads).await.expect("ends");
    }
}

#[tokio::test(start_paused = true)]
async fn s10_mapped_errors_the_same_with_halves_and_with_a_task() {
    for role in ROLES {
        let (mut tx, mut rx) = left_by_its_peer(role).await.split();
        let reader = tokio::spawn(async move { while rx.next().await.is_some() {} });
        for _ in 0..3 {
            assert!(tx.send(Message::text("no")).await.is_err());
        }
        timeout(secs(100), reader).await.expect("ends").expect("no panic");
        let mut ws = left_by_its_peer(role).await.spawn(4);
        for _ in 0..3 {
            assert!(ws.send(Message::text("no")).await.is_err());
        }
        let reads = async { while ws.next().await.is_some() {} };
        timeout(secs(100), reads).await.expect("ends");
        assert!(ws.monitor().health() != Health::Ended(End::Dropped), "the task has panicked");
    }
}

/// The peer is gone without a word: our ping fails, then our Close would.
#[tokio::test(start_paused = true)]
async fn s10_mapped_errors_the_write_side_breaks_and_nobody_writes_but_we() {
    for role in ROLES {
        let (mut ws, far) = mapped(role).await;
        drop(far);
        let monitor = ws.monitor();
        // A user who only writes meets it first, and a user who goes on meets ours.
        assert!(ws.send(Message::text("one")).await.is_err());
        assert_eq!(cause(&ws.send(Message::text("two")).await.unwrap_err()), Cause::SendFailed);
        let reads = async { while ws.next().await.is_some() {} };
        timeout(secs(100), reads).await.expect("ends");
        assert!(matches!(monitor.health(), Health::Ended(_)));
    }
}

const REFUSED: Msg = Msg::Data(13);

fn refuse(message: Msg) -> Ready<Result<Msg, Fault>> {
    done(if message == REFUSED { Err(Fault::Reset) } else { Ok(message) })
}

fn liveness_cause(fault: &Fault) -> Cause {
    LivenessError::find(fault).unwrap_or_else(|| panic!("{fault:?}")).cause()
}

/// After the sink failed its user: every later call fails, and so does the next ping, on which the stream ends.
async fn goes_to_its_end<S>(mut ws: LiveStream<S>)
where
    S: Stream<Item = Result<Msg, Fault>> + Sink<Msg, Error = Fault> + Unpin,
{
    let monitor = ws.monitor();
    for number in 0..3 {
        assert_eq!(liveness_cause(&ws.send(Msg::Data(number)).await.unwrap_err()), Cause::SendFailed);
    }
    let last = timeout(secs(100), ws.next()).await.expect("no ping can leave").expect("an error").unwrap_err();
    assert_eq!(liveness_cause(&last), Cause::PingFailed);
    assert!(ws.next().await.is_none());
    assert!(ws.send(Msg::Data(1)).await.is_err());
    assert_eq!(monitor.health(), Health::Ended(End::PingFailed));
}

#[tokio::test(start_paused = true)]
async fn s10_with_is_not_polled_after_its_future_has_failed() {
    let (_peer, socket) = socket();
    let mut ws = LiveStream::new(socket.with(refuse), exact().build().unwrap());
    assert!(matches!(ws.send(REFUSED).await, Err(Fault::Reset)));
    goes_to_its_end(ws).await;
}

#[tokio::test(start_paused = true)]
async fn s10_with_before_a_mapped_error_is_not_polled_after_its_future_has_failed() {
    let (_peer, socket) = socket();
    let inner = socket.sink_map_err(|fault| fault).with(refuse).map_err(|fault: Fault| fault);
    let mut ws = LiveStream::new(inner, exact().build().unwrap());
    assert!(matches!(ws.send(REFUSED).await, Err(Fault::Reset)));
    goes_to_its_end(ws).await;
}

/// A stream and a sink that have nothing to do with one another.
struct Both<R, W> {
    read: Pin<Box<R>>,
    write: Pin<Box<W>>,
}

impl<R: Stream, W> Stream for Both<R, W> {
    type Item = R::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R::Item>> {
        self.read.as_mut().poll_next(cx)
    }
}

impl<R, W: Sink<Msg>> Sink<Msg> for Both<R, W> {
    type Error = W::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), W::Error>> {
        self.write.as_mut().poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Msg) -> Result<(), W::Error> {
        self.write.as_mut().start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), W::Error>> {
        self.write.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), W::Error>> {
        self.write.as_mut().poll_close(cx)
    }
}

/// It says that it is ready after it has failed, and panics when it is believed.
#[tokio::test(start_paused = true)]
async fn s10_an_unfolded_sink_gets_no_ping_after_it_has_failed() {
    let write = sink::unfold((), |(), message| refuse(message).map_ok(drop));
    let inner = Both { read: Box::pin(stream::pending::<Result<Msg, Fault>>()), write: Box::pin(write) };
    let mut ws = LiveStream::new(inner, exact().build().unwrap());
    assert!(matches!(ws.send(REFUSED).await, Err(Fault::Reset)));
    goes_to_its_end(ws).await;
}

#[tokio::test(start_paused = true)]
async fn s10_an_unfolded_stream_is_not_polled_after_its_end() {
    let read = stream::unfold(0, |number| async move {
        sleep(secs(1)).await;
        (number < 3).then(|| (Ok::<_, Fault>(Msg::Data(number)), number + 1))
    });
    let write = sink::unfold((), |(), message| refuse(message).map_ok(drop));
    let inner = Both { read: Box::pin(read), write: Box::pin(write) };
    let mut ws = LiveStream::new(inner, exact().build().unwrap());
    for number in 0..3 {
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(read))) if read == number));
    }
    for _ in 0..3 {
        assert!(ws.next().await.is_none());
        ws.flush().await.unwrap();
        sleep(secs(30)).await;
    }
}

/// A socket that connects when it is first used. It panics when its sink is used after its stream has ended.
fn connecting(
    socket: Result<Socket, Fault>,
) -> LiveStream<impl Stream<Item = Result<Msg, Fault>> + Sink<Msg, Error = Fault> + Unpin> {
    LiveStream::new(done(socket).flatten_sink(), exact().build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn s10_a_socket_that_cannot_connect_fails_its_writer_once_with_that_error() {
    let mut ws = connecting(Err(Fault::Reset));
    assert!(matches!(ws.send(Msg::Data(1)).await, Err(Fault::Reset)));
    for _ in 0..3 {
        assert_eq!(liveness_cause(&ws.send(Msg::Data(2)).await.unwrap_err()), Cause::SendFailed);
    }
    assert!(ws.next().await.is_none(), "the inner stream's own end");
}

#[tokio::test(start_paused = true)]
async fn s10_a_socket_that_cannot_connect_is_sent_no_ping() {
    let mut ws = connecting(Err(Fault::Reset));
    assert!(matches!(ws.next().await, Some(Err(Fault::Reset))));
    for _ in 0..3 {
        sleep(secs(30)).await;
        assert!(ws.next().await.is_none());
    }
    assert_eq!(ws.monitor().health(), Health::Ended(End::StreamError));
}

/// Our flush of the answer to a Ping or a Close of the peer does not outlive the stream.
#[tokio::test(start_paused = true)]
async fn s10_an_answer_that_waits_is_not_flushed_after_the_end() {
    for message in [Msg::Ping(vec![]), Msg::Close(1000, String::new())] {
        let (peer, socket) = socket();
        let mut ws = connecting(Ok(socket));
        peer.set_flushes(false);
        peer.sends(message);
        peer.ends();
        assert!(matches!(ws.next().await, Some(Ok(_))));
        assert!(ws.next().await.is_none());
        peer.set_flushes(true);
        for _ in 0..3 {
            assert!(ws.next().await.is_none());
            sleep(secs(30)).await;
        }
    }
}

/// A ping that waits, and a probe, do not outlive the stream either.
#[tokio::test(start_paused = true)]
async fn s10_a_ping_that_waits_is_not_flushed_after_the_end() {
    let (peer, socket) = socket();
    let mut ws = connecting(Ok(socket));
    let monitor = ws.monitor();
    peer.set_flushes(false);
    assert!(timeout(secs(25), ws.next()).await.is_err());
    let probe = tokio::spawn(async move { monitor.probe().await });
    peer.at(secs(26), Peer::ends);
    assert!(ws.next().await.is_none());
    peer.set_flushes(true);
    for _ in 0..3 {
        assert!(ws.next().await.is_none());
        sleep(secs(30)).await;
    }
    assert_eq!(probe.await.unwrap(), Err(End::EndOfStream));
}

/// A message that waits for the permit that a ping has used: only its writer may ask for it after the end.
#[tokio::test(start_paused = true)]
async fn s10_a_message_that_waits_is_not_written_after_the_end() {
    let (peer, socket) = socket();
    let mut ws = connecting(Ok(socket));
    peer.set_echo(Some(secs(0)));
    assert!(timeout(ms(1), ws.next()).await.is_err());
    ws.feed(Msg::Data(0)).await.unwrap();
    std::future::poll_fn(|cx| ws.poll_ready_unpin(cx)).await.unwrap();
    peer.set_ready(false);
    assert!(timeout(secs(25), ws.next()).await.is_err());
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    peer.ends();
    assert!(ws.next().await.is_none());
    peer.set_ready(true);
    for _ in 0..3 {
        assert!(ws.next().await.is_none());
        sleep(secs(30)).await;
    }
    assert_eq!(peer.messages().len(), 2, "nothing was left but the ping");
}

/// The handle of a spawned one that is dropped after the end.
#[tokio::test(start_paused = true)]
async fn s10_a_handle_dropped_after_the_end_polls_nothing() {
    let (peer, socket) = socket();
    let mut ws = connecting(Ok(socket)).spawn(4);
    let monitor = ws.monitor();
    peer.set_flushes(false);
    peer.sends(Msg::Ping(vec![]));
    peer.ends();
    assert!(matches!(ws.next().await, Some(Ok(_))));
    assert!(ws.next().await.is_none());
    drop(ws);
    sleep(secs(30)).await;
    assert_eq!(monitor.health(), Health::Ended(End::EndOfStream));
    assert!(peer.is_alone());
}
