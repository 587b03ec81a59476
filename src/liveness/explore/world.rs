//! A connection around the machine: the timer, the two halves, and an inner that may do anything. The order of calls is
//! that of the real driver (`src/stream`).

use std::fmt;
use std::hash::{Hash, Hasher};

use super::super::stopwatch::Stopwatch;
use super::super::*;
use super::ledger::{Ledger, Stage};
use super::subject::{Fault, Subject};
use super::table::Table;
use super::{Setup, TICK, canon};

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Tick,
    /// The process stands still until two ticks after the timer's time.
    Late,
    /// The process stands still for longer than any timeout.
    VeryLate,
    /// The timer wakes both halves.
    Fire,
    /// The inner wakes both halves.
    Wake,
    /// The stream half is polled.
    Read(Way, Find),
    /// The same where the consumer has no room.
    Unread,
    /// The sink half is polled.
    Write(Way),
    /// A poll panics after its first step.
    Cut,
    /// A monitor wants a ping.
    Call,
    /// The user closes.
    Close,
    /// The user means to close, and the inner has not taken the Close yet.
    Intent,
    /// The task that drives is gone.
    Drop,
}

/// What the inner's write side says in a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Shut,
    /// Ready, but no flush finishes.
    Taken,
    Through,
    /// Ready and flushed, and without room for a frame of ours.
    Cramped,
    Refused,
}

/// What the inner's stream yields in a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Find {
    Nothing,
    /// Nothing, but only because the cooperative budget is used up.
    Starved,
    /// Nothing, and a progress source has seen bytes move.
    Moving,
    /// A message for the user; what is behind it is not looked at.
    Data,
    /// A frame that the user does not see, then nothing.
    Hidden,
    /// A ping of the peer's, which the inner answers.
    Ping,
    /// The answer to this one of the pings that are unanswered, then nothing.
    Answer(u8),
    Close,
    Error,
    End,
}

/// A promise that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

pub(super) type Kept = Result<(), Broken>;

pub(super) fn promise(holds: bool, what: &'static str) -> Kept {
    if holds { Ok(()) } else { Err(Broken(what)) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Alarm {
    Off,
    /// Armed for then.
    At(Time),
    /// It has woken us, and was not polled since.
    Fired,
}

/// Since when a half is away; none while it waits.
type Away = Option<Time>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Book {
    ready_blocked: bool,
    flush_blocked: bool,
    unflushed: bool,
    full: bool,
    moved: bool,
    failed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) subject: Subject,
    pub(super) now: Time,
    alarm: Alarm,
    reader: Away,
    writer: Away,
    book: Book,
    called: bool,
    quiet: bool,
    /// The timer has fired within a poll, so that the reader is asked to come without having been woken.
    roused: bool,
    /// How often the timer may still be late, or somebody not come, in this silence.
    strain: u8,
    pub(super) ledger: Ledger,
    setup: Setup,
    table: Option<Table>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let machine = &self.subject.machine;
        (&machine.phase, machine.inbound, machine.suspected, machine.held, machine.news, machine.owed).hash(state);
        (
            self.alarm,
            self.reader,
            self.writer,
            &self.book,
            self.called,
            self.quiet,
            self.roused,
            self.strain,
            &self.ledger,
        )
            .hash(state);
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, alarm, reader, writer, ledger, .. } = self;
        let phase = &self.subject.machine.phase;
        write!(f, "now {now:?} alarm {alarm:?} reader {reader:?} writer {writer:?}\n    {phase:?}\n    {ledger:?}")
    }
}

#[derive(Default)]
struct Source {
    moves: bool,
    asked: bool,
}

impl Witness<Death> for Source {
    fn writes(&mut self, now: Time) -> Option<Time> {
        self.moves.then_some(now)
    }

    fn answers(&mut self, _: bool, now: Time) -> Option<Time> {
        self.asked = true;
        self.moves.then_some(now)
    }

    fn account(&mut self, death: Death, _: Time) -> Death {
        death
    }
}

impl World {
    pub(super) fn new(setup: Setup, fault: Option<Fault>, table: Option<Table>) -> Self {
        let rules = Arc::new(setup.rules());
        let now = Time::START;
        let ledger = Ledger::new(setup, now);
        let subject = Subject { machine: Liveness::new(rules, 0), fault };
        let (reader, writer) = (Some(now), Some(now));
        let book = Book::default();
        let mut world = Self {
            subject,
            now,
            alarm: Alarm::Off,
            reader,
            writer,
            book,
            called: false,
            quiet: false,
            roused: false,
            strain: setup.strain,
            ledger,
            setup,
            table,
        };
        // The number that is known as answered before there is any.
        world.subject.machine.payloads.issue();
        world.ledger.answered = 1;
        canon::settle(&mut world);
        world
    }

