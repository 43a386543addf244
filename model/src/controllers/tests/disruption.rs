//! The disruption controller: what a PodDisruptionBudget's status counts.

use podproof_vocabulary::action::{Action, Disruption, Watch, Watcher};
use podproof_vocabulary::scenario::{
    BudgetAsk, DisruptionBudget, IntOrPercent, Neighbour, Scenario, WorkloadKind,
};
use podproof_vocabulary::{PodId, Revision};

use crate::api_server::{eviction, pods};
use crate::test_cluster::{P0, P1, TestCluster, neighbour};

const UPDATE: Disruption = Disruption::UpdateStatus;
const FORGET: Disruption = Disruption::ForgetDisruption { pod: P0 };

fn budget(ask: BudgetAsk) -> impl FnOnce(&mut Scenario) {
    move |s| s.budgets = vec![DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy: false }]
}

fn min(count: u32) -> BudgetAsk {
    BudgetAsk::MinAvailable(IntOrPercent::Int(count))
}

fn news(pod: PodId) -> Watch {
    Watch::DeliverPod { to: Watcher::ControllerManager, pod }
}

/// Allowed, healthy, desired.
fn status(cluster: &TestCluster) -> (u8, u8, u8) {
    let budget = cluster.seen().budget.unwrap();
    (budget.disruptions_allowed, budget.current_healthy, budget.desired_healthy)
}

/// PDB-3, PDB-4.
#[test]
fn as_many_disruptions_are_allowed_as_healthy_pods_are_to_spare() {
    assert_eq!(status(&TestCluster::running(3, 1, budget(min(1)))), (2, 3, 1));
    assert_eq!(status(&TestCluster::running(1, 1, budget(min(2)))), (0, 1, 2));
    let percent = BudgetAsk::MaxUnavailable(IntOrPercent::Percent(34));
    assert_eq!(status(&TestCluster::running(3, 1, budget(percent))), (2, 3, 1), "rounded up (PDB-2)");
}

/// PDB-3.
#[test]
fn pods_that_are_unready_or_deleting_in_the_copy_are_not_healthy() {
    let mut cluster = TestCluster::running(3, 1, budget(min(1)));
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
    cluster.delete(P1);
    assert!(!cluster.can(UPDATE));
    cluster.take(news(P0));
    cluster.take(UPDATE);
    assert_eq!(status(&cluster), (1, 2, 1));
    cluster.take(news(P1));
    cluster.take(UPDATE);
    assert_eq!(status(&cluster), (0, 1, 1));
    assert!(!cluster.can(UPDATE));
}

/// PDB-1: what the workload wants, not how many pods there are.
#[test]
fn a_percentage_counts_the_wanted_replicas() {
    for kind in [WorkloadKind::Deployment, WorkloadKind::ReplicaSet] {
        let mut cluster = TestCluster::running(2, 1, |s| {
            s.workload.kind = kind;
            budget(BudgetAsk::MinAvailable(IntOrPercent::Percent(50)))(s);
        });
        assert_eq!(status(&cluster), (1, 2, 1));
        cluster.change(|cluster| match kind {
            WorkloadKind::Deployment => cluster.shared.deployment_view.set_replicas(4),
            _ => cluster.replica_set_mut(Revision(0)).set_replicas_seen(4),
        });
        cluster.take(UPDATE);
        assert_eq!(status(&cluster), (0, 2, 2), "{kind:?}");
    }
}

/// PDB-1 (S28 `getExpectedPodCount`): a number asks no controller, and with no pod there is no controller to ask.
#[test]
fn before_there_are_pods_nothing_is_expected() {
    let percent = BudgetAsk::MaxUnavailable(IntOrPercent::Percent(50));
    for (ask, desired) in [(min(1), 1), (percent, 0)] {
        let mut cluster = TestCluster::web(2, 1, budget(ask));
        cluster.take(Watch::DeliverBudget);
        cluster.take(UPDATE);
        assert_eq!(status(&cluster), (0, 0, desired), "{ask:?}");
    }
}

