//! Pod objects: creation, graceful deletion, removal, status.

use podproof_vocabulary::observation::{Deletion, Phase};
use podproof_vocabulary::{PodId, Revision};

use crate::cluster::Cluster;
use crate::state::{PodColumn, PodObject};
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
    cluster.pod_ids().find(|&pod| !cluster.pod(pod).head.used())
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
    let column = cluster.pod_mut(pod);
    debug_assert_eq!(*column, PodColumn::default(), "a free slot is all zero");
    column.head.set_used(true);
    column.head.set_revision(revision.0);
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

/// The object goes, unless a finalizer keeps it (DEL-7, DEL-12). The two writes of DEL-7 are one step here.
fn remove_or_wait(cluster: &mut Cluster<'_>, pod: PodId) {
    update(cluster, pod, |object| {
        if object.finalizer() { object.with_deletion(Deletion::Immediate) } else { PodObject::new() }
    });
}

/// Writes a phase. The API protects no phase (API-13); that a terminal one stays is up to the writers.
pub fn set_phase(cluster: &mut Cluster<'_>, pod: PodId, phase: Phase) {
    // STM-5: a terminal phase comes with Ready=False when the kubelet writes it; podgc writes the phase alone.
    update(cluster, pod, |object| object.with_phase(phase));
}

/// Frees the slots that nobody remembers: no store entry, copy, queue, kubelet, rule or lease.
pub fn reclaim_slots(cluster: &mut Cluster<'_>) {
    for pod in cluster.pod_ids() {
        let column = cluster.pod(pod);
        if !column.head.used() || column.api.exists() {
            continue;
        }
        let forgotten = u32::from(column.scheduler) == 0
            && u32::from(column.controller) == 0
            && u32::from(column.kubelet) == 0
            && !column.slice.is_present()
            && !column.head.disrupted()
            && cluster.proxies_of(pod).iter().all(|proxy| !proxy.view.is_present() && !proxy.rule.is_present())
            && cluster.containers_of(pod).iter().all(|&container| u32::from(container) == 0)
            && !watch::is_pending(cluster, pod);
        if forgotten {
            *cluster.pod_mut(pod) = PodColumn::default();
        }
    }
}
