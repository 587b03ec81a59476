//! What happens to a connection, and what it moves.

use super::super::{CloseBy, Reading};
use super::judge::late_after;
use super::{End, Model, Ping, later, whole};

impl Model {
    pub(in super::super) fn frame(&mut self) {
        self.traffic = true;
        if let Some(ping) = &mut self.ping {
            (ping.heard, ping.frame) = (true, true);
        }
    }

    pub(in super::super) fn probe_handed(&mut self) -> u32 {
        self.issued += 1;
        self.issued
    }

    pub(in super::super) fn handed(&mut self) -> u32 {
        let number = self.probe_handed();
        self.ping.as_mut().unwrap().number = Some(number);
        number
    }

    pub(in super::super) fn flushed(&mut self, now: u64) {
        let judging = self.judging();
        match (&mut self.end, &mut self.ping) {
            (Some(End::Closing { flushed, .. }), _) => *flushed = true,
            (None, Some(ping)) if ping.number.is_some() => {
                *ping =
                    Ping { flushed: Some(now), since: now, unjudged: !judging, heard: false, frame: false, ..*ping };
            }
            (None, Some(ping)) => ping.since = now,
            _ => {}
        }
    }

    pub(in super::super) fn progress(&mut self, now: u64) {
        if let Some(ping) = self.ping.as_mut().filter(|ping| ping.flushed.is_none()) {
            ping.since = now;
        }
    }

    pub(in super::super) fn moving(&mut self, since: u64) {
        let t = self.t();
        let Some(mut ping) = self.ping.filter(|ping| ping.flushed.is_some()) else { return };
        if later(since, t) > self.deadline(&ping) {
            (ping.since, ping.extra) = (since, 0);
            self.ping = Some(ping);
        }
    }

    pub(in super::super) fn absence(&mut self, since: u64, now: u64) {
        let Some(mut ping) = self.ping.filter(|_| self.judging()) else { return };
        let Some(flushed) = ping.flushed else { return };
        if since < self.deadline(&ping) {
            ping.late |= now.saturating_sub(self.deadline(&ping)) > late_after(self.t());
            ping.extra = later(ping.extra, now - since.max(flushed));
            self.ping = Some(ping);
        }
    }

    pub(in super::super) fn reading(&self, payload: [u8; 8]) -> Reading {
        match u32::from_be_bytes(*payload.first_chunk().unwrap()) {
            number if number == 0 || number > self.issued => Reading::Foreign,
            number if number > self.answered => Reading::Answer(number),
            _ => Reading::Stale,
        }
    }

    /// The round-trip time, where it answers the ping that is outstanding.
    pub(in super::super) fn answer(&mut self, number: u32, now: u64) -> Option<u64> {
        (self.answered, self.misses, self.pardoned, self.proven) = (number, 0, false, true);
        let judging = self.judging();
        let ping = self.ping.as_mut().filter(|_| self.end.is_none())?;
        if ping.number.is_some_and(|ours| ours <= number) {
            let since = ping.flushed.unwrap_or(ping.queued);
            self.ping = None;
            return Some(now - since);
        }
        ping.frame = true;
        if judging && ping.unjudged {
            ping.unjudged = false;
        }
        None
    }

    pub(in super::super) fn close(&mut self, by: CloseBy, now: u64) {
        match &mut self.end {
            None => {
                let until = later(now, whole(self.config.close_timeout()));
                self.end = Some(End::Closing { until, flushed: false, received: by == CloseBy::Peer });
                self.ping = None;
            }
            Some(End::Closing { received, .. }) => *received |= by == CloseBy::Peer,
            Some(_) => {}
        }
    }
}
