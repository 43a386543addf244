//! Promises of the eviction API.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, Drain};
use podproof_vocabulary::observation::{Deletion, Observe};
use podproof_vocabulary::scenario::WorkloadKind;

use super::{Judgement, Step};
use crate::controllers::disruption::expected_neighbours;

/// Pods that the budget counts as healthy, in the store.
fn healthy<O: Observe>(scenario: &podproof_vocabulary::Scenario, cluster: &O) -> u32 {
    let is_healthy = |pod| cluster.pod(pod).is_some_and(|pod| pod.ready && pod.deletion == Deletion::None);
    let own = cluster.slots_in_use().filter(|&pod| is_healthy(pod)).count();
    let neighbours = scenario.neighbours.iter().filter(|neighbour| neighbour.in_budget).count();
    (own + neighbours) as u32
}

/// `disruption-budget-kept`: □ (an eviction through the API deletes a healthy pod ⇒ the healthy pods that are left are
/// no fewer than the budget asks for). Premise: an eviction that a budget rules over deletes a pod.
pub fn disruption_budget_kept<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let (Action::Drain(Drain::DeletePod { pod }), [budget]) = (step.action, step.scenario.budgets.as_slice())
    else {
        return Judgement::Silent;
    };
    let was_healthy = step.before.pod(*pod).is_some_and(|pod| pod.ready && pod.deletion == Deletion::None);
    let of_replica_set = || step.before.replica_set(Revision(0)).map(|replica_set| replica_set.replicas);
    let wanted = step.before.deployment().map(|deployment| deployment.replicas).or_else(of_replica_set);
    let is_bare = step.scenario.workload.kind == WorkloadKind::Pod;
    // PDB-1: nobody wants a bare Pod.
    let wanted = wanted.unwrap_or(if is_bare { 0 } else { step.scenario.workload.replicas });
    let neighbours = expected_neighbours(step.scenario, budget.ask);
    let desired = budget.ask.desired_healthy(u32::from(wanted) + neighbours);
    Judgement::of(true, was_healthy && healthy(step.scenario, step.after) < desired)
}
