//! Steps on a node: its kubelet, its containers, its kube-proxy.

use serde::{Deserialize, Serialize};

use crate::ids::{ContainerId, NodeId, PodId};

/// A step of a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kubelet {
    /// The pod worker goes from sync to terminating.
    BeginTermination {
        /// The pod.
        pod: PodId,
    },
    /// A sandbox is started; CNI gives it an address.
    CreateSandbox {
        /// The pod.
        pod: PodId,
    },
    /// A container is started.
    StartContainer {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A container of a pod that goes on living begins to be stopped: a failed probe, or a dead sandbox.
    StopContainer {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A preStop hook starts.
    RunPreStop {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A preStop hook ends.
    FinishPreStop {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// The grace period of a container's stop has run out.
    ExpireGrace {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A container is sent SIGTERM.
    SendSigterm {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A container is sent SIGKILL, and dies.
    SendSigkill {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// The sandbox is stopped; CNI frees its address.
    StopSandbox {
        /// The pod.
        pod: PodId,
    },
    /// The pod worker has finished: volumes unmounted, statuses final.
    FinishPod {
        /// The pod.
        pod: PodId,
    },
    /// The pod's status is patched.
    ReportStatus {
        /// The pod.
        pod: PodId,
    },
    /// The kubelet's final deletion, with grace period 0.
    RemovePod {
        /// The pod.
        pod: PodId,
    },
    /// The kubelet forgets a pod whose object is gone.
    ForgetPod {
        /// The pod.
        pod: PodId,
    },
    /// A readiness probe's result reaches its threshold.
    FlipReadiness {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A startup probe succeeds.
    PassStartup {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A startup or liveness probe has failed as often as it may.
    FailProbe {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// The PLEG lists the containers of its node.
    Relist {
        /// The node.
        node: NodeId,
    },
    /// The PLEG or the runtime check notices that the runtime does not answer.
    NoticeHang {
        /// The node.
        node: NodeId,
    },
    /// The kubelet posts its node's Ready condition.
    ReportNodeStatus {
        /// The node.
        node: NodeId,
    },
}

impl Kubelet {
    /// The pod that it is about; none, if it is about the node.
    pub const fn pod(self) -> Option<PodId> {
        match self {
            Self::BeginTermination { pod }
            | Self::CreateSandbox { pod }
            | Self::StartContainer { pod, .. }
            | Self::StopContainer { pod, .. }
            | Self::RunPreStop { pod, .. }
            | Self::FinishPreStop { pod, .. }
            | Self::ExpireGrace { pod, .. }
            | Self::SendSigterm { pod, .. }
            | Self::SendSigkill { pod, .. }
            | Self::StopSandbox { pod }
            | Self::FinishPod { pod }
            | Self::ReportStatus { pod }
            | Self::RemovePod { pod }
            | Self::ForgetPod { pod }
            | Self::FlipReadiness { pod, .. }
            | Self::PassStartup { pod, .. }
            | Self::FailProbe { pod, .. } => Some(pod),
            Self::Relist { .. } | Self::NoticeHang { .. } | Self::ReportNodeStatus { .. } => None,
        }
    }
}

/// A step of a container process, of a runtime or of the network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Container {
    /// A process begins to accept connections.
    Listen {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// A process exits: an init container that is done, or one that got SIGTERM.
    Exit {
        /// The pod.
        pod: PodId,
        /// The container.
        container: ContainerId,
    },
    /// The neighbour's new pod gets an address that this pod once had.
    ReuseAddress {
        /// The pod that had it.
        pod: PodId,
    },
}

/// A step of a kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proxy {
    /// The rules of a node come to equal the slice that its kube-proxy has seen.
    ProgramRules {
        /// The node.
        node: NodeId,
    },
}
