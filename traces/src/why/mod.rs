//! What the end of a trace has to do with its property, in concrete terms: which node, which pod, which container.

mod fallback;
mod pod;
mod progress;
mod race;
mod refusals;
mod rules;
mod safety;
#[cfg(test)]
mod tests;
mod workload;

pub(crate) use fallback::advice;
pub use fallback::falls_back;
pub(crate) use progress::{obligation, pending};
pub use refusals::unschedulable;
pub(crate) use safety::safety;

use crate::names::Names;
use crate::standing::Standing;
use crate::trace::{Kind, Trace};
use crate::walk::World;

/// What the end of `trace` has to do with its property, in a line; empty if the model of today does not take its steps.
pub fn why(trace: &Trace) -> String {
    reasons(trace).unwrap_or_default().join("; ")
}

/// The same, a sentence each; none if the model of today does not take its steps, or if its last step breaks nothing.
pub fn reasons(trace: &Trace) -> Option<Vec<String>> {
    let world = World::new(trace.scenario.clone()).ok()?;
    let mut walk = world.begin(trace.observed_proxy)?;
    let mut names = Names::of(trace);
    for step in &trace.stem {
        if !walk.enables(&step.action) {
            return None;
        }
        walk.step(&step.action, trace.followed);
        names.see(&step.changed);
    }
    match (trace.kind, trace.property, trace.obligation, trace.stem.last()) {
        (Kind::Safety, Some(property), _, Some(last)) if walk.judged.broken.contains(property) => {
            Some(safety(&world, &walk, &last.action, &names, property))
        }
        (Kind::Lasso, _, Some(bit), _) if Standing::of(trace).is_broken() => {
            Some(pending(trace, &world, bit))
        }
        _ => None,
    }
}
