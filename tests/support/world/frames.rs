//! Frames as bytes: a scanner that watches a lane, and the encoder for peers that no library would play.

#[path = "../frame.rs"]
mod frame;

pub(crate) use frame::encode;

pub const CONTINUE: u8 = 0;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// As much of a payload as anybody here looks at.
pub const HEAD: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub fin: bool,
    pub len: usize,
    pub head: Vec<u8>,
}

/// Finds the frames in a stream of bytes, however it is cut.
#[derive(Default)]
pub struct Scanner {
    header: Vec<u8>,
    frame: Frame,
    mask: Option<[u8; 4]>,
    /// What is still to come of the payload; none where a header is awaited.
    rest: Option<usize>,
}

impl Scanner {
    /// Calls `found` with each frame that is complete, and with how many of `bytes` came up to its end.
    pub fn scan(&mut self, bytes: &[u8], mut found: impl FnMut(Frame, usize)) {
        let mut at = 0;
        loop {
            if self.rest.is_none() {
                if at == bytes.len() {
                    return;
                }
                self.header.push(bytes[at]);
                at += 1;
                self.open();
            }
            if let Some(rest) = self.rest {
                let take = rest.min(bytes.len() - at);
                self.payload(&bytes[at..at + take]);
                at += take;
                if take < rest {
                    self.rest = Some(rest - take);
                    return;
                }
                self.rest = None;
                found(std::mem::take(&mut self.frame), at);
            }
        }
    }

    /// The header is complete, or it is not yet.
    fn open(&mut self) {
        let header = &self.header;
        let Some(&second) = header.get(1) else { return };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = if second & 0x80 == 0 { 0 } else { 4 };
        if header.len() < 2 + extended + masked {
            return;
        }
        let long = header[2..2 + extended].iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
        let len = if extended == 0 { usize::from(second & 0x7f) } else { long };
        self.mask = (masked > 0).then(|| [0, 1, 2, 3].map(|at| header[2 + extended + at]));
        self.frame = Frame { opcode: header[0] & 0xf, fin: header[0] & 0x80 != 0, len, head: Vec::new() };
        self.rest = Some(len);
        self.header.clear();
    }

    fn payload(&mut self, bytes: &[u8]) {
        let head = &mut self.frame.head;
        for byte in bytes.iter().take(HEAD - head.len().min(HEAD)) {
            let mask = self.mask.map_or(0, |mask| mask[head.len() % 4]);
            head.push(byte ^ mask);
        }
    }
}

/// A message that tells its number, and its length.
pub fn numbered(number: u64, len: usize) -> Vec<u8> {
    let mut payload = vec![number as u8; len.max(HEAD)];
    payload[..HEAD].copy_from_slice(&number.to_be_bytes());
    payload
}
