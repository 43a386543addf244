//! Adoption: a ReplicaSet makes pods its own that its selector selects and that nobody controls, and deletes what is too many then.
//!
//! Source: S28 `pkg/controller/controller_ref_manager.go` `ClaimPods`. The model leaves it out, and verdicts rest on that.

use super::Warning;
use super::selector::selects;
use super::workload::Parsed;

/// The row of what is left out.
pub const ADOPTION: &str = "adoption of pods that nobody controls";

/// Who adopts `own`, or is adopted by it.
pub fn of(own: &Parsed<'_>, workloads: &[Parsed<'_>]) -> Vec<Warning> {
    let place = || Some(own.object.place(own.object.tree.mark));
    let says = |set: &Parsed<'_>, pod: &Parsed<'_>| {
        format!(
            "{} adopts {}, which its selector selects and nobody controls, and deletes what is too many then: that is not modelled",
            set.object.title(),
            pod.object.title()
        )
    };
    let others = workloads.iter().filter(|other| !std::ptr::eq(*other, own));
    let sentences = others.filter_map(|other| match (adopts(other, own), adopts(own, other)) {
        (true, _) => Some(says(other, own)),
        (_, true) => Some(says(own, other)),
        _ => None,
    });
    sentences.map(|says| Warning { place: place(), says }).collect()
}

fn adopts(set: &Parsed<'_>, pod: &Parsed<'_>) -> bool {
    let is_selected = || {
        let (selector, labels) = (set.adopts.as_ref()?, pod.orphan.as_ref()?);
        Some(selects(selector, labels))
    };
    set.object.namespace == pod.object.namespace && is_selected() == Some(true)
}
