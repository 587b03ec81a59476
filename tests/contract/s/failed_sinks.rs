//! A sink that has failed is never polled again, neither for the user nor for a frame of our own (S9, S10).
//!
//! The scripted socket panics when it is.

use std::error::Error;
use std::task::{Context, Poll, Waker};

use crate::scripted::*;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{advance, sleep, timeout};
use ws_liveness::{Cause, End, LiveConfigBuilder, Monitor};

/// A `LiveStream`, or the handle of a spawned one.
trait Ws: Stream<Item = Result<Msg, Fault>> + Sink<Msg, Error = Fault> + Unpin {}
impl<W: Stream<Item = Result<Msg, Fault>> + Sink<Msg, Error = Fault> + Unpin> Ws for W {}

/// Whose call the inner sink fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Ping,
    Probe,
    /// The flush of the inner's answer to a Ping of the peer.
    AnswerToPing,
    AnswerToClose,
    /// Our Close after a verdict.
    Farewell,
    User,
}

/// What the user does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    Read,
    Call(Step),
}

const ACTS: [Act; 5] =
    [Act::Read, Act::Call(Step::Ready), Act::Call(Step::Send), Act::Call(Step::Flush), Act::Call(Step::Close)];

const OF_A_FRAME: [Step; 3] = [Step::Ready, Step::Send, Step::Flush];

/// Every way in which one of our own calls can fail.
fn our_failures() -> Vec<(Call, Step)> {
    let frames = [Call::Ping, Call::Probe, Call::Farewell];
    let frames = frames.into_iter().flat_map(|call| OF_A_FRAME.map(|step| (call, step)));
    frames.chain([(Call::AnswerToPing, Step::Flush), (Call::AnswerToClose, Step::Flush)]).collect()
}

fn config() -> LiveConfigBuilder {
    exact().pong_timeout(secs(19))
}

fn goodbye() -> Msg {
    Msg::Close(1000, String::new())
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn sink_call(ws: &mut impl Ws, step: Step) -> Poll<Result<(), Fault>> {
    match step {
        Step::Ready => ws.poll_ready_unpin(&mut context()),
        Step::Send => Poll::Ready(ws.start_send_unpin(Msg::Data(7))),
        Step::Flush => ws.poll_flush_unpin(&mut context()),
        Step::Close => ws.poll_close_unpin(&mut context()),
    }
}

/// The cause that is told to the user from now on, once `call` has failed.
fn told(call: Call) -> Cause {
    match call {
        Call::Ping | Call::Probe | Call::AnswerToPing => Cause::PingFailed,
        Call::AnswerToClose | Call::User => Cause::SendFailed,
        Call::Farewell => Cause::PongTimeout,
    }
}

/// The causes of which the stream may end, if the user closes at any time.
fn ends(call: Call) -> &'static [Cause] {
    match call {
        Call::Ping | Call::Probe | Call::AnswerToPing => &[Cause::PingFailed],
        Call::AnswerToClose => &[Cause::CloseTimeout],
        Call::Farewell => &[Cause::PongTimeout],
        Call::User => &[Cause::PingFailed, Cause::CloseTimeout],
    }
}

fn liveness_cause(fault: &Fault) -> Cause {
    match fault {
        Fault::Dead(error) => error.cause(),
        other => panic!("the inner's own error once more: {other:?}"),
    }
}

/// Lets the time pass until our own `call` is about to be made, and makes the step of it fail.
async fn prepare(peer: &Peer, ws: &mut impl Ws, monitor: &Monitor, (call, step): (Call, Step)) {
    let until = match call {
        Call::Ping => secs(20),
        // Before the next ping is due.
        Call::Farewell => secs(39),
        _ => secs(1),
    };
    assert!(timeout(until - ms(2), ws.next()).await.is_err());
    advance(ms(1)).await;
    assert!(ws.poll_next_unpin(&mut context()).is_pending());
    peer.breaks(step);
    match call {
        Call::AnswerToPing => peer.sends(Msg::Ping(vec![])),
        Call::AnswerToClose => peer.sends(goodbye()),
        Call::Probe => {
            let monitor = monitor.clone();
            tokio::spawn(async move { assert!(monitor.probe().await.is_err()) });
            tokio::task::yield_now().await;
        }
        _ => {}
    }
    advance(ms(1)).await;
}

