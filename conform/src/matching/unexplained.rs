//! An entry that nothing explains.

use podproof_vocabulary::action::{Action, Watcher};

use super::quest::Failure;
use crate::record::{Entry, Micros, Place, Write};

/// An entry that no path of the model explains.
#[derive(Clone, Debug)]
pub struct Unexplained {
    /// Its number, from 0.
    pub entry: u64,
    /// Where it stands.
    pub place: Place,
    /// When it happened.
    pub at: Micros,
    /// What was seen.
    pub seen: String,
    /// Why the model has no way to it.
    pub why: String,
    /// What the process could have written instead.
    pub could: Vec<Action>,
    /// The process that was found to have no way to it; none if it cannot be, whatever the model does.
    pub whose: Option<Watcher>,
    /// There may be a way: the search ended at its bound, or began in a state that is not sure.
    pub unsure: bool,
    /// Whatever came before it.
    pub is_certain: bool,
}

impl Unexplained {
    /// It cannot be, whatever the model does.
    pub fn wrong(number: u64, entry: &Entry, seen: String, why: String) -> Self {
        let place = entry.place.clone();
        Self {
            entry: number,
            place,
            at: entry.from,
            seen,
            why,
            could: Vec::new(),
            whose: None,
            unsure: false,
            is_certain: false,
        }
    }

    /// There may be a way, for this reason.
    pub fn doubt(&mut self, why: &str) {
        if !self.unsure && !self.is_certain {
            self.unsure = true;
            self.why = format!("{}; but {why}", self.why);
        }
    }

    /// What there is no way to may be lawful for this reason, which cannot be told from a log that is wrong.
    pub fn hint(&mut self, what: &str) {
        if !self.unsure && !self.is_certain {
            self.why = format!("{}; {what}", self.why);
        }
    }

    /// No way to it was found.
    pub fn failed(
        entry: u64,
        place: Place,
        at: Micros,
        seen: String,
        failure: &Failure,
        whose: Watcher,
        could: Vec<Action>,
    ) -> Self {
        let why = match failure {
            Failure::NoWay => "no path of the model leads to it",
            Failure::Bound => "the bound on states came before a path was found",
            Failure::Overflow => "a watch had more pending events than are kept",
        };
        Self {
            entry,
            place,
            at,
            seen,
            why: why.into(),
            could,
            whose: Some(whose),
            unsure: *failure != Failure::NoWay,
            is_certain: false,
        }
    }
}

/// A write in words.
pub fn words(write: &Write) -> String {
    let subresource = if write.subresource.is_empty() { "" } else { "/" };
    format!(
        "{} {:?} {}{subresource}{} {}",
        write.user, write.verb, write.resource, write.subresource, write.name
    )
}
