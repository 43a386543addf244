//! One pending thing: something that a real process waits for, and that whoever drives the cluster may let happen.

use std::fmt;

use crate::api::{Key, Resource};
use crate::client::CallId;
use crate::container_runtime::simulated::RuntimeStep;
use crate::kubelet::KubeletStep;
use crate::proxy::ProxyStep;

/// The n-th machine of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub u16);

/// A part of the cluster that acts for itself, in the order in which a pod's life flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// kube-apiserver.
    ApiServer,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager: the informers that its controllers share.
    ControllerManager,
    /// The Deployment controller.
    Deployment,
    /// The ReplicaSet controller.
    ReplicaSet,
    /// The node lifecycle controller.
    NodeLifecycle,
    /// The taint eviction controller.
    TaintEviction,
    /// The pod garbage collector.
    PodGarbageCollector,
    /// The disruption controller.
    Disruption,
    /// The EndpointSlice controller.
    EndpointSlice,
    /// The kubelet of a machine.
    Kubelet(NodeIndex),
    /// The container runtime of a machine, with the processes that it runs.
    ContainerRuntime(NodeIndex),
    /// The kube-proxy of a machine.
    Proxy(NodeIndex),
    /// Whoever uses the cluster from outside: `kubectl`, a test, the environment.
    User,
}

/// A process: what crashes and restarts as one, and loses its memory as one (MOD-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the Kubernetes process of that name")]
pub enum Process {
    ApiServer,
    Scheduler,
    ControllerManager,
    Kubelet(NodeIndex),
    ContainerRuntime(NodeIndex),
    Proxy(NodeIndex),
    User,
}

impl Component {
    /// The process that it runs in.
    pub const fn process(self) -> Process {
        match self {
            Self::ApiServer => Process::ApiServer,
            Self::Scheduler => Process::Scheduler,
            Self::ControllerManager
            | Self::Deployment
            | Self::ReplicaSet
            | Self::NodeLifecycle
            | Self::TaintEviction
            | Self::PodGarbageCollector
            | Self::Disruption
            | Self::EndpointSlice => Process::ControllerManager,
            Self::Kubelet(node) => Process::Kubelet(node),
            Self::ContainerRuntime(node) => Process::ContainerRuntime(node),
            Self::Proxy(node) => Process::Proxy(node),
            Self::User => Process::User,
        }
    }
}

impl Process {
    /// The component that lists and watches for the process.
    pub const fn watcher(self) -> Component {
        match self {
            Self::ApiServer => Component::ApiServer,
            Self::Scheduler => Component::Scheduler,
            Self::ControllerManager => Component::ControllerManager,
            Self::Kubelet(node) => Component::Kubelet(node),
            Self::ContainerRuntime(node) => Component::ContainerRuntime(node),
            Self::Proxy(node) => Component::Proxy(node),
            Self::User => Component::User,
        }
    }
}

/// Which work queue of a component; most have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// The one that is named after the component's objects.
    Main,
    /// Nodes that changed.
    Nodes,
    /// Pods that changed.
    Pods,
    /// Pods with a condition DisruptionTarget.
    StaleDisruption,
}

/// Which timer of a component is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The API server tells watches how far it has come.
    Bookmark,
    /// Pods whose backoff is over become active.
    BackoffFlush,
    /// Pods that no event woke for long become active.
    UnschedulableFlush,
    /// The node lifecycle controller looks at every node.
    NodeMonitor,
    /// The next node that waits to be tainted NoExecute.
    TaintPass,
    /// The toleration of a pod has run out.
    Evict(Key),
    /// A step of an eviction that failed is tried again.
    Retry(Key),
    /// The pod garbage collector looks at every pod.
    CollectGarbage,
    /// A list or watch that failed is tried again.
    Reflect(Resource),
    /// A key that was added for later enters its queue.
    Delayed(Queue, Key),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A request of this component arrives at the API server, which carries it out.
    Arrive(CallId),
    /// The API server goes on with a request that takes it more than one write.
    Serve(CallId),
    /// The answer reaches the caller.
    Answer(CallId),
    /// A fault: the request never arrives, and the caller learns only that time ran out.
    LoseRequest(CallId),
    /// A fault: the request was carried out, and the caller learns only that time ran out.
    LoseAnswer(CallId),
    /// The next watch event of a resource reaches the component's cache.
    Deliver(Resource),
    /// A fault: the component's watch of a resource breaks.
    BreakWatch(Resource),
    /// The next change of a cache is told to this component's event handler.
    Notify(Resource),
    /// The scheduler takes a pod from its queue, looks for a node, and if there is one sends the binding.
    Schedule(Key),
    /// The scheduler sets a pod aside for which it found no node.
    Park(Key),
    /// A worker takes a key from a queue and works on it until its next call.
    Work(Queue, Key),
    /// A timer is due.
    Wake(Timer),
    /// A kubelet goes on.
    Kubelet(KubeletStep),
    /// A container runtime, or one of its processes, goes on.
    Runtime(RuntimeStep),
    /// A kube-proxy goes on.
    Proxy(ProxyStep),
}

impl Step {
    /// Is it something that goes wrong, rather than something that is owed?
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::LoseRequest(_) | Self::LoseAnswer(_) | Self::BreakWatch(_))
            || matches!(self, Self::Proxy(ProxyStep::FailToProgram))
            || matches!(self, Self::Runtime(step) if step.is_fault())
    }
}

/// One pending thing: whose it is, and what happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// Whose it is; of a call, the caller.
    pub component: Component,
    /// What happens.
    pub step: Step,
}

impl Operation {
    /// This step of this component.
    pub const fn new(component: Component, step: Step) -> Self {
        Self { component, step }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.component, self.step)
    }
}

/// The operation is not pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this operation is not pending")
    }
}

impl std::error::Error for Refused {}
