//! The pod garbage collector: pods that nobody will ever run.
//!
//! Source: S28 `pkg/controller/podgc/gc_controller.go`. PGC-2 (out-of-service taint), PGC-3 (the node does not exist)
//! and PGC-4 (deleting and never bound); the threshold of PGC-1 (12500 terminated pods) is out of reach. First the
//! phase, then the deletion: two writes (PGC-5, PGC-7).

use podproof_vocabulary::action::{Action, PodGarbageCollector};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{Deletion, NodeReady, Phase};
use podproof_vocabulary::{NodeId, PodId};

use crate::api_server::pods::{self, Grace};
use crate::cluster::Cluster;
use crate::kubelet;
use crate::scope::Scope;
use crate::state::PodObject;

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

fn is_orphan(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let view = cluster.pod(pod).controller.view();
    if !view.present() {
        return false;
    }
    match view.node() {
        // PGC-4
        None => view.deleting(),
        // PGC-3: a live read confirms that the node is not there.
        Some(node) if node.index() >= cluster.rules.nodes => true,
        Some(node) if !cluster.node(node).controller.exists() => {
            !cluster.node(node).api.exists() && !cluster.has_mutant(Mutant::PodgcLooksOnce)
        }
        // PGC-2
        Some(node) => {
            let (scenario, seen) = (&cluster.rules.scenario, cluster.node(node).controller);
            let of_event = scenario.event_taint.as_ref().filter(|_| seen.custom());
            let mut taints = scenario.nodes[node.index()].taints.iter().chain(of_event);
            scenario.release.collects_from_nodes_out_of_service()
                && view.deleting()
                && seen.ready() != NodeReady::True
                && taints.any(|taint| taint.key == OUT_OF_SERVICE)
        }
    }
}

/// Seconds between two collections (S28 `gc_controller.go` `gcCheckPeriod`; PGC-6).
pub const PERIOD: u32 = 20;

/// Is the pod one of a node that is not there? Such a node is in quarantine first (PGC-3); for other reasons nobody waits.
pub fn is_quarantined(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let node = cluster.pod(pod).controller.view().node();
    node.is_some_and(|node| node.index() >= cluster.rules.nodes || !cluster.node(node).controller.exists())
}

/// Does the collector write phase Failed, and does that change anything? It does not write if the copy says that the pod has ended
/// (PGC-5). The patch carries no version, so it writes over an end that the copy does not show yet.
fn writes_phase(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let has_ended = column.controller.view().phase().is_terminal();
    cluster.rules.scenario.release.collector_fails_pods() && !has_ended && column.api.phase() != Phase::Failed
}

/// What the mutant does when it sees that a Node object is gone: it collects the pods that it sees there now.
pub fn look_once(cluster: &mut Cluster<'_>, node: NodeId) {
    for column in cluster.pods.iter_mut() {
        let view = column.controller.view();
        if view.present() && view.node() == Some(node) {
            column.controller.set_collecting(true);
        }
    }
}

/// A pod whose object only a finalizer keeps gains nothing from another deletion.
fn gains_from_deletion(object: PodObject) -> bool {
    object.deletion() != Deletion::Immediate
}

/// The steps that the collector can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    for pod in scope.pods(cluster) {
        let column = cluster.pod(pod);
        if !column.api.exists() {
            continue;
        }
        if column.controller.collecting() {
            out.push(Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }));
        } else if scope.is_everything()
            && is_orphan(cluster, pod)
            && (gains_from_deletion(column.api) || writes_phase(cluster, pod))
        {
            out.push(Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod }));
        }
    }
}

/// Takes a step of the collector.
pub fn apply(cluster: &mut Cluster<'_>, step: PodGarbageCollector) {
    match step {
        // PGC-8: says nothing about the containers.
        PodGarbageCollector::FailPod { pod } => {
            if writes_phase(cluster, pod) {
                let before = cluster.pod(pod).api;
                pods::set_phase(cluster, pod, Phase::Failed);
                kubelet::status::remember_said(cluster, pod, before);
            }
            let deletes = gains_from_deletion(cluster.pod(pod).api);
            cluster.pod_mut(pod).controller.set_collecting(deletes);
        }
        PodGarbageCollector::DeletePod { pod } => {
            cluster.pod_mut(pod).controller.set_collecting(false);
            pods::delete(cluster, pod, Grace::Zero);
        }
    }
}
