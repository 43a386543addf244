//! What a check has found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use podproof_checker::fingerprint::Bits;
use podproof_traces::{Trace, Turning};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::{Place, Setting, Warning};
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Release, left_out};
use serde::{Deserialize, Serialize};

use crate::counterexamples::Manifest;
use crate::plan::Behind;
use crate::remedy::Remedy;

/// What is said of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is a counterexample.
    Broken,
    /// The search did not see everything, or a counterexample of it could not be confirmed.
    Incomplete,
    /// Everything was seen, the premise was reached, and the promise is kept.
    Holds,
    /// Everything was seen, and the premise is never reached.
    NotApplicable,
}

impl Verdict {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Incomplete => "incomplete",
            Self::Holds => "holds",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// What one search says of one promise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Finding {
    /// The promise.
    pub property: Property,
    /// The verdict.
    pub verdict: Verdict,
    /// The counterexample, if it is broken.
    #[serde(with = "crate::kept::as_written")]
    pub trace: Option<Trace>,
    /// Why it is incomplete, if more is to be said than that a bound was met.
    pub note: Option<String>,
}

/// What one search has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Outcome {
    /// Distinct states; of a hunt, those that it went on from, each time that it did.
    pub states: u64,
    /// Transitions taken.
    pub transitions: u64,
    /// The longest shortest way to a state, in moves.
    pub depth: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Why it is not complete; nothing if it is.
    pub stopped: Vec<String>,
    /// The named approximations that it used.
    pub approximations: Vec<Approximation>,
    /// A finding for each promise that it judges.
    pub findings: Vec<Finding>,
    /// What the search measured of itself; nothing by an engine that does not.
    pub measured: Option<Measured>,
}

/// What a search measures of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Measured {
    /// What it took for interchangeable: none, pods, nodes or all.
    pub symmetry: String,
    /// The most transitions out of a state.
    pub max_out_degree: u64,
    /// Bytes that it remembers of the states at its end.
    pub memory: u64,
    /// The most bytes that it took, with the states that waited in memory.
    pub peak: u64,
    /// Bytes of waiting states that went to disk.
    pub spilled: u64,
    /// Bits of a fingerprint.
    pub fingerprint_bits: u32,
    /// How often each class of steps was taken, in the order of [`CLASSES`](podproof_vocabulary::action::CLASSES).
    pub coverage: Vec<u64>,
    /// Those that the scenario has a use for and that were never taken.
    #[serde(skip)]
    pub never_taken: Vec<&'static str>,
    /// The story comes to its end on some way; none if that is not known.
    pub story_ends: Option<bool>,
    /// States from which a part of the moves was enough, by partial order; nothing if all were taken everywhere.
    pub partial: Option<u64>,
    /// The seed of a hunt; none of a search. Hunts are not kept.
    #[serde(skip)]
    pub hunt: Option<u64>,
}

impl Outcome {
    /// The seed, if it was a hunt.
    pub fn seed(&self) -> Option<u64> {
        self.measured.as_ref()?.hunt
    }

    /// About how probable it is that two states were taken for one; none by an engine that does not say how long its
    /// fingerprints are, and by a hunt, in which it matters to nothing that is said.
    pub fn collision_probability(&self) -> Option<f64> {
        let measured = self.measured.as_ref().filter(|measured| measured.hunt.is_none())?;
        let bits = if measured.fingerprint_bits == Bits::B128.count() { Bits::B128 } else { Bits::B64 };
        Some(bits.collision_probability(self.states))
    }
}

/// One search of a workload, for the report.
#[derive(Clone, Debug)]
pub struct SearchRow {
    /// The story.
    pub story: Story,
    /// The timing.
    pub timing: Timing,
    /// Whom the pods serve in it.
    pub behind: Behind,
    /// What it has found; its findings are in the results.
    pub outcome: Outcome,
}

