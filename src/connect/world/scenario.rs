//! What a seed decides: how the name, each address, TLS and the upgrade behave. All times are milliseconds.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::dice::Dice;
use super::net::PORT;

#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// `wss` instead of `ws`.
    pub(super) tls: bool,
    /// `dial` instead of `connect`.
    pub(super) dials: bool,
    /// None: no limit.
    pub(super) timeout: Option<u64>,
    pub(super) name: Name,
    /// In the order in which the resolver returns them.
    pub(super) hosts: Vec<Host>,
    pub(super) refuses: Option<Refuses>,
    pub(super) dropped: Dropped,
}

/// When our program drops the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Never,
    At(u64),
    /// After so many polls.
    Polls(u64),
}

/// What fails between TCP and TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refuses {
    Options,
    Progress,
}

#[derive(Clone, Debug)]
pub(super) enum Name {
    /// The URL has the address of the only host.
    Address,
    /// The addresses are given with the options.
    Given,
    /// A resolver of the user's own.
    Own(Lookup),
    /// The system's, all of whose places are taken until then.
    System { taken: Option<u64>, lookup: Lookup },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    pub(super) after: u64,
    pub(super) does: LookupDoes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupDoes {
    Finds,
    Fails,
    /// Of the system's own thread: it panics.
    Panics,
    /// Only a resolver of the user's own, since the system gives up in the end.
    Hangs,
}

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) address: SocketAddr,
    pub(super) tcp: Tcp,
    pub(super) tls: Tls,
    pub(super) upgrade: Upgrade,
    /// How many bytes our system takes at a time; a server that reads nothing never gets more.
    pub(super) buffer: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp {
    pub(super) after: u64,
    pub(super) does: TcpDoes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TcpDoes {
    Connects,
    Fails(ErrorKind),
    Hangs,
}

/// One answer of the server: it is said in pieces, so much apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) after: u64,
    pub(super) pieces: u64,
    pub(super) gap: u64,
    pub(super) then: Then,
}

