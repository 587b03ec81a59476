//! The machine, or one with a rule left out: each fault must be found.

use std::ops::{Deref, DerefMut};

use super::super::stopwatch::Stopwatch;
use super::super::*;
use super::TICK;

/// What a death is accounted for with here: its facts.
pub(super) type Machine = Liveness<Death>;

#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) machine: Machine,
    pub(super) fault: Option<Fault>,
}

/// A rule left out, or an input or output that goes astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    ReaderIsNeverAway,
    WriterIsNeverAway,
    LateLookDecides,
    LateLookNeverDecides,
    WaitCountsPastTheLook,
    PartialAnswerLeavesT,
    PartialAnswerAnswersAll,
    LaterPingRestartsT,
    AnswerLeavesMisses,
    MissQueuesNothing,
    MissIsNotCounted,
    MissForgetsNothing,
    DuePingIsDropped,
    DueTimesAreKept,
    NoHold,
    DeferralsWithoutEnd,
    DeferralForNothing,
    JudgesTheUnproven,
    NeverProven,
    IdleSkipsTheFirst,
    IdleSkipsNothing,
    MovesAreIgnored,
    AnyFlushMoves,
    WIsEndless,
    FarewellIsEndless,
    ClosingIsEndless,
    OverdueIsForgotten,
    BrokenIsEndless,
    LastWordTwice,
    CloseTwice,
    PingAfterClose,
    IntentIsAClose,
    TimerIsForgotten,
    EventIsLost,
    SpuriousTimeoutQueues,
    FlushOfNothingLeaves,
    VerdictWithoutM,
    PongsAreNotCounted,
    FlushLeavesPongs,
    FloodIsRead,
    /// Of the driver: a reader without budget is taken for one that waits.
    StarvedReaderWaits,
}

impl Fault {
    pub(super) const ALL: [Self; 41] = [
        Self::ReaderIsNeverAway,
        Self::WriterIsNeverAway,
        Self::LateLookDecides,
        Self::LateLookNeverDecides,
        Self::WaitCountsPastTheLook,
        Self::PartialAnswerLeavesT,
        Self::PartialAnswerAnswersAll,
        Self::LaterPingRestartsT,
        Self::AnswerLeavesMisses,
        Self::MissQueuesNothing,
        Self::MissIsNotCounted,
        Self::MissForgetsNothing,
        Self::DuePingIsDropped,
        Self::DueTimesAreKept,
        Self::NoHold,
        Self::DeferralsWithoutEnd,
        Self::DeferralForNothing,
        Self::JudgesTheUnproven,
        Self::NeverProven,
        Self::IdleSkipsTheFirst,
        Self::IdleSkipsNothing,
        Self::MovesAreIgnored,
        Self::AnyFlushMoves,
        Self::WIsEndless,
        Self::FarewellIsEndless,
        Self::ClosingIsEndless,
        Self::OverdueIsForgotten,
        Self::BrokenIsEndless,
        Self::LastWordTwice,
        Self::CloseTwice,
        Self::PingAfterClose,
        Self::IntentIsAClose,
        Self::TimerIsForgotten,
        Self::EventIsLost,
        Self::SpuriousTimeoutQueues,
        Self::FlushOfNothingLeaves,
        Self::VerdictWithoutM,
        Self::PongsAreNotCounted,
        Self::FlushLeavesPongs,
        Self::FloodIsRead,
        Self::StarvedReaderWaits,
    ];
}

impl Fault {
    /// The setup that finds it.
    pub(super) fn found_in(self) -> &'static str {
        match self {
            Self::WriterIsNeverAway | Self::MovesAreIgnored | Self::AnyFlushMoves | Self::WIsEndless => "write",
            Self::FlushOfNothingLeaves => "write",
            Self::DueTimesAreKept => "late",
            Self::LateLookNeverDecides => "late, dead",
            Self::JudgesTheUnproven | Self::NeverProven | Self::IdleSkipsTheFirst => "first pong",
            Self::IdleSkipsNothing => "idle",
            Self::FarewellIsEndless | Self::ClosingIsEndless | Self::OverdueIsForgotten | Self::BrokenIsEndless => {
                "ends"
            }
            Self::CloseTwice | Self::PingAfterClose | Self::IntentIsAClose => "ends",
            Self::StarvedReaderWaits => "odd",
            Self::PongsAreNotCounted | Self::FlushLeavesPongs | Self::FloodIsRead => "pings",
            _ => "plain",
        }
    }
}

impl Deref for Subject {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl DerefMut for Subject {
    fn deref_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

/// The inputs and outputs that a fault may distort; everything else goes straight to the machine.
impl Subject {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn open(&mut self) -> Option<&mut Open> {
        match &mut self.machine.phase {
            Phase::Open(open) => Some(open),
            _ => None,
        }
    }

