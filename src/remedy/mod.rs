//! `podproof check --remedy`: the smallest change of a manifest at which a promise that was broken holds.
//!
//! Which changes are tried, and in which order, stands in [`candidates`]; a value that can be greater or smaller is looked for by
//! halves. Each is tried by the search that has found the promise broken, in which what held before has to hold too.

mod candidates;

use podproof_vocabulary::manifest::{Place, Source};
use podproof_vocabulary::property::PropertySet;

use crate::arguments::CheckArguments;
use crate::plan::Workload;
use crate::search::Limits;
use crate::trial::{Broken, Edit, Trials, Tried};
use crate::tune::smallest::smallest;
use crate::verdict::{ResultRow, Verdict};
use candidates::{Candidate, candidates};

/// A change at which the promise holds, or what was tried in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It holds with this change.
    Found {
        /// The change in words.
        says: String,
        /// The change of the manifest's text.
        patch: String,
        /// Where what it changes stands, or what is around it.
        place: Option<Place>,
        /// States of the search that has proved it.
        states: u64,
    },
    /// It holds with none of these.
    None(Vec<String>),
}

impl Remedy {
    /// In lines, as a report has them.
    pub fn lines(&self, row: &ResultRow) -> Vec<String> {
        match self {
            Self::Found { says, patch, states, .. } => {
                let states = crate::report::grouped(*states);
                let head = format!("remedy: {says}; with it {} holds ({states} states)", row.property);
                std::iter::once(head).chain(patch.lines().map(str::to_owned)).collect()
            }
            Self::None(tried) => vec![format!("remedy: none was found; tried: {}", tried.join("; "))],
        }
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
    let broken = Broken { property: row.property, story: row.story, timing: row.timing, trace };
    let world = (&arguments.input, &arguments.world);
    let mut trials = Trials::new(world, sources, workload, judged, limits).of_search(broken);
    let candidates = candidates(&trials, &workload.scenarios[0], row.property);
    let mut tried = Vec::new();
    for candidate in &candidates {
        tried.push(candidate.says());
        let Some((says, edits, states)) = settle(&mut trials, candidate) else { continue };
        let patch = trials.patch(&edits).ok()?;
        let place = edits.last().and_then(|edit| trials.nearest(&edit.path));
        return Some(Remedy::Found { says, patch, place, states });
    }
    (!tried.is_empty()).then_some(Remedy::None(tried))
}

/// The change of a candidate at which everything holds, in words and as edits, with the states that were seen.
fn settle(trials: &mut Trials<'_>, candidate: &Candidate) -> Option<(String, Vec<Edit>, u64)> {
    let mut states = 0;
    let mut holds = |edits: &[Edit]| match trials.run(edits) {
        Ok(Tried::Holds { states: seen, .. }) => {
            states = seen;
            true
        }
        _ => false,
    };
    match &candidate.parameter {
        None => holds(&candidate.edits).then(|| (candidate.says(), candidate.edits.clone(), states)),
        Some(parameter) => {
            let with = |value: u32| [&candidate.edits[..], &[parameter.edit(value)]].concat();
            let found =
                smallest(parameter.from, parameter.to, |value| Ok::<bool, ()>(holds(&with(value)))).ok()?;
            let value = found.value?;
            // The last that was tried need not be the smallest.
            holds(&with(value))
                .then(|| (format!("{} of {}", candidate.says(), parameter.value(value)), with(value), states))
        }
    }
}
