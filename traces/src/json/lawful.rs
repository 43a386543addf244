//! What a trace must be beyond its types, so that the model can take its scenario.

use std::collections::BTreeSet;

use podproof_vocabulary::scenario::Beyond;
use podproof_vocabulary::scenario::limits::{NAME_MAX, check_name};

use super::tree::Tree;
use crate::trace::{Kind, Trace};

/// A field that is wrong, and what would be accepted.
type Complaint = (String, String);

/// The first field of `trace` that no search can have written.
pub(super) fn check(trace: &Trace, given: &Tree) -> Option<Complaint> {
    let of_scenario =
        trace.scenario.beyond().map(|Beyond { field, says }| (format!("scenario.{field}"), says));
    of_scenario.or_else(|| twice(given)).or_else(|| called(trace)).or_else(|| shape(trace))
}

/// Lists of the scenario that are read as sets: what stands there again would be passed over.
const SETS: [&str; 2] = ["approximations", "events"];

/// What stands again in a list that is read as a set. An event stands in a list of its own, with how often it may happen.
fn twice(given: &Tree) -> Option<Complaint> {
    let scenario = given.field("scenario")?;
    SETS.into_iter().find_map(|set| {
        let mut seen = BTreeSet::new();
        let names = scenario.field(set)?.items().iter().map(|item| match item {
            Tree::List(pair) => pair.first().and_then(Tree::text),
            item => item.text(),
        });
        let (index, name) = names
            .enumerate()
            .find_map(|(index, name)| Some((index, name.filter(|&name| !seen.insert(name))?)))?;
        complaint(format!("scenario.{set}[{index}]"), format!("'{name}' stands here twice; accepted is once"))
    })
}

/// Names that objects have of their own; an empty one is none.
fn called(trace: &Trace) -> Option<Complaint> {
    let called = trace.called.as_ref()?;
    let pods = called.pods.iter().enumerate();
    let pods = pods.map(|(index, pod)| (format!("called.pods[{index}].name"), &pod.name));
    let sets = called.replica_sets.iter().enumerate();
    let sets = sets.map(|(index, name)| (format!("called.replica-sets[{index}]"), name));
    pods.chain(sets)
        .filter(|(_, name)| !name.is_empty())
        .find_map(|(field, name)| complaint(field, check_name(name, NAME_MAX).err()?))
}

fn complaint(field: impl Into<String>, message: impl Into<String>) -> Option<Complaint> {
    Some((field.into(), message.into()))
}

fn shape(trace: &Trace) -> Option<Complaint> {
    let kind = Trace::kind_for(trace.property);
    if trace.kind != kind {
        let accepted = match kind {
            Kind::Safety => "safety",
            Kind::Lasso => "lasso",
            Kind::Path => "path",
        };
        return match trace.property {
            Some(property) => complaint(
                "kind",
                format!("{property} is broken by a trace of another kind; accepted is {accepted}"),
            ),
            None => complaint(
                "property",
                "a trace of this kind breaks a property; accepted is its name, or kind path",
            ),
        };
    }
    match trace.kind {
        Kind::Safety | Kind::Path if !trace.cycle.is_empty() => {
            complaint("cycle", "only a lasso has a cycle; accepted is []")
        }
        Kind::Safety | Kind::Path if trace.obligation.is_some() => {
            complaint("obligation", "only a lasso has an obligation; accepted is null")
        }
        Kind::Path if trace.followed.is_some() => {
            complaint("followed", "a path follows no pod; accepted is null")
        }
        _ if trace.followed.is_some_and(|followed| !has_step(trace, followed.from_step)) => complaint(
            "followed.from-step",
            format!("no step before the cycle has this number; accepted is 1 to {}", trace.stem.len()),
        ),
        Kind::Lasso if trace.obligation.is_none() => {
            complaint("obligation", "a lasso keeps an obligation pending; accepted is its number")
        }
        _ => None,
    }
}

fn has_step(trace: &Trace, number: u32) -> bool {
    (1..=trace.stem.len()).contains(&(number as usize))
}
