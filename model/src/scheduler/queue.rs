//! What news do to the scheduler's cache and to its unschedulable pods.
//!
//! A parked pod is moved by the events that a plugin which rejected it has registered (SCH-8, SCH-11; S28
//! `plugins/*/EventsToRegister`, `internal/queue/scheduling_queue.go`). Queueing hints within an event are left out:
//! every event of a registered kind wakes.

use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{NodeId, PodId};

use super::filters::{Filter, FilterSet};
use crate::cluster::Cluster;
use crate::state::{NodeObject, SchedulerPod, SchedulerView};

const POD_GONE: FilterSet = FilterSet::of(&[
    Filter::NodeResourcesFit,
    Filter::NodePorts,
    Filter::InterPodAffinity,
    Filter::PodTopologySpread,
]);
const POD_CHANGED: FilterSet = FilterSet::of(&[Filter::InterPodAffinity, Filter::PodTopologySpread]);
const NODE_TAINTS_CHANGED: FilterSet =
    FilterSet::of(&[Filter::NodeUnschedulable, Filter::TaintToleration, Filter::PodTopologySpread]);

const NODE_LABELS_CHANGED: FilterSet =
    FilterSet::of(&[Filter::NodeAffinity, Filter::InterPodAffinity, Filter::PodTopologySpread]);
/// M36 `eventhandlers.go` `deleteNodeFromCache`: one domain fewer may mend a skew. In older releases (S28) it wakes nobody, and such a pod
/// waits for the flush.
const NODE_GONE: FilterSet = FilterSet::of(&[Filter::PodTopologySpread]);

/// An event moves the parked pods that a filter of `interested` rejected.
fn wake(cluster: &mut Cluster<'_>, interested: FilterSet) {
    if cluster.has_mutant(Mutant::SchedulerNeverWakes) {
        return;
    }
    for column in cluster.pods.iter_mut() {
        if column.scheduler.rejected_by() & interested.0 != 0 {
            column.scheduler.set_rejected_by(0);
        }
    }
}

/// SCH-6: an assumed pod that will not be bound is forgotten, and others are moved as if a pod of that node was deleted.
pub(super) fn forget(cluster: &mut Cluster<'_>, pod: PodId) {
    cluster.pod_mut(pod).scheduler.set_assumed(None);
    wake(cluster, POD_GONE);
}

/// News of a pod.
pub fn observe_pod(cluster: &mut Cluster<'_>, pod: PodId, view: SchedulerView) {
    let before = cluster.pod(pod).scheduler;
    let held = before.assumed().or(before.view().node());
    if !view.present() {
        // Deleted, or filtered out because it is terminal (SCH-1).
        cluster.pod_mut(pod).scheduler = SchedulerPod::new();
        if held.is_some() {
            wake(cluster, POD_GONE);
        }
        return;
    }
    let scheduler = &mut cluster.pod_mut(pod).scheduler;
    scheduler.set_view(view);
    scheduler.set_refused(false);
    if view.node().is_some() {
        // SCH-5: confirmed, on whichever node.
        *scheduler = SchedulerPod::new().with_view(view);
        if before.view().node().is_none() || before.view().deleting() != view.deleting() {
            wake(cluster, POD_CHANGED);
        }
    } else if view.deleting() {
        // SCH-2: never bound any more.
        *scheduler = SchedulerPod::new().with_view(view);
        if held.is_some() {
            wake(cluster, POD_GONE);
        }
    }
}

/// News of a node.
pub fn observe_node(cluster: &mut Cluster<'_>, node: NodeId, object: NodeObject) {
    let before = std::mem::replace(&mut cluster.node_mut(node).scheduler, object);
    if !before.exists() {
        // A list says nothing of nodes that are not there.
        if object.exists() {
            wake(cluster, FilterSet::ALL);
        }
        return;
    }
    if !object.exists() {
        wake(cluster, NODE_GONE);
        return;
    }
    if before.relabelled() != object.relabelled() {
        wake(cluster, NODE_LABELS_CHANGED);
    }
    if before.with_relabelled(object.relabelled()) != object {
        wake(cluster, NODE_TAINTS_CHANGED);
    }
}
