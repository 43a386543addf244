//! Promises about where pods run.

pub mod spelled_out;

use podproof_vocabulary::action::{Action, Scheduler};

use super::{Judgement, Step};
use crate::cluster::Cluster;
use crate::kubelet;
use crate::scheduler;
use crate::state::Worker;

use spelled_out::SpelledOut;

/// `placement-lawful`: □ (a node is chosen for a pod ⇒ it exists and passes every filter predicate in the scheduler's
/// cache) ∧ □ (on every node the admitted pods that have not stopped fit together). Premise: a node is chosen, or a pod
/// is admitted. Model-only.
///
/// The predicates are read anew from the scenario ([`spelled_out`]), not asked of the scheduler: a filter that is wrong
/// breaks the promise.
pub fn placement_lawful(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let rules = step.after.rules;
    let mut premise = false;
    if let Action::Scheduler(Scheduler::AssumePod { pod, node }) = *step.action {
        premise = true;
        let placement = scheduler::cache(step.before);
        let chosen = SpelledOut::new(&rules.scenario, &placement, step.before.revision_of(pod));
        if !chosen.is_lawful(node) {
            return Judgement::Broken;
        }
    }
    for node in step.after.node_ids() {
        let admitted = kubelet::known(step.after, node)
            .filter(|&pod| matches!(step.after.pod(pod).kubelet.worker(), Worker::Sync | Worker::Terminating))
            .count() as u64;
        premise |= admitted > 0;
        if admitted > rules.room[node.index()] {
            return Judgement::Broken;
        }
    }
    Judgement::of(premise, false)
}
