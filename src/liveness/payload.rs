//! The 8 bytes of a ping: sequence number, then the connection's random part (S7).

/// Issues payloads and knows them again.
#[derive(Debug)]
pub(crate) struct Payloads {
    nonce: u32,
    /// The number of the last ping that the inner took; the first is 1.
    issued: u32,
    /// The highest number answered so far.
    answered: u32,
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
        Self { nonce, issued: 0, answered: 0 }
    }

    /// What the next ping carries.
    pub(crate) fn next(&self) -> [u8; 8] {
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.issued.wrapping_add(1).to_be_bytes());
        payload[4..].copy_from_slice(&self.nonce.to_be_bytes());
        payload
    }

    /// When to: after the inner took a ping with the payload of `next`. Its number.
    pub(crate) fn issue(&mut self) -> u32 {
        self.issued = self.issued.wrapping_add(1);
        self.issued
    }

    pub(crate) fn read(&self, payload: &[u8]) -> Reading {
        let Some(number) = self.number(payload) else { return Reading::Foreign };
        let open = self.issued.wrapping_sub(self.answered);
        let age = self.issued.wrapping_sub(number);
        if age < open {
            Reading::Answer(number)
        } else if age < self.issued {
            Reading::Stale
        } else {
            Reading::Foreign
        }
    }

    pub(crate) fn answer(&mut self, number: u32) {
        self.answered = number;
    }

    fn number(&self, payload: &[u8]) -> Option<u32> {
        let (number, nonce) = payload.split_first_chunk::<4>()?;
        (nonce == self.nonce.to_be_bytes()).then(|| u32::from_be_bytes(*number))
    }
}

/// `a` answers `b`: it was issued with it or after it (J2).
pub(crate) fn answers(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) < u32::MAX / 2
}
