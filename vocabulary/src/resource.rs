//! What steps read and write: the parts of a cluster, each in one place.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, PodId, Revision};

/// A part of a state that steps read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// What belongs to no single component: drain list, grant, entry in the budget, reused address.
    Head(PodId),
    /// A pod's object in the store.
    Object(PodId),
    /// What the scheduler knows of a pod.
    Scheduler(PodId),
    /// What the controller manager knows of a pod.
    Controller(PodId),
    /// What the kubelet knows of a pod, its sandbox and its containers.
    Kubelet(PodId),
    /// A pod's entry in the slice.
    Slice(PodId),
    /// A pod's entry as the kube-proxy of a node sees it and has programmed it.
    Rules(NodeId, PodId),
    /// A Node object in the store.
    Node(NodeId),
    /// The scheduler's copy of it.
    SchedulerNode(NodeId),
    /// The controller manager's copy of it.
    ControllerNode(NodeId),
    /// The machine and its processes.
    Machine(NodeId),
    /// The Deployment in the store.
    Deployment,
    /// The controller manager's copy of it.
    DeploymentCopy,
    /// A ReplicaSet: object, copy and plans.
    ReplicaSet(Revision),
    /// A sync is choosing, and nothing else is possible.
    Choosing,
    /// The budget.
    Budget,
    /// The processes of the control plane, the drain, the story, and that nothing has run out.
    ControlPlane,
    /// How often events may still happen.
    Events,
}

impl Resource {
    /// The pod that it is a part of, if it is one of a pod.
    pub const fn pod(self) -> Option<PodId> {
        match self {
            Self::Head(pod)
            | Self::Object(pod)
            | Self::Scheduler(pod)
            | Self::Controller(pod)
            | Self::Kubelet(pod)
            | Self::Slice(pod)
            | Self::Rules(_, pod) => Some(pod),
            _ => None,
        }
    }
}
