//! Pod objects: creation, graceful deletion, removal, status.

use podproof_vocabulary::observation::{Deletion, Phase};
use podproof_vocabulary::{PodId, Revision};

use crate::cluster::Cluster;
use crate::state::PodObject;
use crate::watch;

/// How a deletion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// With the pod's own grace period.
    Own,
    /// With grace period 0.
    Zero,
}

/// The lowest slot that nobody remembers a pod in.
pub fn free_slot(cluster: &Cluster<'_>) -> Option<PodId> {
    cluster.pod_ids().find(|&pod| !cluster.used().contains(pod))
}

/// Creates a pod of `revision` (API-9: phase Pending, empty status). A template with `nodeName` bypasses the
/// scheduler (API-21). Without a free slot the state is marked and goes no further.
pub fn create(cluster: &mut Cluster<'_>, revision: Revision) -> Option<PodId> {
    let Some(pod) = free_slot(cluster) else {
        cluster.shared.control_plane.set_out_of_slots(true);
        return None;
    };
    let template = &cluster.rules.scenario.workload.template;
    let object = PodObject::new()
        .with_exists(true)
        .with_node(cluster.rules.template_node)
        .with_finalizer(template.finalizer);
    cluster.take_slot(pod);
    cluster.pod_mut(pod).head.set_revision(revision.0);
    update(cluster, pod, |_| object);
    Some(pod)
}

/// Writes a pod object; its watchers hear of what changed for them.
pub fn update(cluster: &mut Cluster<'_>, pod: PodId, change: impl FnOnce(PodObject) -> PodObject) {
    let before = cluster.pod(pod).api;
    let after = change(before);
    if before != after {
        // A write that changes nothing makes no revision and no event (API-5).
        let column = cluster.pod_mut(pod);
        column.api = after;
        if after.exists() {
            column.head.set_node(after.node());
        } else {
            column.head.set_drain_listed(false);
            column.head.set_eviction_granted(false);
        }
        watch::publish_pod(cluster, pod, before, after);
    }
}

/// DELETE of a pod by anybody but its kubelet (DEL-1 to DEL-18, G33 `apiserver/pkg/registry/rest/delete.go`
/// `BeforeDelete`, S28 `pkg/registry/core/pod/strategy.go` `CheckGracefulDelete`).
pub fn delete(cluster: &mut Cluster<'_>, pod: PodId, grace: Grace) {
    let object = cluster.pod(pod).api;
    if !object.exists() {
        return;
    }
    let own_is_zero = cluster.rules.scenario.workload.template.grace_seconds == 0;
    let zero = match (object.deletion(), grace) {
        // DEL-8: already deleting with grace 0; only a finalizer keeps it.
        (Deletion::Immediate, _) => true,
        // DEL-9: a plain DELETE of a deleting pod changes nothing, even if it has become terminal.
        (Deletion::Graceful, Grace::Own) => return,
        // DEL-11: a smaller grace period shortens the stored one.
        (Deletion::Graceful, Grace::Zero) => true,
        // DEL-2 to DEL-4: zero was asked for, or nobody runs it, or it has ended. DEL-17: the pod's own may be zero.
        (Deletion::None, grace) => {
            grace == Grace::Zero || own_is_zero || object.node().is_none() || object.phase().is_terminal()
        }
    };
    if zero {
        remove_or_wait(cluster, pod);
    } else {
        // DEL-6: the object stays; watchers see deletionTimestamp.
        update(cluster, pod, |object| object.with_deletion(Deletion::Graceful));
    }
}

/// DELETE with grace period 0 by the pod's kubelet, guarded by UID (STM-6; DEL-14 while a finalizer remains).
pub fn delete_finally(cluster: &mut Cluster<'_>, pod: PodId) {
    if cluster.pod(pod).api.exists() {
        remove_or_wait(cluster, pod);
    }
}

