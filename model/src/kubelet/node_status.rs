//! What the kubelet reports of its node: that there is one (NOD-5), and condition Ready (NOD-2, NOD-3). The lease is not an object here: it is renewed
//! exactly while the kubelet runs and is connected (NOD-4).

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::NodeReady;

use super::is_frozen;
use crate::cluster::Cluster;
use crate::controllers::node_lifecycle;
use crate::state::NodeObject;

/// NOD-3: no runtime error, no network error, and a healthy PLEG, which it is not before its first relist.
fn ready(cluster: &Cluster<'_>, node: NodeId) -> NodeReady {
    let sick = is_frozen(cluster, node) || cluster.node(node).machine.cni_failed();
    if sick { NodeReady::False } else { NodeReady::True }
}

/// The steps of the kubelet for its node.
pub fn candidates(cluster: &Cluster<'_>, node: NodeId, out: &mut Vec<Action>) {
    let column = cluster.node(node);
    let differs = column.api.exists() && column.api.ready() != ready(cluster, node);
    if column.machine.connected() && (differs || column.machine.must_register()) {
        out.push(Action::Kubelet(Kubelet::ReportNodeStatus { node }));
    }
}

/// The kubelet posts the condition, or first of all registers the node. What is new has no labels and taints but those that its kubelet
/// gives it, and one that keeps pods away until it has been Ready (`plugin/pkg/admission/nodetaint`, NLC-13).
pub fn report(cluster: &mut Cluster<'_>, node: NodeId) {
    let ready = ready(cluster, node);
    let registers = cluster.node(node).machine.must_register();
    cluster.node_mut(node).machine.set_must_register(false);
    node_lifecycle::update(cluster, node, |object| match registers {
        true => NodeObject::new().with_exists(true).with_ready(ready).with_not_ready_no_schedule(true),
        false => object.with_ready(ready),
    });
}
