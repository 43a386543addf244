//! What the network plugin of a node does with the addresses of its pods: one that CNI DEL has freed (SBX-4) goes to another pod (F-12).

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Container as ContainerStep};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Address;

use crate::cluster::Cluster;
use crate::state::{ProxyPod, Worker};

/// What the network plugin of the pod's node does with its address, also when the kubelet has forgotten the pod. A node
/// without power gives no address away, and no other node has it to give (each has a range of its own).
pub fn candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    let node = cluster.pod(pod).head.node().filter(|node| node.index() < cluster.rules.nodes);
    if node.is_some_and(|node| cluster.node(node).machine.powered()) && may_lose_address(cluster, pod) {
        out.push(Action::Container(ContainerStep::ReuseAddress { pod }));
    }
}

/// F-12: CNI gives an address that was freed to the neighbour's new pod. It matters only while somebody still routes
/// to it; and an address that its sandbox still holds would matter always.
fn may_lose_address(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let is_held = |address| column.kubelet.address() == Some(address);
    cluster.rules.has_proxies()
        && !cluster.shared.control_plane.neighbour_moved()
        && freed_address(cluster, pod).is_some_and(|address| {
            (cluster.rules.scenario.addresses_are_reused || is_held(address))
                && (cluster.proxies_of(pod).iter().any(|proxy| {
                    proxy.rule.address() == Some(address) || proxy.view.address() == Some(address)
                }) || column.slice.address() == Some(address))
        })
}

/// The address of this slot that somebody remembers and no sandbox holds.
fn freed_address(cluster: &Cluster<'_>, pod: PodId) -> Option<Address> {
    let column = cluster.pod(pod);
    let held = column.kubelet.address();
    let freed_early =
        cluster.has_mutant(Mutant::AddressFreedEarly) && column.kubelet.worker() == Worker::Terminating;
    let is_free = |address: &Address| Some(*address) != held || freed_early;
    // Of several the lowest, whichever node it is that remembers it: nodes are alike.
    let of_proxies = |address: fn(&ProxyPod) -> Option<Address>| {
        cluster.proxies_of(pod).iter().filter_map(address).filter(is_free).min_by_key(|address| address.0)
    };
    of_proxies(|proxy| proxy.rule.address())
        .or_else(|| of_proxies(|proxy| proxy.view.address()))
        .or_else(|| column.slice.address().filter(is_free))
}

/// The neighbour's new pod gets the address.
pub fn reuse(cluster: &mut Cluster<'_>, pod: PodId) {
    let address = freed_address(cluster, pod);
    cluster.pod_mut(pod).head.set_reused_address(address);
    cluster.shared.control_plane.set_neighbour_moved(true);
}

/// An address that nobody remembers any more is no longer of interest; the neighbour may move again.
pub fn settle(cluster: &mut Cluster<'_>) {
    if !cluster.shared.control_plane.neighbour_moved() {
        return;
    }
    for pod in cluster.pod_ids() {
        let column = cluster.pod(pod);
        let reused = column.head.reused_address();
        let remembered =
            cluster.proxies_of(pod).iter().any(|p| p.rule.address() == reused || p.view.address() == reused)
                || column.slice.address() == reused;
        if reused.is_some() && !remembered {
            cluster.pod_mut(pod).head.set_reused_address(None);
            cluster.shared.control_plane.set_neighbour_moved(false);
        }
    }
}
