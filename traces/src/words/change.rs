//! Each change as a clause: what is so now.

use podproof_vocabulary::observation::{
    Deletion, EndpointSeen, Hook, NodeReady, Phase, PodSeen, Process, Sandbox,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::action::wanted;
use crate::change::{Change, MachinePart, TaintName};
use crate::names::Names;

/// A change in words, as `pod web-7c9f/2: phase Running`.
pub fn change(names: &Names, change: &Change) -> String {
    let of_pod = |pod: PodId, is: &str| format!("{}: {is}", names.pod(pod));
    let of_container = |pod: PodId, container: ContainerId, is: &str| {
        format!("{} of {} {is}", names.container(container), names.pod(pod))
    };
    match *change {
        Change::Deployment { now: None } => format!("{} is gone", names.deployment()),
        Change::Deployment { now: Some(now) } => {
            let deadline = if now.deadline_exceeded { ", progress deadline exceeded" } else { "" };
            format!(
                "{}: {} wanted, template hash {}{deadline}",
                names.deployment(),
                wanted(now.replicas),
                names.hash(now.revision)
            )
        }
        Change::ReplicaSet { revision, now: None } => format!("{} is gone", names.replica_set(revision)),
        Change::ReplicaSet { revision, now: Some(now) } => {
            format!(
                "{}: {} wanted, {} available",
                names.replica_set(revision),
                wanted(now.replicas),
                now.available
            )
        }
        Change::Budget { now: None } => format!("{}: no status", names.budget()),
        Change::Budget { now: Some(now) } => format!(
            "{}: {} disruptions allowed, {} healthy of {} desired",
            names.budget(),
            now.disruptions_allowed,
            now.current_healthy,
            now.desired_healthy
        ),
        Change::PodAppears { pod, object } => {
            format!("{} appears{}", names.pod(pod), appearance(names, object))
        }
        Change::PodRemoved { pod } => format!("{} is removed", names.pod(pod)),
        Change::PodNode { pod, node } => match node {
            Some(node) => of_pod(pod, &format!("bound to {}", names.node(node))),
            None => of_pod(pod, "bound to no node"),
        },
        Change::PodPhase { pod, phase } => of_pod(pod, &format!("phase {}", phase_name(phase))),
        Change::PodDeletion { pod, deletion } => of_pod(
            pod,
            match deletion {
                Deletion::None => "no longer deleting",
                Deletion::Graceful => "deleting, with its grace period",
                Deletion::Immediate => "deleting, with grace period 0",
            },
        ),
        Change::PodFinalizer { pod, present: true } => of_pod(pod, "a finalizer keeps it"),
        Change::PodFinalizer { pod, present: false } => of_pod(pod, "no finalizer keeps it"),
        Change::PodReady { pod, ready: true } => of_pod(pod, "Ready"),
        Change::PodReady { pod, ready: false } => of_pod(pod, "not Ready"),
        Change::PodAddress { pod, address: Some(address) } => {
            of_pod(pod, &format!("podIP is {}", names.address(pod, address)))
        }
        Change::PodAddress { pod, address: None } => of_pod(pod, "no podIP"),
        Change::Sandbox { pod, sandbox } => match sandbox {
            Sandbox::None => format!("the sandbox of {} is gone", names.pod(pod)),
            Sandbox::Ready => format!("the sandbox of {} is ready", names.pod(pod)),
            Sandbox::Dead => format!("the sandbox of {} is dead", names.pod(pod)),
        },
        Change::SandboxAddress { pod, address: Some(address) } => {
            format!("the sandbox of {} has {}", names.pod(pod), names.address(pod, address))
        }
        Change::SandboxAddress { pod, address: None } => {
            format!("the sandbox of {} has no address", names.pod(pod))
        }
        Change::Terminating { pod, terminating: true } => of_pod(pod, "its worker terminates it"),
        Change::Terminating { pod, terminating: false } => of_pod(pod, "its worker is gone"),
        Change::Process { pod, container, process } => of_container(pod, container, process_name(process)),
        Change::Accepting { pod, container, accepting: true } => {
            of_container(pod, container, "accepts connections")
        }
        Change::Accepting { pod, container, accepting: false } => {
            of_container(pod, container, "accepts nothing any more")
        }
        Change::Sigterm { pod, container, received: true } => {
            of_container(pod, container, "has received SIGTERM")
        }
        Change::Sigterm { pod, container, received: false } => {
            of_container(pod, container, "is a process without SIGTERM")
        }
        Change::Hook { pod, container, hook } => of_container(
            pod,
            container,
            match hook {
                Hook::None => "has run no preStop hook",
                Hook::Running => "runs its preStop hook",
                Hook::Done => "is done with its preStop hook",
            },
        ),
        Change::GraceExpired { pod, container, expired: true } => {
            of_container(pod, container, "has no grace left")
        }
        Change::GraceExpired { pod, container, expired: false } => {
            of_container(pod, container, "has its grace period")
        }
        Change::AddressReused { pod, address: Some(address) } => {
            format!("a pod of another workload has address #{} of {}", address.0, names.pod(pod))
        }
        Change::AddressReused { pod, address: None } => {
            format!("nobody else has an address of {}", names.pod(pod))
        }
        Change::Endpoint { pod, endpoint } => format!("EndpointSlice: {}", entry(names, pod, endpoint)),
        Change::Rule { node, pod, endpoint } => {
            format!("rules on {}: {}", names.node(node), entry(names, pod, endpoint))
        }
        Change::NodeObject { node, exists: true } => of_node(names, node, "its object appears"),
        Change::NodeObject { node, exists: false } => of_node(names, node, "its object is gone"),
        Change::NodeReady { node, ready } => of_node(
            names,
            node,
            match ready {
                NodeReady::True => "Ready",
                NodeReady::False => "not Ready",
                NodeReady::Unknown => "Ready is Unknown",
            },
        ),
        Change::NodeUnschedulable { node, unschedulable: true } => of_node(names, node, "unschedulable"),
        Change::NodeUnschedulable { node, unschedulable: false } => of_node(names, node, "schedulable"),
        Change::NodeTaint { node, taint, present } => {
            let has = if present { "has" } else { "has lost" };
            of_node(names, node, &format!("{has} taint {}", taint_name(names, taint)))
        }
        Change::Machine { node, part, works } => of_node(names, node, machine(part, works)),
    }
}

/// What a process does, as a predicate.
pub(crate) const fn process_name(process: Process) -> &'static str {
    match process {
        Process::Absent => "is not there",
        Process::Running => "runs",
        Process::ExitedOk => "has exited with code 0",
        Process::ExitedError => "has exited with an error",
    }
}

