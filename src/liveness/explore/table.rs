//! The transitions that a search has seen, as a table for people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::super::phase::LastWord;
use super::super::*;

/// From an input and what it leads to, to the phases from which it does.
type Rows = BTreeMap<(&'static str, String, String), BTreeSet<String>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Table(Arc<Mutex<Rows>>);

impl Table {
    /// Notes what an input has changed; what changes neither phase nor what is told is no transition.
    pub(super) fn note(&self, before: &Liveness<Death>, input: &'static str, after: &Liveness<Death>) {
        let (from, to) = (label(before), label(after));
        let (known, mut told) = (events(before.clone()), events(after.clone()));
        told.retain(|event| !known.contains(event));
        if from == to && told.is_empty() {
            return;
        }
        let told: Vec<String> = told.iter().map(|event| format!("{event:?}")).collect();
        let to = if from == to { "the same".into() } else { to };
        let row = (input, to, told.join(", "));
        self.0.lock().expect("no test has failed").entry(row).or_default().insert(from);
    }

    pub(super) fn print(&self) -> String {
        let mut text = String::from(LEGEND);
        text += &format!("{:<14} {:<20} {:<26} {}\n", "input", "phase after", "told", "phase before: any of");
        for ((input, to, told), from) in self.0.lock().expect("no test has failed").iter() {
            let from: Vec<&str> = from.iter().map(String::as_str).collect();
            text += &format!("{input:<14} {to:<20} {told:<26} {}\n", from.join(", "));
        }
        text
    }
}

const LEGEND: &str = "\
All transitions that the exploration has seen. Open: L a ping waits to leave, A pings that left are awaited.
Closing: S our Close is sent, R the peer's is received. Dying: our Close is unsaid, handed or done.

";

fn events(mut machine: Liveness<Death>) -> Vec<Event> {
    std::iter::from_fn(|| machine.poll_event()).collect()
}

fn label(machine: &Liveness<Death>) -> String {
    match &machine.phase {
        Phase::Open(open) => match &open.pings {
            Pings::None => "Open".into(),
            Pings::Leaving(_) => "Open: L".into(),
            Pings::Awaited(_) => "Open: A".into(),
            Pings::Both(_) => "Open: L A".into(),
        },
        Phase::Failed { .. } => "Failed".into(),
        Phase::Broken { .. } => "Broken".into(),
        Phase::Closing(closing) => match (closing.sent, closing.received) {
            (true, true) => "Closing: S R".into(),
            (true, false) => "Closing: S".into(),
            (false, true) => "Closing: R".into(),
            (false, false) => "Closing".into(),
        },
        Phase::Dying(dying) => match dying.farewell {
            Farewell::Unsaid => "Dying: unsaid".into(),
            Farewell::Handed => "Dying: handed".into(),
            Farewell::Done => "Dying: done".into(),
        },
        Phase::Over(LastWord::Nothing | LastWord::Failure { told: true, .. }) => "Over".into(),
        Phase::Over(LastWord::Failure { told: false, .. }) => "Over: last word".into(),
    }
}
