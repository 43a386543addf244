//! How a log is judged, and what comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use podproof_vocabulary::Property;

use crate::judged::Connections;
use crate::matching::whole::Whole;
use crate::matching::{Replay, Unexplained};
use crate::reading::Problem;
use crate::record::Micros;
use crate::tally::Tally;
use crate::world::{self, World};

/// How a log is judged.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How its workloads are found.
    pub world: world::Options,
    /// States that one entry may cost; none is the default.
    pub max_states: Option<u64>,
}

/// What is wrong with the input.
#[derive(Debug)]
pub enum Wrong {
    /// A file of the log.
    Log(Problem),
    /// Manifests that were given with it.
    Manifests(Vec<podproof_vocabulary::manifest::Problem>),
    /// The temporary file, in words: it cannot be written, or read.
    Disk(String),
    /// There is neither an audit log nor a watch: nothing else says what was written.
    NoWrites,
    /// The files are logs of several clusters, as this shows, in words.
    SeveralClusters(String),
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Entries that were read; in the second pass.
    pub entries: u64,
    /// States looked at.
    pub states: u64,
}

/// What came of a log.
pub struct Report<T = Followed> {
    /// What came of its workloads, in the order in which the log shows them.
    pub followed: Vec<T>,
    /// What was found that is no workload of the model, and why.
    pub world: World,
    /// What came of its entries.
    pub tally: Tally,
    /// What clients saw, of each of [`Report::followed`].
    pub connections: Vec<Connections>,
    /// From when to when the entries are.
    pub span: (Micros, Micros),
    /// Something was under way when the log began, so the cluster may have stood in another way than it seems.
    pub began_under_way: bool,
    /// How long it took.
    pub took: Duration,
    /// What is said of its workloads together.
    pub sum: Sum,
}

/// What came of a workload.
pub struct Followed {
    /// Its name.
    pub name: String,
    /// The entry that nothing explains.
    pub unexplained: Option<Box<Unexplained>>,
    /// The path that was found, up to the last entry that was explained.
    pub whole: Whole,
    /// The replay as it ended.
    pub replay: Replay,
    /// What was assumed of it.
    pub assumptions: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// What is said of the workloads of a log together.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// States looked at.
    pub states: u64,
    /// The promises that were broken on the way.
    pub broken: BTreeSet<Property>,
    /// The first entry that nothing explains; one that is no behaviour of the model for sure, if there is one.
    pub first_unexplained: Option<Unexplained>,
    /// The first entry that is of nothing that is followed any more, and cannot be.
    pub stray: Option<Unexplained>,
    /// Some entry is no behaviour of the model for sure.
    is_unexplained: bool,
    /// Some path does not fit together.
    is_apart: bool,
}

impl Sum {
    /// One more workload has been followed.
    pub(crate) fn add(&mut self, followed: &Followed) {
        self.states += followed.replay.states();
        self.broken.extend(followed.whole.broken.keys());
        self.is_apart |= followed.whole.refused.is_some();
        if let Some(found) = followed.unexplained.as_deref() {
            self.note_unexplained(found);
        }
    }

    /// An entry of what is followed no more cannot be.
    pub(crate) fn note_stray(&mut self, found: Unexplained) {
        self.note_unexplained(&found);
        self.stray.get_or_insert(found);
    }

    fn note_unexplained(&mut self, found: &Unexplained) {
        self.is_unexplained |= !found.unsure;
        let is_before = |first: &Unexplained| (found.unsure, found.entry) < (first.unsure, first.entry);
        if self.first_unexplained.as_ref().is_none_or(is_before) {
            self.first_unexplained = Some(found.clone());
        }
    }
}

/// What is said of a log as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything in it that the model represents is a behaviour of the model.
    Lawful,
    /// An entry is none.
    Unexplained,
    /// A bound came first; or what was found for the processes does not fit together.
    Incomplete,
}

impl Verdict {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lawful => "lawful",
            Self::Unexplained => "unexplained",
            Self::Incomplete => "incomplete",
        }
    }
}

impl<T> Report<T> {
    /// What is said of the log as a whole.
    pub fn verdict(&self) -> Verdict {
        // Another path might have moments for them.
        let odd = self.connections.iter().any(|said| said.unexplained > 0);
        if self.sum.is_unexplained {
            Verdict::Unexplained
        } else if self.first_unexplained().is_some()
            || self.sum.is_apart
            || odd
            || self.world.only_mirrors
            || !self.tally.left_out.is_empty()
        {
            Verdict::Incomplete
        } else {
            Verdict::Lawful
        }
    }

    /// The promises that were broken on the way.
    pub fn broken(&self) -> &BTreeSet<Property> {
        &self.sum.broken
    }

    /// States looked at.
    pub fn states(&self) -> u64 {
        self.sum.states
    }

    /// The first entry that nothing explains.
    pub fn first_unexplained(&self) -> Option<&Unexplained> {
        self.sum.first_unexplained.as_ref()
    }
}
