//! `kubectl drain`: cordon, list once, evict each pod through the eviction API (DRN-1 to DRN-6, G33
//! `kubectl/pkg/drain`). Pods bound after the list are missed (DRN-6). A client that evicts one pod is a drain of which
//! only that pod is listed, whatever its node (EVI-1 to EVI-7).

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Drain};

use crate::api_server::eviction::{self, Answer};
use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};

/// The parts whose candidates are its: while evictions go on every step touches everything.
pub const PARTS: Parts = Parts::of(&[Part::Others]);

/// The steps that evictions can take.
pub fn candidates(cluster: &Cluster<'_>, _scope: Scope, out: &mut Vec<Action>) {
    if !cluster.shared.control_plane.evicts() {
        return;
    }
    if cluster.shared.control_plane.drain_must_list() {
        out.push(Action::Drain(Drain::ListPods));
    }
    for pod in cluster.used_pods() {
        let head = cluster.pod(pod).head;
        let overtaken = head.eviction_granted() && is_overtaken(cluster, pod);
        // DRN-3: a refused eviction is asked for again and again.
        if (head.drain_listed() || overtaken) && eviction::ask(cluster, pod) != Answer::Refused {
            out.push(Action::Drain(Drain::EvictPod { pod }));
        }
        if head.eviction_granted() && !overtaken {
            out.push(Action::Drain(Drain::DeletePod { pod }));
        }
    }
}

/// EVI-1, EVI-3: the deletion of a pod that was free to go carries its resource version. If the pod has come to be one
/// that the budget rules over, it fails, and the eviction is judged anew.
fn is_overtaken(cluster: &Cluster<'_>, pod: PodId) -> bool {
    !cluster.pod(pod).head.disrupted() && eviction::ask(cluster, pod) != Answer::Free
}

/// Takes a step of the drain.
pub fn apply(cluster: &mut Cluster<'_>, step: Drain) {
    match step {
        Drain::ListPods => {
            let node = cluster.shared.control_plane.draining();
            for pod in cluster.pod_ids() {
                let object = cluster.pod(pod).api;
                if object.exists() && object.node() == node {
                    cluster.pod_mut(pod).head.set_drain_listed(true);
                }
            }
            cluster.shared.control_plane.set_drain_must_list(false);
        }
        Drain::EvictPod { pod } => eviction::grant(cluster, pod),
        // EVI-6
        Drain::DeletePod { pod } => {
            cluster.pod_mut(pod).head.set_eviction_granted(false);
            pods::delete(cluster, pod, Grace::Own);
        }
    }
}

/// A client wants a pod evicted, and asks again while the budget refuses (EVI-4, EVI-7).
pub fn list_pod(cluster: &mut Cluster<'_>, pod: PodId) {
    cluster.pod_mut(pod).head.set_drain_listed(true);
    cluster.shared.control_plane.set_evicting(true);
}

