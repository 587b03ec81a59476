//! The far end: it writes the script, and has seen all that was sent.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::message::{Fault, Msg};
use super::socket::{Inbound, Script, Sent, Step, lock};

/// The far end, and whoever else has a hand in it.
#[derive(Clone)]
pub(crate) struct Peer(pub(super) Arc<Mutex<Script>>);

impl Peer {
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.0)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.script().start.elapsed()
    }

    fn push(&self, inbound: Inbound) {
        let mut script = self.script();
        script.inbound.push_back(inbound);
        let reader = script.reader.take();
        drop(script);
        wake(reader);
    }

    pub(crate) fn sends(&self, message: Msg) {
        self.push(Inbound::Message(message));
    }

    /// Whoever reads finds it; nobody is woken.
    pub(crate) fn sends_in_silence(&self, message: Msg) {
        self.script().inbound.push_back(Inbound::Message(message));
    }

    pub(crate) fn fails(&self) {
        self.push(Inbound::Fails);
    }

    pub(crate) fn ends(&self) {
        self.push(Inbound::Ends);
    }

    pub(crate) fn stumbles(&self) {
        self.push(Inbound::Stumbles);
    }

    /// As `stumbles`, and nobody is woken.
    pub(crate) fn stumbles_in_silence(&self) {
        self.script().inbound.push_back(Inbound::Stumbles);
    }

    /// What is in the script and was not read.
    pub(crate) fn unread(&self) -> usize {
        self.script().inbound.len()
    }

    pub(crate) fn set_floods(&self, floods: bool) {
        let mut script = self.script();
        script.floods = floods;
        let reader = script.reader.take();
        drop(script);
        wake(reader);
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.change_writer(|script| script.ready = ready);
    }

    pub(crate) fn set_flushes(&self, flushes: bool) {
        self.change_writer(|script| script.flushes = flushes);
    }

    /// What every `start_send` from now on fails with.
    pub(crate) fn set_refuses(&self, fault: Option<Fault>) {
        self.script().refuses = fault;
    }

    /// The write side fails from now on.
    pub(crate) fn resets(&self) {
        self.change_writer(|script| script.reset = true);
    }

    /// The next call of the method `step` fails.
    pub(crate) fn breaks(&self, step: Step) {
        self.script().breaks = Some(step);
    }

    /// As `resets`, and nobody is told.
    pub(crate) fn resets_in_silence(&self) {
        self.script().reset = true;
    }

    /// The next flush comes to its end, and nobody is told.
    pub(crate) fn flushes_in_silence(&self) {
        self.script().flushes = true;
    }

    pub(crate) fn set_echo(&self, echo: Option<Duration>) {
        self.script().echo = echo;
    }

    fn change_writer(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.script();
        change(&mut script);
        let writer = script.writer.take();
        drop(script);
        wake(writer);
    }

    /// Does it at `at`, counted from the start.
    pub(crate) fn at(&self, at: Duration, act: impl FnOnce(&Self) + Send + 'static) {
        let peer = self.clone();
        tokio::spawn(async move {
            sleep(at.saturating_sub(peer.elapsed())).await;
            act(&peer);
        });
    }

    /// Sends data every `period`, from `period` after now on, for `span`.
    pub(crate) fn talks(&self, period: Duration, span: Duration) {
        let peer = self.clone();
        tokio::spawn(async move {
            let end = Instant::now() + span;
            for number in 0.. {
                sleep(period).await;
                if Instant::now() > end {
                    break;
                }
                peer.sends(Msg::Data(number));
            }
        });
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.script().sent.clone()
    }

    pub(crate) fn messages(&self) -> Vec<Msg> {
        self.sent().into_iter().map(|sent| sent.message).collect()
    }

    /// The pings that were handed over.
    pub(crate) fn pings(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| matches!(sent.message, Msg::Ping(_))).collect()
    }

    /// When they were.
    pub(crate) fn ping_times(&self) -> Vec<Duration> {
        self.pings().into_iter().map(|sent| sent.at).collect()
    }

    pub(crate) fn payload(&self, ping: usize) -> Vec<u8> {
        match &self.pings()[ping].message {
            Msg::Ping(payload) => payload.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Answers the given ping, counted from 0.
    pub(crate) fn answers(&self, ping: usize) {
        self.sends(Msg::Pong(self.payload(ping)));
    }

    /// When the socket's own pongs left.
    pub(crate) fn own_pongs(&self) -> Vec<Duration> {
        self.script().answers.clone()
    }

    /// The socket is gone.
    pub(crate) fn is_alone(&self) -> bool {
        std::sync::Arc::strong_count(&self.0) == 1
    }

    /// The sink has returned an error that is not transient.
    pub(crate) fn has_failed(&self) -> bool {
        self.script().failed
    }

    /// The socket was closed, and that was flushed.
    pub(crate) fn is_closed(&self) -> bool {
        self.script().closed
    }

    /// How often the socket was asked for anything.
    pub(crate) fn polls(&self) -> usize {
        self.script().polls
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
