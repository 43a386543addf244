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
    /// What workloads say of entries.
    said: BTreeMap<u64, Outcome>,
}

impl Tally {
    /// An entry was read.
    pub fn read(&mut self, number: u64, entry: &Entry) {
        self.entries += 1;
        let outcome = match &entry.seen {
            Seen::Other(what) => Outcome::NotModelled(what.to_string()),
            // A list and a sign of life explain themselves.
            Seen::List(_) | Seen::Renewal { .. } => Outcome::Explained,
            Seen::Request(_) => Outcome::NotModelled("connections of clients".into()),
            _ => return,
        };
        self.said.insert(number, outcome);
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
        self.said.values().filter(|outcome| **outcome == Outcome::Explained).count() as u64
    }

    /// Entries that are outside the model, by what they speak of.
    pub fn outside(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
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