/// How much of a flight is said, and what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    /// All of it is said, and the handshake goes on.
    GoesOn,
    /// The server does not even read what it is told.
    Deaf,
    /// A part of it, a share from 0 to below 1, is said: then nothing.
    Hangs(f64),
    Ends(f64),
    Resets(f64),
    /// Zeros follow.
    Garbage(f64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tls {
    pub(super) identity: Identity,
    /// TLS 1.2, in which the server has two flights.
    pub(super) old: bool,
    pub(super) flight: Flight,
    /// `then` is about the second flight. Only with TLS 1.2.
    pub(super) late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Identity {
    Good,
    OtherName,
    Expired,
    NotYet,
    SelfSigned,
    /// A good certificate, and no protocol but HTTP/2.
    OnlyHttp2,
}

#[derive(Clone, Debug)]
pub(super) struct Upgrade {
    pub(super) flight: Flight,
    pub(super) answer: Answer,
    /// Messages that follow the answer at once, by their length.
    pub(super) early: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Good,
    /// No upgrade; some have a body.
    Status(u16),
    WrongAccept,
    NoUpgrade,
    NoConnection,
    /// A subprotocol that nobody asked for.
    Subprotocol,
    OldHttp,
    NotHttp,
    /// More header lines than anybody has room for.
    TooManyHeaders,
    /// A header line without end, so many bytes at a time.
    Endless {
        chunk: usize,
        gap: u64,
    },
}

impl Answer {
    /// The head of the answer, the key being the right one.
    pub(super) fn head(self, key: &str) -> String {
        let status = if let Self::Status(status) = self { status } else { 101 };
        let mut head = match self {
            Self::OldHttp => "HTTP/1.0 101 Switching Protocols\r\n".to_owned(),
            Self::NotHttp => "220 mail.example.com ESMTP ready\r\n".to_owned(),
            _ => format!("HTTP/1.1 {status} Whatever\r\n"),
        };
        if status / 100 == 3 {
            head += "Location: ws://127.0.0.1:1/elsewhere\r\n";
        }
        for (line, left_out) in
            [("Upgrade: websocket\r\n", Self::NoUpgrade), ("Connection: Upgrade\r\n", Self::NoConnection)]
        {
            head += if self == left_out { "" } else { line };
        }
        let key = if self == Self::WrongAccept { "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" } else { key };
        head += &format!("Sec-WebSocket-Accept: {key}\r\n");
        head += if self == Self::Subprotocol { "Sec-WebSocket-Protocol: chat\r\n" } else { "" };
        if self == Self::TooManyHeaders {
            (0..200).for_each(|at| head += &format!("X-{at}: {at}\r\n"));
        }
        head + "\r\n"
    }

    pub(super) fn body(self) -> &'static str {
        if matches!(self, Self::Status(_)) { "<html>Not here.</html>" } else { "" }
    }
}

/// Where a text of so many bytes is cut: exactly `pieces` pieces, as even as can be.
pub(super) fn cuts(length: usize, pieces: u64) -> impl Iterator<Item = std::ops::Range<usize>> {
    let pieces = usize::try_from(pieces).expect("few");
    (0..pieces).map(move |at| length * at / pieces..length * (at + 1) / pieces)
}

impl Scenario {
    pub(super) fn of(seed: u64) -> Self {
        let dice = &mut Dice::of(seed);
        let tls = dice.chance(0.5);
        let dials = dice.chance(0.15);
        let name = name(dice);
        let count = if matches!(name, Name::Address) { 1 } else { dice.pick(&COUNTS) };
        let mut hosts: Vec<_> = (0..count).map(|at| host(at, dice)).collect();
        if matches!(name, Name::Address) {
            let ip = if dice.chance(0.5) { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() };
            hosts[0].address.set_ip(ip);
        }
        if count > 1 && dice.chance(0.05) {
            hosts.push(hosts[0].clone());
        }
        let mut timeout = match dice.number(0, 9) {
            0 => None,
            1..=3 => Some(dice.number(0, 1_500)),
            4..=6 => Some(dice.number(1_500, 15_000)),
            _ => Some(15_000),
        };
        let refuses = dice.chance(0.04).then(|| dice.pick(&[Refuses::Options, Refuses::Progress]));
        let dropped = match dice.number(0, 9) {
            0 => Dropped::At(dice.number(0, 16_000)),
            1 => Dropped::At(dice.time()),
            2 => Dropped::Polls(dice.number(0, 20)),
            // It would wait for ever, as it has to.
            _ if timeout.is_none() => Dropped::At(100_000),
            _ => Dropped::Never,
        };
        if matches!(dropped, Dropped::Polls(_)) {
            // So many polls may never come.
            timeout = timeout.or(Some(15_000));
        }
        Self { tls, dials, timeout, name, hosts, refuses, dropped }
    }
}

const COUNTS: [u64; 13] = [0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 8, 12];

fn name(dice: &mut Dice) -> Name {
    let after = if dice.chance(0.4) { 0 } else { dice.time() };
    let lookup = |does| Lookup { after, does };
    match dice.number(0, 9) {
        0 => Name::Address,
        1 | 2 => Name::Given,
        3..=6 => {
            let does =
                if dice.chance(0.85) { LookupDoes::Finds } else { dice.pick(&[LookupDoes::Fails, LookupDoes::Hangs]) };
            Name::Own(lookup(does))
        }
        _ => {
            let does =
                if dice.chance(0.85) { LookupDoes::Finds } else { dice.pick(&[LookupDoes::Fails, LookupDoes::Panics]) };
            let taken = dice.chance(0.4).then(|| dice.time());
            let after = if dice.chance(0.1) { 30_000 } else { after };
            Name::System { taken, lookup: Lookup { after, ..lookup(does) } }
        }
    }
}

fn host(at: u64, dice: &mut Dice) -> Host {
    let low = u16::try_from(at).expect("few") + 1;
    let address = if dice.chance(0.5) {
        ([10, 0, 0, u8::try_from(low).expect("few")], PORT).into()
    } else {
        ([0xfd00, 0, 0, 0, 0, 0, 0, low], PORT).into()
    };
    let does = match dice.number(0, 9) {
        0..=4 => TcpDoes::Connects,
        5..=7 => {
            use ErrorKind::*;
            TcpDoes::Fails(dice.pick(&[
                ConnectionRefused,
                HostUnreachable,
                NetworkUnreachable,
                TimedOut,
                PermissionDenied,
            ]))
        }
        _ => TcpDoes::Hangs,
    };
    let after = if dice.chance(0.2) { 0 } else { dice.time() };
    let buffer = dice.pick(&[1, 7, 100, 4_096, 65_536, 65_536]);
    Host { address, tcp: Tcp { after, does }, tls: tls(dice), upgrade: upgrade(dice), buffer }
}

fn tls(dice: &mut Dice) -> Tls {
    use Identity::*;
    let identity =
        if dice.chance(0.85) { Good } else { dice.pick(&[OtherName, Expired, NotYet, SelfSigned, OnlyHttp2]) };
    let old = dice.chance(0.3);
    let flight = flight(dice);
    // Whoever refuses the certificate never hears a second flight.
    let late = old && identity == Good && dice.chance(0.5);
    Tls { identity, old, flight, late: late && flight.then != Then::Deaf }
}

fn flight(dice: &mut Dice) -> Flight {
    let share = if dice.chance(0.3) { 0.0 } else { dice.share() };
    let then = match dice.number(0, 29) {
        0 => Then::Deaf,
        1 | 2 => Then::Hangs(share),
        3 => Then::Ends(share),
        4 => Then::Resets(share),
        5 => Then::Garbage(share),
        _ => Then::GoesOn,
    };
    let after = if dice.chance(0.4) { 0 } else { dice.time() };
    let pieces = if dice.chance(0.6) { 1 } else { dice.number(2, 6) };
    Flight { after, pieces, gap: if dice.chance(0.3) { 0 } else { dice.number(1, 700) }, then }
}

fn upgrade(dice: &mut Dice) -> Upgrade {
    const STATUSES: [u16; 19] =
        [100, 200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 407, 426, 429, 500, 502, 503, 504, 999];
    use Answer::*;
    let answer = match dice.number(0, 19) {
        0..=2 => Status(dice.pick(&STATUSES)),
        3 => dice.pick(&[WrongAccept, NoUpgrade, NoConnection, Subprotocol]),
        4 => dice.pick(&[OldHttp, NotHttp, TooManyHeaders]),
        5 => Endless { chunk: dice.pick(&[1, 10, 127, 128, 500, 3_000]), gap: dice.pick(&[0, 1, 20, 150, 3_000]) },
        _ => Good,
    };
    let early = if dice.chance(0.5) { vec![] } else { (0..dice.number(1, 4)).map(|_| dice.length()).collect() };
    Upgrade { flight: flight(dice), answer, early }
}

impl Host {
    /// How many bytes are on their way at most: few for a server that reads nothing, so that our writes wait for it. What a
    /// server says never comes in so many small packets, which tungstenite takes for an attack; and rustls reads nothing
    /// before it has sent its 6 bytes in the middle of the server's flight.
    pub(super) fn on_the_way(&self, tls: bool) -> usize {
        let deaf = self.upgrade.flight.then == Then::Deaf || tls && self.tls.flight.then == Then::Deaf;
        if deaf { self.buffer.max(100) } else { 65_536 }
    }
}

impl Scenario {
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.hosts.iter().map(|host| host.address).collect()
    }
}

impl Upgrade {
    /// What follows the head: a body, or the early messages as frames of the WebSocket.
    pub(super) fn rest(&self) -> Vec<u8> {
        let mut bytes = self.answer.body().as_bytes().to_vec();
        for length in &self.early {
            bytes.push(0x82);
            match (u8::try_from(*length), u16::try_from(*length)) {
                (Ok(length @ 0..=125), _) => bytes.push(length),
                (_, Ok(length)) => bytes.extend([&[126][..], &length.to_be_bytes()].concat()),
                _ => bytes.extend([&[127][..], &(*length as u64).to_be_bytes()].concat()),
            }
            bytes.extend(std::iter::repeat_n(7, *length));
        }
        bytes
    }

    /// How long the head is, and how long all of it.
    pub(super) fn lengths(&self) -> (usize, usize) {
        // As long as every key.
        let head = self.answer.head("AAAAAAAAAAAAAAAAAAAAAAAAAAA=").len();
        (head, head + self.rest().len())
    }
}
