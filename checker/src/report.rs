//! What a search has found, and how far it may go.

use std::time::Duration;

use crate::expand::SHARDS;
use crate::fingerprint::Bits;
use crate::path::Path;
use crate::progress::Lasso;
use crate::system::{Obligations, Properties};

/// Where a search ends although there is more to find.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// States that may be found, at most 3 · 2^30. The search ends with the batch that finds as many, so they can be some more.
    pub states: u64,
    /// Transitions from an initial state.
    pub depth: u64,
    /// Bytes that the search may take, about. States that wait go to a temporary file before it ends, if the system
    /// [writes](crate::System::encode) them, and then edges.
    pub memory: u64,
    /// How long it may take.
    pub time: Option<Duration>,
}

/// States that a search can number: 32 bits, less what one batch can add before the next look at the bounds.
pub(crate) const NUMBERED: u64 = (1 << 32) - ((crate::run::BATCH as u64) << 16);

const _: () = assert!(NUMBERED >= 3 << 30 && SHARDS.is_power_of_two());

impl Default for Bounds {
    fn default() -> Self {
        Self { states: NUMBERED, depth: u64::MAX, memory: u64::MAX, time: None }
    }
}

/// Why a search did not see everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// As many states as were allowed.
    States(u64),
    /// As deep as was allowed.
    Depth(u64),
    /// As much memory as was allowed, in bytes.
    Memory(u64),
    /// As long as was allowed; a search that is resumed is allowed it again.
    Time(Duration),
    /// Somebody asked it to stop.
    Cancelled,
    /// The system itself has a limit; how many states it cut off.
    Limit(&'static str, u64),
    /// The temporary file for states that wait, or for edges, could not be written or read.
    Disk(String),
    /// It was a [hunt](crate::hunt), which looks for violations and never claims to have seen everything.
    Hunt,
}

/// What a search is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It looks for states.
    States,
    /// It looks for runs, through the states found, that keep an obligation for ever.
    Runs,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// States found.
    pub states: u64,
    /// States found and not yet expanded.
    pub queue: u64,
    /// Transitions taken.
    pub transitions: u64,
    /// Transitions from an initial state to those that are being expanded.
    pub depth: u64,
    /// Bytes that it takes in memory, about.
    pub memory: u64,
    /// How long it has taken, with what it took before it was resumed.
    pub elapsed: Duration,
    /// How long ago this process wrote its last checkpoint; none if it wrote none.
    pub checkpoint: Option<Duration>,
}

/// A safety property that is broken, and the shortest way there.
#[derive(Clone, Debug)]
pub struct Violation<S, A> {
    /// The property's bit.
    pub property: u32,
    /// Its last step breaks it; without a step, its first state does.
    pub path: Path<S, A>,
}

/// What a search has found.
#[derive(Clone, Debug)]
pub struct Report<S, A> {
    /// Distinct states; of a hunt, those that it went on from, each time that it did.
    pub states: u64,
    /// Transitions taken.
    pub transitions: u64,
    /// The longest shortest way to a state; of a hunt, the longest way that it went.
    pub depth: u64,
    /// States without a transition; those at the limit of the system are not counted.
    pub dead_ends: u64,
    /// States that were gone on from with a part of their transitions, by partial order.
    pub partial: u64,
    /// Why states were not seen; nothing if all were.
    pub stopped: Vec<Stopped>,
    /// Why runs through the states found were not all judged, if they were not: there may be lassos that are not reported.
    pub unjudged: Option<Stopped>,
    /// The most transitions out of a state.
    pub max_out_degree: u64,
    /// Bytes of what it remembers of the states at the end: the table and the ways to them, obligations and edges.
    pub memory: u64,
    /// The most bytes that it took at a look, with the states that waited in memory.
    pub peak: u64,
    /// Bytes of states that went to disk.
    pub spilled: u64,
    /// Bytes of edges between states that owe something that went to disk.
    pub spilled_edges: u64,
    /// How long its fingerprints are.
    pub bits: Bits,
    /// How often each class of actions was taken, by the class's bit.
    pub coverage: Vec<u64>,
    /// The properties whose premise was reached.
    pub reached: Properties,
    /// The obligations whose premise was reached.
    pub owed: Obligations,
    /// A shortest counterexample for each safety property that is broken; of a hunt one that need not be the shortest.
    pub violations: Vec<Violation<S, A>>,
    /// A lasso for each obligation that a fair run keeps for ever. Each is real even if the search is not complete, as
    /// every transition out of its states was seen; that there is no other needs a complete search.
    pub lassos: Vec<Lasso<S, A>>,
    /// The obligations that a run may keep for ever that is unfair to nothing but what is
    /// [held back](System::expand): of these nothing is known, unless there is a lasso.
    pub starved: Obligations,
}

impl<S, A> Report<S, A> {
    /// How probable it is that two states were taken for one, at most.
    pub fn collision_probability(&self) -> f64 {
        self.bits.collision_probability(self.states)
    }

    /// Was every reachable state seen? Then a safety property that is not broken holds.
    pub fn saw_every_state(&self) -> bool {
        self.stopped.is_empty()
    }

    /// Was every reachable state seen, and every run through them judged? Then an obligation without a lasso, and that is
    /// not starved, is met, unless another of its [family](crate::Search::one_lasso_per) has a lasso.
    pub fn is_complete(&self) -> bool {
        self.saw_every_state() && self.unjudged.is_none()
    }
}