    fn awaited(&mut self) -> Option<&mut ping::Awaited> {
        self.open()?.pings.awaited_mut()
    }

    pub(super) fn handle_timeout(&mut self, now: Time) {
        if self.has(Fault::FarewellIsEndless) && self.is_dying() {
            return;
        }
        if self.has(Fault::IdleSkipsTheFirst) {
            let idle = self.rules.ping_when == PingWhen::Idle;
            let unproven = self.open().filter(|open| idle && open.heard && !open.proven);
            if let Some(open) = unproven {
                open.proven = true;
                self.machine.handle_timeout(now);
                self.open().expect("it stays open").proven = false;
                return;
            }
        }
        if self.has(Fault::IdleSkipsNothing) {
            if let Some(open) = self.open().filter(|open| open.due <= now) {
                open.heard = false;
            }
        }
        if self.has(Fault::SpuriousTimeoutQueues) {
            if let Some(open) = self.open().filter(|open| open.pings.leaving().is_none()) {
                open.due = open.due.min(now);
            }
        }
        let before = self.open().map(|open| (open.pings.clone(), open.due));
        self.machine.handle_timeout(now);
        let fault = self.fault;
        match (fault, self.open()) {
            (Some(Fault::DuePingIsDropped), Some(open)) if before.is_some() => {
                let awaited = open.pings.awaited().cloned();
                let queued = before.is_some_and(|before| before.0.leaving().is_none());
                if awaited.is_some() && queued {
                    open.pings.drop_leaving();
                }
            }
            (Some(Fault::NoHold), Some(open)) => {
                if let Some(leaving) = open.pings.leaving_mut() {
                    leaving.holds = false;
                }
            }
            (Some(Fault::WIsEndless), Some(open)) => {
                if let Some(leaving) = open.pings.leaving_mut().filter(|leaving| leaving.w.is_due()) {
                    leaving.w = Stopwatch::start(now, TICK * 4);
                }
            }
            _ => {}
        }
        if let (Some(Fault::OverdueIsForgotten), Phase::Closing(closing)) = (fault, &mut self.machine.phase) {
            closing.overdue = false;
        }
    }

    pub(super) fn skip_writer(&mut self, from: Time, now: Time) {
        if !self.has(Fault::WriterIsNeverAway) {
            self.machine.skip_writer(from, now);
        }
    }

    pub(super) fn handle_handed(&mut self, frame: Frame) -> u32 {
        let number = self.machine.handle_handed(frame);
        if let (true, Phase::Dying(dying)) = (self.has(Fault::CloseTwice), &mut self.machine.phase) {
            dying.farewell = Farewell::Unsaid;
        }
        number
    }

    pub(super) fn handle_moved(&mut self, now: Time) {
        if !self.has(Fault::MovesAreIgnored) {
            self.machine.handle_moved(now);
        }
    }

    pub(super) fn handle_flushed(&mut self, now: Time, moved: bool) -> bool {
        let due = self.open().map(|open| open.due);
        if self.has(Fault::FlushOfNothingLeaves) {
            if let Some(open) = self.open() {
                if let Some(leaving) = open.pings.leaving_mut() {
                    leaving.number = leaving.number.or(Some(0));
                }
            }
        }
        let moved = moved || self.has(Fault::AnyFlushMoves);
        let left = self.machine.handle_flushed(now, moved).is_some();
        let (restarts, keeps) = (self.has(Fault::LaterPingRestartsT), self.has(Fault::DueTimesAreKept));
        let limit = self.rules.pong_timeout;
        if let Some(awaited) = self.awaited().filter(|_| left && restarts) {
            awaited.t = Stopwatch::start(now, limit);
        }
        let judges = left && self.has(Fault::JudgesTheUnproven);
        if let Some(open) = self.open().filter(|_| judges) {
            open.proven = true;
        }
        if let (true, Some(due), Some(open)) = (keeps, due, self.open()) {
            open.due = due;
        }
        left
    }

    pub(super) fn handle_ping(&mut self, payload: usize) {
        if !self.has(Fault::PongsAreNotCounted) {
            self.machine.handle_ping(payload);
        }
    }

    pub(super) fn handle_emptied(&mut self) {
        if !self.has(Fault::FlushLeavesPongs) {
            self.machine.handle_emptied();
        }
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.machine.is_deaf() && !self.has(Fault::FloodIsRead)
    }

    pub(super) fn handle_frame(&mut self) {
        self.machine.handle_frame();
    }

