//! Each step as a sentence: who does what to which object.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, EndpointSlice, Environment, Kubelet, LostWrite,
    NodeLifecycle, PodGarbageCollector, Process, Proxy, ReplicaSet, Scheduler, TaintEviction, Watch,
};

use super::watcher;
use crate::names::Names;

/// A step in words, as `kubelet on node-1 sends SIGTERM to container app of pod web-7c9f/2`.
pub fn action(names: &Names, action: &Action) -> String {
    match *action {
        Action::Tick => "time passes".to_owned(),
        Action::Watch(step) => watch(names, step),
        Action::Scheduler(step) => scheduler(names, step),
        Action::Deployment(step) => deployment(names, step),
        Action::ReplicaSet(step) => replica_set(names, step),
        Action::NodeLifecycle(step) => node_lifecycle(names, step),
        Action::TaintEviction(TaintEviction::DeletePod { pod }) => {
            format!("taint eviction controller deletes {}", names.pod(pod))
        }
        Action::PodGarbageCollector(step) => match step {
            PodGarbageCollector::FailPod { pod } => {
                format!(
                    "pod garbage collector sets the phase of {} to Failed, as no node will run it",
                    names.pod(pod)
                )
            }
            PodGarbageCollector::DeletePod { pod } => {
                format!("pod garbage collector deletes {} with grace period 0", names.pod(pod))
            }
        },
        Action::Disruption(step) => match step {
            Disruption::UpdateStatus => {
                format!("disruption controller writes the status of {}", names.budget())
            }
            Disruption::ForgetDisruption { pod } => {
                format!(
                    "disruption controller counts {} again, as its eviction did not delete it",
                    names.pod(pod)
                )
            }
        },
        Action::EndpointSlice(EndpointSlice::WriteSlice) => {
            format!("EndpointSlice controller writes the slice of {}", names.service())
        }
        Action::Kubelet(step) => kubelet(names, step),
        Action::Container(step) => container(names, step),
        Action::Proxy(Proxy::ProgramRules { node }) => {
            format!("kube-proxy on {} programs the rules of {}", names.node(node), names.service())
        }
        Action::Drain(step) => match step {
            Drain::ListPods => "drain lists the pods of the node".to_owned(),
            Drain::EvictPod { pod } => {
                format!("API server admits the eviction of {}", names.pod(pod))
            }
            Drain::DeletePod { pod } => format!("the admitted eviction deletes {}", names.pod(pod)),
        },
        Action::Process(step) => match step {
            Process::StartApiServer => "API server answers again".to_owned(),
            Process::StartScheduler => "scheduler starts and lists everything".to_owned(),
            Process::StartControllerManager => "controller-manager starts and lists everything".to_owned(),
            Process::StartKubelet { node } => format!("kubelet on {} starts", names.node(node)),
        },
        Action::Environment(step) => environment(names, step),
    }
}

fn watch(names: &Names, step: Watch) -> String {
    match step {
        Watch::DeliverPod { to, pod } => format!("{} now sees {}", watcher(names, to), names.pod(pod)),
        Watch::DeliverNode { to, node } => {
            format!("{} now sees node {}", watcher(names, to), names.node(node))
        }
        Watch::DeliverDeployment => format!("controller-manager now sees {}", names.deployment()),
        Watch::DeliverReplicaSet { revision } => {
            format!("controller-manager now sees {}", names.replica_set(revision))
        }
        Watch::DeliverBudget => format!("controller-manager now sees {}", names.budget()),
        Watch::DeliverSlice { node } => {
            format!("kube-proxy on {} now sees the EndpointSlice of {}", names.node(node), names.service())
        }
        Watch::List { watcher: who } => format!("{} lists everything again", watcher(names, who)),
    }
}

fn scheduler(names: &Names, step: Scheduler) -> String {
    match step {
        Scheduler::AssumePod { pod, node } => {
            format!("scheduler chooses {} for {}", names.node(node), names.pod(pod))
        }
        Scheduler::ParkPod { pod } => format!("scheduler finds no node for {}", names.pod(pod)),
        Scheduler::BindPod { pod } => format!("scheduler binds {}", names.pod(pod)),
        Scheduler::FlushPod { pod } => {
            format!("scheduler tries {} again, though no event asked for it", names.pod(pod))
        }
    }
}

fn deployment(names: &Names, step: Deployment) -> String {
    match step {
        Deployment::CreateReplicaSet { revision, replicas } => {
            format!("deployment controller creates {} with {}", names.replica_set(revision), wanted(replicas))
        }
        Deployment::ScaleReplicaSet { revision, replicas } => {
            format!("deployment controller scales {} to {}", names.replica_set(revision), wanted(replicas))
        }
        Deployment::ExceedProgressDeadline => {
            format!(
                "deployment controller sets Progressing of {} to False: the progress deadline ran out",
                names.deployment()
            )
        }
    }
}

