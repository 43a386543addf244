//! What came of each entry, counted.

use std::collections::BTreeMap;

use crate::matching::Outcome;
use crate::record::{Entry, Seen};

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
    /// What workloads say of the others.
    said: BTreeMap<u64, Outcome>,
}

impl Tally {
    /// An entry was read.
    pub fn read(&mut self, entry: &Entry) {
        self.entries += 1;
        match &entry.seen {
            Seen::Other(what) => self.put_aside(what),
            Seen::Request(_) => self.put_aside("connections of clients"),
            Seen::List(_) | Seen::Renewal { .. } => self.plain += 1,
            _ => {}
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

    /// Entries that the model explains.
    pub fn explained(&self) -> u64 {
        self.plain + self.said.values().filter(|outcome| **outcome == Outcome::Explained).count() as u64
    }

    /// Entries that are outside the model, by what they speak of.
    pub fn outside(&self) -> BTreeMap<String, u64> {
        let mut counts = self.aside.clone();
        for outcome in self.said.values() {
            match outcome {
                Outcome::NotModelled(what) => *counts.entry(what.clone()).or_default() += 1,
                Outcome::NotHere => {
                    *counts.entry("objects of nothing that is followed".into()).or_default() += 1;
                }
                Outcome::Explained => {}
            }
        }
        counts
    }
}
