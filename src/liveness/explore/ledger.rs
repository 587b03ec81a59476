//! What the explorer knows of a connection by itself, and the promises that it holds against the machine.

use super::super::*;
use super::count::{Count, REPEATS};
use super::subject::Subject;
use super::world::{Kept, promise};
use super::{Setup, TICK};

/// So many of the peer's pings may be unanswered: three times 128 bytes are more than the setups' limit.
const MOST_OWED: u32 = 2;

/// The phase in which the connection has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Open,
    Failed,
    Broken,
    Closing,
    Dying,
    Over,
}

/// A ping or probe that left and is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Out {
    pub(super) number: u32,
    kind: Kind,
    queued: Time,
    flushed: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Ping,
    /// Missed: its answer still says that the peer is alive.
    Lost,
    Probe,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Close {
    #[default]
    Unsaid,
    Handed,
    Flushed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ledger {
    setup: Setup,
    /// The reader's attention, for T or C.
    reader: Count,
    /// The writer's, for W.
    writer: Count,
    /// As they were when they were judged in this poll, and what for.
    verdict: Option<Verdict>,
    pub(super) pings: Vec<Out>,
    /// The newest number that was answered.
    pub(super) answered: u32,
    misses: u32,
    deferrals: u32,
    /// A frame came since T started.
    heard: bool,
    /// A frame came since the ping that waits was queued.
    heard_meanwhile: bool,
    /// A frame came since the last due time.
    busy: bool,
    proven: bool,
    /// A Close of ours that the user has said, or with which the inner answers.
    close: Close,
    /// The ping that waits to leave.
    queued: Option<Time>,
    handed: bool,
    /// When a ping was handed over last.
    last: Option<Time>,
    due: Time,
    pub(super) stage: Stage,
    /// When it began, if it is bounded by time.
    since: Option<Time>,
    /// The peer was talking when it was given up.
    talking: bool,
    close_sent: bool,
    pub(super) words: u8,
    pub(super) died: bool,
    suspected: bool,
    /// What has happened and is not told yet.
    untold: Option<Event>,
    begun: bool,
    /// The handshake is known to be complete.
    complete: bool,
    /// How many of the peer's pings were read since a flush was finished last.
    owed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verdict {
    Unanswered,
    Missed,
}

impl Ledger {
    pub(super) fn new(setup: Setup, now: Time) -> Self {
        Self {
            setup,
            reader: Count::default(),
            writer: Count::default(),
            verdict: None,
            pings: Vec::new(),
            answered: 0,
            misses: 0,
            deferrals: 0,
            heard: false,
            heard_meanwhile: false,
            busy: false,
            proven: false,
            close: Close::Unsaid,
            queued: None,
            handed: false,
            last: None,
            due: now.plus(TICK * u32::from(setup.i)),
            stage: Stage::Open,
            since: None,
            talking: false,
            close_sent: false,
            words: 0,
            died: false,
            suspected: false,
            untold: None,
            begun: false,
            complete: false,
            owed: 0,
        }
    }

    /// Forgets what belongs to one poll only, and what makes no difference any more.
    ///
    /// Whether a silence has begun.
    pub(super) fn end(&mut self) -> bool {
        self.verdict = None;
        if self.stage != Stage::Open {
            self.pings.truncate(1);
        }
        self.busy &= self.setup.idle;
        self.proven &= self.setup.idle || self.setup.judging == Judging::AfterFirstPong;
        std::mem::take(&mut self.begun)
    }

    /// When it was queued matters no more, but for the facts.
    pub(super) fn forget_queued(&mut self) {
        self.queued = self.queued.map(|_| super::canon::now());
    }

    pub(super) fn times(&mut self, see: &mut dyn FnMut(&mut Time)) {
        see(&mut self.due);
        self.queued.iter_mut().chain(&mut self.since).chain(&mut self.last).for_each(&mut *see);
        if self.setup.facts {
            for ping in &mut self.pings {
                see(&mut ping.queued);
                ping.flushed.iter_mut().for_each(&mut *see);
            }
        } else {
            let now = super::canon::now();
            for ping in &mut self.pings {
                (ping.queued, ping.flushed) = (now, ping.flushed.map(|_| now));
            }
        }
    }

    pub(super) fn pass(&mut self, reads: bool, writes: bool, ticks: u8) {
        self.reader.pass_by(reads, ticks);
        self.writer.pass_by(writes, ticks);
        // Of interest only in the tick in which it was.
        self.last = None;
    }

    fn judges(&self) -> bool {
        match self.setup.judging {
            Judging::FromStart => true,
            Judging::AfterFirstPong => self.proven,
            Judging::Never => false,
        }
    }

    // Pings.

    pub(super) fn probes(&self) -> usize {
        self.pings.iter().filter(|ping| ping.kind == Kind::Probe).count()
    }

    pub(super) fn timeout(&mut self, now: Time, subject: &Subject) -> Kept {
        self.reader.fire();
        self.writer.fire();
        if self.stage == Stage::Open && self.queued.is_none() && self.due <= now {
            let skips = self.setup.idle && self.busy && self.proven;
            self.busy = false;
            self.due = now.plus(TICK * u32::from(self.setup.i));
            if !skips {
                self.queue(now)?;
            }
        }
        self.check_waiting(subject)?;
        if self.stage == Stage::Dying && self.since.is_some_and(|since| since <= now) {
            promise(subject.is_over(), "the farewell is over after C")?;
            self.over();
        }
        let held = self.queued.is_some_and(|queued| queued.plus(TICK * u32::from(self.setup.w / 2)) <= now);
        promise(subject.holds_writer() || !held, "a ping that waits for W/2 holds the user's writes back")
    }

    fn queue(&mut self, now: Time) -> Kept {
        self.heard_meanwhile = false;
        self.begun |= !self.reader.runs;
        promise(self.queued.is_none(), "one ping waits at most")?;
        (self.queued, self.handed) = (Some(now), false);
        self.writer = Count::start(self.setup.w);
        promise(self.last != Some(now), "no two pings in the same tick")
    }

    fn check_waiting(&self, subject: &Subject) -> Kept {
        if self.stage != Stage::Open {
            return Ok(());
        }
        let wanted = matches!(subject.poll_transmit(false), Some(Frame::Ping(_)));
        promise(!wanted || self.queued.is_some() && !self.handed, "a ping leaves when it is due, or after a miss")?;
        promise(wanted || self.queued.is_none() || self.handed, "a ping that is due, or follows a miss, leaves")
    }

    pub(super) fn check_frame(&self, frame: Frame) -> Kept {
        let right = match frame {
            Frame::Close => self.stage == Stage::Dying && !self.close_sent,
            Frame::Ping(_) => self.stage == Stage::Open && self.queued.is_some() && !self.handed,
            Frame::Probe(_) => self.stage == Stage::Open,
        };
        promise(right, "only what the phase allows leaves, and once")
    }

    pub(super) fn handed(&mut self, frame: Frame, number: u32) -> Kept {
        let (kind, queued) = match frame {
            Frame::Close => {
                self.close_sent = true;
                return Ok(());
            }
            Frame::Ping(_) => (Kind::Ping, self.queued.unwrap_or(Time::START)),
            Frame::Probe(_) => (Kind::Probe, super::canon::now()),
        };
        if kind == Kind::Ping {
            self.handed = true;
            self.last = Some(super::canon::now());
        }
        self.pings.push(Out { number, kind, queued, flushed: None });
        Ok(())
    }

    pub(super) fn flushed(&mut self, left: bool, moved: bool, now: Time) {
        match self.stage {
            Stage::Open if self.handed && self.queued.is_some() => {
                let first = self.oldest().is_none();
                for ping in self.pings.iter_mut().filter(|ping| ping.kind == Kind::Ping) {
                    ping.flushed.get_or_insert(now);
                }
                self.left(now);
                if first {
                    self.start_t();
                }
                self.thin_out();
            }
            Stage::Open if moved => self.moved(),
            // A silent peer is not waited for; of a talking one the rest is read.
            Stage::Dying if self.close_sent && !self.talking => self.over(),
            _ => {}
        }
        let _ = left;
    }

    fn oldest(&self) -> Option<&Out> {
        self.pings.iter().find(|ping| ping.kind == Kind::Ping && ping.flushed.is_some())
    }

    /// The ping that waited does not any more.
    fn left(&mut self, now: Time) {
        (self.queued, self.handed, self.writer) = (None, false, Count::default());
        self.heard_meanwhile = false;
        if self.due <= now {
            self.due = now.plus(TICK * u32::from(self.setup.i));
        }
    }

    fn start_t(&mut self) {
        self.begun = true;
        (self.heard, self.deferrals) = (false, 0);
        self.reader = if self.judges() { Count::start(self.setup.t) } else { Count::default() };
    }

    /// Of many that are unanswered the oldest, one in the middle and the newest stand for all.
    fn thin_out(&mut self) {
        let lost = self.pings.iter().filter(|ping| ping.kind == Kind::Lost).count();
        if lost > 1 {
            let first = self.pings.iter().position(|ping| ping.kind == Kind::Lost);
            self.pings.remove(first.expect("there are two"));
        }
        let sent: Vec<usize> = (0..self.pings.len()).filter(|at| self.pings[*at].kind == Kind::Ping).collect();
        if sent.len() > 3 {
            self.pings.remove(sent[1]);
        }
    }

    pub(super) fn moved(&mut self) {
        if self.queued.is_some() {
            self.writer = Count::start(self.setup.w);
        }
    }

    // What comes in.

    pub(super) fn frame(&mut self) {
        (self.heard, self.heard_meanwhile, self.busy) = (true, true, true);
        self.talking |= self.stage == Stage::Failed;
        if self.stage == Stage::Broken {
            self.reader = Count::start(self.setup.c);
        }
    }

    pub(super) fn answer(&mut self, number: u32, now: Time) {
        self.answered = number;
        if self.stage == Stage::Open {
            let waiting = self.pings.iter().any(|ping| ping.kind == Kind::Ping && ping.flushed.is_none());
            self.pings.retain(|ping| ping.number > number);
            let waits = self.pings.iter().any(|ping| ping.kind == Kind::Ping && ping.flushed.is_none());
            if waiting && !waits {
                self.left(now);
            }
            (self.misses, self.proven) = (0, true);
            // Of those that are left only the newest is known; T belongs to that, and starts: the peer was alive just now.
            let newest = self.pings.iter().rfind(|ping| ping.kind == Kind::Ping && ping.flushed.is_some());
            let newest = newest.map(|ping| ping.number);
            for ping in self.pings.iter_mut().filter(|ping| ping.kind == Kind::Ping && ping.flushed.is_some()) {
                if Some(ping.number) != newest {
                    ping.kind = Kind::Lost;
                }
            }
            self.start_t();
            if newest.is_none() {
                self.reader = Count::default();
            }
            self.thin_out();
        } else {
            self.pings.retain(|ping| ping.number > number);
        }
    }

    // What is judged.

    pub(super) fn reader_came(&mut self) {
        self.reader.come();
    }

    pub(super) fn writer_came(&mut self) {
        self.writer.come();
    }

    /// There was nothing left to read, and this is what the machine says to it.
    pub(super) fn drained(
        &mut self,
        event: Option<Event>,
        account: Option<Death>,
        moves: bool,
        subject: &Subject,
    ) -> Kept {
        let stage = self.stage;
        match (stage, event) {
            (Stage::Open, Some(Event::Deferred)) => self.deferred(moves)?,
            (Stage::Open, Some(Event::Missed)) => {
                self.missed(moves)?;
                promise(self.misses < self.setup.m, "the M-th miss is the verdict")?;
                self.verdict = Some(Verdict::Missed);
                self.next_after_miss()?;
                self.check_waiting(subject)?;
            }
            (Stage::Open, Some(Event::Died)) => {
                self.check_facts(account)?;
                self.missed(moves)?;
                promise(self.misses == self.setup.m, "no verdict before the M-th miss")?;
                let reason = account.map(|death| death.reason);
                promise(reason == Some(Reason::Unanswered), "a silence is called so")?;
                self.verdict = Some(Verdict::Unanswered);
                self.die();
            }
            (Stage::Failed, Some(Event::Died)) => self.die(),
            (Stage::Failed, _) => return promise(false, "a failure is told when there is nothing left to read"),
            (Stage::Closing | Stage::Broken, Some(Event::Over | Event::Unclosed)) => {
                promise(self.reader.is_over(), "C of attention before the end")?;
                self.over();
                if event == Some(Event::Unclosed) {
                    self.untold = event;
                }
                return Ok(());
            }
            _ => {
                self.looked(moves)?;
                return Ok(());
            }
        }
        self.untold = event;
        Ok(())
    }

    fn looked(&mut self, moves: bool) -> Kept {
        promise(!self.reader.decides() || moves, "T or C of attention decides, to the tick")?;
        if moves && self.reader.is_due() && self.reader.is_over() && self.stage == Stage::Open {
            // What came before does not put off the T that starts now.
            self.heard = false;
            self.reader = self.reader.again();
        } else {
            self.reader.looked();
        }
        promise(self.reader.spared <= REPEATS + 1, "a look that is late is repeated three times at most")?;
        promise(self.reader.sum() <= self.reader.limit() + super::SLACK, "a dead peer is always closed")
    }

    pub(super) fn is_look_due(&self) -> bool {
        self.reader.is_due()
    }

    fn enough(&self) -> Kept {
        promise(self.reader.runs && self.judges(), "silence counts only where it is judged")?;
        promise(self.reader.is_over(), "no miss before T of attention")?;
        promise(self.reader.may_decide(), "a look that is late decides nothing")
    }

    fn deferred(&mut self, moves: bool) -> Kept {
        self.enough()?;
        promise(!moves, "what moved below comes before the frame")?;
        promise(self.heard, "a frame puts T off, and nothing else")?;
        promise(self.deferrals < self.setup.n, "N times at most")?;
        self.deferrals += 1;
        self.heard = false;
        self.reader = self.reader.again();
        Ok(())
    }

    fn missed(&mut self, moves: bool) -> Kept {
        self.enough()?;
        promise(!moves, "no miss while bytes move")?;
        promise(!self.heard || self.deferrals >= self.setup.n, "a frame puts T off")?;
        self.misses += 1;
        Ok(())
    }

    /// All that left are given up, and the next follows at once: one that waits to leave, one that was due and left in
    /// this tick, or a new one.
    fn next_after_miss(&mut self) -> Kept {
        let now = super::canon::now();
        let next =
            self.pings.last().filter(|_| self.last == Some(now) && self.queued.is_none()).map(|ping| ping.number);
        let lost = |ping: &&mut Out| ping.flushed.is_some() && ping.kind == Kind::Ping && Some(ping.number) != next;
        for ping in self.pings.iter_mut().filter(lost) {
            ping.kind = Kind::Lost;
        }
        self.start_t();
        if next.is_none() {
            self.reader = Count::default();
        }
        self.thin_out();
        if next.is_none() && self.queued.is_none() {
            self.due = now.plus(TICK * u32::from(self.setup.i));
            self.queue(now)?;
        }
        Ok(())
    }

    /// The write side was blocked, and this is what the machine says to it.
    pub(super) fn blocked(&mut self, account: Option<Death>, over: bool) -> Kept {
        if self.is_flooded() {
            return self.flooded(account, over);
        }
        if let Some(death) = account {
            promise(death.reason == Reason::Unsent, "a ping that cannot leave is called so")?;
            promise(death.queued == self.queued, "the facts are those of the ping")?;
            promise(self.writer.is_over(), "no verdict before W of attention")?;
            promise(self.writer.may_decide(), "a look that is late decides nothing")?;
            self.untold = Some(Event::Died);
            self.die();
            return Ok(());
        }
        promise(!self.writer.decides(), "W of attention decides, to the tick")?;
        self.writer.looked();
        promise(self.writer.spared <= REPEATS + 1, "a look that is late is repeated three times at most")?;
        promise(self.writer.sum() <= self.setup.w + super::SLACK, "a ping that cannot leave is a verdict")
    }

    fn check_facts(&self, account: Option<Death>) -> Kept {
        if !self.setup.facts {
            return Ok(());
        }
        let Some(death) = account else { return promise(false, "a verdict has its account") };
        let oldest = self.oldest();
        promise(death.flushed == oldest.and_then(|ping| ping.flushed), "the account knows the flush")?;
        promise(death.queued == oldest.map(|ping| ping.queued), "the account knows when the ping was queued")?;
        promise(death.deferrals == self.deferrals, "the account knows the deferrals")?;
        promise(death.misses == self.misses + 1, "the account knows the misses")
    }

    pub(super) fn judged_unanswered(&self) -> bool {
        self.verdict.is_some()
    }

    // Ends.

    fn die(&mut self) {
        if self.stage == Stage::Open {
            self.talking = self.is_talking(self.queued.is_some() && self.verdict.is_none());
        }
        self.died = true;
        self.enter(Stage::Dying);
        self.since = Some(super::canon::now().plus(TICK * u32::from(self.setup.c)));
    }

    /// `unsent`: it is the ping that waits to leave that has waited for too long.
    fn is_talking(&self, unsent: bool) -> bool {
        if unsent { self.heard_meanwhile } else { self.heard || self.deferrals > 0 }
    }

    fn enter(&mut self, stage: Stage) {
        (self.stage, self.since, self.queued, self.handed) = (stage, None, None, false);
        self.begun = true;
        self.complete = false;
        (self.reader, self.writer) = (Count::default(), Count::default());
        (self.misses, self.deferrals, self.heard, self.last) = (0, 0, false, None);
        self.heard_meanwhile = false;
        self.due = super::canon::now();
        self.busy = false;
    }

    fn over(&mut self) {
        self.enter(Stage::Over);
        self.talking = false;
    }

    pub(super) fn refused(&mut self, _: Time) {
        match self.stage {
            Stage::Open => {
                let heard = self.heard && self.oldest().is_some();
                self.talking = heard || self.heard_meanwhile && self.queued.is_some();
                self.enter(Stage::Failed);
            }
            Stage::Dying => self.over(),
            _ => {}
        }
    }

    pub(super) fn failed_below(&mut self, _: Time) {
        match self.stage {
            Stage::Dying => self.over(),
            _ => {
                self.enter(Stage::Broken);
                self.reader = Count::start(self.setup.c);
            }
        }
    }

    pub(super) fn ended(&mut self) {
        self.over();
    }

    /// A ping of the peer's came in.
    pub(super) fn ping(&mut self) -> Kept {
        promise(self.owed <= MOST_OWED, "nothing more is read once too many pongs wait")?;
        self.owed += 1;
        Ok(())
    }

    pub(super) fn is_flooded(&self) -> bool {
        self.owed > MOST_OWED && !matches!(self.stage, Stage::Dying | Stage::Over)
    }

    /// Too many pongs wait, and the machine has been told that they cannot leave.
    fn flooded(&mut self, account: Option<Death>, over: bool) -> Kept {
        let called = account.is_some_and(|death| matches!(death.reason, Reason::Flooded { .. }));
        match self.stage {
            Stage::Open => {
                promise(called, "a flood of pings is called so")?;
                self.untold = Some(Event::Died);
                self.die();
                self.talking = false;
            }
            Stage::Failed => {
                promise(account.is_some() && !called, "the first cause stays")?;
                self.untold = Some(Event::Died);
                self.die();
                self.talking = false;
            }
            Stage::Closing => {
                promise(over, "a flood of pings ends a closing handshake")?;
                promise(called || self.complete || account.is_some(), "what is not complete is called a flood")?;
                self.untold = (!self.complete).then_some(Event::Unclosed);
                self.over();
            }
            Stage::Broken => {
                promise(over, "a flood of pings ends what follows an error")?;
                self.over();
            }
            Stage::Dying | Stage::Over => {}
        }
        Ok(())
    }

    /// A failure is the reason of the end that follows it, and is told as one.
    pub(super) fn inner_ended(&mut self) {
        if self.stage == Stage::Failed {
            self.untold = Some(Event::Died);
            self.died = true;
        }
        self.over();
    }

    /// A flush is finished.
    pub(super) fn emptied(&mut self) {
        self.owed = 0;
        if self.close == Close::Handed {
            self.close = Close::Flushed;
        }
    }

    pub(super) fn closed(&mut self, by: CloseBy, now: Time) {
        let closable = !matches!(self.stage, Stage::Dying | Stage::Over);
        if closable && by != CloseBy::Intent && self.close == Close::Unsaid {
            self.close = Close::Handed;
        }
        match self.stage {
            Stage::Dying if by == CloseBy::Peer => self.over(),
            Stage::Dying | Stage::Over | Stage::Closing => {}
            Stage::Broken if by == CloseBy::Peer => {}
            _ => {
                self.enter(Stage::Closing);
                self.reader = Count::start(self.setup.c);
                self.since = Some(now.plus(TICK * u32::from(self.setup.c)));
            }
        }
    }

    /// The phase is the one in which it has to be.
    pub(super) fn check_stage(&self, subject: &Subject) -> Kept {
        let stage = match &subject.machine.phase {
            Phase::Open(_) => Stage::Open,
            Phase::Failed { .. } => Stage::Failed,
            Phase::Broken { .. } => Stage::Broken,
            Phase::Closing(_) => Stage::Closing,
            Phase::Dying(_) => Stage::Dying,
            Phase::Over(_) => Stage::Over,
        };
        promise(self.stage == stage, "the phase is the one that what happened leads to")
    }

    // What is told.

    pub(super) fn told(&mut self, event: Event) -> Kept {
        match event {
            Event::Suspected | Event::Trusted => {
                let suspected = event == Event::Suspected;
                promise(self.suspected != suspected, "suspicion is told when it changes")?;
                self.suspected = suspected;
            }
            Event::Deferred | Event::Missed | Event::Died | Event::Unclosed => {
                promise(self.untold == Some(event), "what is told has happened, and once")?;
                self.untold = None;
            }
            Event::Closed => {
                promise(self.stage == Stage::Closing && !self.complete, "a handshake is complete once")?;
                promise(self.close == Close::Flushed, "a handshake is complete when our Close was flushed")?;
                self.complete = true;
            }
            Event::Over | Event::Released => {}
        }
        Ok(())
    }

    pub(super) fn all_told(&self, subject: &Subject) -> Kept {
        promise(self.untold.is_none(), "what has happened is told")?;
        let suspect = match self.stage {
            Stage::Open => subject.holds_writer() || self.misses > 0 || self.deferrals > 0,
            Stage::Failed => true,
            _ => false,
        };
        promise(self.suspected == suspect, "a ping that waits for too long is told, and its end")
    }

    /// The timer is set so that nothing is missed.
    pub(super) fn check_alarm(&self, at: Option<Time>, now: Time, subject: &Subject) -> Kept {
        let by = |bound: Time| at.is_some_and(|at| at <= bound.max(now));
        match self.stage {
            Stage::Open => {
                promise(at.is_some(), "the timer is set while the connection is open")?;
                match self.queued {
                    None => promise(by(self.due), "the timer fires when the next ping is due"),
                    Some(queued) if !subject.holds_writer() => {
                        promise(by(queued.plus(TICK * u32::from(self.setup.w / 2))), "the timer fires at W/2")
                    }
                    Some(_) => Ok(()),
                }
            }
            Stage::Dying => promise(self.since.is_some_and(by), "the timer fires when the farewell is over"),
            Stage::Closing => {
                promise(subject.is_overdue() || self.since.is_some_and(by), "the timer fires when C is over")
            }
            Stage::Broken | Stage::Failed | Stage::Over => Ok(()),
        }
    }
}
