//! Steps of the controllers of kube-controller-manager, the EndpointSlice controller among them.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, PodId, Revision};

/// A step of the Deployment controller: one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deployment {
    /// The ReplicaSet of the current template is created.
    CreateReplicaSet {
        /// Its revision.
        revision: Revision,
        /// Its wanted replicas.
        replicas: u8,
    },
    /// A ReplicaSet's wanted replicas are set.
    ScaleReplicaSet {
        /// Its revision.
        revision: Revision,
        /// Its wanted replicas from now on.
        replicas: u8,
    },
    /// The condition Progressing becomes False: `progressDeadlineSeconds` ran out.
    ExceedProgressDeadline,
}

/// A step of the ReplicaSet controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReplicaSet {
    /// A sync decides how many pods to create or to delete, and records its expectations.
    PlanReplicas {
        /// The ReplicaSet.
        revision: Revision,
    },
    /// The same sync chooses one pod to delete. Nothing else happens until it has chosen all.
    ChooseVictim {
        /// The pod.
        pod: PodId,
    },
    /// One of the planned pods is created.
    CreatePod {
        /// The ReplicaSet.
        revision: Revision,
    },
    /// A planned deletion is sent.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
    /// The ReplicaSet's status is written.
    UpdateStatus {
        /// The ReplicaSet.
        revision: Revision,
    },
    /// A pod has been Ready for `minReadySeconds`.
    CountAvailable {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the node lifecycle controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NodeLifecycle {
    /// A silent node's Ready becomes Unknown.
    MarkNodeUnknown {
        /// The node.
        node: NodeId,
    },
    /// A pod of a node that became Unknown gets Ready=False.
    MarkPodNotReady {
        /// The pod.
        pod: PodId,
    },
    /// The NoSchedule taints come to mirror the node's conditions.
    TaintNoSchedule {
        /// The node.
        node: NodeId,
    },
    /// The NoExecute taint is set, swapped or removed.
    TaintNoExecute {
        /// The node.
        node: NodeId,
    },
}

/// A step of the taint eviction controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TaintEviction {
    /// A pod that does not tolerate a NoExecute taint, or no longer, is deleted.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the pod garbage collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PodGarbageCollector {
    /// A pod without a node to run it gets phase Failed.
    FailPod {
        /// The pod.
        pod: PodId,
    },
    /// It is deleted with grace period 0.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the disruption controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Disruption {
    /// The status of the PodDisruptionBudget is written.
    UpdateStatus,
    /// An evicted pod that did not go counts as healthy again.
    ForgetDisruption {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the EndpointSlice controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EndpointSlice {
    /// The slice of the Service is written.
    WriteSlice,
}
