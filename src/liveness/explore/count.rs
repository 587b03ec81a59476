//! Attention as the explorer counts it: in ticks, by itself, from what happens and not from the machine.

/// Of one half, since something that it waits for began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Count {
    pub(super) runs: bool,
    limit: u8,
    /// Ticks of attention up to the next look.
    ticks: u8,
    /// How much there is at the next look: what is waited beyond it does not count.
    look: u8,
    /// Ticks that were waited beyond it.
    over: u8,
    /// The timer has fired for the look, and nothing is decided yet.
    due: bool,
    /// Ticks for which the half has been away.
    pub(super) away: u8,
    /// How many looks at the end decided nothing.
    pub(super) spared: u8,
    /// A look at the end that was repeated has woken us in time, so that the runtime has turned since.
    turned: bool,
    /// No look was late, and the half came whenever it was woken.
    pub(super) exact: bool,
}

/// How often a look at the end that comes late is repeated.
pub(super) const REPEATS: u8 = 3;

/// What is longer is all the same.
const LONG: u8 = 3;

impl Count {
    pub(super) fn start(limit: u8) -> Self {
        let look = limit / 4;
        Self { runs: true, limit, ticks: 0, look, over: 0, due: false, away: 0, spared: 0, turned: false, exact: true }
    }

    /// Starts again at a look that has found something to go by.
    pub(super) fn again(&self) -> Self {
        let ticks = self.sum().saturating_sub(self.limit).min(self.late());
        Self { ticks, look: next_look(ticks, self.limit), ..Self::start(self.limit) }
    }

    /// Time passes.
    pub(super) fn pass_by(&mut self, waits: bool, ticks: u8) {
        if !self.runs {
            return;
        }
        if waits {
            self.pass(ticks);
        } else {
            self.away = (self.away + ticks).min(LONG);
            self.exact = false;
        }
    }

    fn pass(&mut self, ticks: u8) {
        let room = self.look - self.ticks;
        self.ticks += ticks.min(room);
        self.over = (self.over + ticks.saturating_sub(room)).min(LONG);
        self.exact &= self.over == 0;
    }

    /// The half has come; an absence of a tick is none.
    pub(super) fn come(&mut self) {
        let away = std::mem::take(&mut self.away);
        self.turned |= self.spared > 0 && self.over <= 1 && self.ticks >= self.look;
        if away <= 1 {
            self.pass(away);
        } else if self.over > 0 {
            self.over = LONG;
        } else if self.ticks < self.look {
            // The look moves on by the absence.
            self.due = false;
        }
    }

    /// The timer fires.
    pub(super) fn fire(&mut self) {
        self.due |= self.runs && self.ticks + self.away.min(1) >= self.look;
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// All that there was to count was there at a look that nobody delayed.
    pub(super) fn decides(&self) -> bool {
        self.exact && self.due && self.is_over()
    }

    fn late(&self) -> u8 {
        if self.over == 1 { 1 } else { 0 }
    }

    /// How much attention there was.
    pub(super) fn sum(&self) -> u8 {
        self.ticks + self.late()
    }

    pub(super) fn limit(&self) -> u8 {
        self.limit
    }

    /// The look that is due is late by a tick at most, or has waited for the runtime to turn.
    pub(super) fn may_decide(&self) -> bool {
        self.over <= 1 || self.turned || self.spared >= REPEATS
    }

    pub(super) fn is_over(&self) -> bool {
        self.sum() >= self.limit
    }

    /// It was looked, and nothing decided.
    pub(super) fn looked(&mut self) {
        if !std::mem::take(&mut self.due) {
            return;
        }
        if self.is_over() {
            self.spared += 1;
        }
        self.ticks += self.late();
        self.over = 0;
        self.look = next_look(self.ticks, self.limit);
    }
}

/// What is past the end is looked at each tick.
fn next_look(ticks: u8, limit: u8) -> u8 {
    let quarter = limit / 4;
    let looks = [quarter, 2 * quarter, 3 * quarter, limit - 1, limit];
    looks.into_iter().find(|look| *look > ticks).unwrap_or(ticks + 1)
}