/// Reads what is there to be read; a liveness error is returned with its source's text.
fn read_out(ws: &mut impl Ws) -> Option<(Cause, Option<String>)> {
    let mut error = None;
    while let Poll::Ready(Some(item)) = ws.poll_next_unpin(&mut context()) {
        if let Err(fault) = item {
            assert!(error.is_none(), "told twice");
            let source = fault.source().and_then(Error::source).map(ToString::to_string);
            error = Some((liveness_cause(&fault), source));
        }
    }
    error
}

/// All that a user may do after `call` has failed, from the `first` act on, twice. Whether the stream has told its error.
fn acts_after(ws: &mut impl Ws, call: Call, first: usize) -> bool {
    acts_on(ws, call, first, false)
}

/// The same; `has_closed`: the user has closed before.
fn acts_on(ws: &mut impl Ws, call: Call, first: usize, mut has_closed: bool) -> bool {
    let mut has_told = false;
    for act in ACTS.into_iter().cycle().skip(first).take(2 * ACTS.len()) {
        match act {
            Act::Read => {
                if let Some((cause, _)) = read_out(ws) {
                    assert!(!has_told && ends(call).contains(&cause), "{call:?}: {cause}");
                    has_told = true;
                }
            }
            Act::Call(step) => match sink_call(ws, step) {
                Poll::Ready(Err(fault)) => assert_eq!(liveness_cause(&fault), told(call), "{call:?}, then {step:?}"),
                // To close what was closed is nobody's to ask, and the handle's to put up with.
                Poll::Ready(Ok(())) if step == Step::Close && has_closed => {}
                other => panic!("{call:?} has failed, then {step:?}: {other:?}"),
            },
        }
        has_closed |= matches!(act, Act::Call(Step::Close));
    }
    has_told
}

