//! What was found of a promise that is broken, in words.

use podproof_traces::is_steering;
use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::Place;
use podproof_vocabulary::property::PropertySet;

use crate::report::grouped;

/// What was found of a promise that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The change at which it holds, if one was found.
    pub found: Option<Found>,
    /// The changes that do not help, in words.
    pub in_vain: Vec<String>,
    /// Changes that cannot be made, and why.
    pub refused: Vec<Undecided>,
    /// The changes of which that is not known, smaller than the one that was found.
    pub undecided: Vec<Undecided>,
    /// What the change was not tried on: promises that were not decided before, and other searches.
    pub untried: Vec<String>,
    /// The promises that were not asked for, so that the change may break them.
    pub unasked: PropertySet,
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
    /// Of which fields smaller values were not all tried, a sentence each.
    pub smaller: Vec<String>,
}

/// A change of which it is not known what it does: its check did not come to its end, or it cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The change in words.
    pub says: String,
    /// Why.
    pub why: String,
}

impl Remedy {
    /// None was looked for: why.
    pub(crate) fn unsought(why: String) -> Self {
        Self {
            found: None,
            in_vain: Vec::new(),
            refused: Vec::new(),
            undecided: Vec::new(),
            untried: Vec::new(),
            unasked: PropertySet::NONE,
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
            (None, true) => match self.in_vain.len() {
                0 => {
                    "remedy: none was found: no change that may help can be made to this manifest as it is written"
                        .to_owned()
                }
                1 => "remedy: none was found; one change was tried".to_owned(),
                many => format!("remedy: none was found; {many} changes were tried"),
            },
            (None, false) => "remedy: none was found yet, the search for one was not finished".to_owned(),
        };
        let in_vain = match (&self.found, self.in_vain.is_empty()) {
            (None, false) => format!("; none of these helps: {}", self.in_vain.join("; ")),
            _ => String::new(),
        };
        let head = head + &in_vain;
        let untried = self.found.iter().filter(|_| !self.untried.is_empty());
        let untried = untried.map(|_| format!("not tried with it: {}", self.untried.join(", ")));
        let unasked = self.found.iter().filter(|_| !self.unasked.is_empty()).map(|_| {
            let names: Vec<&str> = self.unasked.iter().map(|property| property.name()).collect();
            format!(
                "not asked for, so that it is not known whether it breaks one: {} (without --property and --only all are judged)",
                names.join(", ")
            )
        });
        let not_known = match self.found {
            Some(_) => "not known to be the smallest; undecided",
            None => "undecided",
        };
        let refused = if self.found.is_none() { &self.refused[..] } else { &[] };
        let smaller = self.found.iter().flat_map(|found| found.smaller.iter().cloned());
        let steers = |letter: char| is_steering(letter) && !matches!(letter, '\n' | '\t' | '\r');
        let is_written_out = self.patch().is_some_and(|patch| patch.contains(steers));
        let unfit = is_written_out.then(|| {
            "letters of the text around it that would steer a terminal are written out in the patch, so that it can be read but not \
             applied"
                .to_owned()
        });
        let lines = std::iter::once(head).chain(untried).chain(unasked).chain(smaller).chain(unfit);
        lines
            .chain(by_reason("cannot be made", refused))
            .chain(by_reason(not_known, &self.undecided))
            .collect()
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

/// A line for each reason, with all changes that it is one for.
fn by_reason(what: &str, changes: &[Undecided]) -> Vec<String> {
    let mut reasons: Vec<&str> = Vec::new();
    for change in changes {
        if !reasons.contains(&change.why.as_str()) {
            reasons.push(&change.why);
        }
    }
    let line = |why: &str| {
        let alike = changes.iter().filter(|change| change.why == why);
        let says: Vec<&str> = alike.map(|change| change.says.as_str()).collect();
        format!("{what}: {} ({why})", says.join("; "))
    };
    reasons.into_iter().map(line).collect()
}
