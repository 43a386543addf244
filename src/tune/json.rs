//! The JSON document. Its core never changes; more may be added.

use podproof_traces::why;
use podproof_vocabulary::property::PropertySet;
use serde_json::{Value, json};

use super::{Proof, Settled, TuneReport, Tuned};
use crate::report::{left_out, pretty};
use crate::trial::Tried;

/// One document, ended by a line break.
pub fn render(report: &TuneReport) -> String {
    pretty(&json!({
        "version": 1,
        "exit": report.exit(),
        "workloads": report.workloads.iter().map(workload).collect::<Vec<_>>(),
        "warnings": report.warnings,
        "errors": report.errors,
    }))
}

fn workload(tuned: &Tuned) -> Value {
    let heading = &tuned.heading;
    json!({
        "exit": tuned.exit(),
        "workload": heading.name,
        "replicas": { "manifest": heading.manifest_replicas, "checked": heading.checked_replicas },
        "release": heading.release.to_string(),
        "nodes": heading.nodes,
        "stories": tuned.stories.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "properties": names(tuned.judged),
        "no-sigkill": tuned.spares_containers,
        "premise-not-reached": match &tuned.proof {
            Proof::Holds { idle } => names(*idle),
            Proof::None | Proof::Fails(_) => Vec::new(),
        },
        "settings": tuned.settled.iter().map(|settled| setting(settled, tuned.spares_containers)).collect::<Vec<_>>(),
        "undecided": tuned.undecided,
        "together": match &tuned.proof {
            Proof::None => Value::Null,
            Proof::Holds { .. } => "holds".into(),
            Proof::Fails(how) => json!({ "fails": how }),
        },
        "patch": tuned.patch,
        "assumptions": heading.assumptions,
        "approximations": tuned.approximations,
        "left_out": left_out(heading),
        "warnings": heading.of_input(),
    })
}

fn names(properties: PropertySet) -> Vec<&'static str> {
    properties.iter().map(|property| property.name()).collect()
}

fn setting(settled: &Settled, spares: bool) -> Value {
    // What is no number stays only where nothing depends on it.
    let other = settled.parameter.other.as_ref().filter(|_| settled.is_unset);
    json!({
        "path": settled.parameter.path.to_string(),
        "from": settled.parameter.from,
        "to": settled.parameter.to,
        "smallest": settled.value,
        "kept": settled.kept.map(Value::from).or_else(|| other.cloned().map(Value::from)),
        "left-unset": settled.is_unset && other.is_none(),
        "greatest-accepted": settled.accepted,
        "monotone": is_monotone(settled),
        "undecided-below": settled.untried(),
        "tried": settled
            .tried
            .iter()
            .map(|(value, tried)| trial(*value, tried, settled.idle.get(value), spares))
            .collect::<Vec<_>>(),
        "trace": settled.trace.as_ref().map(|path| path.display().to_string()),
    })
}

/// Do all greater values hold where a smaller one does? Not known where not all were tried.
fn is_monotone(settled: &Settled) -> Option<bool> {
    let end = settled.value.unwrap_or(settled.parameter.from);
    let is_known = || (end..=settled.accepted).all(|value| settled.tried.contains_key(&value));
    match settled.is_jagged {
        true => Some(false),
        false => is_known().then_some(true),
    }
}

/// What came of a value; with `spares` it must not cost a container its life.
fn trial(value: u32, tried: &Tried, idle: Option<&PropertySet>, spares: bool) -> Value {
    match tried {
        Tried::Holds { states, kills, unended, .. } => json!({
            "value": value,
            "verdict": match () {
                () if idle.is_some() || !unended.is_empty() => "not-applicable",
                () if spares && *kills => "sigkill",
                () => "holds",
            },
            "premise-not-reached": names(idle.copied().unwrap_or_default()),
            "stories-without-end": unended.iter().map(|story| story.name()).collect::<Vec<_>>(),
            "states": states,
            "sigkill": kills,
        }),
        Tried::Broken(broken) => json!({
            "value": value,
            "verdict": "broken",
            "property": broken.property.name(),
            "story": broken.story.name(),
            "steps": broken.trace.stem.len() + broken.trace.cycle.len(),
            "why": why(&broken.trace),
        }),
        Tried::Refused(why) => json!({ "value": value, "verdict": "refused", "why": why }),
        Tried::Undecided(why) => json!({ "value": value, "verdict": "incomplete", "why": why }),
    }
}
