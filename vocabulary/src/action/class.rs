//! Classes of steps: what kind of step it is, without whose and of which object. A search counts how often each was taken,
//! since a step that never happens makes promises hold for the wrong reason.

use super::{
    Action, Container, Deployment, Disruption, Drain, EndpointSlice, Environment, Kubelet, NodeLifecycle,
    PodGarbageCollector, Process, Proxy, ReplicaSet, Scheduler, TaintEviction, Watch,
};

/// The names of the classes, in the order of their numbers: component and step, as a trace has them.
pub const CLASSES: &[&str] = &[
    "tick",
    "watch/deliver-pod",
    "watch/deliver-node",
    "watch/deliver-deployment",
    "watch/deliver-replica-set",
    "watch/deliver-budget",
    "watch/deliver-slice",
    "watch/list",
    "scheduler/assume-pod",
    "scheduler/park-pod",
    "scheduler/bind-pod",
    "scheduler/flush-pod",
    "deployment/create-replica-set",
    "deployment/scale-replica-set",
    "deployment/exceed-progress-deadline",
    "replica-set/plan-replicas",
    "replica-set/choose-victim",
    "replica-set/create-pod",
    "replica-set/delete-pod",
    "replica-set/update-status",
    "replica-set/count-available",
    "node-lifecycle/mark-node-unknown",
    "node-lifecycle/mark-pod-not-ready",
    "node-lifecycle/taint-no-schedule",
    "node-lifecycle/taint-no-execute",
    "taint-eviction/delete-pod",
    "pod-garbage-collector/fail-pod",
    "pod-garbage-collector/delete-pod",
    "disruption/update-status",
    "disruption/forget-disruption",
    "endpoint-slice/write-slice",
    "kubelet/begin-termination",
    "kubelet/create-sandbox",
    "kubelet/start-container",
    "kubelet/stop-container",
    "kubelet/run-pre-stop",
    "kubelet/finish-pre-stop",
    "kubelet/expire-grace",
    "kubelet/send-sigterm",
    "kubelet/send-sigkill",
    "kubelet/stop-sandbox",
    "kubelet/finish-pod",
    "kubelet/report-status",
    "kubelet/remove-pod",
    "kubelet/forget-pod",
    "kubelet/flip-readiness",
    "kubelet/pass-startup",
    "kubelet/fail-probe",
    "kubelet/relist",
    "kubelet/notice-hang",
    "kubelet/report-node-status",
    "container/listen",
    "container/exit",
    "container/reuse-address",
    "proxy/program-rules",
    "drain/list-pods",
    "drain/evict-pod",
    "drain/delete-pod",
    "process/start-api-server",
    "process/start-scheduler",
    "process/start-controller-manager",
    "process/start-kubelet",
    "environment/change-template",
    "environment/scale",
    "environment/delete-pod",
    "environment/force-delete-pod",
    "environment/cordon-node",
    "environment/drain-node",
    "environment/taint-node",
    "environment/add-node",
    "environment/crash-node",
    "environment/return-node",
    "environment/partition-node",
    "environment/heal-partition",
    "environment/stop-kubelet",
    "environment/crash-container",
    "environment/kill-sandbox",
    "environment/hang-runtime",
    "environment/fail-cni",
    "environment/break-watches",
    "environment/lose-response",
    "environment/stop-controller-manager",
    "environment/stop-scheduler",
    "environment/stop-proxy",
    "environment/stop-api-server",
    "environment/evict-under-pressure",
    "environment/uncordon-node",
    "environment/untaint-node",
    "environment/evict-pod",
    "environment/finish-container",
    "environment/recover-runtime",
    "environment/change-readiness",
    "environment/change-liveness",
    "environment/scale-to",
];

