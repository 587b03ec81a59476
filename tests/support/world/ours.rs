//! Our side: a `LiveStream` in a program's hands.

use std::panic::resume_unwind;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use ws_liveness::{Health, LiveExt, Monitor, ProgressIo};

use super::caught::{Caught, Panicky};
use super::facts::GRAIN;
use super::gate::Gate;
use super::log::{Diary, Item};
use super::pace::Pace;
use super::peer::never;
use super::pipe::PipeEnd;
use super::probes;
use super::scenario::{Consumer, Scenario, Shape};
use super::unruly::Unruly;

pub trait Socket: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send {}
impl<S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send> Socket for S {}

/// Until our program is done with the connection, or drops it.
pub async fn run(end: PipeEnd, user: User) {
    let drops = user.scenario.ours.host.drops.map_or_else(never, |at| user.start + at);
    let diary = user.diary.clone();
    if timeout_at(drops, live(end, user)).await.is_err() {
        diary.lock().dropped = Some(Instant::now());
        // The rest is the crate's.
        std::future::pending().await
    }
}

async fn live(end: PipeEnd, user: User) {
    let end = ProgressIo::new(end);
    let handle = end.handle();
    let ws = WebSocketStream::from_raw_socket(end, user.scenario.role, None).await;
    let live = ws.live(user.scenario.config.clone());
    let live = match user.scenario.ours.host.panics {
        Some(every) => {
            live.with_progress(Panicky { handle, every, looks: AtomicUsize::new(0), diary: user.diary.clone() })
        }
        None if user.scenario.progress => live.with_progress(handle),
        None => live,
    };
    tokio::spawn(watch(live.monitor(), user.diary.clone()));
    tokio::spawn(probes::ask(live.monitor(), user.scenario.clone(), user.diary.clone()));
    match user.scenario.ours.shape {
        Shape::Whole => user.gate(user.clone().whole(Caught(live))).await,
        Shape::Split => user.halves(Caught(live)).await,
        Shape::Joined => user.gate(user.joined(Caught(live))).await,
        Shape::Spawned(capacity) => user.halves(live.spawn(capacity)).await,
    }
}

async fn watch(mut monitor: Monitor, diary: Diary) {
    loop {
        let health = monitor.changed().await;
        let mut log = diary.lock();
        log.health.push((Instant::now(), health));
        if let Health::Ended(cause) = health {
            log.stats = Some(monitor.stats());
            drop(log);
            return diary.dead(cause);
        }
    }
}

#[derive(Clone)]
pub struct User {
    pub scenario: Scenario,
    pub start: Instant,
    pub diary: Diary,
}

impl User {
    pub fn gate<F: Future>(&self, task: F) -> Gate<Unruly<F>> {
        let at = |(from, time): &(Duration, Duration)| (self.start + *from, Some(self.start + *from + *time));
        let task = Unruly::new(&self.scenario.ours.host, task);
        Gate::new(self.scenario.ours.stalls.iter().map(at).collect(), task)
    }

    async fn halves<S: Socket + 'static>(&self, socket: S) {
        let (mut sink, mut stream) = socket.split();
        let (reader, writer) = (self.clone(), self.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(self.gate(async move { reader.read(&mut stream).await }));
        tasks.spawn(self.gate(async move { writer.write(&mut sink).await }));
        while let Some(done) = tasks.join_next().await {
            if let Err(error) = done {
                resume_unwind(error.into_panic());
            }
        }
    }

    async fn joined<S: Socket>(&self, socket: S) {
        let (mut sink, mut stream) = socket.split();
        tokio::join!(self.read(&mut stream), self.write(&mut sink));
    }

    async fn whole<S: Socket>(self, mut ws: S) {
        let mut pace = Pace::new(&self);
        loop {
            self.stay_away().await;
            // Who is never done reading closes all the same.
            if Instant::now() >= pace.horizon() && !pace.over {
                pace.write(&mut ws).await;
            }
            let tick = pace.next();
            tokio::select! {
                biased;
                item = self.next(&mut ws) => {
                    if self.took(item).await {
                        break;
                    }
                    pace.reply(&mut ws).await;
                }
                () = sleep_until(tick) => pace.write(&mut ws).await,
            }
        }
        self.read_on(&mut ws).await;
        self.diary.lock().writer_done = Some(Instant::now());
        self.send_on(&mut ws).await;
    }

    async fn read<S: Stream<Item = Result<Message, Error>> + Unpin>(&self, stream: &mut S) {
        loop {
            self.stay_away().await;
            let item = self.next(stream).await;
            if self.took(item).await {
                return self.read_on(stream).await;
            }
        }
    }

