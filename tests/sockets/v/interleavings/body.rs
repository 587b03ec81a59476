//! What a run does with its bytes: they are the configuration, then calls and events, one after the other. In the end
//! nothing happens any more but that whoever was woken polls, and the connection has to find its end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use ws_liveness::{End, Health, LiveConfig, LiveStream, LivenessError, Monitor, ProgressIo};

use super::bell::Bell;
use super::script::Script;
use super::subject::{Form, Read, Subject, Written};
use crate::wire::Wire;

/// No instant needs more polls than this, whatever the peer has sent.
const TOO_MANY: u32 = 2_000;
const LARGEST: usize = 1 << 16;
/// The opcodes of a peer that keeps to the protocol: data, pings, pongs, now and then a Close.
const CIVIL: [u8; 10] = [2, 2, 9, 9, 10, 10, 2, 9, 10, 8];

type Probe = Pin<Box<dyn Future<Output = Result<Duration, End>>>>;

struct Run {
    live: Subject,
    monitor: Monitor,
    wire: Wire,
    role: Role,
    /// It sends whole frames that are allowed.
    civil: bool,
    config: LiveConfig,
    stream: Arc<Bell>,
    sink: Arc<Bell>,
    probe: Option<Probe>,
    /// The sink was ready, and nothing was sent since.
    permit: bool,
    /// `close_with` was polled.
    closing: bool,
    /// The stream has said its last word.
    over: bool,
    verdicts: u32,
}

/// What a run was and came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    pub(crate) form: Form,
    /// `close_with` was polled.
    pub(crate) closing: bool,
    /// `None` where nothing was to end it.
    pub(crate) end: Option<End>,
}

pub(crate) fn run(data: &[u8]) -> Outcome {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    }
    // The payloads and the jitter.
    fastrand::seed(7);
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let mut script = Script(data);
            let mut run = Run::new(&mut script).await;
            while !script.0.is_empty() {
                run.step(&mut script).await;
            }
            run.ends().await
        })
    })
}

impl Run {
    async fn new(script: &mut Script<'_>) -> Self {
        let (config, wire) = (script.config(), Wire::default());
        let bits = script.byte();
        let role = if bits & 1 == 0 { Role::Client } else { Role::Server };
        let mut limits = WebSocketConfig::default().max_frame_size(Some(LARGEST)).max_message_size(Some(LARGEST));
        limits = limits.read_buffer_size(4096).write_buffer_size(256);
        if bits & 2 != 0 {
            limits = limits.max_write_buffer_size(600);
        }
        let io = ProgressIo::new(wire.clone());
        let progress = io.handle();
        let socket = WebSocketStream::from_raw_socket(io, role, Some(limits)).await;
        let mut live = LiveStream::new(socket, config.clone());
        if bits & 4 != 0 {
            live = live.with_progress(progress);
        }
        wire.make_room(usize::from(script.byte()) * 16);
        let monitor = live.monitor();
        let (stream, sink) = Default::default();
        let civil = bits & 0x18 != 0;
        Self {
            live: Subject::new(live, bits >> 5),
            monitor,
            wire,
            role,
            civil,
            config,
            stream,
            sink,
            probe: None,
            permit: false,
            closing: false,
            over: false,
            verdicts: 0,
        }
    }

