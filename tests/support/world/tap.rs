//! What a lane knows of the frames that cross it: when each was wholly written, when it could wholly be read, when it was.

use tokio::time::Instant;

use super::frames::{CLOSE, Frame, Scanner};

#[derive(Clone, Debug)]
pub struct Seen {
    pub frame: Frame,
    end: u64,
    /// The last byte was taken from the writer.
    pub written: Instant,
    /// The last byte could be read.
    pub readable: Option<Instant>,
    /// The last byte was read.
    pub read: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
pub struct Flush {
    pub at: Instant,
    end: u64,
    /// More was written at once. An inner that flushes in `poll_ready` does not say that it did.
    overtaken: bool,
}

/// How one half uses one direction.
#[derive(Default)]
pub struct Waiting {
    /// It had been told to wait, and had not been woken since.
    pub waits: Vec<(Instant, Option<Instant>)>,
    /// When it was woken, and when it came.
    pub rings: Vec<Instant>,
    pub polls: Vec<Instant>,
}

impl Waiting {
    pub fn poll(&mut self, waits: bool, now: Instant) {
        note(&mut self.polls, now);
        interval(&mut self.waits, waits, now);
    }

    pub fn ring(&mut self, now: Instant) {
        note(&mut self.rings, now);
        interval(&mut self.waits, false, now);
    }

    /// Bytes came or went, and nobody had asked for them.
    pub fn overtaken(&mut self, now: Instant) {
        interval(&mut self.waits, false, now);
    }
}

pub struct Tap {
    scanner: Scanner,
    pub seen: Vec<Seen>,
    written: u64,
    arrived: u64,
    taken: u64,
    /// How many of `seen` are readable, and read.
    readable: usize,
    read: usize,
    /// When bytes were taken.
    pub writes: Vec<Instant>,
    /// When bytes were read, and how many up to then.
    pub reads: Vec<(Instant, u64)>,
    /// When everything that the writer had was taken, and it said so.
    pub flushes: Vec<Flush>,
    /// Where the writer had more than there was room for.
    pub blocks: Vec<(Instant, Option<Instant>)>,
    /// Where bytes waited because the reader did not read.
    pub unread: Vec<(Instant, Option<Instant>)>,
    /// What the reader does where it finds nothing, and the writer where it finds no room.
    pub reader: Waiting,
    pub writer: Waiting,
    pub end: Option<Instant>,
    pub aborted: Option<Instant>,
    /// The writer let go of its end.
    pub left: Option<Instant>,
}

impl Tap {
    pub fn new(start: Instant) -> Self {
        Self {
            scanner: Scanner::default(),
            seen: Vec::new(),
            written: 0,
            arrived: 0,
            taken: 0,
            readable: 0,
            read: 0,
            writes: vec![start],
            reads: vec![(start, 0)],
            flushes: vec![Flush { at: start, end: 0, overtaken: false }],
            blocks: Vec::new(),
            unread: Vec::new(),
            reader: Waiting::default(),
            writer: Waiting::default(),
            end: None,
            aborted: None,
            left: None,
        }
    }

    pub fn write(&mut self, bytes: &[u8], blocked: bool, now: Instant) {
        let (seen, before) = (&mut self.seen, self.written);
        self.scanner.scan(bytes, |frame, end| {
            seen.push(Seen { frame, end: before + end as u64, written: now, readable: None, read: None });
        });
        self.written += bytes.len() as u64;
        if !bytes.is_empty() {
            note(&mut self.writes, now);
            self.flushes.iter_mut().rev().take_while(|flush| flush.at == now).for_each(|flush| flush.overtaken = true);
        }
        interval(&mut self.blocks, blocked, now);
    }

    pub fn flush(&mut self, now: Instant) {
        if self.flushes.last().is_none_or(|flush| flush.end < self.written) {
            self.flushes.push(Flush { at: now, end: self.written, overtaken: false });
        }
    }

    /// When the flush was finished that `seen` left with, and when that was known at the latest.
    pub fn flushed(&self, seen: &Seen) -> [Option<Instant>; 2] {
        let flushes = &self.flushes[self.flushes.partition_point(|flush| flush.end < seen.end)..];
        [flushes.first(), flushes.iter().find(|flush| !flush.overtaken)].map(|flush| flush.map(|flush| flush.at))
    }

    /// The writer's Close is under way and has not been read.
    pub fn is_closing(&self) -> bool {
        self.seen.iter().any(|seen| seen.frame.opcode == CLOSE && seen.read.is_none())
    }

    pub fn arrive(&mut self, len: usize, now: Instant) {
        self.arrived += len as u64;
        while let Some(seen) = self.seen.get_mut(self.readable).filter(|seen| seen.end <= self.arrived) {
            seen.readable = Some(now);
            self.readable += 1;
        }
    }

    pub fn read(&mut self, len: usize, now: Instant) {
        self.taken += len as u64;
        match self.reads.last_mut() {
            Some((at, all)) if *at == now => *all = self.taken,
            _ => self.reads.push((now, self.taken)),
        }
        while let Some(seen) = self.seen.get_mut(self.read).filter(|seen| seen.end <= self.taken) {
            seen.read = Some(now);
            self.read += 1;
        }
    }

    pub fn reader_blocks(&mut self, blocks: bool, now: Instant) {
        interval(&mut self.unread, blocks, now);
    }

    pub fn end(&mut self, now: Instant) {
        self.end.get_or_insert(now);
    }

    pub fn ended(&self) -> bool {
        self.end.is_some()
    }
}

fn note(moments: &mut Vec<Instant>, now: Instant) {
    if moments.last() != Some(&now) {
        moments.push(now);
    }
}

fn interval(intervals: &mut Vec<(Instant, Option<Instant>)>, open: bool, now: Instant) {
    match intervals.last_mut() {
        Some((_, end @ None)) if !open => *end = Some(now),
        Some((_, None)) => {}
        Some((_, end)) if open && *end == Some(now) => *end = None,
        _ if open => intervals.push((now, None)),
        _ => {}
    }
}
