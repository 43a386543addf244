//! The EndpointSlice controller: the slice of the Service, from the controller manager's copy of the pods.
//!
//! Source: G33 `endpointslice/utils.go`, `reconciler.go`, `util/controller_utils.go`. One slice holds all endpoints (up to
//! 100 do in Kubernetes). Left out: the controller's lag on its own slices (EPS-9), retries that give up (EPS-8),
//! legacy Endpoints.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, EndpointSlice};
use podproof_vocabulary::mutant::Mutant;

use crate::cluster::Cluster;
use crate::state::{ControllerView, Endpoint};
use crate::watch;

/// The entry that a pod has, by the controller's copy of it (EPS-1 to EPS-5).
pub fn entry_of(cluster: &Cluster<'_>, view: ControllerView) -> Endpoint {
    let Some(service) = &cluster.rules.scenario.service else { return Endpoint::new() };
    let keeps_terminating = cluster.rules.scenario.release.keeps_terminating_endpoints();
    let publishes = service.publish_not_ready_addresses;
    // EPS-4; before 1.22 a deleting pod left the slice at once. EPS-5: the node's object must exist.
    let node_exists = view.node().is_some_and(|node| {
        node.index() < cluster.rules.nodes && cluster.node(node).controller.exists()
    });
    let included = view.present()
        && !view.phase().is_terminal()
        && view.address().is_some()
        && (node_exists || publishes)
        && (keeps_terminating || !view.deleting());
    if !included {
        return Endpoint::new();
    }
    let serving = view.ready();
    let terminating = view.deleting() && !cluster.has_mutant(Mutant::SliceKeepsTerminatingReady);
    Endpoint::new()
        .with_address(view.address())
        .with_ready(publishes || (serving && !terminating))
        .with_serving(serving)
        .with_terminating(view.deleting())
}

/// The slice differs from what the copy asks for in this pod's entry.
pub fn is_stale(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    entry_of(cluster, column.controller.view()) != column.slice
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    let runs = !cluster.shared.control_plane.controller_manager_down();
    if runs && cluster.rules.scenario.service.is_some() && cluster.used_pods().any(|pod| is_stale(cluster, pod)) {
        out.push(Action::EndpointSlice(EndpointSlice::WriteSlice));
    }
}

/// Writes the slice: all entries at once.
pub fn apply(cluster: &mut Cluster<'_>, step: EndpointSlice) {
    let EndpointSlice::WriteSlice = step;
    for pod in cluster.pod_ids() {
        let entry = entry_of(cluster, cluster.pod(pod).controller.view());
        cluster.pod_mut(pod).slice = entry;
    }
    watch::publish_slice(cluster);
}