/// Reads to the end, which is told once and to monitors as well.
async fn ends_well(ws: &mut impl Ws, monitor: &Monitor, call: Call, mut has_told: bool) {
    let reads = async {
        while let Some(item) = ws.next().await {
            if let Err(fault) = item {
                assert!(!has_told, "told twice");
                assert!(ends(call).contains(&liveness_cause(&fault)), "{fault:?}");
                has_told = true;
            }
        }
    };
    timeout(secs(100), reads).await.unwrap_or_else(|_| panic!("{call:?} has failed, and the stream goes on"));
    assert!(has_told, "{call:?}: ended without an error");
    assert!(ends(call).contains(&monitor.ended().await.cause().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn s10_whatever_of_ours_fails_and_whatever_the_user_does_next_the_sink_is_left_alone() {
    for (call, step) in our_failures() {
        for first in 0..ACTS.len() {
            let (peer, mut ws) = live(config());
            let monitor = ws.monitor();
            prepare(&peer, &mut ws, &monitor, (call, step)).await;
            let error = read_out(&mut ws);
            assert!(peer.has_failed(), "{call:?}, {step:?}");
            let has_told = acts_after(&mut ws, call, first) || error.is_some();
            ends_well(&mut ws, &monitor, call, has_told).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s10_a_failure_of_ours_that_the_sink_half_meets_is_told_by_the_sink() {
    for step in OF_A_FRAME {
        for met in [Step::Ready, Step::Flush] {
            for first in 0..ACTS.len() {
                let (peer, mut ws) = live(config());
                let monitor = ws.monitor();
                prepare(&peer, &mut ws, &monitor, (Call::Ping, step)).await;
                let polled = sink_call(&mut ws, met);
                assert!(matches!(polled, Poll::Ready(Err(Fault::Dead(error))) if error.cause() == Cause::PingFailed));
                let has_told = acts_after(&mut ws, Call::Ping, first);
                ends_well(&mut ws, &monitor, Call::Ping, has_told).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s10_spawned_whatever_of_ours_fails_the_sink_is_left_alone() {
    for (call, step) in our_failures() {
        for first in 0..ACTS.len() {
            let (peer, live) = live(config());
            let mut ws = live.spawn(4);
            let monitor = ws.monitor();
            prepare(&peer, &mut ws, &monitor, (call, step)).await;
            sleep(ms(1)).await;
            assert!(peer.has_failed(), "{call:?}, {step:?}");
            let has_told = acts_after(&mut ws, call, first);
            ends_well(&mut ws, &monitor, call, has_told).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s9_the_error_of_ours_has_the_inners_as_its_source() {
    for (call, step) in our_failures() {
        let (peer, mut ws) = live(config());
        let monitor = ws.monitor();
        prepare(&peer, &mut ws, &monitor, (call, step)).await;
        let source = match call {
            Call::Farewell => continue,
            Call::AnswerToClose => {
                let _ = read_out(&mut ws);
                let Poll::Ready(Err(fault)) = sink_call(&mut ws, Step::Flush) else { panic!("{call:?}") };
                fault.source().and_then(Error::source).map(ToString::to_string)
            }
            _ => read_out(&mut ws).expect("surfaced").1,
        };
        assert_eq!(source, Some(Fault::Reset.to_string()), "{call:?}, {step:?}");
    }
}

/// A call of the user's own that fails; what it returned.
async fn fails_the_user(peer: &Peer, ws: &mut impl Ws, step: Step) -> Result<(), Fault> {
    assert!(timeout(secs(1), ws.next()).await.is_err());
    if matches!(step, Step::Send | Step::Flush) {
        assert!(sink_call(ws, Step::Ready).is_ready());
    }
    if step == Step::Flush {
        assert!(sink_call(ws, Step::Send).is_ready());
    }
    peer.breaks(step);
    let Poll::Ready(result) = sink_call(ws, step) else { panic!("{step:?} waits") };
    result
}

const STEPS: [Step; 4] = [Step::Ready, Step::Send, Step::Flush, Step::Close];

#[tokio::test(start_paused = true)]
async fn s10_a_call_of_the_users_fails_with_the_inners_own_error_and_every_later_one_with_ours() {
    for step in STEPS {
        for first in 0..ACTS.len() {
            let (peer, mut ws) = live(config());
            let monitor = ws.monitor();
            assert!(matches!(fails_the_user(&peer, &mut ws, step).await, Err(Fault::Reset)), "{step:?}");
            let has_told = acts_after(&mut ws, Call::User, first);
            ends_well(&mut ws, &monitor, Call::User, has_told).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s10_spawned_a_call_of_the_users_fails_likewise() {
    for step in STEPS {
        for first in 0..ACTS.len() {
            let (peer, live) = live(config());
            let mut ws = live.spawn(4);
            let monitor = ws.monitor();
            assert!(matches!(fails_the_user(&peer, &mut ws, step).await, Err(Fault::Reset)), "{step:?}");
            let has_told = acts_on(&mut ws, Call::User, first, step == Step::Close);
            ends_well(&mut ws, &monitor, Call::User, has_told).await;
        }
    }
}

/// Nobody closes and nobody writes again: the ping that cannot leave any more is what ends it.
#[tokio::test(start_paused = true)]
async fn s10_a_sink_that_failed_the_user_cannot_take_the_next_ping_either() {
    for step in [Step::Ready, Step::Send, Step::Flush] {
        let (peer, mut ws) = live(config());
        let monitor = ws.monitor();
        assert!(fails_the_user(&peer, &mut ws, step).await.is_err());
        peer.sends(Msg::Data(1));
        assert!(matches!(ws.next().await, Some(Ok(Msg::Data(1)))), "reading goes on");
        let (_, fault) = death(&peer, &mut ws, secs(60)).await.expect("no ping can leave");
        assert_eq!(liveness_cause(&fault), Cause::PingFailed, "{step:?}");
        assert!(ws.next().await.is_none());
        assert_eq!(monitor.ended().await, End::PingFailed);
    }
}

/// A user whose permit a ping has used: the message waits in front of an inner sink that was not ready since.
async fn with_a_message_that_waits() -> (Peer, Live) {
    let (peer, mut ws) = answered(exact(), secs(0));
    assert!(ready(&mut ws).is_ready());
    peer.set_ready(false);
    idle(&mut ws, secs(25)).await;
    ws.start_send_unpin(Msg::Data(1)).unwrap();
    (peer, ws)
}

#[tokio::test(start_paused = true)]
async fn s10_a_message_that_waited_and_fails_leaves_the_sink_alone() {
    for step in OF_A_FRAME {
        for first in 0..ACTS.len() {
            let (peer, mut ws) = with_a_message_that_waits().await;
            let monitor = ws.monitor();
            peer.breaks(step);
            peer.set_ready(true);
            assert!(matches!(flush(&mut ws), Poll::Ready(Err(Fault::Reset))), "{step:?}");
            let has_told = acts_after(&mut ws, Call::User, first);
            ends_well(&mut ws, &monitor, Call::User, has_told).await;
        }
    }
}

/// The stream half meets it in the sink's place; the writer is told by its next call, and by every later one.
#[tokio::test(start_paused = true)]
async fn s6_a_message_that_waited_and_fails_where_only_the_stream_is_polled() {
    for step in OF_A_FRAME {
        let (peer, mut ws) = with_a_message_that_waits().await;
        peer.breaks(step);
        peer.set_ready(true);
        let _ = read_out(&mut ws);
        assert!(peer.has_failed(), "{step:?}");
        for step in STEPS {
            let Poll::Ready(Err(fault)) = sink_call(&mut ws, step) else { panic!("{step:?}") };
            assert!(matches!(liveness_cause(&fault), Cause::SendFailed | Cause::PingFailed));
        }
        let reads = async { while ws.next().await.is_some() {} };
        timeout(secs(100), reads).await.expect("the stream ends");
    }
}

#[tokio::test(start_paused = true)]
async fn s10_split_halves_on_two_tasks_outlive_a_failed_sink() {
    for (call, step) in our_failures() {
        let (peer, mut ws) = live(config());
        let monitor = ws.monitor();
        prepare(&peer, &mut ws, &monitor, (call, step)).await;
        let (mut tx, mut rx) = ws.split();
        let reader = tokio::spawn(async move { while rx.next().await.is_some() {} });
        sleep(ms(1)).await;
        for number in 0..3 {
            let fault = tx.send(Msg::Data(number)).await.expect_err("the sink has failed");
            assert_eq!(liveness_cause(&fault), told(call), "{call:?}, {step:?}");
        }
        assert!(tx.close().await.is_err());
        timeout(secs(100), reader).await.expect("the reader waits for ever").expect("no panic");
        assert!(ends(call).contains(&monitor.ended().await.cause().unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn s10_a_writer_of_its_own_task_fails_once_with_the_inners_error() {
    let (peer, ws) = live(config());
    let monitor = ws.monitor();
    let (mut tx, mut rx) = ws.split();
    let reader = tokio::spawn(async move { while rx.next().await.is_some() {} });
    sleep(secs(1)).await;
    peer.breaks(Step::Flush);
    assert!(matches!(tx.send(Msg::Data(1)).await, Err(Fault::Reset)));
    for number in 0..3 {
        let fault = tx.send(Msg::Data(number)).await.expect_err("the sink has failed");
        assert_eq!(liveness_cause(&fault), Cause::SendFailed);
    }
    timeout(secs(100), reader).await.expect("the reader waits for ever").expect("no panic");
    assert_eq!(monitor.ended().await, End::PingFailed);
}

/// A transient error is no failure: the sink is used on.
#[tokio::test(start_paused = true)]
async fn s10_a_sink_that_was_only_full_is_polled_on() {
    let (peer, mut ws) = answered(exact(), secs(0));
    peer.set_refuses(Some(Fault::Full));
    assert!(matches!(ws.send(Msg::Data(1)).await, Err(Fault::Full)));
    peer.set_refuses(None);
    ws.send(Msg::Data(2)).await.unwrap();
    idle(&mut ws, secs(100)).await;
    assert_eq!(peer.pings().len(), 5);
}

/// A dropped handle closes a connection whose sink has failed already.
#[tokio::test(start_paused = true)]
async fn b5_a_handle_dropped_after_its_sink_has_failed_leaves_nothing_behind() {
    for step in STEPS {
        let (peer, live) = live(config());
        let mut ws = live.spawn(4);
        assert!(fails_the_user(&peer, &mut ws, step).await.is_err());
        let monitor = ws.monitor();
        drop(ws);
        let cause = timeout(secs(60), monitor.ended()).await.expect("ends");
        assert!(cause != End::Dropped, "the task has panicked");
        sleep(ms(1)).await;
        assert!(peer.is_alone(), "the task keeps the socket");
    }
}
