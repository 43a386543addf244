//! kube-controller-manager: one process, whose controllers share one copy of the cluster and handle keys of their own.

pub mod deployment;
pub mod disruption;
pub mod node_lifecycle;
pub mod pod_garbage_collector;
pub mod replica_set;
pub mod taint_eviction;
#[cfg(test)]
mod tests;

use podproof_vocabulary::action::{Action, Watcher};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::endpoints;
use crate::scope::{Part, Parts, Scope};
use crate::state::{ControllerPod, ControllerView, DeploymentObject, NodeObject};
use crate::watch;

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::ReplicaSets, Part::PlannedWrites]);

/// Do the controllers run?
pub fn run(cluster: &Cluster<'_>) -> bool {
    !cluster.shared.control_plane.controller_manager_down()
}

/// The steps that the controllers can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if !run(cluster) {
        return;
    }
    if scope.is_everything() {
        deployment::candidates(cluster, out);
    }
    replica_set::candidates(cluster, scope, out);
    if !scope.asks(Part::PlannedWrites) {
        return;
    }
    node_lifecycle::candidates(cluster, scope, out);
    if scope.is_everything() {
        taint_eviction::candidates(cluster, out);
    }
    pod_garbage_collector::candidates(cluster, scope, out);
    if scope.is_everything() {
        disruption::candidates(cluster, out);
    }
}

/// News of a pod reach the shared copy, and the handlers that need no sync of their own.
pub fn observe_pod(cluster: &mut Cluster<'_>, pod: PodId, view: ControllerView) {
    let controller = &mut cluster.pod_mut(pod).controller;
    let before = controller.view();
    controller.set_view(view);
    // CTL-3: the expectation is lowered by the creation that is seen; or by news that tell of a creation and a
    // removal at once.
    controller.set_expects_creation(false);
    if !view.present() || view.deleting() {
        // CTL-3: an update that shows deletionTimestamp already counts as the deletion.
        controller.set_expects_deletion(false);
    }
    if !view.ready() || !view.is_active() {
        controller.set_available(false);
    }
    if !view.present() || view.deleting() {
        controller.set_timer_left(false);
        controller.set_timer_taints(TaintsSeen::default());
    }
    if !view.present() {
        controller.set_deletion_planned(false);
        controller.set_mark_planned(false);
        controller.set_collecting(false);
    }
    endpoints::note_news(cluster, before, view);
}

/// News of a node reach the shared copy.
pub fn observe_node(cluster: &mut Cluster<'_>, node: NodeId, object: NodeObject) {
    taint_eviction::observe_node(cluster, node, object);
    let slice_was_awaited = endpoints::is_awaited(cluster);
    let before = std::mem::replace(&mut cluster.node_mut(node).controller, object);
    if before.exists() && !object.exists() && cluster.has_mutant(Mutant::PodgcLooksOnce) {
        pod_garbage_collector::look_once(cluster, node);
    }
    endpoints::note_node(cluster, node, slice_was_awaited);
}

/// The memory of the controller manager is lost: plans, expectations, timers, copies (MOD-4). How long a pod has been Ready the object
/// itself says, in `lastTransitionTime` (RS-7): what has been so for long enough is so for the next controller manager too.
pub fn stop(cluster: &mut Cluster<'_>) {
    for column in cluster.pods.iter_mut() {
        let is_available = column.controller.available() && column.api.is_active() && column.api.ready();
        column.controller = ControllerPod::new().with_available(is_available);
    }
    for node in cluster.nodes.iter_mut() {
        node.controller = NodeObject::new();
    }
    for column in cluster.replica_sets.iter_mut() {
        *column = column.forgotten();
    }
    cluster.shared.deployment_view = DeploymentObject::new();
    watch::clear(cluster, Watcher::ControllerManager);
    cluster.shared.control_plane.set_controller_manager_down(true);
}