    /// All that may happen in this state.
    pub(super) fn actions(&self) -> Vec<Action> {
        if self.subject.is_finished() {
            return Vec::new();
        }
        let mut actions = Vec::with_capacity(40);
        if !self.subject.is_over() {
            self.time_actions(&mut actions);
            let setup = self.setup;
            if setup.ends {
                actions.extend([Action::Close, Action::Intent, Action::Drop, Action::Unread]);
            }
            if setup.odd {
                actions.push(Action::Cut);
            }
            if setup.probes && !self.called && self.ledger.probes() < 1 {
                actions.push(Action::Call);
            }
        }
        self.poll_actions(&mut actions);
        actions
    }

    fn time_actions(&self, actions: &mut Vec<Action>) {
        if !self.is_strained() || self.strain > 0 {
            actions.push(Action::Tick);
        }
        if self.strain > 0 {
            if self.alarm_time().is_some_and(|at| at >= self.now) {
                actions.push(Action::Late);
            }
            if self.setup.stops {
                actions.push(Action::VeryLate);
            }
        }
        if self.alarm_time().is_some_and(|at| at <= self.now) {
            actions.push(Action::Fire);
        }
        if self.reader.is_none() || self.writer.is_none() {
            actions.push(Action::Wake);
        }
    }

    /// A tick that passes now makes the timer late, or is one in which somebody who was woken does not come.
    fn is_strained(&self) -> bool {
        self.alarm_time().is_none_or(|at| at <= self.now)
            || self.roused
            || self.reader.is_some() && self.subject.counts_reader()
            || self.writer.is_some() && self.subject.is_leaving()
    }

    fn poll_actions(&self, actions: &mut Vec<Action>) {
        let writes = self.writes();
        let ways = if writes { self.setup.ways } else { &[Way::Shut] };
        for way in ways {
            actions.push(Action::Read(*way, Find::Nothing));
            if writes || matches!(self.alarm, Alarm::Fired) || self.subject.is_overdue() {
                actions.push(Action::Write(*way));
            }
        }
        if self.subject.is_over() {
            return;
        }
        let mut finds = Vec::new();
        if !self.setup.silent {
            finds.extend([Find::Data, Find::Hidden]);
            finds.extend((0..self.ledger.pings.len() as u8).map(Find::Answer));
        }
        if self.setup.odd {
            finds.push(Find::Starved);
        }
        if self.setup.pings {
            finds.push(Find::Ping);
        }
        if self.setup.progress {
            finds.push(Find::Moving);
        }
        if self.setup.ends {
            finds.extend([Find::Close, Find::Error, Find::End]);
        }
        for find in finds {
            // What the write side says meanwhile matters to the pings that an answer leaves.
            let ways = match find {
                Find::Answer(_) => ways,
                Find::Ping => self.setup.ways,
                _ => &ways[..1],
            };
            actions.extend(ways.iter().map(|way| Action::Read(*way, find)));
        }
    }

    /// Something of ours may have to leave in the next poll.
    fn writes(&self) -> bool {
        self.subject.poll_transmit(self.called).is_some()
            || self.subject.awaits_flush(false)
            || self.book.unflushed
            || self.alarm == Alarm::Fired
            || self.called
    }

    fn alarm_time(&self) -> Option<Time> {
        match self.alarm {
            Alarm::At(at) => Some(at),
            _ => None,
        }
    }