impl Action {
    /// The number of its class: its place in [`CLASSES`].
    pub const fn class(&self) -> u8 {
        match self {
            Self::Tick => 0,
            Self::Watch(Watch::DeliverPod { .. }) => 1,
            Self::Watch(Watch::DeliverNode { .. }) => 2,
            Self::Watch(Watch::DeliverDeployment) => 3,
            Self::Watch(Watch::DeliverReplicaSet { .. }) => 4,
            Self::Watch(Watch::DeliverBudget) => 5,
            Self::Watch(Watch::DeliverSlice { .. }) => 6,
            Self::Watch(Watch::List { .. }) => 7,
            Self::Scheduler(Scheduler::AssumePod { .. }) => 8,
            Self::Scheduler(Scheduler::ParkPod { .. }) => 9,
            Self::Scheduler(Scheduler::BindPod { .. }) => 10,
            Self::Scheduler(Scheduler::FlushPod { .. }) => 11,
            Self::Deployment(Deployment::CreateReplicaSet { .. }) => 12,
            Self::Deployment(Deployment::ScaleReplicaSet { .. }) => 13,
            Self::Deployment(Deployment::ExceedProgressDeadline) => 14,
            Self::ReplicaSet(ReplicaSet::PlanReplicas { .. }) => 15,
            Self::ReplicaSet(ReplicaSet::ChooseVictim { .. }) => 16,
            Self::ReplicaSet(ReplicaSet::CreatePod { .. }) => 17,
            Self::ReplicaSet(ReplicaSet::DeletePod { .. }) => 18,
            Self::ReplicaSet(ReplicaSet::UpdateStatus { .. }) => 19,
            Self::ReplicaSet(ReplicaSet::CountAvailable { .. }) => 20,
            Self::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. }) => 21,
            Self::NodeLifecycle(NodeLifecycle::MarkPodNotReady { .. }) => 22,
            Self::NodeLifecycle(NodeLifecycle::TaintNoSchedule { .. }) => 23,
            Self::NodeLifecycle(NodeLifecycle::TaintNoExecute { .. }) => 24,
            Self::TaintEviction(TaintEviction::DeletePod { .. }) => 25,
            Self::PodGarbageCollector(PodGarbageCollector::FailPod { .. }) => 26,
            Self::PodGarbageCollector(PodGarbageCollector::DeletePod { .. }) => 27,
            Self::Disruption(Disruption::UpdateStatus) => 28,
            Self::Disruption(Disruption::ForgetDisruption { .. }) => 29,
            Self::EndpointSlice(EndpointSlice::WriteSlice) => 30,
            Self::Kubelet(Kubelet::BeginTermination { .. }) => 31,
            Self::Kubelet(Kubelet::CreateSandbox { .. }) => 32,
            Self::Kubelet(Kubelet::StartContainer { .. }) => 33,
            Self::Kubelet(Kubelet::StopContainer { .. }) => 34,
            Self::Kubelet(Kubelet::RunPreStop { .. }) => 35,
            Self::Kubelet(Kubelet::FinishPreStop { .. }) => 36,
            Self::Kubelet(Kubelet::ExpireGrace { .. }) => 37,
            Self::Kubelet(Kubelet::SendSigterm { .. }) => 38,
            Self::Kubelet(Kubelet::SendSigkill { .. }) => 39,
            Self::Kubelet(Kubelet::StopSandbox { .. }) => 40,
            Self::Kubelet(Kubelet::FinishPod { .. }) => 41,
            Self::Kubelet(Kubelet::ReportStatus { .. }) => 42,
            Self::Kubelet(Kubelet::RemovePod { .. }) => 43,
            Self::Kubelet(Kubelet::ForgetPod { .. }) => 44,
            Self::Kubelet(Kubelet::FlipReadiness { .. }) => 45,
            Self::Kubelet(Kubelet::PassStartup { .. }) => 46,
            Self::Kubelet(Kubelet::FailProbe { .. }) => 47,
            Self::Kubelet(Kubelet::Relist { .. }) => 48,
            Self::Kubelet(Kubelet::NoticeHang { .. }) => 49,
            Self::Kubelet(Kubelet::ReportNodeStatus { .. }) => 50,
            Self::Container(Container::Listen { .. }) => 51,
            Self::Container(Container::Exit { .. }) => 52,
            Self::Container(Container::ReuseAddress { .. }) => 53,
            Self::Proxy(Proxy::ProgramRules { .. }) => 54,
            Self::Drain(Drain::ListPods) => 55,
            Self::Drain(Drain::EvictPod { .. }) => 56,
            Self::Drain(Drain::DeletePod { .. }) => 57,
            Self::Process(Process::StartApiServer) => 58,
            Self::Process(Process::StartScheduler) => 59,
            Self::Process(Process::StartControllerManager) => 60,
            Self::Process(Process::StartKubelet { .. }) => 61,
            Self::Environment(Environment::ChangeTemplate) => 62,
            Self::Environment(Environment::Scale) => 63,
            Self::Environment(Environment::DeletePod { .. }) => 64,
            Self::Environment(Environment::ForceDeletePod { .. }) => 65,
            Self::Environment(Environment::CordonNode { .. }) => 66,
            Self::Environment(Environment::DrainNode { .. }) => 67,
            Self::Environment(Environment::TaintNode { .. }) => 68,
            Self::Environment(Environment::AddNode { .. }) => 69,
            Self::Environment(Environment::CrashNode { .. }) => 70,
            Self::Environment(Environment::ReturnNode { .. }) => 71,
            Self::Environment(Environment::PartitionNode { .. }) => 72,
            Self::Environment(Environment::HealPartition { .. }) => 73,
            Self::Environment(Environment::StopKubelet { .. }) => 74,
            Self::Environment(Environment::CrashContainer { .. }) => 75,
            Self::Environment(Environment::KillSandbox { .. }) => 76,
            Self::Environment(Environment::HangRuntime { .. }) => 77,
            Self::Environment(Environment::FailCni { .. }) => 78,
            Self::Environment(Environment::BreakWatches { .. }) => 79,
            Self::Environment(Environment::LoseResponse { .. }) => 80,
            Self::Environment(Environment::StopControllerManager) => 81,
            Self::Environment(Environment::StopScheduler) => 82,
            Self::Environment(Environment::StopProxy { .. }) => 83,
            Self::Environment(Environment::StopApiServer) => 84,
            Self::Environment(Environment::EvictUnderPressure { .. }) => 85,
            Self::Environment(Environment::UncordonNode { .. }) => 86,
            Self::Environment(Environment::UntaintNode { .. }) => 87,
            Self::Environment(Environment::EvictPod { .. }) => 88,
            Self::Environment(Environment::FinishContainer { .. }) => 89,
            Self::Environment(Environment::RecoverRuntime { .. }) => 90,
            Self::Environment(Environment::ChangeReadiness { .. }) => 91,
            Self::Environment(Environment::ChangeLiveness { .. }) => 92,
            Self::Environment(Environment::ScaleTo { .. }) => 93,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContainerId, NodeId, PodId, Revision};

    /// The name is what the step is called in a trace.
    #[test]
    fn classes_are_named_as_in_a_trace() {
        let (pod, node, container, revision) = (PodId(0), NodeId(0), ContainerId(0), Revision(0));
        for action in [
            Action::Tick,
            Action::Watch(Watch::DeliverSlice { node }),
            Action::Scheduler(Scheduler::BindPod { pod }),
            Action::ReplicaSet(ReplicaSet::CreatePod { revision }),
            Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { node }),
            Action::Kubelet(Kubelet::SendSigterm { pod, container }),
            Action::Kubelet(Kubelet::ReportNodeStatus { node }),
            Action::Proxy(Proxy::ProgramRules { node }),
            Action::Drain(Drain::DeletePod { pod }),
            Action::Process(Process::StartKubelet { node }),
            Action::Environment(Environment::KillSandbox { pod }),
        ] {
            let json = serde_json::to_value(action).expect("an action is JSON");
            let name = match &json {
                serde_json::Value::String(name) => name.clone(),
                _ => {
                    let (component, step) =
                        json.as_object().and_then(|o| o.iter().next()).expect("one component");
                    let step = step.as_object().and_then(|o| o.keys().next().cloned());
                    format!("{component}/{}", step.expect("one step"))
                }
            };
            assert_eq!(CLASSES[usize::from(action.class())], name);
        }
    }

    #[test]
    fn classes_have_different_names_and_fit_in_a_set_of_128() {
        let mut names: Vec<_> = CLASSES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CLASSES.len());
        assert!(CLASSES.len() <= 128);
    }
}