/// The eviction of a pod that is already deleting changes nothing (EVI-1, DEL-9) and is taken as done; with nothing left to
/// evict a drain, and the client of a single pod, is done.
pub fn settle(cluster: &mut Cluster<'_>) {
    let control = cluster.shared.control_plane;
    if !control.evicts() {
        return;
    }
    for column in cluster.pods.iter_mut().filter(|column| column.api.is_deleting()) {
        column.head.set_drain_listed(false);
        column.head.set_eviction_granted(false);
    }
    let busy = cluster.pods.iter().any(|column| column.head.drain_listed() || column.head.eviction_granted());
    if !busy {
        let control = &mut cluster.shared.control_plane;
        control.set_evicting(false);
        if !control.drain_must_list() {
            control.set_draining(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::{Disruption, Environment, Kubelet, Watch};
    use podproof_vocabulary::event::EventName;
    use podproof_vocabulary::observation::{Deletion, Phase};
    use podproof_vocabulary::scenario::{BudgetAsk, DisruptionBudget, IntOrPercent, Scenario};

    use super::*;
    use crate::test_cluster::{N0, P0, P1, TestCluster, allow};

    fn budget(scenario: &mut Scenario) {
        let ask = BudgetAsk::MinAvailable(IntOrPercent::Int(1));
        scenario.budgets = vec![DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy: false }];
        allow(scenario, EventName::DrainNode, 1);
    }

    fn draining(replicas: u8, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
        let mut cluster = TestCluster::running(replicas, 2, |s| {
            allow(s, EventName::DrainNode, 1);
            tweak(s);
        });
        cluster.take(Environment::DrainNode { node: N0 });
        cluster
    }

    fn is_drain(action: &Action) -> bool {
        matches!(action, Action::Drain(_))
    }

    /// DRN-1, DRN-2.
    #[test]
    fn a_drain_cordons_first_and_then_evicts() {
        let mut cluster = draining(1, |_| {});
        assert!(cluster.seen().nodes[0].unschedulable);
        cluster.take(Drain::ListPods);
        cluster.take(Drain::EvictPod { pod: P0 });
        assert_eq!(cluster.pod(P0).deletion, Deletion::None);
        cluster.take(Drain::DeletePod { pod: P0 });
        assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful, "with the pod's own grace (EVI-6)");
    }

    /// DRN-6.
    #[test]
    fn a_pod_that_is_bound_after_the_list_is_missed() {
        let mut cluster = draining(1, |_| {});
        cluster.take(Drain::ListPods);
        cluster.change(|cluster| {
            let late = pods::create(cluster, podproof_vocabulary::Revision(0)).unwrap();
            crate::api_server::binding::bind(cluster, late, N0);
        });
        assert!(!cluster.can(Drain::EvictPod { pod: P1 }));
        cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
        assert_eq!(cluster.pod(P1).node, Some(N0));
        assert!(!cluster.any(is_drain), "the drain is over");
    }

    /// DRN-3, EVI-4; as the recording of evictions under a budget shows: 201, 429, 429, 201.
    #[test]
    fn the_second_eviction_waits_until_the_replacement_is_ready_and_counted() {
        let mut cluster = draining(2, budget);
        assert_eq!([cluster.pod(P0).node, cluster.pod(P1).node], [Some(N0); 2]);
        cluster.take(Drain::ListPods);
        cluster.take(Drain::EvictPod { pod: P0 });
        assert!(!cluster.can(Drain::EvictPod { pod: P1 }), "429");
        let counts = |action: &Action| matches!(action, Action::Disruption(_));
        let evicts = |action: &Action| *action == Action::Drain(Drain::EvictPod { pod: P1 });
        cluster.settle_but(|action| counts(action) || evicts(action));
        let ready = cluster.seen().slots.iter().filter(|slot| slot.pod.is_some_and(|pod| pod.ready)).count();
        assert_eq!(ready, 2, "the replacement is ready");
        assert!(!cluster.can(Drain::EvictPod { pod: P1 }), "429: the status is old");
        cluster.take(Disruption::UpdateStatus);
        cluster.take(Drain::EvictPod { pod: P1 });
        cluster.settle();
        assert!(!cluster.any(is_drain));
    }

    /// EVI-1: the deletion of a Pending pod is guarded by its resource version.
    #[test]
    fn a_pod_that_became_ready_after_a_free_grant_is_judged_anew() {
        let mut cluster = TestCluster::running(1, 2, budget);
        cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Pending));
        cluster.take(Environment::DrainNode { node: N0 });
        cluster.take(Drain::ListPods);
        cluster.take(Drain::EvictPod { pod: P0 });
        assert!(cluster.can(Drain::DeletePod { pod: P0 }));
        cluster.take(Kubelet::ReportStatus { pod: P0 });
        assert_eq!(cluster.pod(P0).phase, Phase::Running);
        assert!(!cluster.any(is_drain), "the budget refuses");
        cluster.change(|cluster| cluster.shared.budget.set_allowed(1));
        cluster.take(Drain::EvictPod { pod: P0 });
        assert!(cluster.look(|cluster| cluster.pod(P0).head.disrupted()));
        cluster.take(Drain::DeletePod { pod: P0 });
        assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful);
    }

    fn evicting(budget: impl FnOnce(&mut Scenario)) -> TestCluster {
        TestCluster::running(2, 1, |s| {
            allow(s, EventName::EvictPod, 2);
            budget(s);
        })
    }

    /// EVI-4, EVI-5, EVI-6, as the recording of evictions under a budget shows: 201, 429, and 201 once the budget allows it.
    #[test]
    fn a_client_evicts_one_pod_without_a_drain_as_the_budget_allows() {
        let mut cluster = evicting(budget);
        cluster.take(Environment::EvictPod { pod: P1 });
        assert!(!cluster.can(Environment::EvictPod { pod: P1 }), "it is asked for");
        assert!(!cluster.can(Drain::EvictPod { pod: P0 }) && !cluster.can(Drain::ListPods));
        assert!(!cluster.seen().nodes[0].unschedulable, "its node is not cordoned");
        cluster.take(Drain::EvictPod { pod: P1 });
        assert_eq!(cluster.seen().budget.unwrap().disruptions_allowed, 0);
        cluster.take(Environment::EvictPod { pod: P0 });
        assert!(!cluster.can(Drain::EvictPod { pod: P0 }), "429");
        cluster.take(Drain::DeletePod { pod: P1 });
        assert_eq!(cluster.pod(P1).deletion, Deletion::Graceful);
        assert!(!cluster.can(Environment::EvictPod { pod: P1 }), "a deleting pod is not evicted");
        assert!(!cluster.can(Drain::EvictPod { pod: P0 }), "429");
        let evicts = |action: &Action| *action == Action::Drain(Drain::EvictPod { pod: P0 });
        cluster.settle_until(evicts);
        assert_eq!(cluster.seen().budget.unwrap().current_healthy, 2, "the other is replaced");
        cluster.settle();
        assert!(!cluster.any(is_drain) && cluster.look(|cluster| !cluster.shared.control_plane.evicts()));
    }

    /// EVI-1, DRN-2: the API evicts any pod, also one that a drain would refuse.
    #[test]
    fn an_eviction_of_a_bare_pod_that_does_not_run_is_free() {
        let mut cluster = TestCluster::web(1, 1, |s| {
            budget(s);
            s.workload.kind = podproof_vocabulary::scenario::WorkloadKind::Pod;
            allow(s, EventName::EvictPod, 1);
        });
        cluster.take(Environment::EvictPod { pod: P0 });
        cluster.take(Drain::EvictPod { pod: P0 });
        cluster.take(Drain::DeletePod { pod: P0 });
        assert!(!cluster.exists(P0) && !cluster.any(is_drain));
    }

    /// DRN-6: what a client asked for before goes on beside a drain, and neither ends the other.
    #[test]
    fn a_drain_and_a_client_evict_beside_each_other() {
        let mut cluster = evicting(|s| allow(s, EventName::DrainNode, 1));
        cluster.take(Environment::EvictPod { pod: P1 });
        cluster.take(Environment::DrainNode { node: N0 });
        assert!(cluster.can(Drain::ListPods) && !cluster.can(Drain::EvictPod { pod: P0 }));
        cluster.take(Drain::EvictPod { pod: P1 });
        cluster.take(Drain::DeletePod { pod: P1 });
        assert!(cluster.can(Drain::ListPods), "the drain has only begun");
        cluster.take(Drain::ListPods);
        cluster.take(Drain::EvictPod { pod: P0 });
        cluster.take(Drain::DeletePod { pod: P0 });
        assert!(cluster.look(|cluster| !cluster.shared.control_plane.evicts()));
    }

    /// EVI-1, DEL-9.
    #[test]
    fn a_drain_counts_a_deleting_pod_as_done() {
        let mut cluster = draining(1, |_| {});
        cluster.take(Drain::ListPods);
        cluster.delete(P0);
        cluster
            .take(Watch::DeliverPod { to: podproof_vocabulary::action::Watcher::ControllerManager, pod: P0 });
        assert!(!cluster.any(is_drain));
        assert!(cluster.look(|cluster| cluster.shared.control_plane.draining().is_none()));
    }
}