    /// Does it, and holds the promises against what comes of it.
    pub(super) fn take(&mut self, action: Action) -> Kept {
        match action {
            Action::Tick => self.pass(1),
            Action::Late => self.pass(self.alarm_time().map_or(0, |at| ticks(at, self.now)) + 2),
            Action::VeryLate => self.pass(self.alarm_time().map_or(0, |at| ticks(at, self.now)) + 9),
            Action::Fire => {
                self.alarm = Alarm::Fired;
                self.end_waits();
            }
            Action::Wake => self.end_waits(),
            Action::Read(way, find) => self.read(way, find)?,
            Action::Unread => self.unread()?,
            Action::Write(way) => self.write(way)?,
            Action::Cut => {
                self.come();
                self.begin(false)?;
                self.quiet = false;
            }
            Action::Call => self.called = true,
            Action::Close => {
                self.close(CloseBy::User);
                self.book.unflushed = true;
                self.finish();
            }
            Action::Intent => {
                self.close(CloseBy::Intent);
                self.finish();
            }
            Action::Drop => self.abandon()?,
        }
        self.ledger.check_stage(&self.subject)?;
        let polled = matches!(action, Action::Read(..) | Action::Write(_) | Action::Unread);
        if polled && !matches!(action, Action::Read(_, Find::Starved)) {
            self.check_alarm()?;
        }
        if self.ledger.end() {
            self.strain = self.setup.strain;
        }
        self.forget();
        canon::settle(self);
        Ok(())
    }

    /// What makes no difference any more does not tell states apart.
    fn forget(&mut self) {
        if !self.subject.is_leaving() {
            self.writer = self.writer.map(|_| self.now);
        }
        if !self.subject.counts_reader() {
            self.reader = self.reader.map(|_| self.now);
        }
        if self.subject.holds_writer() && !self.setup.facts {
            self.ledger.forget_queued();
            canon::forget_queued(&mut self.subject.machine);
        }
        let proves = self.setup.idle || self.setup.judging == Judging::AfterFirstPong;
        if let Phase::Open(open) = &mut self.subject.machine.phase {
            open.heard &= self.setup.idle;
            open.proven &= proves;
            let judges =
                self.setup.judging != Judging::Never && (open.proven || self.setup.judging == Judging::FromStart);
            if let Some(awaited) = open.pings.awaited_mut().filter(|_| !judges) {
                // T rests, and starts anew if it ever runs.
                let heard = awaited.t.heard;
                awaited.t = Stopwatch::start(self.now, TICK * 4);
                awaited.t.heard = heard;
            }
        }
        canon::forget_facts(&mut self.subject.machine);
    }

    pub(super) fn times(&mut self, see: &mut dyn FnMut(&mut Time)) {
        let now = self.now;
        canon::times(&mut self.subject.machine, self.setup.facts, now, see);
        match &mut self.alarm {
            Alarm::At(at) => see(at),
            Alarm::Off | Alarm::Fired => {}
        }
        self.reader.iter_mut().chain(&mut self.writer).for_each(&mut *see);
        self.ledger.times(see);
    }

    pub(super) fn numbers(&mut self, see: &mut dyn FnMut(&mut u32)) {
        canon::numbers(&mut self.subject.machine, see);
    }

    fn pass(&mut self, ticks: u8) {
        if ticks > 1 || self.is_strained() {
            self.strain -= 1;
        }
        self.now = self.now.plus(TICK * u32::from(ticks));
        self.ledger.pass(self.reader.is_none(), self.writer.is_none(), ticks);
    }

    fn end_waits(&mut self) {
        self.reader.get_or_insert(self.now);
        self.writer.get_or_insert(self.now);
    }

    fn come(&mut self) {
        self.reader.get_or_insert(self.now);
    }

    // A poll of the stream half.

    fn read(&mut self, way: Way, find: Find) -> Kept {
        self.roused = false;
        if self.quiet && !self.called && self.alarm != Alarm::Fired {
            match find {
                Find::Data => {
                    self.frame();
                    return Ok(());
                }
                Find::Nothing => return Ok(()),
                _ => {}
            }
        } else {
            self.come();
            self.begin(true)?;
        }
        self.quiet = false;
        let decides = self.subject.is_due();
        let budget = find != Find::Starved;
        if !decides {
            self.settle(way, true, budget)?;
        }
        if self.subject.is_over() {
            return self.last_word();
        }
        if self.subject.is_deaf() {
            self.finish();
            return Ok(());
        }
        self.find(way, find)?;
        if decides {
            self.settle(way, true, budget)?;
        }
        self.finish();
        Ok(())
    }