/// A number of replicas.
pub(super) fn wanted(replicas: u8) -> String {
    if replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") }
}

fn replica_set(names: &Names, step: ReplicaSet) -> String {
    match step {
        ReplicaSet::PlanReplicas { revision } => {
            format!(
                "replicaset controller decides how many pods {} gains or loses",
                names.replica_set(revision)
            )
        }
        ReplicaSet::ChooseVictim { pod } => format!("replicaset controller chooses {} to go", names.pod(pod)),
        ReplicaSet::CreatePod { revision } => {
            format!("replicaset controller creates a pod of {}", names.replica_set(revision))
        }
        ReplicaSet::DeletePod { pod } => format!("replicaset controller deletes {}", names.pod(pod)),
        ReplicaSet::UpdateStatus { revision } => {
            format!("replicaset controller writes the status of {}", names.replica_set(revision))
        }
        ReplicaSet::CountAvailable { pod } => {
            format!(
                "replicaset controller counts {} as available: it was Ready for minReadySeconds",
                names.pod(pod)
            )
        }
    }
}

fn node_lifecycle(names: &Names, step: NodeLifecycle) -> String {
    match step {
        NodeLifecycle::MarkNodeUnknown { node } => {
            format!("node lifecycle controller sets Ready of silent node {} to Unknown", names.node(node))
        }
        NodeLifecycle::MarkPodNotReady { pod } => {
            format!(
                "node lifecycle controller sets Ready of {} to False, as its node is silent",
                names.pod(pod)
            )
        }
        NodeLifecycle::TaintNoSchedule { node } => {
            format!("node lifecycle controller sets the NoSchedule taints of node {}", names.node(node))
        }
        NodeLifecycle::TaintNoExecute { node } => {
            format!("node lifecycle controller sets the NoExecute taint of node {}", names.node(node))
        }
    }
}

/// A kubelet, by a pod of its node.
fn kubelet_of(names: &Names, pod: PodId) -> String {
    match names.node_of(pod) {
        Some(node) => format!("kubelet on {}", names.node(node)),
        None => "kubelet".to_owned(),
    }
}

fn kubelet(names: &Names, step: Kubelet) -> String {
    let of_pod = |pod, does: &str| format!("{} {does} {}", kubelet_of(names, pod), names.pod(pod));
    let of_container = |pod, container, does: &str| {
        format!("{} {does} {} of {}", kubelet_of(names, pod), names.container(container), names.pod(pod))
    };
    match step {
        Kubelet::BeginTermination { pod } => of_pod(pod, "begins to terminate"),
        Kubelet::CreateSandbox { pod } => of_pod(pod, "creates the sandbox of"),
        Kubelet::StartContainer { pod, container } => of_container(pod, container, "starts"),
        Kubelet::StopContainer { pod, container } => of_container(pod, container, "begins to stop"),
        Kubelet::RunPreStop { pod, container } => of_container(pod, container, "runs the preStop hook of"),
        Kubelet::FinishPreStop { pod, container } => {
            of_container(pod, container, "sees the end of the preStop hook of")
        }
        Kubelet::ExpireGrace { pod, container } => {
            of_container(pod, container, "sees the grace period run out for")
        }
        Kubelet::SendSigterm { pod, container } => of_container(pod, container, "sends SIGTERM to"),
        Kubelet::SendSigkill { pod, container } => of_container(pod, container, "sends SIGKILL to"),
        Kubelet::StopSandbox { pod } => of_pod(pod, "stops the sandbox of"),
        Kubelet::FinishPod { pod } => of_pod(pod, "has finished with"),
        Kubelet::ReportStatus { pod } => of_pod(pod, "patches the status of"),
        Kubelet::RemovePod { pod } => {
            format!("{}, with grace period 0", of_pod(pod, "sends the final deletion of"))
        }
        Kubelet::ForgetPod { pod } => of_pod(pod, "forgets"),
        Kubelet::FlipReadiness { pod, container } => {
            of_container(pod, container, "gets another readiness probe result from")
        }
        Kubelet::PassStartup { pod, container } => {
            of_container(pod, container, "gets a startup probe success from")
        }
        Kubelet::FailProbe { pod, container } => {
            of_container(pod, container, "sees one probe failure too many of")
        }
        Kubelet::Relist { node } => format!("PLEG on {} lists the containers", names.node(node)),
        Kubelet::NoticeHang { node } => {
            format!("PLEG on {} notices that the runtime does not answer", names.node(node))
        }
        Kubelet::ReportNodeStatus { node } => {
            format!("kubelet on {} posts the condition Ready of its node", names.node(node))
        }
    }
}