/// A phase, as Kubernetes writes it.
pub(crate) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    }
}

fn appearance(names: &Names, object: PodSeen) -> String {
    let mut is = Vec::new();
    if let Some(node) = object.node {
        is.push(format!("bound to {}", names.node(node)));
    }
    if object.phase != Phase::Pending {
        is.push(format!("phase {}", phase_name(object.phase)));
    }
    if object.ready {
        is.push("Ready".to_owned());
    }
    if object.deletion != Deletion::None {
        is.push("deleting".to_owned());
    }
    if is.is_empty() { String::new() } else { format!(", {}", is.join(", ")) }
}

fn entry(names: &Names, pod: PodId, endpoint: Option<EndpointSeen>) -> String {
    let Some(endpoint) = endpoint else { return format!("{} is taken out", names.pod(pod)) };
    let conditions =
        [(endpoint.ready, "ready"), (endpoint.serving, "serving"), (endpoint.terminating, "terminating")];
    let mut true_ones: Vec<_> =
        conditions.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name).collect();
    if !endpoint.ready {
        true_ones.insert(0, "not ready");
    }
    format!("{} at {}, {}", names.pod(pod), names.address(pod, endpoint.address), true_ones.join(", "))
}

fn of_node(names: &Names, node: NodeId, is: &str) -> String {
    format!("node {}: {is}", names.node(node))
}

/// A taint, as `kubectl taint` takes it.
pub(crate) fn taint_name(names: &Names, taint: TaintName) -> &str {
    match taint {
        TaintName::NotReadyNoSchedule => "node.kubernetes.io/not-ready:NoSchedule",
        TaintName::UnreachableNoSchedule => "node.kubernetes.io/unreachable:NoSchedule",
        TaintName::UnschedulableNoSchedule => "node.kubernetes.io/unschedulable:NoSchedule",
        TaintName::NotReadyNoExecute => "node.kubernetes.io/not-ready:NoExecute",
        TaintName::UnreachableNoExecute => "node.kubernetes.io/unreachable:NoExecute",
        TaintName::Custom => names.taint(),
    }
}

const fn machine(part: MachinePart, works: bool) -> &'static str {
    match (part, works) {
        (MachinePart::Power, true) => "has power",
        (MachinePart::Power, false) => "has no power",
        (MachinePart::Link, true) => "its link to the control plane works",
        (MachinePart::Link, false) => "its link to the control plane is cut",
        (MachinePart::Kubelet, true) => "its kubelet runs",
        (MachinePart::Kubelet, false) => "its kubelet does not run",
        (MachinePart::Proxy, true) => "its kube-proxy runs",
        (MachinePart::Proxy, false) => "its kube-proxy does not run",
        (MachinePart::Runtime, true) => "its container runtime answers",
        (MachinePart::Runtime, false) => "its container runtime does not answer",
    }
}
