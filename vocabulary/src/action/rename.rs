//! The same step with other names: what it is where pods and nodes are numbered anew. No pattern here leaves a field out,
//! so a step that gets another does not compile until it is said what becomes of it.

use super::{
    Action, Container, Disruption, Drain, Environment, Kubelet, LostWrite, NodeLifecycle,
    PodGarbageCollector, Process, Proxy, ReplicaSet, Scheduler, TaintEviction, Watch, Watcher,
};
use crate::ids::{NodeId, PodId};

/// New numbers for pods and nodes.
pub trait Rename {
    /// The number that a pod gets.
    fn pod(&self, pod: PodId) -> PodId;

    /// The number that a node gets.
    fn node(&self, node: NodeId) -> NodeId;
}

impl Action {
    /// The same step of the pods and nodes that `names` makes of those it speaks of.
    #[must_use]
    pub fn renamed(self, names: &impl Rename) -> Self {
        match self {
            Self::Tick => Self::Tick,
            Self::Watch(step) => Self::Watch(step.renamed(names)),
            Self::Scheduler(step) => Self::Scheduler(scheduler(step, names)),
            Self::Deployment(step) => Self::Deployment(step),
            Self::ReplicaSet(step) => Self::ReplicaSet(replica_set(step, names)),
            Self::NodeLifecycle(step) => Self::NodeLifecycle(node_lifecycle(step, names)),
            Self::TaintEviction(TaintEviction::DeletePod { pod }) => {
                Self::TaintEviction(TaintEviction::DeletePod { pod: names.pod(pod) })
            }
            Self::PodGarbageCollector(step) => Self::PodGarbageCollector(match step {
                PodGarbageCollector::FailPod { pod } => PodGarbageCollector::FailPod { pod: names.pod(pod) },
                PodGarbageCollector::DeletePod { pod } => {
                    PodGarbageCollector::DeletePod { pod: names.pod(pod) }
                }
            }),
            Self::Disruption(step) => Self::Disruption(match step {
                Disruption::UpdateStatus => Disruption::UpdateStatus,
                Disruption::ForgetDisruption { pod } => Disruption::ForgetDisruption { pod: names.pod(pod) },
            }),
            Self::EndpointSlice(step) => Self::EndpointSlice(step),
            Self::Kubelet(step) => Self::Kubelet(kubelet(step, names)),
            Self::Container(step) => Self::Container(match step {
                Container::Listen { pod, container } => Container::Listen { pod: names.pod(pod), container },
                Container::Exit { pod, container } => Container::Exit { pod: names.pod(pod), container },
                Container::ReuseAddress { pod } => Container::ReuseAddress { pod: names.pod(pod) },
            }),
            Self::Proxy(Proxy::ProgramRules { node }) => {
                Self::Proxy(Proxy::ProgramRules { node: names.node(node) })
            }
            Self::Drain(step) => Self::Drain(match step {
                Drain::ListPods => Drain::ListPods,
                Drain::EvictPod { pod } => Drain::EvictPod { pod: names.pod(pod) },
                Drain::DeletePod { pod } => Drain::DeletePod { pod: names.pod(pod) },
            }),
            Self::Process(step) => Self::Process(match step {
                Process::StartApiServer => Process::StartApiServer,
                Process::StartScheduler => Process::StartScheduler,
                Process::StartControllerManager => Process::StartControllerManager,
                Process::StartKubelet { node } => Process::StartKubelet { node: names.node(node) },
            }),
            Self::Environment(step) => Self::Environment(environment(step, names)),
        }
    }
}

impl Watch {
    fn renamed(self, names: &impl Rename) -> Self {
        match self {
            Self::DeliverPod { to, pod } => Self::DeliverPod { to: to.renamed(names), pod: names.pod(pod) },
            Self::DeliverNode { to, node } => {
                Self::DeliverNode { to: to.renamed(names), node: names.node(node) }
            }
            Self::DeliverDeployment => Self::DeliverDeployment,
            Self::DeliverReplicaSet { revision } => Self::DeliverReplicaSet { revision },
            Self::DeliverBudget => Self::DeliverBudget,
            Self::DeliverSlice { node } => Self::DeliverSlice { node: names.node(node) },
            Self::List { watcher } => Self::List { watcher: watcher.renamed(names) },
        }
    }
}

impl Watcher {
    fn renamed(self, names: &impl Rename) -> Self {
        match self {
            Self::Scheduler => Self::Scheduler,
            Self::ControllerManager => Self::ControllerManager,
            Self::Kubelet(node) => Self::Kubelet(names.node(node)),
            Self::Proxy(node) => Self::Proxy(names.node(node)),
        }
    }
}

fn scheduler(step: Scheduler, names: &impl Rename) -> Scheduler {
    match step {
        Scheduler::AssumePod { pod, node } => {
            Scheduler::AssumePod { pod: names.pod(pod), node: names.node(node) }
        }
        Scheduler::ParkPod { pod } => Scheduler::ParkPod { pod: names.pod(pod) },
        Scheduler::BindPod { pod } => Scheduler::BindPod { pod: names.pod(pod) },
        Scheduler::FlushPod { pod } => Scheduler::FlushPod { pod: names.pod(pod) },
    }
}

