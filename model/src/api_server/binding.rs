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

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::Action;

    use super::*;
    use crate::api_server::pods::Grace;
    use crate::test_cluster::{N0, N1, P0, TestCluster};

    fn unbound(finalizer: bool) -> TestCluster {
        let mut cluster = TestCluster::web(1, 2, |s| s.workload.template.finalizer = finalizer);
        cluster.settle_but(|action| matches!(action, Action::Scheduler(_)));
        cluster
    }

    /// API-20.
    #[test]
    fn a_binding_sets_the_node() {
        let mut cluster = unbound(false);
        assert!(cluster.change(|cluster| bind(cluster, P0, N1)));
        assert_eq!(cluster.pod(P0).node, Some(N1));
    }

    /// API-20.
    #[test]
    fn a_second_binding_is_refused_even_to_the_same_node() {
        for node in [N0, N1] {
            let mut cluster = unbound(false);
            cluster.change(|cluster| bind(cluster, P0, N1));
            assert!(!cluster.change(|cluster| bind(cluster, P0, node)), "{node:?}");
            assert_eq!(cluster.pod(P0).node, Some(N1));
        }
    }

    /// API-20.
    #[test]
    fn the_binding_of_a_deleting_pod_is_refused() {
        let mut cluster = unbound(true);
        cluster.change(|cluster| pods::delete(cluster, P0, Grace::Own));
        assert!(!cluster.change(|cluster| bind(cluster, P0, N0)));
        assert_eq!(cluster.pod(P0).node, None);
    }

    /// API-20.
    #[test]
    fn the_binding_of_a_pod_that_is_gone_is_refused() {
        let mut cluster = unbound(false);
        cluster.change(|cluster| pods::delete(cluster, P0, Grace::Own));
        assert!(!cluster.change(|cluster| bind(cluster, P0, N0)));
        assert!(!cluster.exists(P0));
    }

    /// API-20.
    #[test]
    fn a_binding_does_not_ask_whether_the_node_takes_pods() {
        let mut cluster = unbound(false);
        cluster.change(|cluster| cluster.node_mut(N0).api.set_unschedulable(true));
        assert!(cluster.change(|cluster| bind(cluster, P0, N0)));
    }
}
