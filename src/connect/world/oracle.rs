//! What has to come of a scenario, from RFC 8305 and the contract alone: nothing of the code is used here.

use std::net::SocketAddr;

use super::super::ConnectPhase;
use super::scenario::*;

const APART: u64 = 250;
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// To which host.
    Connected(usize),
    Failed(ConnectPhase),
    TimedOut(ConnectPhase),
    Dropped,
}

/// One outcome that is right, at any moment from the first to the last.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) outcome: Outcome,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) attempts: Vec<(SocketAddr, u64)>,
    /// Whoever won TCP.
    pub(super) winner: Option<usize>,
}

/// A step: when it ends, and whether well. One that never ends may have both at `NEVER`.
struct Step {
    phase: ConnectPhase,
    from: u64,
    to: u64,
    fails: bool,
}

struct Way {
    steps: Vec<Step>,
    attempts: Vec<(SocketAddr, u64)>,
    winner: Option<usize>,
}

/// Everything that is right. There are several if two things happen in one millisecond, or if a parser decides when it has
/// seen enough.
pub(super) fn expected(it: &Scenario) -> Vec<Expected> {
    let mut all = Vec::new();
    for way in ways(it) {
        bounded(it, &way, &mut all);
    }
    all
}

/// The one deadline, and the drop, over all steps of a way.
fn bounded(it: &Scenario, way: &Way, all: &mut Vec<Expected>) {
    let deadline = it.timeout.unwrap_or(NEVER);
    let mut add = |outcome, from: u64, to: u64| {
        let (attempts, winner) = (way.attempts.clone(), way.winner);
        let dropped = match it.dropped {
            Dropped::Never => None,
            Dropped::At(at) if at <= to => Some((at, at)),
            Dropped::At(_) => None,
            Dropped::Polls(_) => Some((0, to)),
        };
        if let Some((from, to)) = dropped {
            all.push(Expected { outcome: Outcome::Dropped, from, to, attempts: attempts.clone(), winner });
        }
        if !matches!(it.dropped, Dropped::At(at) if at < from) {
            all.push(Expected { outcome, from, to, attempts, winner });
        }
    };
    for step in &way.steps {
        if step.to >= deadline {
            add(Outcome::TimedOut(step.phase), deadline, deadline);
        }
        if step.from > deadline || step.from == NEVER {
            if deadline == NEVER {
                add(Outcome::TimedOut(step.phase), NEVER, NEVER);
            }
            return;
        }
        if step.fails {
            return add(Outcome::Failed(step.phase), step.from, step.to.min(deadline));
        }
    }
    let end = way.steps.last().expect("there are steps").to;
    add(Outcome::Connected(way.winner.expect("all steps went well")), end, end);
}

fn ways(it: &Scenario) -> Vec<Way> {
    let (resolved, fails) = resolve(&it.name);
    let step = |phase, at, fails| Step { phase, from: at, to: at, fails };
    let resolve = || step(ConnectPhase::Resolve, resolved, fails);
    if fails || resolved == NEVER {
        return vec![Way { steps: vec![resolve()], attempts: vec![], winner: None }];
    }
    let races = Race::all(&turns(&it.hosts), resolved);
    let mut ways = Vec::new();
    for Race { attempts, end, winner } in races {
        let fails = winner.is_none() || it.refuses.is_some();
        let mut steps = vec![resolve(), step(ConnectPhase::Tcp, end, fails)];
        if let Some(winner) = winner {
            let host = &it.hosts[winner];
            if it.tls {
                steps.push(tls(&host.tls, end));
            }
            let last = steps.last().expect("there are some").to;
            if !it.dials && last != NEVER {
                steps.push(upgrade(&host.upgrade, last));
            }
        }
        ways.push(Way { steps, attempts, winner });
    }
    ways
}

fn resolve(name: &Name) -> (u64, bool) {
    let (taken, lookup) = match name {
        Name::Address | Name::Given => return (0, false),
        Name::Own(lookup) => (0, lookup),
        Name::System { taken, lookup } => (taken.unwrap_or(0), lookup),
    };
    match lookup.does {
        LookupDoes::Hangs => (NEVER, true),
        does => (taken + lookup.after, does != LookupDoes::Finds),
    }
}

/// Hosts in the order of RFC 8305, section 4.
fn turns(hosts: &[Host]) -> Vec<(usize, &Host)> {
    let mut left: Vec<_> = hosts.iter().enumerate().collect();
    let mut order: Vec<(usize, &Host)> = Vec::new();
    while !left.is_empty() {
        let other = order
            .last()
            .and_then(|(_, last)| left.iter().position(|(_, host)| host.address.is_ipv4() != last.address.is_ipv4()));
        order.push(left.remove(other.unwrap_or(0)));
    }
    order
}

