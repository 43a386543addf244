//! The disruption controller: keeps the status of the PodDisruptionBudget.
//!
//! Source: S28 `pkg/controller/disruption/disruption.go`. It writes with the resource version of its copy, and the
//! eviction subresource writes the same status: a controller that has not seen an eviction meets a conflict and
//! computes anew (hazard `pdb-status-overwrite` is what happens if it does not).

use podproof_vocabulary::action::{Action, Disruption};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{BudgetAsk, IntOrPercent, Neighbour, Scenario, WorkloadKind};
use podproof_vocabulary::{PodId, Revision};

use crate::cluster::Cluster;
use crate::state::BudgetObject;

/// Pods that there should be (PDB-1; S28 `getExpectedPodCount`, `getExpectedScale`): where `minAvailable` is a number, as many as
/// the budget selects; else as many as their controllers want by the copy, each asked once and none of a pod that has none.
fn expected(cluster: &Cluster<'_>, ask: BudgetAsk) -> u32 {
    let present = cluster.used_pods().filter(|&pod| cluster.pod(pod).controller.view().present()).count();
    let own = match (ask, cluster.rules.scenario.workload.kind) {
        (BudgetAsk::MinAvailable(IntOrPercent::Int(_)), _) => present as u32,
        // There is no controller to ask.
        (_, WorkloadKind::Pod) => 0,
        _ if present == 0 => 0,
        (_, WorkloadKind::Deployment) => cluster.shared.deployment_view.replicas().into(),
        (_, WorkloadKind::ReplicaSet) => cluster.replica_set(Revision(0)).replicas_seen().into(),
    };
    own + expected_neighbours(&cluster.rules.scenario, ask)
}

/// Pods of other workloads that a budget expects: where `minAvailable` is a number all that it selects, else those that a controller wants.
pub fn expected_neighbours(scenario: &Scenario, ask: BudgetAsk) -> u32 {
    let counts_all = matches!(ask, BudgetAsk::MinAvailable(IntOrPercent::Int(_)));
    let is_expected = |neighbour: &&Neighbour| neighbour.in_budget && (counts_all || !neighbour.is_bare);
    scenario.neighbours.iter().filter(is_expected).count() as u32
}

fn neighbours(cluster: &Cluster<'_>) -> u32 {
    cluster.rules.scenario.neighbours.iter().filter(|neighbour| neighbour.in_budget).count() as u32
}

/// The status that the copies ask for (PDB-3, PDB-4).
fn status(cluster: &Cluster<'_>) -> Option<BudgetObject> {
    let budget = cluster.rules.scenario.budgets.first()?;
    let expected = expected(cluster, budget.ask);
    let healthy = cluster.used_pods().filter(|&pod| {
        let controller = cluster.pod(pod).controller;
        let view = controller.view();
        view.present() && view.ready() && !view.deleting() && !controller.disrupted()
    });
    let healthy = healthy.count() as u32 + neighbours(cluster);
    let desired = budget.ask.desired_healthy(expected);
    let allowed = if expected == 0 { 0 } else { healthy.saturating_sub(desired) };
    let byte = |count: u32| count.min(255) as u8;
    Some(
        BudgetObject::new()
            .with_allowed(byte(allowed))
            .with_healthy(byte(healthy))
            .with_desired(byte(desired))
            .with_written(true),
    )
}

/// Entries of `disruptedPods` that the controller would drop: pods that are gone or deleting in its copy
/// (`buildDisruptedPodMap`).
fn is_settled(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let controller = cluster.pod(pod).controller;
    controller.disrupted() && (!controller.view().present() || controller.view().deleting())
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    let Some(status) = status(cluster) else { return };
    if cluster.shared.budget.unseen() && !cluster.has_mutant(Mutant::BudgetStatusOverwritten) {
        return;
    }
    if status != cluster.shared.budget || cluster.used_pods().any(|pod| is_settled(cluster, pod)) {
        out.push(Action::Disruption(Disruption::UpdateStatus));
    }
    for pod in cluster.used_pods() {
        // C-27: an eviction that was granted and never deleted its pod.
        let column = cluster.pod(pod);
        if column.controller.disrupted()
            && !is_settled(cluster, pod)
            && !column.head.eviction_granted()
            && !column.api.is_deleting()
        {
            out.push(Action::Disruption(Disruption::ForgetDisruption { pod }));
        }
    }
}

/// Takes a step of the controller.
pub fn apply(cluster: &mut Cluster<'_>, step: Disruption) {
    match step {
        Disruption::UpdateStatus => {
            for pod in cluster.pod_ids() {
                if is_settled(cluster, pod) {
                    forget(cluster, pod);
                }
            }
            cluster.shared.budget = status(cluster).expect("only a budget has a status");
        }
        Disruption::ForgetDisruption { pod } => {
            forget(cluster, pod);
            cluster.shared.budget = status(cluster).expect("only a budget has a status");
        }
    }
}

fn forget(cluster: &mut Cluster<'_>, pod: PodId) {
    let column = cluster.pod_mut(pod);
    column.head.set_disrupted(false);
    column.controller.set_disrupted(false);
}

/// The controller manager sees the newest version of the budget.
pub fn observe_budget(cluster: &mut Cluster<'_>) {
    cluster.shared.budget.set_unseen(false);
    for column in cluster.pods.iter_mut() {
        column.controller.set_disrupted(column.head.disrupted());
    }
}
