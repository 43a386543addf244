//! `podproof check --remedy`: the smallest change of a manifest at which a promise that was broken holds.
//!
//! Which changes are tried, and in which order, stands in [`candidates`]; a value that can be greater or smaller is looked for by
//! halves. Each is tried by the search that has found the promise broken, in which what held before has to hold too. A bound may end
//! such a search first: then the change that is found need not be the smallest, and the report names those that may be.

mod budget;
mod candidate;
mod candidates;

use std::collections::{BTreeMap, BTreeSet};
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
    /// What the change was not tried on: promises that were not decided before, and other searches.
    pub untried: Vec<String>,
    /// Why none was looked for, if none was.
    pub unsought: Option<String>,
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
    fn unsought(why: String) -> Self {
        Self {
            found: None,
            in_vain: Vec::new(),
            undecided: Vec::new(),
            untried: Vec::new(),
            unsought: Some(why),
        }
    }

    /// What a report says of it, but for the patch.
    pub fn sentences(&self, property: Property) -> Vec<String> {
        if let Some(why) = &self.unsought {
            return vec![format!("remedy: none was looked for: {why}")];
        }
        let head = match (&self.found, self.undecided.is_empty()) {
            (Some(Found { says, states, .. }), _) => {
                format!(
                    "remedy: {says}; with it {property} holds (a complete search: {} states)",
                    grouped(*states)
                )
            }
            (None, true) => "remedy: none was found".to_owned(),
            (None, false) => "remedy: none was found yet, the search for one was not finished".to_owned(),
        };
        let in_vain = match (&self.found, self.in_vain.is_empty()) {
            (None, false) => format!("; with these it is broken too: {}", self.in_vain.join("; ")),
            _ => String::new(),
        };
        let head = head + &in_vain;
        let untried = self.found.iter().filter(|_| !self.untried.is_empty());
        let untried = untried.map(|_| format!("not tried with it: {}", self.untried.join(", ")));
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
        std::iter::once(head).chain(untried).chain(reasons.into_iter().map(of)).collect()
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

/// The remedy of what `row` says of a workload, which is broken; `rows` are all verdicts on it.
pub fn remedy(
    arguments: &CheckArguments,
    sources: &[Source],
    workload: &Workload,
    row: &ResultRow,
    rows: &[ResultRow],
    limits: Limits,
) -> Option<Remedy> {
    let trace = row.counterexample.as_ref()?.trace.clone();
    if workload.place.is_none() {
        return Some(Remedy::unsought("it comes from no manifest".to_owned()));
    }
    let is_kept = |other: &&ResultRow| {
        (other.story, other.timing) == (row.story, row.timing) && other.verdict == Verdict::Holds
    };
    let kept = rows.iter().filter(is_kept).map(|other| other.property);
    let judged = PropertySet::of(kept.chain([row.property]));
    let texts = Texts::new(sources, workload);
    let replicas_max = arguments.input.replicas.unwrap_or(Options::default().replicas);
    let candidates = Broke { texts, scenario: &trace.scenario, replicas_max }.candidates(row.property);
    if candidates.is_empty() {
        let why = match trace.scenario.mutant {
            Some(mutant) => {
                format!("the wrong rule {mutant} is switched on, and no manifest is to blame for it")
            }
            None => format!("no setting of a manifest is known to help {}", row.property),
        };
        return Some(Remedy::unsought(why));
    }
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
    Some(Remedy { found, in_vain, undecided, untried: untried(row, rows), unsought: None })
}

/// What a change that helps `row` was not tried on: what its search had not decided, and the other searches.
fn untried(row: &ResultRow, rows: &[ResultRow]) -> Vec<String> {
    let search = |row: &ResultRow| (row.story, row.timing);
    let own =
        rows.iter().filter(|other| search(other) == search(row) && other.verdict == Verdict::Incomplete);
    let own = own.map(|other| other.property.name().to_owned());
    let others: BTreeSet<_> = rows.iter().map(search).filter(|other| *other != search(row)).collect();
    own.chain(others.into_iter().map(|(story, timing)| format!("story {story} {}", timing.name()))).collect()
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
    /// It cannot be made: the API server takes no such manifest.
    Refused,
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
                Came::Holds(_) | Came::InVain | Came::Refused => {}
            }
        }
        states.map(|states| Settled { says: says(value), edits: with(value), states })
    }

    fn take(&mut self, edits: &[Edit]) -> Came {
        match self.trials.run(edits) {
            Ok(Tried::Holds { states, .. }) => Came::Holds(states),
            Ok(Tried::Broken(_)) => Came::InVain,
            Ok(Tried::Refused(_)) => Came::Refused,
            Ok(Tried::Undecided(why)) | Err(why) => Came::Undecided(why),
        }
    }

    /// The states of a trial in which everything holds; of any other it is noted what it is.
    fn note(&mut self, says: String, came: Came) -> Option<u64> {
        match came {
            Came::Holds(states) => return Some(states),
            Came::InVain => self.in_vain.push(says),
            Came::Refused => {}
            Came::Undecided(why) => self.undecided.push(Undecided { says, why }),
        }
        None
    }
}
