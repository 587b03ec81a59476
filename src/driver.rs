//! What a `LiveStream` keeps of its own from one poll to the next.

use crate::deadline::Deadline;
use crate::error::LivenessError;
use crate::liveness::Liveness;
use crate::progress::Watch;
use crate::waker::{Fan, Half};

/// Beside the inner, what waits for it, and what is shared with monitors.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) machine: Liveness,
    pub(crate) timer: Deadline,
    /// The half that is being polled.
    pub(crate) half: Half,
    /// The stream has nothing more to tell.
    pub(crate) told: bool,
    /// As of the last poll; false: there is no error to tell, nothing waits for the inner, and no flush means anything.
    pub(crate) busy: bool,
    /// The last `poll_next` returned an item.
    pub(crate) after_item: bool,
    /// The expiry was noticed by a `poll_next` whose predecessor returned an item (J7).
    pub(crate) backlogged: bool,
    /// The stream half was polled since it last missed its turn at a deadline (V4).
    pub(crate) reader: bool,
    /// A probe waits to be handed to the inner, or to be flushed.
    pub(crate) probing: bool,
    /// What most connections never have.
    pub(crate) aside: Option<Box<Aside>>,
    /// What monitors were told: a ping waits for longer than it should.
    pub(crate) suspect: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// Kept from the moment the sink has failed; the stream yields it once.
    pub(crate) error: Option<LivenessError>,
    /// What the stream half has met in the sink's place; the sink tells it once.
    pub(crate) write_error: Option<LivenessError>,
    /// What looks below the messages (P).
    pub(crate) watch: Option<Watch>,
}

impl Driver {
    pub(crate) fn new(machine: Liveness) -> Self {
        Self {
            machine,
            timer: Deadline::default(),
            half: Half::Stream,
            told: false,
            // The timer is armed in the first poll.
            busy: true,
            after_item: false,
            backlogged: false,
            reader: false,
            probing: false,
            aside: None,
            suspect: false,
        }
    }

    pub(crate) fn machine(&self) -> &Liveness {
        &self.machine
    }

    pub(crate) fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    pub(crate) fn error(&self) -> Option<&LivenessError> {
        self.aside.as_ref()?.error.as_ref()
    }

    /// When to: something else is worth more (J8).
    pub(crate) fn forget_error(&mut self) {
        if let Some(aside) = &mut self.aside {
            aside.error = None;
        }
    }

    pub(crate) fn has_write_error(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.write_error.is_some())
    }

    /// The machine, and what looks below the messages where there is such a thing.
    pub(crate) fn watched(&mut self) -> Option<(&mut Liveness, &mut Watch)> {
        Some((&mut self.machine, self.aside.as_mut()?.watch.as_mut()?))
    }

    /// When to: first in each poll. There may be more to do in this one than to pass on a message: what has woken us is the
    /// timer or a monitor, not only the inner.
    #[inline]
    pub(crate) fn is_busy(&self, fan: &Fan) -> bool {
        self.busy || fan.is_woken() && self.is_meant(fan)
    }

    /// By a wake-up.
    fn is_meant(&self, fan: &Fan) -> bool {
        fan.begin();
        fan.is_called() || self.timer.wants_poll()
    }

    /// There is more to do: what has woken us is the timer or a monitor, not only the inner. While a ping waits for its
    /// answer every poll is looked at (J7), but the ping wants nothing.
    pub(crate) fn is_wanted(&self, writes: bool) -> bool {
        let waits = || self.machine.counts_waiting() && !writes;
        self.probing || self.timer.wants_poll() || self.busy && !waits()
    }

    #[inline]
    pub(crate) fn handle_data(&mut self) {
        self.machine.handle_frame();
        self.after_item = true;
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.machine.is_over() && (self.told || self.error().is_none())
    }
}
