//! What came of each entry, counted.

use std::collections::BTreeMap;

use crate::matching::Outcome;
use crate::reading::resource_of;
use crate::record::{Entry, Facts, Seen};

/// What entries are called that are connections of clients.
pub const CONNECTIONS: &str = "connections of clients";

/// What entries are called that watches tell of beside an audit log.
pub const BESIDE: &str = "changes that watches tell of beside the audit log";

/// What interruptions of watches are called.
const MISSED: &str = "interruptions of watches";

/// What came of each entry, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Entries that were read.
    pub entries: u64,
    /// Workloads that could not be followed, and why.
    pub left_out: Vec<(String, String)>,
    /// Entries that explain themselves.
    plain: u64,
    /// Entries that no workload says anything of, by what they speak of.
    aside: BTreeMap<String, u64>,
    /// What workloads say of the others, as long as they may say more.
    said: BTreeMap<u64, Outcome>,
}

impl Tally {
    /// An entry was read.
    pub fn read(&mut self, entry: &Entry) {
        self.entries += 1;
        match &entry.seen {
            Seen::Other(what) => self.put_aside(what),
            Seen::Missed { .. } => self.put_aside(MISSED),
            Seen::Request(_) => self.put_aside(CONNECTIONS),
            Seen::Change(change) => match &change.object.facts {
                Facts::Other(kind) => self.put_aside(&resource_of(kind)),
                // It tells again of what was told, or of what was there.
                _ => self.plain += 1,
            },
            Seen::List(_) | Seen::Renewal { .. } => self.plain += 1,
            _ => {}
        }
    }

    /// So many entries that were put aside have been explained after all.
    pub fn explain(&mut self, what: &str, entries: u64) {
        if let Some(count) = self.aside.get_mut(what) {
            *count -= entries;
            self.plain += entries;
            if *count == 0 {
                self.aside.remove(what);
            }
        }
    }

    /// So many entries were read of which nothing else is said.
    pub fn leave_aside(&mut self, what: &str, entries: u64) {
        if entries > 0 {
            self.entries += entries;
            *self.aside.entry(what.into()).or_default() += entries;
        }
    }

    fn put_aside(&mut self, what: &str) {
        match self.aside.get_mut(what) {
            Some(count) => *count += 1,
            None => _ = self.aside.insert(what.into(), 1),
        }
    }

    /// A workload cannot be followed.
    pub fn leave_out(&mut self, name: &str, why: &str) {
        self.left_out.push((name.into(), why.into()));
    }

    /// What a workload says of entries.
    pub fn learn(&mut self, outcomes: Vec<(u64, Outcome)>) {
        for (number, outcome) in outcomes {
            let said = self.said.entry(number).or_insert(Outcome::NotHere);
            let better = match (&*said, &outcome) {
                (_, Outcome::NotHere) => false,
                (Outcome::NotModelled(_), _) => false,
                (Outcome::NotHere, _) | (Outcome::Explained, _) => true,
            };
            if better {
                *said = outcome;
            }
        }
    }

    /// Nobody says anything more of the entries before this one.
    pub fn settle(&mut self, before: u64) {
        let open = self.said.split_off(&before);
        for outcome in std::mem::replace(&mut self.said, open).into_values() {
            match outcome.outside() {
                None => self.plain += 1,
                Some(what) => self.put_aside(what),
            }
        }
    }

    /// Entries that the model explains.
    pub fn explained(&self) -> u64 {
        self.plain + self.said.values().filter(|outcome| **outcome == Outcome::Explained).count() as u64
    }

    /// Entries that are outside the model, by what they speak of.
    pub fn outside(&self) -> BTreeMap<String, u64> {
        let mut counts = self.aside.clone();
        for what in self.said.values().filter_map(Outcome::outside) {
            *counts.entry(what.to_owned()).or_default() += 1;
        }
        counts
    }
}
