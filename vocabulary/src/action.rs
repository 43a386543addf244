//! Every step that any component of a cluster can take: one closed enum, one atomic step each. An action is one API
//! write, one watch event delivered, one relist, one signal, one container exit, one rule set programmed, or one tick.

use serde::{Deserialize, Serialize};

use crate::ids::{ContainerId, NodeId, PodId, Revision};

/// A process that watches the API server and has its own, lagging copy of what it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// The part of the cluster that takes a step, in the order in which a pod's life flows. A lane of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// One atomic step of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// A watch event, or the list that follows a broken watch, reaches its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// A step of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// A node is chosen for a pod and assumed in the cache.
    AssumePod {
        /// The pod.
        pod: PodId,
        /// The node, any that passed every filter.
        node: NodeId,
    },
    /// No node passes: the pod is set aside until an event may help it.
    ParkPod {
        /// The pod.
        pod: PodId,
    },
    /// The binding of an assumed pod is written.
    BindPod {
        /// The pod.
        pod: PodId,
    },
    /// A pod that no event woke is tried again.
    FlushPod {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the Deployment controller: one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
pub enum TaintEviction {
    /// A pod that does not tolerate a NoExecute taint, or no longer, is deleted.
    DeletePod {
        /// The pod.
        pod: PodId,
    },
}

/// A step of the pod garbage collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
pub enum EndpointSlice {
    /// The slice of the Service is written.
    WriteSlice,
}

/// A step of a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// A step of a container process, of a runtime or of the network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
pub enum Proxy {
    /// The rules of a node come to equal the slice that its kube-proxy has seen.
    ProgramRules {
        /// The node.
        node: NodeId,
    },
}

/// A step of `kubectl drain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// The template hash changes.
    ChangeTemplate,
    /// The wanted replicas change.
    Scale,
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
    /// A node is cordoned.
    CordonNode {
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
    /// A node joins.
    AddNode {
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

impl Action {
    /// Whose step it is.
    pub fn component(&self) -> Component {
        match self {
            Self::Tick => Component::Time,
            Self::Watch(watch) => match watch {
                Watch::DeliverPod { to, .. } | Watch::DeliverNode { to, .. } | Watch::List { watcher: to } => {
                    to.component()
                }
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

impl Component {
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
}
