//! How far the news of a deletion has come on its way to a node's rules, while the kubelet went ahead.

use podproof_model::Cluster;
use podproof_vocabulary::{NodeId, PodId};

use crate::names::Names;

/// Who is behind, if the pod is being deleted and a node's rules do not say so.
pub(super) fn behind(cluster: &Cluster<'_>, names: &Names, node: NodeId, pod: PodId) -> Option<String> {
    let column = cluster.pod(pod);
    let deleting = !column.api.exists() || column.api.is_deleting();
    if !deleting || !cluster.models_proxy(node) {
        return None;
    }
    let proxy = cluster.proxy(node, pod);
    let view = column.controller.view();
    let node = names.node(node);
    let lag = if view.present() && !view.deleting() {
        "the EndpointSlice controller has not seen yet that the pod is being deleted".to_owned()
    } else if column.slice.ready() {
        "the EndpointSlice controller has not written yet that the pod is being deleted".to_owned()
    } else if proxy.view != column.slice {
        format!("kube-proxy on {node} has not seen yet that the EndpointSlice calls the pod ready no longer")
    } else if proxy.rule != proxy.view {
        format!("kube-proxy on {node} has not programmed yet what it has seen")
    } else {
        return None;
    };
    Some(format!("the kubelet was faster: {lag}"))
}
