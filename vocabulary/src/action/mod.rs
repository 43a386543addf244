//! Every step that any component of a cluster can take: one closed enum, one atomic step each. An action is one API
//! write, one watch event delivered, one relist, one signal, one container exit, one rule set programmed, or one tick.
//!
//! - [`Action`]: the enum, and whose step each is ([`Component`])
//! - [`Watch`]: what reaches the copies of those who watch ([`Watcher`])
//! - [`Scheduler`]; [`Deployment`] and the other controllers; [`Kubelet`], [`Container`] and [`Proxy`] on each node
//! - [`Environment`], [`Drain`] and [`Process`]: what happens to the cluster
//! - [`Rename`]: the same step with other numbers

mod class;
mod component;
mod controllers;
mod environment;
mod node;
mod rename;
mod scheduler;
mod watch;

use serde::{Deserialize, Serialize};

pub use class::CLASSES;
pub use component::Component;
pub use controllers::{
    Deployment, Disruption, EndpointSlice, NodeLifecycle, PodGarbageCollector, ReplicaSet, TaintEviction,
};
pub use environment::{Drain, Environment, LostWrite, Process};
pub use node::{Container, Kubelet, Proxy};
pub use rename::Rename;
pub use scheduler::Scheduler;
pub use watch::{Watch, Watcher};

/// One atomic step of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// One unit of time passes.
    Tick,
    /// A watch brings news to its consumer.
    Watch(Watch),
    /// A step of the scheduler.
    Scheduler(Scheduler),
    /// A step of the Deployment controller.
    Deployment(Deployment),
    /// A step of the ReplicaSet controller.
    ReplicaSet(ReplicaSet),
    /// A step of the node lifecycle controller.
    NodeLifecycle(NodeLifecycle),
    /// A step of the taint eviction controller.
    TaintEviction(TaintEviction),
    /// A step of the pod garbage collector.
    PodGarbageCollector(PodGarbageCollector),
    /// A step of the disruption controller.
    Disruption(Disruption),
    /// A step of the EndpointSlice controller.
    EndpointSlice(EndpointSlice),
    /// A step of a kubelet.
    Kubelet(Kubelet),
    /// A step of a container process, of a runtime or of the network plugin.
    Container(Container),
    /// A step of a kube-proxy.
    Proxy(Proxy),
    /// A step of `kubectl drain`.
    Drain(Drain),
    /// A process that was restarted is up.
    Process(Process),
    /// Something happens to the cluster.
    Environment(Environment),
}

impl Action {
    /// Whose step it is.
    pub fn component(&self) -> Component {
        match self {
            Self::Tick => Component::Time,
            Self::Watch(watch) => match watch {
                Watch::DeliverPod { to, .. }
                | Watch::DeliverNode { to, .. }
                | Watch::List { watcher: to } => to.component(),
                Watch::DeliverDeployment => Component::DeploymentController,
                Watch::DeliverReplicaSet { .. } => Component::ReplicaSetController,
                Watch::DeliverBudget => Component::DisruptionController,
                Watch::DeliverSlice { .. } => Component::KubeProxy,
            },
            Self::Scheduler(_) => Component::Scheduler,
            Self::Deployment(_) => Component::DeploymentController,
            Self::ReplicaSet(_) => Component::ReplicaSetController,
            Self::NodeLifecycle(_) => Component::NodeLifecycleController,
            Self::TaintEviction(_) => Component::TaintEvictionController,
            Self::PodGarbageCollector(_) => Component::PodGarbageCollector,
            Self::Disruption(_) => Component::DisruptionController,
            Self::EndpointSlice(_) => Component::EndpointSliceController,
            Self::Kubelet(Kubelet::Relist { .. } | Kubelet::NoticeHang { .. }) => Component::Pleg,
            Self::Kubelet(_) => Component::Kubelet,
            Self::Container(_) => Component::ContainerRuntime,
            Self::Proxy(_) => Component::KubeProxy,
            Self::Drain(_) => Component::Drain,
            Self::Process(process) => match process {
                Process::StartApiServer => Component::ApiServer,
                Process::StartScheduler => Component::Scheduler,
                Process::StartControllerManager => Component::ReplicaSetController,
                Process::StartKubelet { .. } => Component::Kubelet,
            },
            Self::Environment(_) => Component::Environment,
        }
    }
}