    fn find(&mut self, way: Way, find: Find) -> Kept {
        match find {
            Find::Nothing => self.drained(way, false),
            Find::Moving => self.drained(way, true),
            Find::Starved => self.starved(way),
            Find::Data if self.subject.is_dying() => {
                self.frame();
                self.drained(way, false)
            }
            Find::Data => {
                self.frame();
                Ok(())
            }
            Find::Hidden => {
                self.frame();
                self.drained(way, false)
            }
            Find::Ping => {
                self.ledger.ping()?;
                self.subject.handle_ping(0);
                self.book.unflushed = true;
                self.frame();
                self.settle(way, true, true)?;
                if self.subject.is_over() { self.last_word() } else { Ok(()) }
            }
            Find::Answer(index) => self.answered(way, index),
            Find::Close => {
                self.close(CloseBy::Peer);
                self.book.unflushed = true;
                self.settle(way, true, true)?;
                self.frame();
                if self.subject.is_over() { self.last_word() } else { Ok(()) }
            }
            Find::Error => {
                let dying = self.subject.is_dying();
                let now = self.clock();
                self.input("error", |subject| subject.handle_stream_error(now));
                self.ledger.failed_below(now);
                if dying { self.last_word() } else { Ok(()) }
            }
            Find::End => {
                let told = self.subject.is_dying() || self.subject.is_failed();
                self.input("end", |subject| subject.handle_end());
                self.ledger.inner_ended();
                if told { self.last_word() } else { Ok(()) }
            }
        }
    }

    fn answered(&mut self, way: Way, index: u8) -> Kept {
        let newest = self.ledger.pings.len() - 1;
        let number = self.ledger.pings[newest.min(index.into())].number;
        let now = self.clock();
        self.input("answer", |subject| subject.handle_answer(number, now));
        self.ledger.answer(number, now);
        self.settle(way, true, true)?;
        if self.subject.is_over() {
            return self.last_word();
        }
        self.drained(way, false)?;
        promise(!self.ledger.judged_unanswered(), "no miss and no verdict in a poll in which an answer could be read")
    }

    fn frame(&mut self) {
        self.subject.handle_frame();
        self.ledger.frame();
    }

    fn drained(&mut self, way: Way, moves: bool) -> Kept {
        while self.drained_once(moves)? {
            self.settle(way, true, true)?;
        }
        if self.subject.is_over() { self.last_word() } else { Ok(()) }
    }

    /// Whether it was waited for.
    fn drained_once(&mut self, moves: bool) -> Result<bool, Broken> {
        if !self.subject.counts_reader() && !self.subject.is_failed() {
            return Ok(false);
        }
        let now = self.clock();
        let away = self.reader;
        self.ledger.reader_came();
        let mut source = Source { moves, asked: false };
        let again = self.input("drained", |subject| subject.handle_drained(away, now, &mut source));
        let moves = moves && source.asked;
        let event = self.peek();
        let account = self.subject.account().copied();
        self.ledger.drained(event, account, moves, &self.subject)?;
        // From here on it waits: the absence is taken out once.
        self.reader = None;
        Ok(again)
    }

    /// What is found may not be true: nothing is judged, and the next poll comes at once.
    fn starved(&mut self, way: Way) -> Kept {
        self.settle(way, true, false)?;
        self.roused = true;
        if self.subject.fault == Some(Fault::StarvedReaderWaits) && self.subject.counts_reader() {
            self.reader = None;
        }
        if self.subject.is_over() { self.last_word() } else { Ok(()) }
    }

    fn last_word(&mut self) -> Kept {
        if self.subject.poll_last_word().is_some() {
            self.ledger.words += 1;
            self.input("told", |subject| subject.handle_told());
        }
        promise(self.ledger.words <= 1, "one last word")?;
        promise(self.subject.is_finished(), "after the last word there is none")?;
        promise(!self.ledger.died || self.ledger.words == 1, "a verdict has its last word")
    }

    fn unread(&mut self) -> Kept {
        self.begin(true)?;
        self.settle(Way::Shut, true, true)?;
        self.come();
        self.settle(Way::Shut, true, true)?;
        self.finish();
        Ok(())
    }

    // A poll of the sink half.

    fn write(&mut self, way: Way) -> Kept {
        self.begin(false)?;
        self.settle(way, false, true)?;
        if self.subject.account().is_some() || self.book.failed || self.subject.is_over() {
            self.finish();
            return Ok(());
        }
        match way {
            Way::Refused => self.book.failed = true,
            _ => self.flush(way),
        }
        self.settle(way, false, true)?;
        if self.subject.is_overdue() {
            let now = self.clock();
            self.input("overdue", |subject| subject.handle_overdue(now, &mut Source::default()));
        }
        self.finish();
        Ok(())
    }

