//! What an outsider can see of a cluster: API objects, containers and their signals, endpoints, each node's rules.
//! The model's state and a recorded [`Observation`] both answer through [`Observe`], so that one predicate judges both.

use serde::{Deserialize, Serialize};

use crate::ids::{ContainerId, NodeId, PodId, Revision};

/// `status.phase` of a pod. `Unknown` has not been written since 2015 (API-14) and is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    /// Succeeded or Failed.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Pending,
            1 => Self::Running,
            2 => Self::Succeeded,
            _ => Self::Failed,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// How far the deletion of a pod object has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Deletion {
    /// No `deletionTimestamp`.
    #[default]
    None,
    /// `deletionTimestamp` is set, with the pod's own grace period.
    Graceful,
    /// `deletionTimestamp` is set, with grace period 0; only a finalizer keeps the object.
    Immediate,
}

impl Deletion {
    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Graceful,
            _ => Self::Immediate,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// A pod's address: which of the addresses that its slot has had. Each new sandbox gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Address(pub u8);

/// A pod object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PodSeen {
    /// The template that it was made from.
    pub revision: Revision,
    /// `spec.nodeName`.
    pub node: Option<NodeId>,
    /// `status.phase`.
    pub phase: Phase,
    /// `metadata.deletionTimestamp` and its grace.
    pub deletion: Deletion,
    /// `metadata.finalizers` is not empty.
    pub finalizer: bool,
    /// Condition Ready.
    pub ready: bool,
    /// `status.podIP`.
    pub address: Option<Address>,
}

/// A pod's sandbox (pause).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Sandbox {
    /// There is none.
    #[default]
    None,
    /// It holds the namespaces.
    Ready,
    /// It died and was not removed.
    Dead,
}

impl Sandbox {
    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Ready,
            _ => Self::Dead,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// What runs of a pod on its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SandboxSeen {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The address that CNI gave it.
    pub address: Option<Address>,
    /// The kubelet has begun to terminate the pod.
    pub terminating: bool,
    /// The node on which processes of it run; nothing, if none runs. The object may be gone by then.
    pub runs_on: Option<NodeId>,
}

/// A container's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Process {
    /// Never started, or removed.
    #[default]
    Absent,
    /// It runs.
    Running,
    /// It exited with code 0.
    ExitedOk,
    /// It exited with another code, or was killed.
    ExitedError,
}

impl Process {
    /// It ran and runs no more.
    pub const fn has_exited(self) -> bool {
        matches!(self, Self::ExitedOk | Self::ExitedError)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Absent,
            1 => Self::Running,
            2 => Self::ExitedOk,
            _ => Self::ExitedError,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// How far a preStop hook has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Hook {
    /// It has not started.
    #[default]
    None,
    /// It runs.
    Running,
    /// It ended, or the grace period did.
    Done,
}

impl Hook {
    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Running,
            _ => Self::Done,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// A container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContainerSeen {
    /// Its process.
    pub process: Process,
    /// It accepts connections.
    pub accepting: bool,
    /// It has received SIGTERM.
    pub sigterm: bool,
    /// Its preStop hook.
    pub hook: Hook,
    /// The grace period of its stop has run out.
    pub grace_expired: bool,
}

/// An endpoint, in a slice or in a node's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EndpointSeen {
    /// Its address.
    pub address: Address,
    /// `nodeName`
    pub node: Option<NodeId>,
    /// Condition `ready`.
    pub ready: bool,
    /// Condition `serving`.
    pub serving: bool,
    /// Condition `terminating`.
    pub terminating: bool,
}

/// Condition Ready of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum NodeReady {
    #[default]
    True,
    False,
    Unknown,
}

impl NodeReady {
    #[doc(hidden)]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::True,
            1 => Self::False,
            _ => Self::Unknown,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// The taints that Kubernetes or a `taint-node` event puts on a node; those of its manifest never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaintsSeen {
    /// `node.kubernetes.io/not-ready:NoSchedule`
    pub not_ready_no_schedule: bool,
    /// `node.kubernetes.io/unreachable:NoSchedule`
    pub unreachable_no_schedule: bool,
    /// `node.kubernetes.io/unschedulable:NoSchedule`
    pub unschedulable_no_schedule: bool,
    /// `node.kubernetes.io/not-ready:NoExecute`
    pub not_ready_no_execute: bool,
    /// `node.kubernetes.io/unreachable:NoExecute`
    pub unreachable_no_execute: bool,
    /// The taint of a `taint-node` event.
    #[serde(alias = "custom-no-execute")]
    pub custom: bool,
}

/// A node: its object, and its machine as whoever stands beside it sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeSeen {
    /// The Node object exists.
    pub exists: bool,
    /// Its condition Ready.
    pub ready: NodeReady,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Its taints.
    pub taints: TaintsSeen,
    /// The machine has power.
    pub powered: bool,
    /// Its link to the control plane works.
    pub connected: bool,
    /// Its kubelet runs.
    pub kubelet_runs: bool,
    /// Its kube-proxy runs.
    pub proxy_runs: bool,
    /// Its container runtime answers every call.
    pub runtime_answers: bool,
}

/// A ReplicaSet object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplicaSetSeen {
    /// `spec.replicas`.
    pub replicas: u8,
    /// `status.availableReplicas`.
    pub available: u8,
}

