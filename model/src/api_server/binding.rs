//! The binding subresource.

use podproof_vocabulary::{NodeId, PodId};

use super::pods;
use crate::cluster::Cluster;

/// API-20 (S28 `pkg/registry/core/pod/storage/storage.go` `assignPod`): one atomic update sets `spec.nodeName`. It is
/// refused with 409 if the pod is gone, deleting or already bound. Whether the node exists, or has room, is not asked.
/// Returns whether the binding was written.
pub fn bind(cluster: &mut Cluster<'_>, pod: PodId, node: NodeId) -> bool {
    let object = cluster.pod(pod).api;
    if !object.exists() || object.is_deleting() || object.node().is_some() {
        return false;
    }
    pods::update(cluster, pod, |object| object.with_node(Some(node)));
    true
}
