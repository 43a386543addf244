//! The taint eviction controller: pods leave nodes with NoExecute taints that they do not tolerate, or no longer.
//!
//! Source: S28 `nodelifecycle/scheduler/taint_manager.go`, M36 `pkg/controller/tainteviction/taint_eviction.go`. A
//! timer starts when the controller first sees taint and pod together, and lives in its memory (TEC-4, TEC-5). It asks
//! no budget (TEC-8).

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, TaintEviction};
use podproof_vocabulary::mutant::Mutant;

use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::rules::Tolerated;

/// How long the pod may stay where the controller sees it; for ever if it sees nothing that drives it away (TEC-1 to
/// TEC-3).
pub fn tolerated(cluster: &Cluster<'_>, pod: PodId) -> Tolerated {
    let view = cluster.pod(pod).controller.view();
    match view.node() {
        Some(node) if view.present() && !view.deleting() && node.index() < cluster.rules.nodes => {
            match cluster.node(node).controller {
                seen if seen.exists() => cluster.rules.tolerations.on(node, seen.taints()),
                // It forgets the taints of a node that is not there (S28 `handleNodeUpdate`).
                _ => Tolerated::Always,
            }
        }
        _ => Tolerated::Always,
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
