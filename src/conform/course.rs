//! The path of a workload with what the log says of each step: all that its timeline and its promises are told from. It is let go
//! as soon as they have been told. Its steps are on disk, but for the newest, and recorded anew whenever they are looked at.

use std::io;
use std::rc::Rc;

use podproof_conform::record::Micros;
use podproof_conform::report::Followed;
use podproof_conform::spool::{Depot, Pack, Record, Spool, Unpack};
use podproof_traces::{Along, Names, TraceStep};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Watcher};

use super::way::Way;

/// The path of a workload.
pub struct Course {
    /// Records the path that was found.
    pub along: Along,
    /// What the log says of each step of the path.
    pub taken: Spool<Taken>,
    /// How many of its first steps lead to where it stood when the log began.
    pub led: usize,
    /// When the log begins.
    began: Micros,
}

/// What a log says of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The step.
    pub action: Action,
    /// The entry that shows it.
    pub shown_by: Option<u64>,
    /// When it was taken, at the latest.
    pub at: Micros,
    /// Whose it is.
    pub process: Option<Watcher>,
}

/// A number that is none, where numbers are kept.
const NONE: u64 = u64::MAX;

impl Record for Taken {
    const BYTES: usize = 4 + 8 + 8 + 2;

    fn pack(&self, to: &mut Pack<'_>) {
        to.action(self.action);
        to.number(self.shown_by.unwrap_or(NONE));
        to.signed(self.at);
        let (kind, node) = match self.process {
            None => (0, 0),
            Some(Watcher::Scheduler) => (1, 0),
            Some(Watcher::ControllerManager) => (2, 0),
            Some(Watcher::Kubelet(node)) => (3, node.0),
            Some(Watcher::Proxy(node)) => (4, node.0),
        };
        to.byte(kind);
        to.byte(node);
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        let (action, shown_by, at) = (from.action(), from.number(), from.signed());
        let (kind, node) = (from.byte(), NodeId(from.byte()));
        let process = match kind {
            1 => Some(Watcher::Scheduler),
            2 => Some(Watcher::ControllerManager),
            3 => Some(Watcher::Kubelet(node)),
            4 => Some(Watcher::Proxy(node)),
            _ => None,
        };
        Self { action, shown_by: Some(shown_by).filter(|&entry| entry != NONE), at, process }
    }
}

impl Course {
    /// One that `along` records, in a log that begins at `began`.
    pub fn new(along: Along, taken: Spool<Taken>, led: usize, began: Micros) -> Self {
        Self { along, taken, led, began }
    }

    /// The path that was found for a workload, which `way` goes, in a log that begins at `began`.
    pub fn of(followed: &Followed, way: &Way<'_>, began: Micros) -> Self {
        let depot: &Rc<Depot> = followed.whole.steps.depot();
        let mut all = Spool::new(depot);
        way.each(|taken, process| {
            let (action, shown_by, at) = (taken.action, taken.shown_by, taken.moment.at);
            all.push(&Taken { action, shown_by, at, process });
        });
        Self::new(way.along(), all, followed.whole.led, began)
    }

    /// How many of its steps entries show.
    pub fn shown(&self) -> usize {
        self.taken.iter().filter(|taken| taken.shown_by.is_some()).count()
    }

    /// Its steps, with when the log shows each, in microseconds after it began.
    fn actions(&self) -> impl Iterator<Item = (Action, Option<u64>)> + '_ {
        let since = |taken: &Taken| taken.at.saturating_sub(self.began).try_into().unwrap_or(0);
        self.taken.iter().map(move |taken| (taken.action, taken.shown_by.map(|_| since(&taken))))
    }

    /// Its steps, as a trace has them.
    pub fn steps(&self) -> impl Iterator<Item = TraceStep> + '_ {
        self.along.steps(self.actions())
    }

    /// Some of its steps, by their numbers from 0, each with when it was taken, in words.
    pub fn says(&self, wanted: &[usize]) -> Vec<(Micros, String)> {
        let Some(&last) = wanted.last() else { return Vec::new() };
        let steps = self.steps().zip(self.taken.iter()).enumerate().take(last + 1);
        let steps = steps.filter(|(step, _)| wanted.binary_search(step).is_ok());
        steps.map(|(_, (step, taken))| (taken.at, step.says)).collect()
    }

    /// Writes its trace.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write(&self, out: impl io::Write) -> io::Result<()> {
        self.along.write_json(self.actions(), out)
    }

    /// The names when so many steps have been taken.
    pub fn names_after(&self, steps: usize) -> Names {
        let mut names = self.along.names();
        for step in self.steps().take(steps) {
            names.see(&step.changed);
        }
        names
    }
}
