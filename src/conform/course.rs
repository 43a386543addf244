//! The path of a workload with what the log says of each step: all that its timeline and its promises are told from. It is let go
//! as soon as they have been told.

use podproof_conform::matching::path;
use podproof_conform::record::Micros;
use podproof_conform::run::Followed;
use podproof_traces::{Names, Trace};
use podproof_vocabulary::action::Watcher;

use super::way::Way;

/// The path of a workload.
pub struct Course {
    /// The path that was found.
    pub path: Trace,
    /// What the log says of each step of the path.
    pub taken: Vec<Taken>,
    /// How many of its first steps lead to where it stood when the log began.
    pub led: usize,
}

/// What a log says of a step.
pub struct Taken {
    /// The entry that shows it.
    pub shown_by: Option<u64>,
    /// When it was taken, at the latest.
    pub at: Micros,
    /// Whose it is.
    pub process: Option<Watcher>,
}

impl Course {
    /// The path that was found for a workload, which `way` goes.
    pub fn of(followed: &Followed, way: &Way<'_>) -> Self {
        let whole = &followed.whole;
        let told = |(taken, process): (&path::Taken, Option<Watcher>)| Taken {
            shown_by: taken.shown_by,
            at: taken.moment.at,
            process,
        };
        let taken = whole.taken().iter().zip(way.processes()).map(told).collect();
        Self { path: way.path(), taken, led: whole.led }
    }

    /// How many of its steps entries show.
    pub fn shown(&self) -> usize {
        self.taken.iter().filter(|taken| taken.shown_by.is_some()).count()
    }

    /// The names when so many steps have been taken.
    pub fn names_after(&self, steps: usize) -> Names {
        let mut names = Names::of(&self.path);
        for step in self.path.stem.iter().take(steps) {
            names.see(&step.changed);
        }
        names
    }
}
