//! What steps read and write, in words.

use podproof_vocabulary::Resource;

use crate::names::Names;

/// A part of a cluster, as `the endpoint of pod web-7c9f/2`.
pub fn resource(names: &Names, resource: Resource) -> String {
    use Resource as R;
    match resource {
        R::Head(pod) => format!("the eviction of {}", names.pod(pod)),
        R::Object(pod) => names.pod(pod),
        R::Scheduler(pod) => format!("the scheduler's copy of {}", names.pod(pod)),
        R::Controller(pod) => format!("the controller-manager's copy of {}", names.pod(pod)),
        R::Kubelet(pod) => format!("{} on its node", names.pod(pod)),
        R::Slice(pod) => format!("the endpoint of {}", names.pod(pod)),
        R::Rules(node, pod) => format!("the rules of {} for {}", names.node(node), names.pod(pod)),
        R::Node(node) => format!("node {}", names.node(node)),
        R::SchedulerNode(node) => format!("the scheduler's copy of node {}", names.node(node)),
        R::ControllerNode(node) => format!("the controller-manager's copy of node {}", names.node(node)),
        R::Machine(node) => format!("the machine of {}", names.node(node)),
        R::Deployment => names.deployment(),
        R::DeploymentCopy => format!("the controller-manager's copy of {}", names.deployment()),
        R::ReplicaSet(revision) => names.replica_set(revision),
        R::Choosing => "whom a sync deletes".to_owned(),
        R::Budget => names.budget(),
        R::ControlPlane => "what runs of the control plane".to_owned(),
        R::Events => "what may still happen".to_owned(),
    }
}
