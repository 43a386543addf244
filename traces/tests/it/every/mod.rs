//! One of every action and of every change. A variant that is new must find its place in these chains, or they do not
//! compile.

use podproof_traces::Change;
use podproof_traces::change::{MachinePart, TaintName};
use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, EndpointSlice, Environment, Kubelet, LostWrite,
    NodeLifecycle, PodGarbageCollector, Process, Proxy, ReplicaSet, Scheduler, TaintEviction, Watch, Watcher,
};
use podproof_vocabulary::observation::{
    Address, BudgetSeen, Deletion, DeploymentSeen, EndpointSeen, Hook, NodeReady, Phase, PodSeen,
    ReplicaSetSeen, Sandbox,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision, observation};

pub const POD: PodId = PodId(3);
pub const NODE: NodeId = NodeId(1);
pub const CONTAINER: ContainerId = ContainerId(0);
pub const REVISION: Revision = Revision(1);

/// One of every action.
pub fn action() -> impl Iterator<Item = Action> {
    std::iter::successors(Some(Action::Tick), |action| after(*action))
}

fn after(action: Action) -> Option<Action> {
    Some(match action {
        Action::Tick => Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(NODE), pod: POD }),
        Action::Watch(Watch::DeliverPod { .. }) => {
            Action::Watch(Watch::DeliverNode { to: Watcher::Kubelet(NODE), node: NODE })
        }
        Action::Watch(Watch::DeliverNode { .. }) => Action::Watch(Watch::DeliverDeployment),
        Action::Watch(Watch::DeliverDeployment) => {
            Action::Watch(Watch::DeliverReplicaSet { revision: REVISION })
        }
        Action::Watch(Watch::DeliverReplicaSet { .. }) => Action::Watch(Watch::DeliverBudget),
        Action::Watch(Watch::DeliverBudget) => Action::Watch(Watch::DeliverSlice { node: NODE }),
        Action::Watch(Watch::DeliverSlice { .. }) => {
            Action::Watch(Watch::List { watcher: Watcher::Kubelet(NODE) })
        }
        Action::Watch(Watch::List { .. }) => Action::Scheduler(Scheduler::AssumePod { pod: POD, node: NODE }),
        Action::Scheduler(Scheduler::AssumePod { .. }) => Action::Scheduler(Scheduler::ParkPod { pod: POD }),
        Action::Scheduler(Scheduler::ParkPod { .. }) => Action::Scheduler(Scheduler::BindPod { pod: POD }),
        Action::Scheduler(Scheduler::BindPod { .. }) => Action::Scheduler(Scheduler::FlushPod { pod: POD }),
        Action::Scheduler(Scheduler::FlushPod { .. }) => {
            Action::Deployment(Deployment::CreateReplicaSet { revision: REVISION, replicas: 2 })
        }
        Action::Deployment(Deployment::CreateReplicaSet { .. }) => {
            Action::Deployment(Deployment::ScaleReplicaSet { revision: REVISION, replicas: 2 })
        }
        Action::Deployment(Deployment::ScaleReplicaSet { .. }) => {
            Action::Deployment(Deployment::ExceedProgressDeadline)
        }
        Action::Deployment(Deployment::ExceedProgressDeadline) => {
            Action::ReplicaSet(ReplicaSet::PlanReplicas { revision: REVISION })
        }
        Action::ReplicaSet(ReplicaSet::PlanReplicas { .. }) => {
            Action::ReplicaSet(ReplicaSet::ChooseVictim { pod: POD })
        }
        Action::ReplicaSet(ReplicaSet::ChooseVictim { .. }) => {
            Action::ReplicaSet(ReplicaSet::CreatePod { revision: REVISION })
        }
        Action::ReplicaSet(ReplicaSet::CreatePod { .. }) => {
            Action::ReplicaSet(ReplicaSet::DeletePod { pod: POD })
        }
        Action::ReplicaSet(ReplicaSet::DeletePod { .. }) => {
            Action::ReplicaSet(ReplicaSet::UpdateStatus { revision: REVISION })
        }
        Action::ReplicaSet(ReplicaSet::UpdateStatus { .. }) => {
            Action::ReplicaSet(ReplicaSet::CountAvailable { pod: POD })
        }
        Action::ReplicaSet(ReplicaSet::CountAvailable { .. }) => {
            Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { node: NODE })
        }
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. }) => {
            Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { pod: POD })
        }
        Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { .. }) => {
            Action::NodeLifecycle(NodeLifecycle::TaintNoSchedule { node: NODE })
        }
        Action::NodeLifecycle(NodeLifecycle::TaintNoSchedule { .. }) => {
            Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { node: NODE })
        }
        Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { .. }) => {
            Action::TaintEviction(TaintEviction::DeletePod { pod: POD })
        }
        Action::TaintEviction(TaintEviction::DeletePod { .. }) => {
            Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod: POD })
        }
        Action::PodGarbageCollector(PodGarbageCollector::FailPod { .. }) => {
            Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod: POD })
        }
        Action::PodGarbageCollector(PodGarbageCollector::DeletePod { .. }) => {
            Action::Disruption(Disruption::UpdateStatus)
        }
        Action::Disruption(Disruption::UpdateStatus) => {
            Action::Disruption(Disruption::ForgetDisruption { pod: POD })
        }
        Action::Disruption(Disruption::ForgetDisruption { .. }) => {
            Action::EndpointSlice(EndpointSlice::WriteSlice)
        }
        Action::EndpointSlice(EndpointSlice::WriteSlice) => {
            Action::Kubelet(Kubelet::BeginTermination { pod: POD })
        }
        Action::Kubelet(Kubelet::BeginTermination { .. }) => {
            Action::Kubelet(Kubelet::CreateSandbox { pod: POD })
        }
        Action::Kubelet(Kubelet::CreateSandbox { .. }) => {
            Action::Kubelet(Kubelet::StartContainer { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::StartContainer { .. }) => {
            Action::Kubelet(Kubelet::StopContainer { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::StopContainer { .. }) => {
            Action::Kubelet(Kubelet::RunPreStop { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::RunPreStop { .. }) => {
            Action::Kubelet(Kubelet::FinishPreStop { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::FinishPreStop { .. }) => {
            Action::Kubelet(Kubelet::ExpireGrace { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::ExpireGrace { .. }) => {
            Action::Kubelet(Kubelet::SendSigterm { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::SendSigterm { .. }) => {
            Action::Kubelet(Kubelet::SendSigkill { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::SendSigkill { .. }) => Action::Kubelet(Kubelet::StopSandbox { pod: POD }),
        Action::Kubelet(Kubelet::StopSandbox { .. }) => Action::Kubelet(Kubelet::FinishPod { pod: POD }),
        Action::Kubelet(Kubelet::FinishPod { .. }) => Action::Kubelet(Kubelet::ReportStatus { pod: POD }),
        Action::Kubelet(Kubelet::ReportStatus { .. }) => Action::Kubelet(Kubelet::RemovePod { pod: POD }),
        Action::Kubelet(Kubelet::RemovePod { .. }) => Action::Kubelet(Kubelet::ForgetPod { pod: POD }),
        Action::Kubelet(Kubelet::ForgetPod { .. }) => {
            Action::Kubelet(Kubelet::FlipReadiness { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::FlipReadiness { .. }) => {
            Action::Kubelet(Kubelet::PassStartup { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::PassStartup { .. }) => {
            Action::Kubelet(Kubelet::FailProbe { pod: POD, container: CONTAINER })
        }
        Action::Kubelet(Kubelet::FailProbe { .. }) => Action::Kubelet(Kubelet::Relist { node: NODE }),
        Action::Kubelet(Kubelet::Relist { .. }) => Action::Kubelet(Kubelet::NoticeHang { node: NODE }),
        Action::Kubelet(Kubelet::NoticeHang { .. }) => {
            Action::Kubelet(Kubelet::ReportNodeStatus { node: NODE })
        }
        Action::Kubelet(Kubelet::ReportNodeStatus { .. }) => {
            Action::Container(Container::Listen { pod: POD, container: CONTAINER })
        }
        Action::Container(Container::Listen { .. }) => {
            Action::Container(Container::Exit { pod: POD, container: CONTAINER })
        }
        Action::Container(Container::Exit { .. }) => Action::Container(Container::ReuseAddress { pod: POD }),
        Action::Container(Container::ReuseAddress { .. }) => {
            Action::Proxy(Proxy::ProgramRules { node: NODE })
        }
        Action::Proxy(Proxy::ProgramRules { .. }) => Action::Drain(Drain::ListPods),
        Action::Drain(Drain::ListPods) => Action::Drain(Drain::EvictPod { pod: POD }),
        Action::Drain(Drain::EvictPod { .. }) => Action::Drain(Drain::DeletePod { pod: POD }),
        Action::Drain(Drain::DeletePod { .. }) => Action::Process(Process::StartApiServer),
        Action::Process(Process::StartApiServer) => Action::Process(Process::StartScheduler),
        Action::Process(Process::StartScheduler) => Action::Process(Process::StartControllerManager),
        Action::Process(Process::StartControllerManager) => {
            Action::Process(Process::StartKubelet { node: NODE })
        }
        Action::Process(Process::StartKubelet { .. }) => Action::Environment(Environment::ChangeTemplate),
        Action::Environment(Environment::ChangeTemplate) => Action::Environment(Environment::Scale),
        Action::Environment(Environment::Scale) => Action::Environment(Environment::DeletePod { pod: POD }),
        Action::Environment(Environment::DeletePod { .. }) => {
            Action::Environment(Environment::ForceDeletePod { pod: POD })
        }
        Action::Environment(Environment::ForceDeletePod { .. }) => {
            Action::Environment(Environment::CordonNode { node: NODE })
        }
        Action::Environment(Environment::CordonNode { .. }) => {
            Action::Environment(Environment::DrainNode { node: NODE })
        }
        Action::Environment(Environment::DrainNode { .. }) => {
            Action::Environment(Environment::TaintNode { node: NODE })
        }
        Action::Environment(Environment::TaintNode { .. }) => {
            Action::Environment(Environment::AddNode { node: NODE })
        }
        Action::Environment(Environment::AddNode { .. }) => {
            Action::Environment(Environment::CrashNode { node: NODE })
        }
        Action::Environment(Environment::CrashNode { .. }) => {
            Action::Environment(Environment::ReturnNode { node: NODE })
        }
        Action::Environment(Environment::ReturnNode { .. }) => {
            Action::Environment(Environment::PartitionNode { node: NODE })
        }
        Action::Environment(Environment::PartitionNode { .. }) => {
            Action::Environment(Environment::HealPartition { node: NODE })
        }
        Action::Environment(Environment::HealPartition { .. }) => {
            Action::Environment(Environment::StopKubelet { node: NODE })
        }
        Action::Environment(Environment::StopKubelet { .. }) => {
            Action::Environment(Environment::CrashContainer { pod: POD, container: CONTAINER })
        }
        Action::Environment(Environment::CrashContainer { .. }) => {
            Action::Environment(Environment::KillSandbox { pod: POD })
        }
        Action::Environment(Environment::KillSandbox { .. }) => {
            Action::Environment(Environment::HangRuntime { node: NODE })
        }
        Action::Environment(Environment::HangRuntime { .. }) => {
            Action::Environment(Environment::FailCni { node: NODE })
        }
        Action::Environment(Environment::FailCni { .. }) => {
            Action::Environment(Environment::BreakWatches { watcher: Watcher::Kubelet(NODE) })
        }
        Action::Environment(Environment::BreakWatches { .. }) => {
            Action::Environment(Environment::LoseResponse {
                write: LostWrite::CreatePod { revision: REVISION },
                committed: true,
            })
        }
        Action::Environment(Environment::LoseResponse { .. }) => {
            Action::Environment(Environment::StopControllerManager)
        }
        Action::Environment(Environment::StopControllerManager) => {
            Action::Environment(Environment::StopScheduler)
        }
        Action::Environment(Environment::StopScheduler) => {
            Action::Environment(Environment::StopProxy { node: NODE })
        }
        Action::Environment(Environment::StopProxy { .. }) => Action::Environment(Environment::StopApiServer),
        Action::Environment(Environment::StopApiServer) => {
            Action::Environment(Environment::EvictUnderPressure { pod: POD })
        }
        Action::Environment(Environment::EvictUnderPressure { .. }) => {
            Action::Environment(Environment::UncordonNode { node: NODE })
        }
        Action::Environment(Environment::UncordonNode { .. }) => {
            Action::Environment(Environment::UntaintNode { node: NODE })
        }
        Action::Environment(Environment::UntaintNode { .. }) => {
            Action::Environment(Environment::EvictPod { pod: POD })
        }
        Action::Environment(Environment::EvictPod { .. }) => {
            Action::Environment(Environment::FinishContainer { pod: POD, container: CONTAINER })
        }
        Action::Environment(Environment::FinishContainer { .. }) => {
            Action::Environment(Environment::RecoverRuntime { node: NODE })
        }
        Action::Environment(Environment::RecoverRuntime { .. }) => {
            Action::Environment(Environment::ChangeReadiness { pod: POD, container: CONTAINER })
        }
        Action::Environment(Environment::ChangeReadiness { .. }) => {
            Action::Environment(Environment::ChangeLiveness { pod: POD, container: CONTAINER })
        }
        Action::Environment(Environment::ChangeLiveness { .. }) => {
            Action::Environment(Environment::ScaleTo { replicas: 2 })
        }
        Action::Environment(Environment::ScaleTo { .. }) => {
            Action::Environment(Environment::RelabelNode { node: NODE })
        }
        Action::Environment(Environment::RelabelNode { .. }) => {
            Action::Environment(Environment::RemoveNode { node: NODE })
        }
        Action::Environment(Environment::RemoveNode { .. }) => return None,
    })
}

/// Every change, with each value that has words of its own.
pub fn change() -> impl Iterator<Item = Change> {
    let first = Change::Deployment { now: None };
    std::iter::successors(Some(first), |change| next(change.clone()))
}

fn next(change: Change) -> Option<Change> {
    use Change as C;
    let (pod, node, container, revision) = (POD, NODE, CONTAINER, REVISION);
    let address = Some(Address(2));
    let endpoint = EndpointSeen {
        address: Address(2),
        node: Some(node),
        ready: true,
        serving: true,
        terminating: false,
    };
    let object = PodSeen {
        revision,
        node: Some(node),
        phase: Phase::Running,
        deletion: Deletion::Graceful,
        finalizer: true,
        ready: true,
        address,
    };
    Some(match change {
        C::Deployment { now: None } => {
            C::Deployment { now: Some(DeploymentSeen { replicas: 1, revision, deadline_exceeded: true }) }
        }
        C::Deployment { .. } => C::ReplicaSet { revision, now: None },
        C::ReplicaSet { now: None, .. } => {
            C::ReplicaSet { revision, now: Some(ReplicaSetSeen { replicas: 2, available: 1 }) }
        }
        C::ReplicaSet { .. } => C::Budget { now: None },
        C::Budget { now: None } => C::Budget {
            now: Some(BudgetSeen { disruptions_allowed: 1, current_healthy: 3, desired_healthy: 2 }),
        },
        C::Budget { .. } => C::PodAppears { pod, object },
        C::PodAppears { .. } => C::PodRemoved { pod },
        C::PodRemoved { .. } => C::PodNode { pod, node: None },
        C::PodNode { node: None, .. } => C::PodNode { pod, node: Some(node) },
        C::PodNode { .. } => C::PodPhase { pod, phase: Phase::Pending },
        C::PodPhase { phase: Phase::Pending, .. } => C::PodPhase { pod, phase: Phase::Running },
        C::PodPhase { phase: Phase::Running, .. } => C::PodPhase { pod, phase: Phase::Succeeded },
        C::PodPhase { phase: Phase::Succeeded, .. } => C::PodPhase { pod, phase: Phase::Failed },
        C::PodPhase { phase: Phase::Failed, .. } => C::PodDeletion { pod, deletion: Deletion::None },
        C::PodDeletion { deletion: Deletion::None, .. } => {
            C::PodDeletion { pod, deletion: Deletion::Graceful }
        }
        C::PodDeletion { deletion: Deletion::Graceful, .. } => {
            C::PodDeletion { pod, deletion: Deletion::Immediate }
        }
        C::PodDeletion { deletion: Deletion::Immediate, .. } => C::PodFinalizer { pod, present: true },
        C::PodFinalizer { present: true, .. } => C::PodFinalizer { pod, present: false },
        C::PodFinalizer { .. } => C::PodReady { pod, ready: true },
        C::PodReady { ready: true, .. } => C::PodReady { pod, ready: false },
        C::PodReady { .. } => C::PodAddress { pod, address },
        C::PodAddress { address: Some(_), .. } => C::PodAddress { pod, address: None },
        C::PodAddress { .. } => C::Sandbox { pod, sandbox: Sandbox::None },
        C::Sandbox { sandbox: Sandbox::None, .. } => C::Sandbox { pod, sandbox: Sandbox::Ready },
        C::Sandbox { sandbox: Sandbox::Ready, .. } => C::Sandbox { pod, sandbox: Sandbox::Dead },
        C::Sandbox { sandbox: Sandbox::Dead, .. } => C::SandboxAddress { pod, address },
        C::SandboxAddress { address: Some(_), .. } => C::SandboxAddress { pod, address: None },
        C::SandboxAddress { .. } => C::Terminating { pod, terminating: true },
        C::Terminating { terminating: true, .. } => C::Terminating { pod, terminating: false },
        C::Terminating { .. } => C::Process { pod, container, process: observation::Process::Absent },
        C::Process { process: observation::Process::Absent, .. } => {
            C::Process { pod, container, process: observation::Process::Running }
        }
        C::Process { process: observation::Process::Running, .. } => {
            C::Process { pod, container, process: observation::Process::ExitedOk }
        }
        C::Process { process: observation::Process::ExitedOk, .. } => {
            C::Process { pod, container, process: observation::Process::ExitedError }
        }
        C::Process { process: observation::Process::ExitedError, .. } => {
            C::Accepting { pod, container, accepting: true }
        }
        C::Accepting { accepting: true, .. } => C::Accepting { pod, container, accepting: false },
        C::Accepting { .. } => C::Sigterm { pod, container, received: true },
        C::Sigterm { received: true, .. } => C::Sigterm { pod, container, received: false },
        C::Sigterm { .. } => C::Hook { pod, container, hook: Hook::None },
        C::Hook { hook: Hook::None, .. } => C::Hook { pod, container, hook: Hook::Running },
        C::Hook { hook: Hook::Running, .. } => C::Hook { pod, container, hook: Hook::Done },
        C::Hook { hook: Hook::Done, .. } => C::GraceExpired { pod, container, expired: true },
        C::GraceExpired { expired: true, .. } => C::GraceExpired { pod, container, expired: false },
        C::GraceExpired { .. } => C::AddressReused { pod, address },
        C::AddressReused { address: Some(_), .. } => C::AddressReused { pod, address: None },
        C::AddressReused { .. } => C::Endpoint { pod, endpoint: Some(endpoint) },
        C::Endpoint { endpoint: Some(_), .. } => C::Endpoint { pod, endpoint: None },
        C::Endpoint { .. } => C::Rule { node, pod, endpoint: Some(endpoint) },
        C::Rule { endpoint: Some(_), .. } => C::Rule { node, pod, endpoint: None },
        C::Rule { .. } => C::NodeObject { node, exists: true },
        C::NodeObject { exists: true, .. } => C::NodeObject { node, exists: false },
        C::NodeObject { .. } => C::NodeReady { node, ready: NodeReady::True },
        C::NodeReady { ready: NodeReady::True, .. } => C::NodeReady { node, ready: NodeReady::False },
        C::NodeReady { ready: NodeReady::False, .. } => C::NodeReady { node, ready: NodeReady::Unknown },
        C::NodeReady { ready: NodeReady::Unknown, .. } => C::NodeUnschedulable { node, unschedulable: true },
        C::NodeUnschedulable { unschedulable: true, .. } => {
            C::NodeUnschedulable { node, unschedulable: false }
        }
        C::NodeUnschedulable { .. } => {
            C::NodeTaint { node, taint: TaintName::NotReadyNoSchedule, present: true }
        }
        C::NodeTaint { taint, present: true, .. } => C::NodeTaint { node, taint, present: false },
        C::NodeTaint { taint, .. } => match taint {
            TaintName::NotReadyNoSchedule => taint_of(node, TaintName::UnreachableNoSchedule),
            TaintName::UnreachableNoSchedule => taint_of(node, TaintName::UnschedulableNoSchedule),
            TaintName::UnschedulableNoSchedule => taint_of(node, TaintName::NotReadyNoExecute),
            TaintName::NotReadyNoExecute => taint_of(node, TaintName::UnreachableNoExecute),
            TaintName::UnreachableNoExecute => taint_of(node, TaintName::Custom),
            TaintName::Custom => C::Machine { node, part: MachinePart::Power, works: true },
        },
        C::Machine { part, works: true, .. } => C::Machine { node, part, works: false },
        C::Machine { part, .. } => match part {
            MachinePart::Power => C::Machine { node, part: MachinePart::Link, works: true },
            MachinePart::Link => C::Machine { node, part: MachinePart::Kubelet, works: true },
            MachinePart::Kubelet => C::Machine { node, part: MachinePart::Proxy, works: true },
            MachinePart::Proxy => C::Machine { node, part: MachinePart::Runtime, works: true },
            MachinePart::Runtime => return None,
        },
    })
}

fn taint_of(node: NodeId, taint: TaintName) -> Change {
    Change::NodeTaint { node, taint, present: true }
}
