//! What the API asks of the rules of nodes, spelled out without asking the EndpointSlice controller: a controller that is
//! wrong must not say what is right.

use podproof_vocabulary::PodId;

use crate::cluster::Cluster;
use crate::state::Endpoint;

/// The entry of a pod that the rules of each node come to have, by what the API server says of the pod and of its node: none
/// without an address, in a terminal phase (EPS-4), without its Node object (EPS-5) or, before 1.22, while it is being deleted
/// (EPS-4) and its Service does not publish what is not ready; else serving as it is Ready (EPS-1), terminating as it is being
/// deleted (EPS-2), and ready if both say so, or if the Service wants it whatever they say (EPS-3).
pub fn asked_for(cluster: &Cluster<'_>, pod: PodId) -> Endpoint {
    let Some(service) = &cluster.rules.scenario.service else { return Endpoint::new() };
    let object = cluster.pod(pod).api;
    let has_node = |index: usize| index < cluster.rules.nodes && cluster.nodes[index].api.exists();
    let is_left_out = !object.exists()
        || object.phase().is_terminal()
        || object.address().is_none()
        || (object.is_deleting()
            && !cluster.rules.scenario.release.keeps_terminating_endpoints()
            && !service.publish_not_ready_addresses)
        || !(service.publish_not_ready_addresses || object.node().is_some_and(|node| has_node(node.index())));
    if is_left_out {
        return Endpoint::new();
    }
    let ready = service.publish_not_ready_addresses || (object.ready() && !object.is_deleting());
    // EPS-6: before 1.22 a slice tells ready alone.
    let tells_more = cluster.rules.scenario.release.keeps_terminating_endpoints();
    Endpoint::new()
        .with_address(object.address())
        .with_serving(if tells_more { object.ready() } else { ready })
        .with_terminating(tells_more && object.is_deleting())
        .with_ready(ready)
}