/// The object goes, unless a finalizer keeps it (DEL-7, DEL-12). The two writes of DEL-7 are one step here, and two events:
/// who watches sees the object with grace period 0 before it sees it gone.
fn remove_or_wait(cluster: &mut Cluster<'_>, pod: PodId) {
    update(cluster, pod, |object| object.with_deletion(Deletion::Immediate));
    if !cluster.pod(pod).api.finalizer() {
        update(cluster, pod, |_| PodObject::new());
    }
}

/// Writes a phase. The API protects no phase (API-13); that a terminal one stays is up to the writers.
pub fn set_phase(cluster: &mut Cluster<'_>, pod: PodId, phase: Phase) {
    // STM-5: a terminal phase comes with Ready=False when the kubelet writes it; podgc writes the phase alone.
    update(cluster, pod, |object| object.with_phase(phase));
}

/// Frees the slots that nobody remembers: no store entry, copy, queue, kubelet, rule or lease.
pub fn reclaim_slots(cluster: &mut Cluster<'_>) {
    for pod in cluster.used_pods() {
        let column = cluster.pod(pod);
        if column.api.exists() || column.head.held() {
            continue;
        }
        let forgotten = u32::from(column.scheduler) == 0
            && u32::from(column.controller) == 0
            && u32::from(column.kubelet) == 0
            && !column.slice.is_present()
            && !column.head.disrupted()
            && cluster
                .proxies_of(pod)
                .iter()
                .all(|proxy| !proxy.view.is_present() && !proxy.rule.is_present())
            && cluster.containers_of(pod).iter().all(|&container| u32::from(container) == 0)
            && !watch::is_pending(cluster, pod);
        if forgotten {
            cluster.free_slot(pod);
        }
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::NodeId;
    use podproof_vocabulary::action::{Action, Kubelet, ReplicaSet, Watch, Watcher};
    use podproof_vocabulary::approximation::Approximations;
    use podproof_vocabulary::observation::PodSeen;

    use super::*;
    use crate::test_cluster::{P0, TestCluster};

    fn delete_with(cluster: &mut TestCluster, grace: Grace) {
        cluster.change(|cluster| delete(cluster, P0, grace));
    }

    /// A pod that nobody has bound.
    fn unbound(finalizer: bool) -> TestCluster {
        let mut cluster = TestCluster::web(1, 1, |s| s.workload.template.finalizer = finalizer);
        cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
        cluster
    }

    /// API-9.
    #[test]
    fn a_pod_is_created_pending_and_empty() {
        let cluster = unbound(false);
        let empty = PodSeen {
            revision: Revision(0),
            node: None,
            phase: Phase::Pending,
            deletion: Deletion::None,
            finalizer: false,
            ready: false,
            address: None,
        };
        assert_eq!(cluster.pod(P0), empty);
    }

    /// API-21.
    #[test]
    fn a_template_with_node_name_bypasses_the_scheduler() {
        let mut cluster = TestCluster::web(1, 2, |s| s.workload.template.node_name = Some("node-2".into()));
        cluster.settle_until(|action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. })));
        cluster.take(ReplicaSet::CreatePod { revision: Revision(0) });
        assert_eq!(cluster.pod(P0).node, Some(NodeId(1)));
        cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
        assert!(!cluster.any(|action| matches!(action, Action::Scheduler(_))));
    }

    /// DEL-6.
    #[test]
    fn a_plain_delete_of_a_running_pod_only_marks_it() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        delete_with(&mut cluster, Grace::Own);
        assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful);
        assert_eq!(cluster.pod(P0).phase, Phase::Running);
        assert!(cluster.pod(P0).ready, "deletion does not touch Ready (CND-10)");
    }

    /// DEL-3.
    #[test]
    fn an_unscheduled_pod_goes_at_once() {
        let mut cluster = unbound(false);
        delete_with(&mut cluster, Grace::Own);
        assert!(!cluster.exists(P0));
    }

    /// DEL-4.
    #[test]
    fn a_terminal_pod_goes_at_once() {
        for phase in [Phase::Succeeded, Phase::Failed] {
            let mut cluster = TestCluster::running(1, 1, |_| {});
            cluster.change(|cluster| set_phase(cluster, P0, phase));
            delete_with(&mut cluster, Grace::Own);
            assert!(!cluster.exists(P0), "{phase:?}");
        }
    }

    /// DEL-7, DEL-18.
    #[test]
    fn a_force_delete_removes_a_running_pod_at_once() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        delete_with(&mut cluster, Grace::Zero);
        assert!(!cluster.exists(P0));
        assert!(cluster.look(|cluster| cluster.containers_of(P0)[0].is_running()), "the container lives on");
    }

    /// DEL-17.
    #[test]
    fn with_a_grace_period_of_zero_every_delete_is_a_force_delete() {
        let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.grace_seconds = 0);
        delete_with(&mut cluster, Grace::Own);
        assert!(!cluster.exists(P0));
    }

    /// DEL-9.
    #[test]
    fn a_second_plain_delete_changes_nothing_even_of_a_terminal_pod() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        delete_with(&mut cluster, Grace::Own);
        cluster.change(|cluster| set_phase(cluster, P0, Phase::Failed));
        delete_with(&mut cluster, Grace::Own);
        assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful);
    }

    /// DEL-11.
    #[test]
    fn a_smaller_grace_shortens_a_pending_deletion() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        delete_with(&mut cluster, Grace::Own);
        delete_with(&mut cluster, Grace::Zero);
        assert!(!cluster.exists(P0));
    }

    /// DEL-12, DEL-14.
    #[test]
    fn a_finalizer_keeps_the_object_whoever_deletes_it() {
        let mut cluster = unbound(true);
        delete_with(&mut cluster, Grace::Own);
        assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);

        let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.finalizer = true);
        delete_with(&mut cluster, Grace::Own);
        assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful);
        cluster.change(|cluster| delete_finally(cluster, P0));
        assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);
        delete_with(&mut cluster, Grace::Zero);
        assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);
    }

    /// STM-6.
    #[test]
    fn the_final_deletion_removes_an_object_without_finalizer() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        delete_with(&mut cluster, Grace::Own);
        cluster.change(|cluster| delete_finally(cluster, P0));
        assert!(!cluster.exists(P0));
    }

    /// API-5.
    #[test]
    fn a_write_that_changes_nothing_is_no_event() {
        let mut cluster = TestCluster::running(1, 1, |s| s.approximations = Approximations::NONE);
        let is_news = |action: &Action| matches!(action, Action::Watch(Watch::DeliverPod { .. }));
        cluster.change(|cluster| update(cluster, P0, |object| object));
        assert!(!cluster.any(is_news));
        cluster.change(|cluster| update(cluster, P0, |object| object.with_ready(false)));
        assert!(cluster.any(is_news));
    }

    #[test]
    fn a_slot_is_free_again_only_when_nobody_remembers_its_pod() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.delete(P0);
        cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::RemovePod { pod: P0 })));
        cluster.take(Kubelet::RemovePod { pod: P0 });
        let to_scheduler =
            |action: &Action| *action == Action::Watch(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
        cluster.settle_but(to_scheduler);
        assert!(!cluster.exists(P0));
        assert_ne!(cluster.look(free_slot), Some(P0), "the scheduler remembers it");
        cluster.settle();
        assert_eq!(cluster.look(free_slot), Some(P0));
    }

    #[test]
    fn without_a_free_slot_the_search_ends_there() {
        let mut cluster = TestCluster::running(1, 1, |s| s.slots = 1);
        let made = cluster.change(|cluster| create(cluster, Revision(0)));
        assert_eq!(made, None);
        assert!(cluster.look(|cluster| cluster.shared.control_plane.out_of_slots()));
        assert!(cluster.enabled().is_empty());
    }
}