    async fn write<S: Sink<Message, Error = Error> + Unpin>(&self, sink: &mut S) {
        let mut pace = Pace::new(self);
        while !pace.over {
            sleep_until(pace.next()).await;
            pace.write(sink).await;
        }
        self.diary.lock().writer_done = Some(Instant::now());
        while self.diary.lock().reader_done.is_none() {
            sleep(Duration::from_millis(50)).await;
        }
        self.send_on(sink).await;
    }

    pub async fn stay_away(&self) {
        if let Some(until) = self.absence().filter(|(from, _)| *from <= Instant::now()).map(|(_, until)| until) {
            sleep_until(until).await;
        }
    }

    /// The absence of our consumer that has begun, or the next one.
    fn absence(&self) -> Option<(Instant, Instant)> {
        let (now, end) = (Instant::now(), self.start + self.scenario.horizon);
        match self.scenario.ours.consumer {
            Consumer::Absent { from, time } => Some((self.start + from, self.start + from + time)),
            Consumer::Bursts { on, off } => {
                let round = (now - self.start).as_millis() / (on + off).as_millis();
                let begun = self.start + (on + off) * round as u32;
                Some((begun + on, begun + on + off)).filter(|(_, until)| *until < end)
            }
            _ => None,
        }
    }

    pub async fn next<S: Stream<Item = Result<Message, Error>> + Unpin>(&self, stream: &mut S) -> NextItem {
        let _waiting = self.diary.waits();
        match self.scenario.ours.consumer {
            Consumer::Impatient(patience) => loop {
                if let Ok(item) = timeout(patience, stream.next()).await {
                    return item;
                }
            },
            // With a waker that does nothing.
            Consumer::Ticks(period) => loop {
                if let Some(item) = stream.next().now_or_never() {
                    return item;
                }
                sleep(period).await;
            },
            _ => match self.absence().filter(|(from, _)| Instant::now() < *from) {
                Some((from, _)) => timeout_at(from, stream.next()).await.unwrap_or(Some(Err(Error::AttackAttempt))),
                None => stream.next().await,
            },
        }
    }

    /// Whether it was the last.
    pub async fn took(&self, item: NextItem) -> bool {
        // Called away while waiting.
        if matches!(item, Some(Err(Error::AttackAttempt))) {
            return false;
        }
        self.diary.item(&item);
        let closing = Instant::now() >= self.start + self.scenario.horizon;
        match self.scenario.ours.consumer {
            Consumer::Works(time) | Consumer::Echoes(time) if !closing => sleep(time).await,
            Consumer::Lingers(time) if closing => sleep(time).await,
            _ => {}
        }
        !matches!(item, Some(Ok(_)))
    }

    /// After the last item there is `None`, for ever and at once.
    async fn read_on<S: Stream<Item = Result<Message, Error>> + Unpin>(&self, stream: &mut S) {
        let failed = matches!(self.diary.lock().items.last(), Some((_, Item::Failed { .. })));
        for _ in 0..2 {
            let next = timeout(Duration::from_secs(5), stream.next()).await;
            match next {
                Ok(None) => {}
                Ok(Some(item)) => self.complain(format!("after its end the stream yielded {item:?}")),
                Err(_) if failed => self.complain("after its error the stream does not end".into()),
                Err(_) => self.complain("after its end the stream waits".into()),
            }
        }
        self.diary.lock().reader_done = Some(Instant::now());
    }

    /// After the end nothing can be sent, and after a verdict every call on the sink ends at once (promise 4). Otherwise its
    /// `flush` is the socket's own, and `close` is bounded by C (K4).
    async fn send_on<S: Sink<Message, Error = Error> + Unpin>(&self, sink: &mut S) {
        match sink.send(Message::text("after the end")).now_or_never() {
            Some(Err(_)) => {}
            Some(Ok(())) => self.complain("after the end a message could be sent".into()),
            None => self.complain("after the end `send` waits".into()),
        }
        let judged = matches!(self.diary.lock().items.last(), Some((_, Item::Failed { cause: Some(_), .. })));
        let c = self.scenario.config.close_timeout();
        let waits = match judged {
            true => sink.flush().now_or_never().is_none() || sink.close().now_or_never().is_none(),
            false => timeout(c.saturating_add(GRAIN), sink.close()).await.is_err(),
        };
        if waits {
            self.complain("after the end `flush` or `close` waits".into());
        }
    }

    fn complain(&self, what: String) {
        self.diary.lock().afterwards.push(what);
    }
}

pub type NextItem = Option<Result<Message, Error>>;