/// The verdict on one promise in one story.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// The story.
    pub story: Story,
    /// The promise.
    pub property: Property,
    /// The timing in which it was judged.
    pub timing: Timing,
    /// It counts for the exit status.
    pub counts: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// Whom the pods serve in the search that says so.
    pub behind: Behind,
    /// Why it is incomplete, if more is to be said, and what searches of other classes of Services say.
    pub note: Option<String>,
    /// The counterexample, if it is broken.
    pub counterexample: Option<Counterexample>,
    /// What would make it hold, if it is broken and that was looked for.
    pub remedy: Option<Remedy>,
}

/// A counterexample.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// How the promise is broken.
    pub trace: Trace,
    /// Where it was written; none if it could not be.
    pub path: Option<PathBuf>,
    /// Where it could no longer be avoided; nothing where that was not searched for, or not found.
    pub turning: Turning,
}

impl Counterexample {
    /// Its small steps.
    pub fn steps(&self) -> usize {
        self.trace.stem.len() + self.trace.cycle.len()
    }
}

/// Everything about one workload.
#[derive(Clone, Debug)]
pub struct WorkloadReport {
    /// Its name, as `Deployment/web` or `scenario/rollout`.
    pub name: String,
    /// Where it stands in a file, if it comes from one.
    pub place: Option<Place>,
    /// The manifest that it was read from, if it comes from one.
    pub manifest: Option<Manifest>,
    /// Where each of its settings stands there, by the container that serves.
    pub settings: BTreeMap<u8, BTreeMap<Setting, Place>>,
    /// The replicas of its manifest.
    pub manifest_replicas: u32,
    /// The replicas that were checked.
    pub checked_replicas: u8,
    /// The Kubernetes release whose rules were checked.
    pub release: Release,
    /// Nodes that were checked, by name.
    pub nodes: Vec<String>,
    /// What the verdicts assume.
    pub assumptions: Vec<String>,
    /// What the reader should know of the input.
    pub warnings: Vec<String>,
    /// Of these, what makes a drain wait for ever, whatever the searches find.
    pub blocked_drains: Vec<Warning>,
    /// Which fields of the input are not represented, and that no verdict depends on them.
    pub unrepresented: Vec<String>,
    /// What the model leaves out that concerns it.
    pub left_out: Vec<&'static left_out::Row>,
    /// A search was planned that could not be run.
    pub is_cut: bool,
    /// Its searches.
    pub searches: Vec<SearchRow>,
    /// Its verdicts.
    pub results: Vec<ResultRow>,
}

impl WorkloadReport {
    /// All that is said of the input.
    pub fn of_input(&self) -> Vec<&str> {
        self.unrepresented.iter().chain(&self.warnings).map(String::as_str).collect()
    }

    /// States of all its searches.
    pub fn states(&self) -> u64 {
        self.searches.iter().map(|search| search.outcome.states).sum()
    }

    /// Was something searched, and are all its searches complete?
    pub fn is_complete(&self) -> bool {
        let complete = |search: &SearchRow| search.outcome.stopped.is_empty();
        !self.is_cut && !self.searches.is_empty() && self.searches.iter().all(complete)
    }

    /// Seconds of all its searches.
    pub fn seconds(&self) -> f64 {
        self.searches.iter().map(|search| search.outcome.seconds).sum()
    }
}

/// Everything that a check has found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// A section for each workload.
    pub workloads: Vec<WorkloadReport>,
    /// Warnings about the input as a whole.
    pub warnings: Vec<String>,
    /// What is wrong with the input, each once.
    pub errors: Vec<String>,
    /// What may be asked next.
    pub advice: Vec<String>,
}

impl CheckReport {
    /// The exit status.
    pub fn exit(&self) -> u8 {
        if !self.errors.is_empty() {
            return crate::exit::WRONG_INPUT;
        }
        let counting =
            || self.workloads.iter().flat_map(|workload| &workload.results).filter(|result| result.counts);
        if counting().any(|result| result.verdict == Verdict::Broken) {
            crate::exit::BROKEN
        } else if counting().any(|result| result.verdict == Verdict::Incomplete) {
            crate::exit::INCOMPLETE
        } else {
            crate::exit::HOLDS
        }
    }
}
