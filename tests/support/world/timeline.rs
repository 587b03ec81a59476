//! A run, told so that a person can follow it.

use std::fmt::Write;

use tokio::time::Instant;

use super::frames::{BINARY, CLOSE, CONTINUE, PING, PONG};
use super::judging::judging;
use super::log::Item;
use super::run::Run;
use super::tap::Tap;

/// More of the same than this is not told one by one.
const ROW: usize = 3;
const LINES: usize = 240;

pub fn tell(run: &Run) -> String {
    let mut events = events(run);
    events.sort_by_key(|(at, _)| *at);
    let mut text = head(run);
    for line in fold(&events, run.start) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn head(run: &Run) -> String {
    let (it, mut text) = (&run.scenario, String::new());
    let _ = writeln!(text, "seed {}, family \"{}\", {:?}, {:?}", it.seed, it.family.name(), it.role, run.who);
    let c = &it.config;
    let _ = writeln!(
        text,
        "  I {:?} jitter {} T {:?} W {:?} C {:?} N {} M {} {:?} judging {:?}",
        c.ping_interval(),
        c.jitter(),
        c.pong_timeout(),
        c.write_timeout(),
        c.close_timeout(),
        c.max_deferrals(),
        c.missed_pongs(),
        c.ping_when(),
        judging(c),
    );
    let _ = writeln!(text, "  out  {:?}\n  back {:?}", it.out, it.back);
    let _ = writeln!(text, "  {:?}\n  {:?}\n  horizon {:?}, counted: {}", it.peer, it.ours, it.horizon, it.progress);
    text
}

fn events(run: &Run) -> Vec<(Instant, String)> {
    let mut events = Vec::new();
    let it = &run.scenario;
    for (moment, what) in [
        (it.out.dark, "-- dark from us to the peer"),
        (it.back.dark, "-- dark from the peer to us"),
        (it.out.reset, "-- reset"),
        (it.peer.silent, "-- the peer hangs"),
        (it.peer.deaf, "-- the peer reads no more"),
        (Some(it.horizon), "-- we close, where it is still open"),
    ] {
        events.extend(moment.map(|at| (run.start + at, what.to_string())));
    }
    crossings(&mut events, &run.out, ["we flushed", "  the peer can read our"]);
    crossings(&mut events, &run.back, ["    the peer wrote", "  we can read its"]);
    for (from, until) in &run.out.blocks {
        events.push((*from, "we have more to write than there is room for".into()));
        events.extend(until.map(|until| (until, "we could write on".into())));
    }
    for (at, item) in &run.log.items {
        events.push((*at, format!("next() = {}", item_name(item))));
    }
    if let Some((at, cause)) = run.log.verdict {
        events.push((at, format!("ENDED: {cause:?}")));
    }
    if let Some((_, Some(at))) = run.log.close {
        events.push((at, "close() returned".into()));
    }
    events
}

fn item_name(item: &Item) -> String {
    match item {
        Item::Message { opcode, len, .. } => format!("{} of {len}", name(*opcode)),
        Item::Failed { what, cause } => format!("Err {cause:?}: {what}"),
        Item::End => "None".into(),
    }
}

fn crossings(events: &mut Vec<(Instant, String)>, tap: &Tap, [wrote, reads]: [&str; 2]) {
    for seen in &tap.seen {
        let head = match seen.frame.opcode {
            PING | PONG => seen.frame.head.iter().map(|byte| format!("{byte:02x}")).collect(),
            _ => format!("of {}", seen.frame.len),
        };
        let what = format!("{} {head}", name(seen.frame.opcode));
        events.push((seen.written, format!("{wrote} {what}")));
        events.extend(seen.readable.map(|at| (at, format!("{reads} {what}"))));
    }
    events.extend(tap.end.map(|at| (at, format!("{reads} end"))));
}

fn name(opcode: u8) -> String {
    match opcode {
        BINARY => "message".into(),
        CONTINUE => "fragment".into(),
        CLOSE => "Close".into(),
        PING => "Ping".into(),
        PONG => "Pong".into(),
        other => format!("frame {other}"),
    }
}

fn kind(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Rows of the same are cut short, and the middle of a long story is left out.
fn fold(events: &[(Instant, String)], start: Instant) -> Vec<String> {
    let (mut lines, mut recent) = (Vec::new(), Vec::<String>::new());
    let mut cut = 0;
    for (at, text) in events {
        let data = text.contains("message") || text.contains("fragment");
        let same = recent.iter().filter(|other| **other == kind(text)).count();
        recent.push(kind(text));
        if recent.len() > 12 {
            recent.remove(0);
        }
        if data && same >= ROW {
            cut += 1;
            continue;
        }
        if cut > 0 {
            lines.push(format!("              ... {cut} more messages"));
            cut = 0;
        }
        lines.push(format!("{:>12.3} s  {text}", (*at - start).as_secs_f64()));
    }
    if lines.len() > LINES {
        let middle = lines.len() - LINES;
        lines.splice(LINES / 4..LINES / 4 + middle, [format!("              ... {middle} lines left out")]);
    }
    lines
}
