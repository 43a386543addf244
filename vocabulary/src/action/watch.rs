//! Watches: who has a copy of the store, and the news that reaches it.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, PodId, Revision};

use super::Component;

/// A process that watches the API server and has its own, lagging copy of what it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Watcher {
    /// kube-scheduler: pods and nodes.
    Scheduler,
    /// kube-controller-manager: everything; its controllers share one copy.
    ControllerManager,
    /// The kubelet of a node: its own pods.
    Kubelet(NodeId),
    /// The kube-proxy of a node: EndpointSlices.
    Proxy(NodeId),
}

/// A watch event, or the list that follows a broken watch, reaches its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Watch {
    /// News of a pod.
    DeliverPod {
        /// Who sees it.
        to: Watcher,
        /// The pod.
        pod: PodId,
    },
    /// News of a node.
    DeliverNode {
        /// Who sees it.
        to: Watcher,
        /// The node.
        node: NodeId,
    },
    /// News of the Deployment, to the controller manager.
    DeliverDeployment,
    /// News of a ReplicaSet, to the controller manager.
    DeliverReplicaSet {
        /// Its revision.
        revision: Revision,
    },
    /// News of the PodDisruptionBudget, to the controller manager.
    DeliverBudget,
    /// News of the EndpointSlice, to the kube-proxy of a node.
    DeliverSlice {
        /// The node.
        node: NodeId,
    },
    /// A consumer whose watches broke, or that was restarted, lists everything again.
    List {
        /// Who lists.
        watcher: Watcher,
    },
}

impl Watcher {
    /// The component that watches; for the controller manager, the first of its controllers.
    pub const fn component(self) -> Component {
        match self {
            Self::Scheduler => Component::Scheduler,
            Self::ControllerManager => Component::DeploymentController,
            Self::Kubelet(_) => Component::Kubelet,
            Self::Proxy(_) => Component::KubeProxy,
        }
    }
}
