//! The components that take steps, each a lane of a trace.

use serde::{Deserialize, Serialize};

/// The part of the cluster that takes a step, in the order in which a pod's life flows. A lane of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the Kubernetes component of that name")]
pub enum Component {
    Time,
    Environment,
    ApiServer,
    Scheduler,
    DeploymentController,
    ReplicaSetController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGarbageCollector,
    DisruptionController,
    EndpointSliceController,
    Kubelet,
    Pleg,
    ContainerRuntime,
    KubeProxy,
    Drain,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Time,
        Self::Environment,
        Self::ApiServer,
        Self::Scheduler,
        Self::DeploymentController,
        Self::ReplicaSetController,
        Self::NodeLifecycleController,
        Self::TaintEvictionController,
        Self::PodGarbageCollector,
        Self::DisruptionController,
        Self::EndpointSliceController,
        Self::Kubelet,
        Self::Pleg,
        Self::ContainerRuntime,
        Self::KubeProxy,
        Self::Drain,
    ];

    /// Its name, as Kubernetes has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Environment => "environment",
            Self::ApiServer => "api-server",
            Self::Scheduler => "scheduler",
            Self::DeploymentController => "deployment",
            Self::ReplicaSetController => "replicaset",
            Self::NodeLifecycleController => "node-lifecycle",
            Self::TaintEvictionController => "taint-eviction",
            Self::PodGarbageCollector => "podgc",
            Self::DisruptionController => "disruption",
            Self::EndpointSliceController => "endpointslice",
            Self::Kubelet => "kubelet",
            Self::Pleg => "pleg",
            Self::ContainerRuntime => "runtime",
            Self::KubeProxy => "kube-proxy",
            Self::Drain => "drain",
        }
    }
    /// The process that it is a part of, as sentences name it; itself, if it is one of its own.
    pub const fn process(self) -> &'static str {
        match self {
            Self::DeploymentController
            | Self::ReplicaSetController
            | Self::NodeLifecycleController
            | Self::TaintEvictionController
            | Self::PodGarbageCollector
            | Self::DisruptionController
            | Self::EndpointSliceController => "controller-manager",
            Self::Pleg => Self::Kubelet.name(),
            own => own.name(),
        }
    }
}