    // What both share.

    fn clock(&mut self) -> Time {
        self.subject.machine.take_inbound(self.now);
        self.now
    }

    fn begin(&mut self, reads: bool) -> Kept {
        if self.subject.is_leaving() {
            if let Some(away) = self.writer {
                let now = self.clock();
                self.subject.skip_writer(away, now);
                self.ledger.writer_came();
            }
        }
        if self.alarm == Alarm::Fired { self.timeout(reads) } else { Ok(()) }
    }

    fn timeout(&mut self, reads: bool) -> Kept {
        self.alarm = Alarm::Off;
        let now = self.clock();
        self.input("timeout", |subject| subject.handle_timeout(now));
        // Only a reader decides what is due; it may be parked.
        self.roused |= !reads && self.subject.is_due();
        self.ledger.timeout(now, &self.subject)
    }

    fn settle(&mut self, way: Way, reads: bool, budget: bool) -> Kept {
        for _ in 0..8 {
            self.pump(way, reads)?;
            if budget && self.blocked()? {
                self.pump(way, reads)?;
            }
            self.tell()?;
            if !self.set_alarm() {
                return Ok(());
            }
            self.timeout(reads)?;
        }
        Err(Broken("a poll comes to an end"))
    }

    fn set_alarm(&mut self) -> bool {
        let (at, lazy) = (self.subject.poll_timeout(), self.subject.counts_reader());
        if self.alarm_time().is_some_and(|set| set == at || lazy && set <= at) {
            return false;
        }
        self.alarm = if at == Time::NEVER { Alarm::Off } else { Alarm::At(at) };
        at <= self.now
    }

    fn pump(&mut self, way: Way, reads: bool) -> Kept {
        if self.subject.is_over() {
            return Ok(());
        }
        if self.subject.is_open() || self.subject.is_dying() {
            if self.try_pump(way)? {
                self.try_pump(way)?;
            }
        } else if reads && self.subject.account().is_none() && self.book.unflushed && !self.book.failed {
            match way {
                Way::Refused => self.book.failed = true,
                _ => self.flush(way),
            }
        }
        promise(
            self.ledger.stage != Stage::Closing || self.subject.poll_transmit(true).is_none(),
            "nothing of ours leaves after a Close",
        )
    }

    /// Whether a flush has made room.
    fn try_pump(&mut self, way: Way) -> Result<bool, Broken> {
        self.send_frames(way)?;
        if std::mem::take(&mut self.book.moved) && self.subject.is_leaving() {
            let now = self.clock();
            self.input("moved", |subject| subject.handle_moved(now));
            self.ledger.moved();
        }
        let full = self.book.full;
        if self.book.unflushed && !self.book.failed {
            self.flush(way);
        }
        Ok(full && !self.book.full)
    }

    fn send_frames(&mut self, way: Way) -> Kept {
        while let Some(frame) = self.subject.poll_transmit(self.subject.is_open() && self.called) {
            self.ledger.check_frame(frame)?;
            if self.book.failed {
                self.refuse();
                return Ok(());
            }
            if self.book.full {
                break;
            }
            match way {
                Way::Refused => {
                    self.book = Book { failed: true, ..Book::default() };
                    self.refuse();
                    return Ok(());
                }
                Way::Shut => {
                    self.book.ready_blocked = true;
                    break;
                }
                Way::Taken | Way::Through | Way::Cramped => {
                    self.book.moved |= std::mem::take(&mut self.book.ready_blocked);
                    self.book.unflushed = true;
                }
            }
            if way == Way::Cramped {
                self.book.full = true;
                break;
            }
            if let Frame::Probe(_) = frame {
                self.called = false;
            }
            let number = self.input("handed", |subject| subject.handle_handed(frame));
            self.ledger.handed(frame, number)?;
        }
        Ok(())
    }

    fn refuse(&mut self) {
        let now = self.clock();
        let death = self.subject.facts(Reason::Refused);
        self.input("refused", |subject| subject.handle_failure(death));
        self.ledger.refused(now);
    }

    fn flush(&mut self, way: Way) {
        if matches!(way, Way::Shut | Way::Taken) {
            self.book.flush_blocked = true;
            return;
        }
        let moved = std::mem::take(&mut self.book.flush_blocked);
        (self.book.full, self.book.unflushed) = (false, false);
        self.ledger.emptied();
        self.subject.handle_emptied();
        if self.subject.awaits_flush(false) {
            let now = self.clock();
            let left = self.input("flushed", |subject| subject.handle_flushed(now, moved));
            self.ledger.flushed(left, moved, now);
        }
    }