fn replica_set(step: ReplicaSet, names: &impl Rename) -> ReplicaSet {
    match step {
        ReplicaSet::PlanReplicas { revision } => ReplicaSet::PlanReplicas { revision },
        ReplicaSet::ChooseVictim { pod } => ReplicaSet::ChooseVictim { pod: names.pod(pod) },
        ReplicaSet::CreatePod { revision } => ReplicaSet::CreatePod { revision },
        ReplicaSet::DeletePod { pod } => ReplicaSet::DeletePod { pod: names.pod(pod) },
        ReplicaSet::UpdateStatus { revision } => ReplicaSet::UpdateStatus { revision },
        ReplicaSet::CountAvailable { pod } => ReplicaSet::CountAvailable { pod: names.pod(pod) },
    }
}

fn node_lifecycle(step: NodeLifecycle, names: &impl Rename) -> NodeLifecycle {
    match step {
        NodeLifecycle::MarkNodeUnknown { node } => NodeLifecycle::MarkNodeUnknown { node: names.node(node) },
        NodeLifecycle::MarkPodNotReady { pod } => NodeLifecycle::MarkPodNotReady { pod: names.pod(pod) },
        NodeLifecycle::TaintNoSchedule { node } => NodeLifecycle::TaintNoSchedule { node: names.node(node) },
        NodeLifecycle::TaintNoExecute { node } => NodeLifecycle::TaintNoExecute { node: names.node(node) },
    }
}

fn kubelet(step: Kubelet, names: &impl Rename) -> Kubelet {
    match step {
        Kubelet::BeginTermination { pod } => Kubelet::BeginTermination { pod: names.pod(pod) },
        Kubelet::CreateSandbox { pod } => Kubelet::CreateSandbox { pod: names.pod(pod) },
        Kubelet::StartContainer { pod, container } => {
            Kubelet::StartContainer { pod: names.pod(pod), container }
        }
        Kubelet::StopContainer { pod, container } => {
            Kubelet::StopContainer { pod: names.pod(pod), container }
        }
        Kubelet::RunPreStop { pod, container } => Kubelet::RunPreStop { pod: names.pod(pod), container },
        Kubelet::FinishPreStop { pod, container } => {
            Kubelet::FinishPreStop { pod: names.pod(pod), container }
        }
        Kubelet::ExpireGrace { pod, container } => Kubelet::ExpireGrace { pod: names.pod(pod), container },
        Kubelet::SendSigterm { pod, container } => Kubelet::SendSigterm { pod: names.pod(pod), container },
        Kubelet::SendSigkill { pod, container } => Kubelet::SendSigkill { pod: names.pod(pod), container },
        Kubelet::StopSandbox { pod } => Kubelet::StopSandbox { pod: names.pod(pod) },
        Kubelet::FinishPod { pod } => Kubelet::FinishPod { pod: names.pod(pod) },
        Kubelet::ReportStatus { pod } => Kubelet::ReportStatus { pod: names.pod(pod) },
        Kubelet::RemovePod { pod } => Kubelet::RemovePod { pod: names.pod(pod) },
        Kubelet::ForgetPod { pod } => Kubelet::ForgetPod { pod: names.pod(pod) },
        Kubelet::FlipReadiness { pod, container } => {
            Kubelet::FlipReadiness { pod: names.pod(pod), container }
        }
        Kubelet::PassStartup { pod, container } => Kubelet::PassStartup { pod: names.pod(pod), container },
        Kubelet::FailProbe { pod, container } => Kubelet::FailProbe { pod: names.pod(pod), container },
        Kubelet::Relist { node } => Kubelet::Relist { node: names.node(node) },
        Kubelet::NoticeHang { node } => Kubelet::NoticeHang { node: names.node(node) },
        Kubelet::ReportNodeStatus { node } => Kubelet::ReportNodeStatus { node: names.node(node) },
    }
}

fn lost_write(write: LostWrite, names: &impl Rename) -> LostWrite {
    match write {
        LostWrite::CreatePod { revision } => LostWrite::CreatePod { revision },
        LostWrite::DeletePod { pod } => LostWrite::DeletePod { pod: names.pod(pod) },
        LostWrite::BindPod { pod } => LostWrite::BindPod { pod: names.pod(pod) },
    }
}

