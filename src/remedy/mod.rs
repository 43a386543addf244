//! `podproof check --remedy`: the smallest change of a manifest at which a promise that was broken holds.
//!
//! Which changes are tried, and in which order, stands in [`candidates`]; a value that can be greater or smaller is looked for by
//! halves. Each is tried by the search that has found the promise broken, in which what held before has to hold too. A bound may end
//! such a search first: then the change that is found need not be the smallest, and the report names those that may be.

mod budget;
mod candidate;
mod candidates;

use std::collections::BTreeMap;
use std::convert::Infallible;

use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::{Options, Place, Source};
use podproof_vocabulary::property::PropertySet;

use crate::arguments::CheckArguments;
use crate::edits::{Edit, Texts};
use crate::plan::Workload;
use crate::report::grouped;
use crate::search::Limits;
use crate::trial::{Broken, Trials, Tried};
use crate::tune::smallest::smallest;
use crate::verdict::{ResultRow, Verdict};
use candidate::Candidate;
use candidates::Broke;

/// What was found of a promise that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The change at which it holds, if one was found.
    pub found: Option<Found>,
    /// The changes that do not help, in words.
    pub in_vain: Vec<String>,
    /// The changes of which that is not known, smaller than the one that was found.
    pub undecided: Vec<Undecided>,
}

/// A change at which a promise holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The change in words.
    pub says: String,
    /// The change of the manifest's text.
    pub patch: String,
    /// Where what it changes stands, or what is around it.
    pub place: Option<Place>,
    /// States of the search that has proved it.
    pub states: u64,
}

/// A change whose check did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The change in words.
    pub says: String,
    /// Why.
    pub why: String,
}

impl Remedy {
    /// What a report says of it, but for the patch.
    pub fn sentences(&self, property: Property) -> Vec<String> {
        let head = match &self.found {
            Some(Found { says, states, .. }) => {
                format!(
                    "remedy: {says}; with it {property} holds (a complete search: {} states)",
                    grouped(*states)
                )
            }
            None if self.in_vain.is_empty() => "remedy: none was found".to_owned(),
            None => {
                format!("remedy: none was found; with these it is broken too: {}", self.in_vain.join("; "))
            }
        };
        let not_known = match self.found {
            Some(_) => "not known to be the smallest; undecided",
            None => "undecided",
        };
        let mut reasons: Vec<&str> = Vec::new();
        for undecided in &self.undecided {
            if !reasons.contains(&undecided.why.as_str()) {
                reasons.push(&undecided.why);
            }
        }
        let of = |why: &str| {
            let alike = self.undecided.iter().filter(|undecided| undecided.why == why);
            let says: Vec<&str> = alike.map(|undecided| undecided.says.as_str()).collect();
            format!("{not_known}: {} ({why})", says.join("; "))
        };
        std::iter::once(head).chain(reasons.into_iter().map(of)).collect()
    }

    /// All of it, for the trace that shows how the promise is broken.
    pub fn told(&self, property: Property) -> podproof_traces::Remedy {
        podproof_traces::Remedy { says: self.sentences(property), patch: self.patch().map(str::to_owned) }
    }

    /// The change as a patch, if one was found.
    pub fn patch(&self) -> Option<&str> {
        self.found.as_ref().map(|found| found.patch.as_str())
    }
}

/// The remedy of what `row` says of a workload, which is broken; `rows` are all verdicts on it. None if nothing in a manifest has to
/// do with the promise.
pub fn remedy(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    row: &ResultRow,
    rows: &[ResultRow],
    limits: Limits,
) -> Option<Remedy> {
    let trace = row.counterexample.as_ref()?.trace.clone();
    let is_kept = |other: &&ResultRow| {
        (other.story, other.timing) == (row.story, row.timing) && other.verdict == Verdict::Holds
    };
    let kept = rows.iter().filter(is_kept).map(|other| other.property);
    let judged = PropertySet::of(kept.chain([row.property]));
    let texts = Texts::new(sources, workload);
    let replicas_max = arguments.input.replicas.unwrap_or(Options::default().replicas);
    let candidates = Broke { texts, scenario: &trace.scenario, replicas_max }.candidates(row.property);
    let broken = Broken { property: row.property, story: row.story, timing: row.timing, trace };
    let world = (&arguments.input, &arguments.world);
    let trials = Trials::new(world, sources, workload, judged, limits).of_search(broken);
    let mut looking = Looking { trials, in_vain: Vec::new(), undecided: Vec::new() };
    let found = candidates.iter().find_map(|candidate| looking.settle(candidate));
    let found = found.and_then(|Settled { says, edits, states }| {
        let patch = texts.patch(&edits).ok()?;
        let place = edits.last().and_then(|edit| texts.nearest(edit));
        Some(Found { says, patch, place, states })
    });
    let Looking { in_vain, undecided, .. } = looking;
    (!candidates.is_empty()).then_some(Remedy { found, in_vain, undecided })
}

/// The trials of one promise, with what has come of them.
struct Looking<'a> {
    trials: Trials<'a>,
    in_vain: Vec<String>,
    undecided: Vec<Undecided>,
}

/// A change at which everything holds, with the states that were seen.
struct Settled {
    says: String,
    edits: Vec<Edit>,
    states: u64,
}

/// What came of one trial.
enum Came {
    Holds(u64),
    InVain,
    Undecided(String),
}

impl Looking<'_> {
    /// The change of a candidate at which everything holds.
    fn settle(&mut self, candidate: &Candidate) -> Option<Settled> {
        let Some(parameter) = &candidate.parameter else {
            let came = self.take(&candidate.edits);
            let states = self.note(candidate.says(), came)?;
            return Some(Settled { says: candidate.says(), edits: candidate.edits.clone(), states });
        };
        let with = |value: u32| [&candidate.edits[..], &[parameter.edit(value)]].concat();
        let says = |value: u32| format!("{} of {}", candidate.says(), parameter.value(value));
        let mut tried: BTreeMap<u32, Came> = BTreeMap::new();
        let holds = |value: u32| {
            let came = tried.entry(value).or_insert_with(|| self.take(&with(value)));
            Ok::<bool, Infallible>(matches!(came, Came::Holds(_)))
        };
        let Ok(found) = smallest(parameter.from, parameter.to, holds);
        // What does not hold at its greatest value is named without one.
        let Some(value) = found.value else {
            let came = tried.remove(&parameter.to).unwrap_or(Came::InVain);
            self.note(candidate.says(), came);
            return None;
        };
        let mut states = None;
        for (smaller, came) in tried.into_iter().filter(|(other, _)| *other <= value) {
            match came {
                Came::Holds(seen) if smaller == value => states = Some(seen),
                Came::Undecided(why) => self.undecided.push(Undecided { says: says(smaller), why }),
                Came::Holds(_) | Came::InVain => {}
            }
        }
        states.map(|states| Settled { says: says(value), edits: with(value), states })
    }

    fn take(&mut self, edits: &[Edit]) -> Came {
        match self.trials.run(edits) {
            Ok(Tried::Holds { states, .. }) => Came::Holds(states),
            Ok(Tried::Broken(_) | Tried::Refused(_)) => Came::InVain,
            Ok(Tried::Undecided(why)) | Err(why) => Came::Undecided(why),
        }
    }

    /// The states of a trial in which everything holds; of any other it is noted what it is.
    fn note(&mut self, says: String, came: Came) -> Option<u64> {
        match came {
            Came::Holds(states) => return Some(states),
            Came::InVain => self.in_vain.push(says),
            Came::Undecided(why) => self.undecided.push(Undecided { says, why }),
        }
        None
    }
}