fn container(names: &Names, step: Container) -> String {
    match step {
        Container::Listen { pod, container } => {
            format!("{} of {} begins to accept connections", names.container(container), names.pod(pod))
        }
        Container::Exit { pod, container } => {
            format!("{} of {} exits", names.container(container), names.pod(pod))
        }
        Container::ReuseAddress { pod } => {
            format!("a new pod of another workload gets an address that {} had", names.pod(pod))
        }
    }
}

fn environment(names: &Names, step: Environment) -> String {
    let of_node = |does: &str, node| format!("{does} {}", names.node(node));
    let probe = |probe: &str, pod, container| {
        let container = names.container(container);
        format!("{container} of {} begins, or stops, to fail its {probe} probe", names.pod(pod))
    };
    match step {
        Environment::ChangeTemplate => format!("somebody changes the template of {}", names.deployment()),
        Environment::Scale => format!("somebody scales {}", names.workload()),
        Environment::ScaleTo { replicas } => {
            format!("somebody scales {} to {}", names.workload(), wanted(replicas))
        }
        Environment::DeletePod { pod } => format!("somebody deletes {}", names.pod(pod)),
        Environment::ForceDeletePod { pod } => {
            format!("somebody deletes {} with grace period 0", names.pod(pod))
        }
        Environment::EvictPod { pod } => format!("somebody wants {} evicted", names.pod(pod)),
        Environment::CordonNode { node } => of_node("somebody cordons", node),
        Environment::UncordonNode { node } => of_node("somebody uncordons", node),
        Environment::DrainNode { node } => of_node("somebody cordons and drains", node),
        Environment::TaintNode { node } => {
            of_node(&format!("somebody puts taint {} on", names.taint()), node)
        }
        Environment::UntaintNode { node } => {
            of_node(&format!("somebody takes taint {} off", names.taint()), node)
        }
        Environment::RelabelNode { node } => of_node("somebody changes the labels of", node),
        Environment::AddNode { node } => format!("{} joins the cluster", names.node(node)),
        Environment::RemoveNode { node } => of_node("somebody deletes the Node object of", node),
        Environment::CrashNode { node } => format!("{} loses power", names.node(node)),
        Environment::ReturnNode { node } => format!("{} boots again", names.node(node)),
        Environment::PartitionNode { node } => {
            format!("the link of {} to the control plane is cut", names.node(node))
        }
        Environment::HealPartition { node } => {
            format!("the link of {} to the control plane works again", names.node(node))
        }
        Environment::StopKubelet { node } => of_node("a restart stops the kubelet on", node),
        Environment::CrashContainer { pod, container } => {
            format!("{} of {} crashes with code 1", names.container(container), names.pod(pod))
        }
        Environment::FinishContainer { pod, container } => {
            format!("{} of {} ends by itself with code 0", names.container(container), names.pod(pod))
        }
        Environment::ChangeReadiness { pod, container } => probe("readiness", pod, container),
        Environment::ChangeLiveness { pod, container } => probe("liveness", pod, container),
        Environment::KillSandbox { pod } => format!("the sandbox of {} dies", names.pod(pod)),
        Environment::HangRuntime { node } => {
            format!("the container runtime on {} stops answering", names.node(node))
        }
        Environment::RecoverRuntime { node } => {
            format!("the container runtime on {} answers again", names.node(node))
        }
        Environment::FailCni { node } => format!("the network plugin on {} fails", names.node(node)),
        Environment::BreakWatches { watcher: who } => format!("the watches of {} break", watcher(names, who)),
        Environment::LoseResponse { write, committed } => {
            let write = match write {
                LostWrite::CreatePod { revision } => {
                    format!(
                        "the replicaset controller's creation of a pod of {}",
                        names.replica_set(revision)
                    )
                }
                LostWrite::DeletePod { pod } => {
                    format!("the replicaset controller's deletion of {}", names.pod(pod))
                }
                LostWrite::BindPod { pod } => format!("the scheduler's binding of {}", names.pod(pod)),
            };
            let outcome = if committed { "is committed" } else { "fails" };
            format!("{write} {outcome}, and its answer is lost")
        }
        Environment::StopControllerManager => "a restart stops the controller-manager".to_owned(),
        Environment::StopScheduler => "a restart stops the scheduler".to_owned(),
        Environment::StopProxy { node } => format!("the kube-proxy on {} stops for good", names.node(node)),
        Environment::StopApiServer => "a restart stops the API server".to_owned(),
        Environment::EvictUnderPressure { pod } => match names.node_of(pod) {
            Some(node) => format!(
                "{} runs short of memory, and its kubelet evicts {}",
                names.node(node),
                names.pod(pod)
            ),
            None => format!("a node runs short of memory, and its kubelet evicts {}", names.pod(pod)),
        },
    }
}
