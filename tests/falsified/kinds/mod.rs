//! The kinds of lies: what each tells, and the entry at which it must be found out.
//!
//! A falsification changes a recording and says which line of it must be unexplained then: mostly the one that lies, and else
//! the first at which the lie can be known.

mod answers;
mod budgets;
mod changes;
mod claims;
mod containers;
mod controllers;
mod endpoints;
mod fixed;
mod histories;
mod nodes;
mod objects;
mod removal;
mod rules;
mod scheduling;
mod status;
mod strangers;
mod told;
mod truths;

use crate::recording::Recording;

pub use truths::TRUTHS;

/// A way to falsify a recording.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What is told that cannot have been.
    pub tells: &'static str,
    /// The entry at which that must be found out.
    pub shows: &'static str,
    /// The audit log is enough for it.
    pub by_the_api: bool,
    /// Falsifies a recording, if it has what it takes; the number of the line at which it must be found out.
    pub falsify: fn(&mut Recording) -> Option<usize>,
}

/// All kinds.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    let all = [
        scheduling::KINDS,
        status::KINDS,
        removal::KINDS,
        containers::KINDS,
        endpoints::KINDS,
        rules::KINDS,
        controllers::KINDS,
        budgets::KINDS,
        nodes::KINDS,
        objects::KINDS,
        claims::KINDS,
        histories::KINDS,
        changes::KINDS,
        strangers::KINDS,
        answers::KINDS,
        fixed::KINDS,
        told::KINDS,
    ];
    all.into_iter().flatten()
}