    async fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 24 {
            0 | 1 => drop(self.read()),
            2 => self.send(Message::binary(vec![1; usize::from(script.byte())])),
            3 => self.send(Message::Ping(script.bytes(4).into())),
            4 => self.send(Message::Pong(script.bytes(8).into())),
            5 if script.byte() % 8 == 0 => self.send(Message::Close(None)),
            6 => drop(self.flush()),
            7 if script.byte() % 8 == 0 => drop(self.close()),
            8 => drop(self.ready()),
            9 | 10 => advance(script.span()).await,
            11 | 12 if self.civil => self.feed_frame(CIVIL[script.len(255) % CIVIL.len()], &script.counted(40)),
            11 => self.wire.feed(script.counted(255)),
            12 => self.feed_frame(script.byte(), &script.counted(125)),
            13 => self.answer(),
            14 => self.wire.make_room(usize::from(script.byte())),
            15 => self.stick(script.byte() & 1 == 0),
            16 if script.byte() % 32 == 0 => self.wire.change(|wire| wire.ended = true),
            17 if script.byte() % 32 == 0 => self.fail(script.byte() & 1 == 0),
            18 => self.probe(),
            19 => self.probe = None,
            20 if script.byte() % 8 == 0 => self.close_with(1000 + u16::from(script.byte() & 1)),
            21 if script.byte() % 8 == 0 => self.live.drop_sink(),
            // A task, if there is one, has its turn.
            22 => yield_now().await,
            _ => self.run_woken(),
        }
    }

    fn send(&mut self, message: Message) {
        // A permit may be older than the ping that has used it (S6).
        if self.permit || matches!(self.ready(), Some(Poll::Ready(Ok(())))) {
            self.permit = false;
            let _ = self.live.start_send(message);
        }
    }

    /// The sink half's own waker.
    fn writer(&self) -> Waker {
        Waker::from(self.sink.clone())
    }

    fn ready(&mut self) -> Option<Written> {
        let waker = self.writer();
        let ready = self.live.poll_ready(&mut Context::from_waker(&waker));
        self.permit = matches!(ready, Some(Poll::Ready(Ok(()))));
        ready
    }

    fn close(&mut self) -> Option<Written> {
        let waker = self.writer();
        self.live.poll_close(&mut Context::from_waker(&waker))
    }

    fn flush(&mut self) -> Option<Written> {
        let waker = self.writer();
        self.live.poll_flush(&mut Context::from_waker(&waker))
    }

    /// The stream half's own waker.
    fn reader(&self) -> Waker {
        Waker::from(self.stream.clone())
    }

    fn read(&mut self) -> Read {
        let waker = self.reader();
        let read = self.live.poll_next(&mut Context::from_waker(&waker));
        assert!(!self.over || matches!(read, Poll::Ready(None)), "after the end: {read:?}");
        if matches!(read, Poll::Ready(None)) {
            self.over = true;
            assert!(matches!(self.monitor.health(), Health::Ended(_)));
        }
        self.heeds(&read);
        read
    }

    /// One poll. What it hides, an error after a complete handshake, is no end for `read`.
    fn close_with(&mut self, code: u16) {
        let waker = self.reader();
        let Some(read) = self.live.poll_close_with(code, &mut Context::from_waker(&waker)) else { return };
        self.closing = true;
        self.heeds(&read);
        // It may have taken the place of a read that would have gone on.
        self.stream.rung.store(true, Ordering::Release);
    }

    /// There is one verdict, and the sink has heard of it.
    fn heeds(&mut self, read: &Read) {
        let Poll::Ready(Some(Err(error))) = read else { return };
        if LivenessError::find(error).is_some() {
            self.verdicts += 1;
            assert_eq!(self.verdicts, 1, "{error}");
            assert!(!matches!(self.flush(), Some(Poll::Pending | Poll::Ready(Ok(())))), "the sink has not heard of it");
        }
    }

    fn stick(&self, stuck: bool) {
        self.wire.change(|wire| wire.flush_stuck = stuck);
    }

    /// Writing fails from now on, and reading too where that is wanted.
    fn fail(&self, reading: bool) {
        self.wire.change(|wire| {
            wire.unwritable = true;
            wire.unreadable |= reading;
        });
    }

    /// A whole frame, be it allowed or not.
    fn feed_frame(&self, opcode: u8, payload: &[u8]) {
        let mask: &[u8] = if self.role == Role::Server { &[0; 4] } else { &[] };
        let second = payload.len() as u8 | if mask.is_empty() { 0 } else { 0x80 };
        let first = if opcode & 0x70 == 0x70 { opcode } else { 0x80 | opcode & 0x0f };
        self.wire.feed([&[first, second], mask, payload].concat());
    }

    fn answer(&self) {
        if let Some(payload) = self.wire.last_ping() {
            self.feed_frame(10, &payload);
        }
    }

    fn probe(&mut self) {
        let monitor = self.monitor.clone();
        let probe = self.probe.get_or_insert_with(|| Box::pin(async move { monitor.probe().await }));
        if probe.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.probe = None;
        }
    }

    /// Each half polls where it was woken, until neither is any more.
    fn run_woken(&mut self) {
        for _ in 0..TOO_MANY {
            let (stream, sink) =
                (self.stream.rung.swap(false, Ordering::AcqRel), self.sink.rung.swap(false, Ordering::AcqRel));
            if stream {
                while !self.over && self.read().is_ready() {}
            }
            if sink {
                let _ = self.flush();
            }
            if !stream && !sink {
                return;
            }
        }
        panic!("a busy loop: {:?}", self.live);
    }

    /// The longest that a judged connection to a peer that does nothing can last.
    fn longest(&self) -> Duration {
        let c = &self.config;
        let judged = c.pong_timeout() * (c.missed_pongs() + 2) * (c.max_deferrals() + 3);
        4 * (c.ping_interval() + c.write_timeout() + c.close_timeout()) + judged + Duration::from_secs(10)
    }

    /// V2 and promise 4: whoever waits is woken, and there is an end.
    async fn ends(mut self) -> Outcome {
        self.stream.rung.store(true, Ordering::Release);
        self.sink.rung.store(true, Ordering::Release);
        let ended = timeout(
            self.longest(),
            poll_fn(|cx| {
                self.stream.task.register(cx.waker());
                self.sink.task.register(cx.waker());
                self.run_woken();
                if self.over { Poll::Ready(()) } else { Poll::Pending }
            }),
        )
        .await;
        assert!(ended.is_ok() || !self.monitor.is_judging() && !self.closing, "no end: {:?}", self.live);
        self.leaves_nothing().await
    }

    /// K7 and B5: with the drop the socket is gone; a task may take C for it.
    async fn leaves_nothing(self) -> Outcome {
        let Self { live, wire, config, monitor, closing, .. } = self;
        let (form, end) = (live.form(), monitor.health().end());
        assert_ne!(end, Some(End::Dropped), "the task has panicked");
        drop(live);
        let gone = async {
            while wire.is_held() {
                assert_eq!(form, Form::Task, "the socket is still there");
                sleep(Duration::from_millis(1)).await;
            }
        };
        // What is rounded, and what a verdict takes for its Close.
        let most = config.close_timeout() + Duration::from_secs(2);
        timeout(most, gone).await.expect("the task is still there");
        Outcome { form, closing, end }
    }
}
