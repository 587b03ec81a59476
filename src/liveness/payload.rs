//! The 8 bytes of a ping: sequence number, then the connection's random part (S7).

/// Issues payloads and recognises them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Payloads {
    pub(super) nonce: u32,
    /// How many of the last numbers are unanswered.
    open: u32,
    /// How many pings the inner has taken; the low half of it is the number of the last.
    issued: u64,
}

/// What the payload of an inbound pong says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Not ours: a frame like any other, and the user's.
    Foreign,
    /// Ours, and answered before by this number or a later one.
    Stale,
    /// The first answer to this number.
    Answer(u32),
}

impl Payloads {
    pub(crate) fn new(nonce: u32) -> Self {
        Self { nonce, open: 0, issued: 0 }
    }

    /// Returns the state after so many pings, all of them answered.
    #[cfg(test)]
    pub(super) fn after(nonce: u32, issued: u64) -> Self {
        Self { nonce, open: 0, issued }
    }

    /// Returns the payload of the next ping.
    pub(crate) fn next(&self) -> [u8; 8] {
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.last().wrapping_add(1).to_be_bytes());
        payload[4..].copy_from_slice(&self.nonce.to_be_bytes());
        payload
    }

    /// Records that the inner took a ping with the payload of `next`. Returns its number.
    pub(crate) fn issue(&mut self) -> u32 {
        self.issued += 1;
        self.open = self.open.saturating_add(1);
        self.last()
    }

    pub(crate) fn read(&self, payload: &[u8]) -> Reading {
        self.number(payload).map_or(Reading::Foreign, |number| self.read_number(number))
    }

    /// Returns what an answer to all that is unanswered says.
    pub(crate) fn read_all(&self) -> Reading {
        if self.open == 0 { Reading::Stale } else { Reading::Answer(self.last()) }
    }

    pub(crate) fn read_number(&self, number: u32) -> Reading {
        let age = self.last().wrapping_sub(number);
        if age < self.open {
            Reading::Answer(number)
        } else if u64::from(age) < self.issued {
            Reading::Stale
        } else {
            Reading::Foreign
        }
    }

    /// Records the first answer to `number`, which answers all before it, too.
    pub(crate) fn answer(&mut self, number: u32) {
        self.open = self.last().wrapping_sub(number);
    }

    fn last(&self) -> u32 {
        self.issued as u32
    }

    fn number(&self, payload: &[u8]) -> Option<u32> {
        let (number, nonce) = payload.split_first_chunk::<4>()?;
        (nonce == self.nonce.to_be_bytes()).then(|| u32::from_be_bytes(*number))
    }
}

/// Returns the number that a payload of ours carries.
pub(crate) fn number(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |number| u32::from_be_bytes(*number))
}

/// Whether an answer to `a` answers `b`, because `a` was issued with it or after it (J2).
pub(crate) fn answers(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) < u32::MAX / 2
}