/// PDB-1, PDB-4: pods are there although none is wanted any more.
#[test]
fn a_number_is_of_the_pods_that_there_are() {
    let mut cluster = TestCluster::running(2, 1, budget(min(0)));
    cluster.change(|cluster| cluster.shared.deployment_view.set_replicas(0));
    assert!(!cluster.can(UPDATE));
    assert_eq!(status(&cluster), (2, 2, 0));
}

/// S28 `getExpectedScale`: a pod without a controller is passed over.
#[test]
fn of_a_pod_of_its_own_no_scale_is_known() {
    let cluster = TestCluster::running(1, 1, |s| {
        s.workload.kind = WorkloadKind::Pod;
        budget(BudgetAsk::MinAvailable(IntOrPercent::Percent(100)))(s);
    });
    assert_eq!(status(&cluster), (0, 1, 0));
}

/// PDB-1, PDB-3: pods of other workloads that the budget selects.
#[test]
fn neighbours_that_the_budget_selects_are_healthy() {
    let all = BudgetAsk::MinAvailable(IntOrPercent::Percent(100));
    for (ask, is_bare, in_budget, seen) in [
        (min(1), false, true, (1, 2, 1)),
        (min(1), false, false, (0, 1, 1)),
        (all, false, true, (0, 2, 2)),
        (all, true, true, (1, 2, 1)),
        (min(2), true, true, (0, 2, 2)),
    ] {
        let cluster = TestCluster::running(1, 1, |s| {
            budget(ask)(s);
            s.neighbours.push(Neighbour { is_bare, in_budget, ..neighbour() });
        });
        assert_eq!(status(&cluster), seen);
    }
}

/// API-1, and the hazard `pdb-status-overwrite`: a controller that has not seen an eviction meets a conflict.
#[test]
fn the_status_is_not_written_over_an_eviction_that_was_not_seen() {
    let mut cluster = TestCluster::running(2, 1, budget(min(1)));
    cluster.change(|cluster| eviction::grant(cluster, P0));
    cluster.change(|cluster| pods::update(cluster, P1, |object| object.with_ready(false)));
    cluster.take(news(P1));
    assert!(!cluster.can(UPDATE));
    cluster.take(Watch::DeliverBudget);
    cluster.take(UPDATE);
    assert_eq!(status(&cluster), (0, 0, 1), "the evicted pod is disrupted, the other unready");
}

/// PDB-3: an evicted pod is disrupted before its deletion is seen, and the entry goes with it.
#[test]
fn an_evicted_pod_does_not_count_as_healthy() {
    let mut cluster = TestCluster::running(3, 1, budget(min(1)));
    cluster.change(|cluster| eviction::grant(cluster, P0));
    cluster.take(Watch::DeliverBudget);
    cluster.take(UPDATE);
    assert_eq!(status(&cluster), (1, 2, 1));
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Own));
    cluster.take(news(P0));
    assert!(cluster.look(|cluster| cluster.pod(P0).head.disrupted()));
    cluster.take(UPDATE);
    assert!(cluster.look(|cluster| !cluster.pod(P0).head.disrupted()));
    assert_eq!(status(&cluster), (1, 2, 1));
}

/// EVI-5: the budget comes back when the entry times out.
#[test]
fn an_evicted_pod_that_did_not_go_counts_again_after_a_while() {
    let mut cluster = TestCluster::running(2, 1, budget(min(1)));
    cluster.change(|cluster| eviction::grant(cluster, P0));
    cluster.settle_but(|action| *action == Action::Disruption(FORGET));
    assert!(!cluster.can(FORGET), "while its deletion is under way");
    cluster.change(|cluster| cluster.pod_mut(P0).head.set_eviction_granted(false));
    assert_eq!(status(&cluster), (0, 1, 1));
    cluster.take(FORGET);
    assert_eq!(status(&cluster), (1, 2, 1));
}
