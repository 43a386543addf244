//! What a step has written: the parts that differ between the states on both sides of it.

use super::footprint::{self, Resource};
use crate::cluster::Cluster;

/// The parts that differ between two states of one model, in their order.
pub fn written(before: &Cluster<'_>, after: &Cluster<'_>) -> Vec<Resource> {
    let differs = |resource: &Resource| differs(before, after, *resource);
    footprint::everything(before).into_iter().filter(differs).collect()
}

/// Does this part hold something else in `after`?
pub(super) fn differs(before: &Cluster<'_>, after: &Cluster<'_>, resource: Resource) -> bool {
    use Resource as R;
    match resource {
        R::Head(pod) => before.pod(pod).head != after.pod(pod).head,
        R::Object(pod) => before.pod(pod).api != after.pod(pod).api,
        R::Scheduler(pod) => before.pod(pod).scheduler != after.pod(pod).scheduler,
        R::Controller(pod) => before.pod(pod).controller != after.pod(pod).controller,
        R::Kubelet(pod) => {
            before.pod(pod).kubelet != after.pod(pod).kubelet
                || before.containers_of(pod) != after.containers_of(pod)
        }
        R::Slice(pod) => before.pod(pod).slice != after.pod(pod).slice,
        R::Rules(node, pod) => before.proxy(node, pod) != after.proxy(node, pod),
        R::Node(node) => before.node(node).api != after.node(node).api,
        R::SchedulerNode(node) => before.node(node).scheduler != after.node(node).scheduler,
        R::ControllerNode(node) => before.node(node).controller != after.node(node).controller,
        R::Machine(node) => before.node(node).machine != after.node(node).machine,
        R::Deployment => before.shared.deployment != after.shared.deployment,
        R::DeploymentCopy => before.shared.deployment_view != after.shared.deployment_view,
        R::ReplicaSet(revision) => before.replica_set(revision) != after.replica_set(revision),
        R::Choosing => footprint::is_choosing(before) != footprint::is_choosing(after),
        R::Budget => before.shared.budget != after.shared.budget,
        R::ControlPlane => before.shared.control_plane != after.shared.control_plane,
        R::Events => before.shared.events_left != after.shared.events_left,
    }
}