#[derive(Clone)]
struct Race {
    attempts: Vec<(SocketAddr, u64)>,
    end: u64,
    winner: Option<usize>,
}

impl Race {
    /// With every order of what happens in one millisecond.
    fn all(order: &[(usize, &Host)], begun: u64) -> Vec<Self> {
        let mut all = Vec::new();
        let race = Race { attempts: vec![], end: NEVER, winner: None };
        race.begin(order, begun, vec![], &mut all);
        all
    }

    /// The next attempt begins, if there is one.
    fn begin(
        mut self,
        order: &[(usize, &Host)],
        now: u64,
        mut running: Vec<(u64, usize, TcpDoes)>,
        all: &mut Vec<Self>,
    ) {
        let mut rest = order;
        if let [(at, host), more @ ..] = order {
            self.attempts.push((host.address, now));
            // Of two hosts with one address, the first is meant.
            let end = if host.tcp.does == TcpDoes::Hangs { NEVER } else { now + host.tcp.after };
            running.push((end, *at, host.tcp.does));
            rest = more;
        }
        self.go_on(rest, now, running, all);
    }

    fn go_on(mut self, order: &[(usize, &Host)], now: u64, running: Vec<(u64, usize, TcpDoes)>, all: &mut Vec<Self>) {
        let due = if order.is_empty() { NEVER } else { now + APART };
        let first = running.iter().map(|(end, ..)| *end).min().unwrap_or(NEVER).min(due);
        if running.is_empty() && order.is_empty() {
            self.end = now;
            return all.push(self);
        }
        if first == NEVER {
            return all.push(self);
        }
        if due == first {
            self.clone().begin(order, due, running.clone(), all);
        }
        for (at, (end, host, does)) in running.iter().enumerate().filter(|(_, (end, ..))| *end == first) {
            if *does == TcpDoes::Connects {
                all.push(Race { end: *end, winner: Some(*host), ..self.clone() });
            } else {
                let mut others = running.clone();
                others.remove(at);
                self.clone().begin(order, first, others, all);
            }
        }
    }
}

/// Where so many flights end, of which the last does what it says.
fn last_piece(flight: &Flight, begun: u64, flights: u64) -> u64 {
    begun + flights * (flight.after + (flight.pieces - 1) * flight.gap)
}

fn hangs(then: Then) -> bool {
    matches!(then, Then::Deaf | Then::Hangs(_))
}

fn tls(tls: &Tls, begun: u64) -> Step {
    let phase = ConnectPhase::Tls;
    let flights = if tls.old && (tls.late || tls.flight.then == Then::GoesOn) { 2 } else { 1 };
    let wrong = tls.identity != Identity::Good;
    let to = last_piece(&tls.flight, begun, if wrong { 1 } else { flights });
    if wrong {
        // What is wrong is seen as soon as it has come; what is cut off may be before it or after it.
        let to = if hangs(tls.flight.then) { NEVER } else { to };
        let from = if tls.flight.then == Then::Deaf { NEVER } else { begun + tls.flight.after };
        return Step { phase, from, to, fails: true };
    }
    if hangs(tls.flight.then) {
        return Step { phase, from: NEVER, to: NEVER, fails: true };
    }
    Step { phase, from: to, to, fails: tls.flight.then != Then::GoesOn }
}

fn upgrade(upgrade: &Upgrade, begun: u64) -> Step {
    let phase = ConnectPhase::Upgrade;
    let flight = &upgrade.flight;
    let first = begun + flight.after;
    if flight.then == Then::Deaf {
        return Step { phase, from: NEVER, to: NEVER, fails: true };
    }
    // How many bytes a parser takes before it despairs is its own affair; the deadline is ours.
    if matches!(upgrade.answer, Answer::Endless { .. }) {
        return Step { phase, from: first, to: NEVER, fails: true };
    }
    let (head, whole) = upgrade.lengths();
    let parsed = cuts(whole, flight.pieces).position(|piece| piece.end >= head).expect("it is within the whole");
    let parsed = first + parsed as u64 * flight.gap;
    let early = matches!(upgrade.answer, Answer::NotHttp | Answer::TooManyHeaders | Answer::OldHttp);
    let end = last_piece(flight, begun, 1);
    match (flight.then, early) {
        (Then::GoesOn, false) => Step { phase, from: parsed, to: parsed, fails: upgrade.answer != Answer::Good },
        (Then::GoesOn, true) => Step { phase, from: first, to: parsed, fails: true },
        (then, early) if hangs(then) => Step { phase, from: if early { first } else { NEVER }, to: NEVER, fails: true },
        (_, early) => Step { phase, from: if early { first } else { end }, to: end, fails: true },
    }
}
