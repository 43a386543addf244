//! What the kubelet reports of its node: condition Ready (NOD-2, NOD-3). The lease is not an object here: it is renewed
//! exactly while the kubelet runs and is connected (NOD-4).

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::NodeReady;

use super::is_frozen;
use crate::cluster::Cluster;
use crate::controllers::node_lifecycle;

/// NOD-3: no runtime error, no network error, and a healthy PLEG, which it is not before its first relist.
fn ready(cluster: &Cluster<'_>, node: NodeId) -> NodeReady {
    let sick = is_frozen(cluster, node) || cluster.node(node).machine.cni_failed();
    if sick { NodeReady::False } else { NodeReady::True }
}

/// The steps of the kubelet for its node.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, out: &mut Vec<Action>) {
    let column = cluster.node(node);
    if column.machine.connected() && column.api.exists() && column.api.ready() != ready(cluster, node) {
        out.push(Action::Kubelet(Kubelet::ReportNodeStatus { node }));
    }
}

/// The kubelet posts the condition.
pub fn report(cluster: &mut Cluster<'_>, node: NodeId) {
    let ready = ready(cluster, node);
    node_lifecycle::update(cluster, node, |object| object.with_ready(ready));
}
