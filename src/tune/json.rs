//! The JSON document. Its core never changes; more may be added.

use podproof_traces::why;
use serde_json::{Value, json};

use super::{Settled, Tuned};
use crate::report::{left_out, pretty};
use crate::trial::Tried;

/// The document of one workload, ended by a line break; those of several follow one another.
pub fn render(tuned: &Tuned) -> String {
    let heading = &tuned.heading;
    pretty(&json!({
        "version": 1,
        "exit": tuned.exit(),
        "workload": heading.name,
        "replicas": { "manifest": heading.manifest_replicas, "checked": heading.checked_replicas },
        "nodes": heading.nodes,
        "stories": tuned.stories.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "properties": tuned.judged.iter().map(|property| property.name()).collect::<Vec<_>>(),
        "no-sigkill": tuned.spares_containers,
        "settings": tuned.settled.iter().map(setting).collect::<Vec<_>>(),
        "undecided": tuned.undecided,
        "patch": tuned.patch,
        "assumptions": heading.assumptions,
        "approximations": tuned.approximations,
        "left_out": left_out(heading),
        "warnings": heading.of_input(),
    }))
}

fn setting(settled: &Settled) -> Value {
    json!({
        "path": settled.parameter.path.to_string(),
        "from": settled.parameter.from,
        "to": settled.parameter.to,
        "smallest": settled.value,
        "kept": settled.kept,
        "greatest-accepted": settled.accepted,
        "monotone": !settled.is_jagged,
        "tried": settled.tried.iter().map(|(value, tried)| trial(*value, tried)).collect::<Vec<_>>(),
        "trace": settled.trace.as_ref().map(|path| path.display().to_string()),
    })
}

fn trial(value: u32, tried: &Tried) -> Value {
    match tried {
        Tried::Holds { states, kills } => {
            json!({ "value": value, "verdict": "holds", "states": states, "sigkill": kills })
        }
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
