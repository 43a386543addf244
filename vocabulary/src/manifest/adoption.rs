//! Adoption: a ReplicaSet makes pods its own that its selector selects and that nobody controls, and a Deployment such ReplicaSets; what is
//! too many then is deleted.
//!
//! Source: S28 `pkg/controller/controller_ref_manager.go` `ClaimPods`, `ClaimReplicaSets`. The model leaves it out, and verdicts rest on that.

use super::Warning;
use super::selector::selects;
use super::workload::Parsed;
use crate::scenario::WorkloadKind;

/// The row of what is left out.
pub const ADOPTION: &str = "adoption of what nobody controls";

/// Who adopts `own`, or is adopted by it.
pub fn of(own: &Parsed<'_>, workloads: &[Parsed<'_>]) -> Vec<Warning> {
    let place = || Some(own.object.place(own.object.tree.mark));
    let says = |owner: &Parsed<'_>, orphan: &Parsed<'_>| {
        let then = match owner.workload.kind {
            WorkloadKind::Deployment => "scales it to 0 if its template is another",
            _ => "deletes what is too many then",
        };
        format!(
            "{} adopts {}, which its selector selects and nobody controls, and {then}: that is not modelled",
            owner.object.title(),
            orphan.object.title()
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

fn adopts(owner: &Parsed<'_>, orphan: &Parsed<'_>) -> bool {
    let is_kind = matches!(
        (owner.workload.kind, orphan.workload.kind),
        (WorkloadKind::ReplicaSet, WorkloadKind::Pod) | (WorkloadKind::Deployment, WorkloadKind::ReplicaSet)
    );
    let is_selected = || {
        let (selector, labels) = (owner.selector.as_ref()?, orphan.orphan.as_ref()?);
        Some(selects(selector, labels))
    };
    is_kind && owner.object.namespace == orphan.object.namespace && is_selected() == Some(true)
}