/// The Deployment object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeploymentSeen {
    /// `spec.replicas`.
    pub replicas: u8,
    /// The hash of `spec.template`.
    pub revision: Revision,
    /// Condition Progressing is False: the progress deadline was exceeded.
    pub deadline_exceeded: bool,
}

/// The status of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BudgetSeen {
    /// `disruptionsAllowed`.
    pub disruptions_allowed: u8,
    /// `currentHealthy`.
    pub current_healthy: u8,
    /// `desiredHealthy`.
    pub desired_healthy: u8,
}

/// What an outsider can see.
pub trait Observe {
    /// How many pod slots there are.
    fn pods(&self) -> usize;
    /// The slots that anybody knows anything of, in order; what the others hold is nothing.
    fn slots_in_use(&self) -> impl Iterator<Item = PodId> + Clone {
        PodId::first(self.pods())
    }
    /// How many nodes there are, spare ones counted.
    fn nodes(&self) -> usize;
    /// How many containers a pod has.
    fn containers(&self) -> usize;
    /// How many revisions there may be.
    fn revisions(&self) -> usize;
    /// The pod object of a slot.
    fn pod(&self, pod: PodId) -> Option<PodSeen>;
    /// What runs of it on its node.
    fn sandbox(&self, pod: PodId) -> SandboxSeen;
    /// One of its containers.
    fn container(&self, pod: PodId, container: ContainerId) -> ContainerSeen;
    /// The address of this slot that the neighbour's new pod now has.
    fn reused_address(&self, pod: PodId) -> Option<Address>;
    /// Its entry in the EndpointSlice.
    fn endpoint(&self, pod: PodId) -> Option<EndpointSeen>;
    /// Its entry in the rules of a node.
    fn rule(&self, node: NodeId, pod: PodId) -> Option<EndpointSeen>;
    /// A node.
    fn node(&self, node: NodeId) -> NodeSeen;
    /// A ReplicaSet.
    fn replica_set(&self, revision: Revision) -> Option<ReplicaSetSeen>;
    /// The Deployment.
    fn deployment(&self) -> Option<DeploymentSeen>;
    /// The budget's status.
    fn budget(&self) -> Option<BudgetSeen>;
}

/// One slot, as an outsider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the method of that name")]
pub struct SlotSeen {
    pub pod: Option<PodSeen>,
    pub sandbox: SandboxSeen,
    pub containers: Vec<ContainerSeen>,
    pub reused_address: Option<Address>,
    pub endpoint: Option<EndpointSeen>,
    pub rules: Vec<Option<EndpointSeen>>,
}

/// Everything that an outsider can see at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the method of that name")]
pub struct Observation {
    pub containers: usize,
    pub slots: Vec<SlotSeen>,
    pub nodes: Vec<NodeSeen>,
    pub replica_sets: Vec<Option<ReplicaSetSeen>>,
    pub deployment: Option<DeploymentSeen>,
    pub budget: Option<BudgetSeen>,
}

impl Observation {
    /// What can be seen of `cluster` now.
    pub fn of(cluster: &impl Observe) -> Self {
        let slot = |pod| SlotSeen {
            pod: cluster.pod(pod),
            sandbox: cluster.sandbox(pod),
            containers: ContainerId::first(cluster.containers()).map(|c| cluster.container(pod, c)).collect(),
            reused_address: cluster.reused_address(pod),
            endpoint: cluster.endpoint(pod),
            rules: NodeId::first(cluster.nodes()).map(|node| cluster.rule(node, pod)).collect(),
        };
        Self {
            containers: cluster.containers(),
            slots: PodId::first(cluster.pods()).map(slot).collect(),
            nodes: NodeId::first(cluster.nodes()).map(|node| cluster.node(node)).collect(),
            replica_sets: Revision::first(cluster.revisions()).map(|r| cluster.replica_set(r)).collect(),
            deployment: cluster.deployment(),
            budget: cluster.budget(),
        }
    }
}

impl Observe for Observation {
    fn pods(&self) -> usize {
        self.slots.len()
    }

    fn nodes(&self) -> usize {
        self.nodes.len()
    }

    fn containers(&self) -> usize {
        self.containers
    }

    fn revisions(&self) -> usize {
        self.replica_sets.len()
    }

    fn pod(&self, pod: PodId) -> Option<PodSeen> {
        self.slots[pod.index()].pod
    }

    fn sandbox(&self, pod: PodId) -> SandboxSeen {
        self.slots[pod.index()].sandbox
    }

    fn container(&self, pod: PodId, container: ContainerId) -> ContainerSeen {
        self.slots[pod.index()].containers[container.index()]
    }

    fn reused_address(&self, pod: PodId) -> Option<Address> {
        self.slots[pod.index()].reused_address
    }

    fn endpoint(&self, pod: PodId) -> Option<EndpointSeen> {
        self.slots[pod.index()].endpoint
    }

    fn rule(&self, node: NodeId, pod: PodId) -> Option<EndpointSeen> {
        self.slots[pod.index()].rules[node.index()]
    }

    fn node(&self, node: NodeId) -> NodeSeen {
        self.nodes[node.index()]
    }

    fn replica_set(&self, revision: Revision) -> Option<ReplicaSetSeen> {
        self.replica_sets[revision.index()]
    }

    fn deployment(&self) -> Option<DeploymentSeen> {
        self.deployment
    }

    fn budget(&self) -> Option<BudgetSeen> {
        self.budget
    }
}
