//! Promises about where pods run.

use podproof_vocabulary::action::{Action, Scheduler};

use super::{Judgement, Step};
use crate::cluster::Cluster;
use crate::kubelet;
use crate::scheduler;
use crate::state::Worker;

/// `placement-lawful`: □ (a node is chosen for a pod ⇒ it exists and passes every filter predicate in the scheduler's
/// cache) ∧ □ (on every node the admitted pods that have not stopped fit together). Premise: a node is chosen, or a pod
/// is admitted. Model-only.
///
/// The choice is judged, not the predicates: they are the scheduler's own. A predicate that is wrong itself is found by the case
/// `filters` of `harness/`, which holds each against brute force, and not here.
pub fn placement_lawful(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let rules = step.after.rules;
    let mut premise = false;
    if let Action::Scheduler(Scheduler::AssumePod { pod, node }) = *step.action {
        premise = true;
        let placement = scheduler::cache(step.before);
        if !rules.filters.is_feasible(&placement, step.before.revision_of(pod), node) {
            return Judgement::Broken;
        }
    }
    for node in step.after.node_ids() {
        let admitted = kubelet::known(step.after, node)
            .filter(|&pod| matches!(step.after.pod(pod).kubelet.worker(), Worker::Sync | Worker::Terminating))
            .count() as u64;
        premise |= admitted > 0;
        if admitted > rules.filters.node_resources_fit.capacity[node.index()] {
            return Judgement::Broken;
        }
    }
    Judgement::of(premise, false)
}
