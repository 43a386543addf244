//! What happens to a cluster, `kubectl drain`, and processes that come back.

use serde::{Deserialize, Serialize};

use crate::ids::{ContainerId, NodeId, PodId, Revision};

use super::Watcher;

/// A step of `kubectl drain`, or of a client that evicts a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Drain {
    /// The pods of the node are listed, once.
    ListPods,
    /// An eviction is asked for and granted; the budget is spent.
    EvictPod {
        /// The pod.
        pod: PodId,
    },
    /// The granted eviction deletes its pod.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
}

/// A process that was restarted is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Process {
    /// The API server answers again.
    StartApiServer,
    /// The scheduler leads again.
    StartScheduler,
    /// The controller manager leads again.
    StartControllerManager,
    /// The kubelet of a node runs again.
    StartKubelet {
        /// The node.
        node: NodeId,
    },
}

/// The write whose outcome is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LostWrite {
    /// The ReplicaSet controller creates a pod.
    CreatePod {
        /// The ReplicaSet.
        revision: Revision,
    },
    /// The ReplicaSet controller deletes a pod.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
    /// The scheduler binds a pod.
    BindPod {
        /// The pod.
        pod: PodId,
    },
}

/// Something happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Environment {
    /// The template hash changes.
    ChangeTemplate,
    /// The wanted replicas change.
    Scale,
    /// The wanted replicas become one of the numbers that the scenario names.
    ScaleTo {
        /// So many.
        replicas: u8,
    },
    /// A pod is deleted by its user.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
    /// A pod is deleted by its user with grace period 0.
    ForceDeletePod {
        /// The pod.
        pod: PodId,
    },
    /// A client asks for the eviction of a pod, and again while that is refused.
    EvictPod {
        /// The pod.
        pod: PodId,
    },
    /// A node is cordoned.
    CordonNode {
        /// The node.
        node: NodeId,
    },
    /// A cordoned node is schedulable again.
    UncordonNode {
        /// The node.
        node: NodeId,
    },
    /// A node is cordoned and its drain starts.
    DrainNode {
        /// The node.
        node: NodeId,
    },
    /// A node gets a NoExecute taint with a key of its own.
    TaintNode {
        /// The node.
        node: NodeId,
    },
    /// That taint goes.
    UntaintNode {
        /// The node.
        node: NodeId,
    },
    /// A node gets the labels that are in store for it, or has its old ones again.
    RelabelNode {
        /// The node.
        node: NodeId,
    },
    /// A node joins.
    AddNode {
        /// The node.
        node: NodeId,
    },
    /// A Node object is deleted, whatever its machine does.
    RemoveNode {
        /// The node.
        node: NodeId,
    },
    /// A node loses power.
    CrashNode {
        /// The node.
        node: NodeId,
    },
    /// A crashed node boots.
    ReturnNode {
        /// The node.
        node: NodeId,
    },
    /// A node's link to the control plane is cut.
    PartitionNode {
        /// The node.
        node: NodeId,
    },
    /// A cut link works again.
    HealPartition {
        /// The node.
        node: NodeId,
    },
    /// A kubelet stops.
    StopKubelet {
        /// The node.
        node: NodeId,
    },
    /// A container exits with code 1.
    CrashContainer {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// An app container ends by itself with code 0.
    FinishContainer {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A container that runs begins to fail its readiness probe, or stops to, and accepts connections as before.
    ChangeReadiness {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A container that runs begins to fail its liveness probe, or stops to, and accepts connections as before.
    ChangeLiveness {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A pod's sandbox dies.
    KillSandbox {
        /// The pod.
        pod: PodId,
    },
    /// A runtime stops answering.
    HangRuntime {
        /// The node.
        node: NodeId,
    },
    /// A hung runtime answers again.
    RecoverRuntime {
        /// The node.
        node: NodeId,
    },
    /// A network plugin fails.
    FailCni {
        /// The node.
        node: NodeId,
    },
    /// The watches of a component break.
    BreakWatches {
        /// Whose.
        watcher: Watcher,
    },
    /// A write is sent and its answer is lost.
    LoseResponse {
        /// The write.
        write: LostWrite,
        /// Was it committed?
        committed: bool,
    },
    /// The controller manager stops.
    StopControllerManager,
    /// The scheduler stops.
    StopScheduler,
    /// A kube-proxy stops for good.
    StopProxy {
        /// The node.
        node: NodeId,
    },
    /// The API server stops.
    StopApiServer,
    /// A node runs short of memory and its kubelet evicts this pod.
    EvictUnderPressure {
        /// The pod.
        pod: PodId,
    },
}