    pub(super) fn handle_answer(&mut self, number: u32, now: Time) {
        let before = self.open().map(|open| (open.misses, open.pings.awaited().cloned()));
        self.machine.handle_answer(number, now);
        let Some((misses, before)) = before else { return };
        let fault = self.fault;
        let Some(open) = self.open() else { return };
        match (fault, open.pings.awaited_mut(), before) {
            (Some(Fault::PartialAnswerLeavesT), Some(awaited), Some(before)) => awaited.t = before.t,
            (Some(Fault::PartialAnswerAnswersAll), Some(_), _) => open.pings.drop_awaited(),
            _ => {}
        }
        match fault {
            Some(Fault::AnswerLeavesMisses) => open.misses = misses,
            Some(Fault::NeverProven) => open.proven = false,
            _ => {}
        }
    }

    pub(super) fn handle_blocked(&mut self, now: Time, witness: &mut dyn Witness<Death>) {
        self.machine.handle_blocked(now, witness);
    }

    pub(super) fn handle_drained(&mut self, away: Option<Time>, now: Time, witness: &mut dyn Witness<Death>) -> bool {
        let away = away.filter(|_| !self.has(Fault::ReaderIsNeverAway));
        let mut judged = now;
        match self.fault {
            Some(Fault::LateLookDecides) => {
                if let Some(awaited) = self.awaited().filter(|awaited| awaited.t.is_deciding()) {
                    *awaited.t.innards().1 = 3;
                }
            }
            Some(Fault::LateLookNeverDecides) => {
                if let Some(awaited) = self.awaited().filter(|awaited| awaited.t.is_deciding()) {
                    *awaited.t.innards().1 = 0;
                }
            }
            Some(Fault::WaitCountsPastTheLook) => {
                if let Some(awaited) = self.awaited().filter(|awaited| awaited.t.is_due()) {
                    judged = judged.min(*awaited.t.innards().0);
                }
            }
            Some(Fault::DeferralForNothing) => {
                if let Some(awaited) = self.awaited().filter(|awaited| awaited.t.is_deciding()) {
                    awaited.t.heard = true;
                }
            }
            Some(Fault::DeferralsWithoutEnd) => {
                if let Some(awaited) = self.awaited().filter(|awaited| awaited.t.is_deciding()) {
                    awaited.t.restarts = 0;
                }
            }
            Some(Fault::VerdictWithoutM) => {
                let missed = self.rules.missed_pongs;
                if let Some(open) = self.open() {
                    open.misses = missed;
                }
            }
            _ => {}
        }
        let before = self.open().map(|open| (open.misses, open.pings.clone()));
        let again = self.machine.handle_drained(away, judged, witness);
        self.distort_miss(before);
        let c = self.rules.close_timeout;
        match (self.fault, &mut self.machine.phase) {
            (Some(Fault::ClosingIsEndless), Phase::Closing(closing)) => closing.c = Stopwatch::start(now, c),
            (Some(Fault::BrokenIsEndless), Phase::Broken { c: watch }) => *watch = Stopwatch::start(now, c),
            _ => {}
        }
        again
    }

    fn distort_miss(&mut self, before: Option<(u32, Pings)>) {
        let Some((misses, pings)) = before else { return };
        let fault = self.fault;
        let Some(open) = self.open().filter(|open| open.misses > misses) else { return };
        match fault {
            Some(Fault::MissQueuesNothing) if pings.leaving().is_none() => open.pings = Pings::None,
            Some(Fault::MissIsNotCounted) => open.misses = misses,
            Some(Fault::MissForgetsNothing) => {
                open.pings = match (open.pings.leaving().copied(), pings.awaited().cloned()) {
                    (Some(leaving), Some(awaited)) => Pings::Both(Box::new((leaving, awaited))),
                    (None, Some(awaited)) => Pings::Awaited(awaited),
                    _ => return,
                };
            }
            _ => {}
        }
    }

    pub(super) fn handle_close(&mut self, by: CloseBy, now: Time) -> bool {
        let by = if self.has(Fault::IntentIsAClose) && by == CloseBy::Intent { CloseBy::User } else { by };
        self.machine.handle_close(by, now)
    }

    pub(super) fn handle_told(&mut self) {
        if !self.has(Fault::LastWordTwice) {
            self.machine.handle_told();
        }
    }

    pub(super) fn poll_transmit(&self, probe: bool) -> Option<Frame> {
        let frame = self.machine.poll_transmit(probe);
        let closing = matches!(self.machine.phase, Phase::Closing(_));
        if closing && self.has(Fault::PingAfterClose) { Some(Frame::Ping(self.payloads.next())) } else { frame }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let event = self.machine.poll_event();
        event.filter(|event| *event != Event::Missed || !self.has(Fault::EventIsLost))
    }

    pub(super) fn poll_timeout(&self) -> Time {
        let forgets = self.has(Fault::TimerIsForgotten) && self.machine.is_open();
        if forgets { Time::NEVER } else { self.machine.poll_timeout() }
    }
}