fn environment(step: Environment, names: &impl Rename) -> Environment {
    use Environment as E;
    match step {
        E::ChangeTemplate => E::ChangeTemplate,
        E::Scale => E::Scale,
        E::ScaleTo { replicas } => E::ScaleTo { replicas },
        E::DeletePod { pod } => E::DeletePod { pod: names.pod(pod) },
        E::ForceDeletePod { pod } => E::ForceDeletePod { pod: names.pod(pod) },
        E::EvictPod { pod } => E::EvictPod { pod: names.pod(pod) },
        E::CordonNode { node } => E::CordonNode { node: names.node(node) },
        E::UncordonNode { node } => E::UncordonNode { node: names.node(node) },
        E::DrainNode { node } => E::DrainNode { node: names.node(node) },
        E::TaintNode { node } => E::TaintNode { node: names.node(node) },
        E::UntaintNode { node } => E::UntaintNode { node: names.node(node) },
        E::RelabelNode { node } => E::RelabelNode { node: names.node(node) },
        E::AddNode { node } => E::AddNode { node: names.node(node) },
        E::RemoveNode { node } => E::RemoveNode { node: names.node(node) },
        E::CrashNode { node } => E::CrashNode { node: names.node(node) },
        E::ReturnNode { node } => E::ReturnNode { node: names.node(node) },
        E::PartitionNode { node } => E::PartitionNode { node: names.node(node) },
        E::HealPartition { node } => E::HealPartition { node: names.node(node) },
        E::StopKubelet { node } => E::StopKubelet { node: names.node(node) },
        E::CrashContainer { pod, container } => E::CrashContainer { pod: names.pod(pod), container },
        E::FinishContainer { pod, container } => E::FinishContainer { pod: names.pod(pod), container },
        E::ChangeReadiness { pod, container } => E::ChangeReadiness { pod: names.pod(pod), container },
        E::ChangeLiveness { pod, container } => E::ChangeLiveness { pod: names.pod(pod), container },
        E::KillSandbox { pod } => E::KillSandbox { pod: names.pod(pod) },
        E::HangRuntime { node } => E::HangRuntime { node: names.node(node) },
        E::RecoverRuntime { node } => E::RecoverRuntime { node: names.node(node) },
        E::FailCni { node } => E::FailCni { node: names.node(node) },
        E::BreakWatches { watcher } => E::BreakWatches { watcher: watcher.renamed(names) },
        E::LoseResponse { write, committed } => {
            E::LoseResponse { write: lost_write(write, names), committed }
        }
        E::StopControllerManager => E::StopControllerManager,
        E::StopScheduler => E::StopScheduler,
        E::StopProxy { node } => E::StopProxy { node: names.node(node) },
        E::StopApiServer => E::StopApiServer,
        E::EvictUnderPressure { pod } => E::EvictUnderPressure { pod: names.pod(pod) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number one up.
    struct Up;

    impl Rename for Up {
        fn pod(&self, pod: PodId) -> PodId {
            PodId(pod.0 + 1)
        }

        fn node(&self, node: NodeId) -> NodeId {
            NodeId(node.0 + 1)
        }
    }

    /// Numbers of pods and nodes in the JSON of a step, one up: what a renamed step must show.
    fn one_up(json: &mut serde_json::Value) {
        match json {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    let is_number = value.is_u64();
                    match name.as_str() {
                        "pod" | "node" | "kubelet" | "proxy" if is_number => {
                            *value = (value.as_u64().unwrap() + 1).into();
                        }
                        _ => one_up(value),
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(one_up),
            _ => {}
        }
    }

    #[test]
    fn a_renamed_step_differs_in_its_pods_and_nodes_and_in_nothing_else() {
        let (pod, node, revision) = (PodId(3), NodeId(5), crate::Revision(7));
        let container = crate::ContainerId(2);
        for action in [
            Action::Tick,
            Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(node), pod }),
            Action::Watch(Watch::List { watcher: Watcher::Proxy(node) }),
            Action::Watch(Watch::DeliverReplicaSet { revision }),
            Action::Scheduler(Scheduler::AssumePod { pod, node }),
            Action::ReplicaSet(ReplicaSet::CreatePod { revision }),
            Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { node }),
            Action::TaintEviction(TaintEviction::DeletePod { pod }),
            Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod }),
            Action::Disruption(Disruption::ForgetDisruption { pod }),
            Action::Kubelet(Kubelet::StartContainer { pod, container }),
            Action::Kubelet(Kubelet::Relist { node }),
            Action::Container(Container::ReuseAddress { pod }),
            Action::Proxy(Proxy::ProgramRules { node }),
            Action::Drain(Drain::EvictPod { pod }),
            Action::Process(Process::StartKubelet { node }),
            Action::Environment(Environment::BreakWatches { watcher: Watcher::Kubelet(node) }),
            Action::Environment(Environment::LoseResponse {
                write: LostWrite::BindPod { pod },
                committed: true,
            }),
            Action::Environment(Environment::CrashContainer { pod, container }),
            Action::Environment(Environment::FinishContainer { pod, container }),
            Action::Environment(Environment::EvictPod { pod }),
            Action::Environment(Environment::UntaintNode { node }),
        ] {
            let mut expected = serde_json::to_value(action).unwrap();
            one_up(&mut expected);
            assert_eq!(serde_json::to_value(action.renamed(&Up)).unwrap(), expected, "{action:?}");
        }
    }
}