    fn blocked(&mut self) -> Result<bool, Broken> {
        if !self.subject.is_leaving() && !self.subject.is_flooded() {
            return Ok(false);
        }
        let now = self.clock();
        self.input("blocked", |subject| subject.handle_blocked(now, &mut Source::default()));
        let dies = self.subject.is_dying();
        let account = self.subject.account().copied();
        let over = self.subject.is_over();
        self.ledger.blocked(account, over)?;
        Ok(dies)
    }

    fn close(&mut self, by: CloseBy) {
        if by != CloseBy::Peer && self.subject.is_over() {
            return;
        }
        let now = self.clock();
        let name = match by {
            CloseBy::Intent => "close meant",
            CloseBy::User => "close by user",
            CloseBy::Peer => "close by peer",
        };
        let began = self.input(name, |subject| subject.handle_close(by, now));
        self.roused |= began && by != CloseBy::Peer;
        self.ledger.closed(by, now);
    }

    fn abandon(&mut self) -> Kept {
        if self.subject.is_over() {
            return Ok(());
        }
        let now = self.clock();
        self.input("abandoned", |subject| subject.handle_abandoned(now, &mut Source::default()));
        self.ledger.ended();
        promise(self.subject.poll_last_word().is_some(), "who is left alone hears of it")
    }

    fn finish(&mut self) {
        if self.subject.is_leaving() {
            self.writer = None;
        }
        let busy = self.book.unflushed || self.book.failed;
        self.quiet = !busy && self.subject.is_resting() && !self.subject.counts_reader() && !self.called;
    }

    fn tell(&mut self) -> Kept {
        while let Some(event) = self.subject.poll_event() {
            self.ledger.told(event)?;
        }
        self.ledger.all_told(&self.subject)
    }

    fn peek(&self) -> Option<Event> {
        self.subject.clone().poll_event()
    }

    fn check_alarm(&self) -> Kept {
        promise(
            self.reader.is_some() || self.roused || !self.ledger.is_look_due(),
            "a look that is due is the reader's to take, and it is woken for it",
        )?;
        self.ledger.check_alarm(self.alarm_time(), self.now, &self.subject)
    }

    fn input<T>(&mut self, name: &'static str, give: impl FnOnce(&mut Subject) -> T) -> T {
        let Some(table) = self.table.clone() else { return give(&mut self.subject) };
        let before = self.subject.machine.clone();
        let given = give(&mut self.subject);
        table.note(&before, name, &self.subject.machine);
        given
    }

    /// Inputs out of turn change nothing.
    pub(super) fn check_odd_calls(&self) -> Kept {
        let now = self.now;
        let same = |change: &dyn Fn(&mut Subject), what| {
            let mut subject = self.subject.clone();
            change(&mut subject);
            promise(subject.machine.phase == self.subject.machine.phase, what)
        };
        let rests = self.subject.is_open() && !self.subject.counts_reader();
        if self.subject.poll_timeout() > now && !rests {
            same(&|subject| subject.handle_timeout(now), "a spurious timeout changes nothing")?;
        }
        if !self.subject.awaits_flush(false) {
            same(&|subject| _ = subject.handle_flushed(now, true), "a flush that nobody waits for changes nothing")?;
        }
        if self.reader.is_none() && !self.roused && self.subject.poll_timeout() > now && !self.subject.is_failed() {
            same(
                &|subject| _ = subject.handle_drained(None, now, &mut Source::default()),
                "who looks before the timer has fired decides nothing",
            )?;
        }
        if self.subject.is_over() {
            same(&|subject| subject.handle_stream_error(now), "an error after the end changes nothing")?;
            same(&|subject| subject.handle_end(), "an end after the end changes nothing")?;
            same(&|subject| _ = subject.handle_close(CloseBy::Peer, now), "a Close after the end changes nothing")?;
            same(&|subject| _ = subject.handle_close(CloseBy::User, now), "a Close after the end changes nothing")?;
        }
        Ok(())
    }
}

/// From `early` to `late`, and none the other way round.
fn ticks(late: Time, early: Time) -> u8 {
    u8::try_from(late.since(early).as_millis()).unwrap_or(u8::MAX)
}
