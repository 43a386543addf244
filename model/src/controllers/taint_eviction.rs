//! The taint eviction controller: pods leave nodes with NoExecute taints that they do not tolerate, or no longer.
//!
//! Source: S28 `nodelifecycle/scheduler/taint_manager.go`, M36 `pkg/controller/tainteviction/taint_eviction.go`. A
//! timer starts when the controller first sees taint and pod together, and lives in its memory (TEC-4, TEC-5). It asks
//! no budget (TEC-8).

use podproof_vocabulary::action::{Action, TaintEviction};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::{NodeId, PodId};

use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::rules::Tolerated;
use crate::state::NodeObject;

/// How long the pod may stay where the controller sees it; for ever if it sees nothing that drives it away (TEC-1 to
/// TEC-3).
pub fn tolerated(cluster: &Cluster<'_>, pod: PodId) -> Tolerated {
    let controller = cluster.pod(pod).controller;
    let view = controller.view();
    match view.node() {
        Some(node) if view.present() && !view.deleting() && node.index() < cluster.rules.nodes => {
            let tolerations = &cluster.rules.tolerations;
            match cluster.node(node).controller {
                seen if seen.exists() => tolerations.on(node, seen.taints()),
                _ if controller.timer_left() => tolerations.on(node, controller.timer_taints()),
                _ => Tolerated::Always,
            }
        }
        _ => Tolerated::Always,
    }
}

/// News of a node's object, before they reach the copy. Of a node that goes the controller forgets the taints and cancels no timer:
/// the pods that it was about to delete are deleted all the same (S28 `handleNodeUpdate`). A node that is there again it looks at
/// anew, with its pods (TEC-1, TEC-4).
pub fn observe_node(cluster: &mut Cluster<'_>, node: NodeId, object: NodeObject) {
    let before = cluster.node(node).controller;
    if before.exists() == object.exists() || cluster.has_mutant(Mutant::TaintEvictionNeverFires) {
        return;
    }
    for pod in cluster.pod_ids() {
        if cluster.pod(pod).controller.view().node() == Some(node) {
            let is_left = before.exists() && tolerated(cluster, pod) != Tolerated::Always;
            let taints = if is_left { before.taints() } else { TaintsSeen::default() };
            let controller = &mut cluster.pod_mut(pod).controller;
            controller.set_timer_left(is_left);
            controller.set_timer_taints(taints);
        }
    }
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    if cluster.has_mutant(Mutant::TaintEvictionNeverFires) {
        return;
    }
    for pod in cluster.used_pods() {
        // A DELETE of a pod that is already deleting changes nothing (DEL-9).
        let object = cluster.pod(pod).api;
        if object.exists() && !object.is_deleting() && tolerated(cluster, pod) != Tolerated::Always {
            out.push(Action::TaintEviction(TaintEviction::DeletePod { pod }));
        }
    }
}

/// TEC-7, TEC-9: DELETE by name, with the pod's own grace period.
pub fn apply(cluster: &mut Cluster<'_>, step: TaintEviction) {
    let TaintEviction::DeletePod { pod } = step;
    pods::delete(cluster, pod, Grace::Own);
}
