//! The objects of an observation, and all that is so of each: every fact with its name in the API, or in words.

use podproof_vocabulary::observation::{
    Address, ContainerSeen, Deletion, EndpointSeen, Hook, NodeReady, NodeSeen, Observation, Process, Sandbox,
    SlotSeen, TaintsSeen,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use crate::change::Change;
use crate::names::Names;
use crate::words::phase_name;

/// An object of an observation, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    /// The Deployment.
    Deployment,
    /// A ReplicaSet.
    ReplicaSet(Revision),
    /// The PodDisruptionBudget.
    Budget,
    /// A node, its object and its machine.
    Node(NodeId),
    /// A pod, its object and its sandbox.
    Pod(PodId),
    /// A container of a pod.
    Container(PodId, ContainerId),
    /// A pod's entry in the EndpointSlice.
    Endpoint(PodId),
    /// A pod's entry in the rules of a node.
    Rule(NodeId, PodId),
}

/// A fact: what it is called, and what it is now.
pub(crate) type Fact = (&'static str, String);

impl Object {
    /// All that `seen` has room for.
    pub(crate) fn all(seen: &Observation) -> Vec<Self> {
        let nodes = || NodeId::first(seen.nodes.len());
        let mut all = vec![Self::Deployment];
        all.extend(Revision::first(seen.replica_sets.len()).map(Self::ReplicaSet));
        all.push(Self::Budget);
        all.extend(nodes().map(Self::Node));
        all.extend(PodId::first(seen.slots.len()).flat_map(|pod| Self::of_slot(seen, pod)));
        all
    }

    /// A pod's slot: the pod, its containers, its entries.
    pub(crate) fn of_slot(seen: &Observation, pod: PodId) -> Vec<Self> {
        let containers = ContainerId::first(seen.containers).map(|container| Self::Container(pod, container));
        let rules = NodeId::first(seen.nodes.len()).map(|node| Self::Rule(node, pod));
        [Self::Pod(pod)].into_iter().chain(containers).chain([Self::Endpoint(pod)]).chain(rules).collect()
    }

    /// What a change is about.
    pub(crate) fn of(change: &Change) -> Self {
        match *change {
            Change::Deployment { .. } => Self::Deployment,
            Change::ReplicaSet { revision, .. } => Self::ReplicaSet(revision),
            Change::Budget { .. } => Self::Budget,
            Change::PodAppears { pod, .. }
            | Change::PodRemoved { pod }
            | Change::PodNode { pod, .. }
            | Change::PodPhase { pod, .. }
            | Change::PodDeletion { pod, .. }
            | Change::PodFinalizer { pod, .. }
            | Change::PodReady { pod, .. }
            | Change::PodAddress { pod, .. }
            | Change::Sandbox { pod, .. }
            | Change::SandboxAddress { pod, .. }
            | Change::Terminating { pod, .. }
            | Change::AddressReused { pod, .. } => Self::Pod(pod),
            Change::Process { pod, container, .. }
            | Change::Accepting { pod, container, .. }
            | Change::Sigterm { pod, container, .. }
            | Change::Hook { pod, container, .. }
            | Change::GraceExpired { pod, container, .. } => Self::Container(pod, container),
            Change::Endpoint { pod, .. } => Self::Endpoint(pod),
            Change::Rule { node, pod, .. } => Self::Rule(node, pod),
            Change::NodeObject { node, .. }
            | Change::NodeReady { node, .. }
            | Change::NodeUnschedulable { node, .. }
            | Change::NodeTaint { node, .. }
            | Change::Machine { node, .. } => Self::Node(node),
        }
    }

    /// Its pod, if it is a pod or a part of one.
    pub(crate) const fn pod(self) -> Option<PodId> {
        match self {
            Self::Pod(pod) | Self::Container(pod, _) | Self::Endpoint(pod) | Self::Rule(_, pod) => Some(pod),
            Self::Deployment | Self::ReplicaSet(_) | Self::Budget | Self::Node(_) => None,
        }
    }

    /// What kind of object it is.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::ReplicaSet(_) => "replica-set",
            Self::Budget => "budget",
            Self::Node(_) => "node",
            Self::Pod(_) => "pod",
            Self::Container(..) => "container",
            Self::Endpoint(_) => "endpoint",
            Self::Rule(..) => "rule",
        }
    }

    /// What it is called.
    pub(crate) fn name(self, names: &Names) -> String {
        match self {
            Self::Deployment => names.deployment(),
            Self::ReplicaSet(revision) => names.replica_set(revision),
            Self::Budget => names.budget(),
            Self::Node(node) => format!("node {}", names.node(node)),
            Self::Pod(pod) => names.pod(pod),
            Self::Container(_, container) => names.container(container),
            Self::Endpoint(_) => "EndpointSlice".to_owned(),
            Self::Rule(node, _) => format!("rules on {}", names.node(node)),
        }
    }

    /// All that is to be said of it; nothing if it is not there.
    pub(crate) fn facts(self, seen: &Observation, names: &Names) -> Vec<Fact> {
        self.told(seen, names).unwrap_or_default()
    }

    fn told(self, seen: &Observation, names: &Names) -> Option<Vec<Fact>> {
        match self {
            Self::Deployment => seen.deployment.map(|now| {
                let progress =
                    if now.deadline_exceeded { "deadline exceeded" } else { "within the deadline" };
                vec![
                    ("spec.replicas", now.replicas.to_string()),
                    ("template hash", names.hash(now.revision).to_owned()),
                    ("Progressing", progress.to_owned()),
                ]
            }),
            Self::ReplicaSet(revision) => (*seen.replica_sets.get(revision.index())?).map(|now| {
                vec![
                    ("spec.replicas", now.replicas.to_string()),
                    ("availableReplicas", now.available.to_string()),
                ]
            }),
            Self::Budget => seen.budget.map(|now| {
                vec![
                    ("disruptionsAllowed", now.disruptions_allowed.to_string()),
                    ("currentHealthy", now.current_healthy.to_string()),
                    ("desiredHealthy", now.desired_healthy.to_string()),
                ]
            }),
            Self::Node(node) => seen.nodes.get(node.index()).map(|now| of_node(now, names)),
            Self::Pod(pod) => of_pod(seen.slots.get(pod.index())?, pod, names),
            Self::Container(pod, container) => {
                let slot = seen.slots.get(pod.index())?;
                let now = slot.containers.get(container.index())?;
                (is_there(slot) || now.process != Process::Absent).then(|| of_container(now))
            }
            Self::Endpoint(pod) => {
                seen.slots.get(pod.index())?.endpoint.map(|now| of_endpoint(now, pod, names))
            }
            Self::Rule(node, pod) => (*seen.slots.get(pod.index())?.rules.get(node.index())?)
                .map(|now| of_endpoint(now, pod, names)),
        }
    }
}

fn is_there(slot: &SlotSeen) -> bool {
    slot.pod.is_some() || slot.sandbox.sandbox != Sandbox::None || slot.sandbox.terminating
}

fn yes(holds: bool) -> String {
    (if holds { "yes" } else { "no" }).to_owned()
}

fn works(holds: bool) -> String {
    (if holds { "works" } else { "down" }).to_owned()
}

fn of_node(now: &NodeSeen, names: &Names) -> Vec<Fact> {
    let ready = match (now.exists, now.ready) {
        (false, _) => "no Node object",
        (true, NodeReady::True) => "True",
        (true, NodeReady::False) => "False",
        (true, NodeReady::Unknown) => "Unknown",
    };
    vec![
        ("Ready", ready.to_owned()),
        ("unschedulable", yes(now.unschedulable)),
        ("taints", taints(&now.taints, names)),
        ("power", works(now.powered)),
        ("link", works(now.connected)),
        ("kubelet", works(now.kubelet_runs)),
        ("kube-proxy", works(now.proxy_runs)),
        ("runtime", works(now.runtime_answers)),
    ]
}

fn taints(taints: &TaintsSeen, names: &Names) -> String {
    let present = [
        (taints.not_ready_no_schedule, "not-ready:NoSchedule"),
        (taints.unreachable_no_schedule, "unreachable:NoSchedule"),
        (taints.unschedulable_no_schedule, "unschedulable:NoSchedule"),
        (taints.not_ready_no_execute, "not-ready:NoExecute"),
        (taints.unreachable_no_execute, "unreachable:NoExecute"),
        (taints.custom, names.taint()),
    ];
    let present: Vec<_> = present.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    if present.is_empty() { "none".to_owned() } else { present.join(", ") }
}

fn of_pod(slot: &SlotSeen, pod: PodId, names: &Names) -> Option<Vec<Fact>> {
    if !is_there(slot) && slot.reused_address.is_none() {
        return None;
    }
    let mut facts = match slot.pod {
        None => vec![("phase", "removed".to_owned())],
        Some(now) => {
            let deleting = match now.deletion {
                Deletion::None => "no",
                Deletion::Graceful => "graceful",
                Deletion::Immediate => "grace 0",
            };
            let node = now.node.map_or_else(none, |node| names.node(node));
            let mut facts = vec![
                ("phase", phase_name(now.phase).to_owned()),
                ("Ready", yes(now.ready)),
                ("nodeName", node),
                ("podIP", address(now.address, pod, names)),
                ("deleting", deleting.to_owned()),
            ];
            if now.finalizer {
                facts.push(("finalizers", "one".to_owned()));
            }
            facts
        }
    };
    let reported = slot.pod.and_then(|now| now.address);
    let sandbox = match slot.sandbox.sandbox {
        Sandbox::None => "none".to_owned(),
        // The address that podIP says already is not said again.
        Sandbox::Ready if reported.is_some() && slot.sandbox.address == reported => "ready".to_owned(),
        Sandbox::Ready => format!("ready, {}", address(slot.sandbox.address, pod, names)),
        Sandbox::Dead => "dead".to_owned(),
    };
    let worker = if slot.sandbox.terminating { "terminates" } else { "syncs" };
    facts.extend([("sandbox", sandbox), ("pod worker", worker.to_owned())]);
    if let Some(reused) = slot.reused_address {
        facts.push(("taken by another workload", address(Some(reused), pod, names)));
    }
    Some(facts)
}

fn none() -> String {
    "none".to_owned()
}

/// An address; one that nobody has named by its number among those of its pod, as `its #0`.
fn address(address: Option<Address>, pod: PodId, names: &Names) -> String {
    address.map_or_else(none, |address| names.address(pod, address).replace("its address #", "its #"))
}

fn of_container(now: &ContainerSeen) -> Vec<Fact> {
    let process = match now.process {
        Process::Absent => "not started",
        Process::Running => "runs",
        Process::ExitedOk => "exited, code 0",
        Process::ExitedError => "exited, an error",
    };
    let mut facts = vec![("process", process.to_owned()), ("accepts", yes(now.accepting))];
    // A process that ends takes its signals, hook and grace with it.
    if now.process == Process::Running {
        let hook = match now.hook {
            Hook::None => "not run",
            Hook::Running => "runs",
            Hook::Done => "done",
        };
        facts.push(("SIGTERM", yes(now.sigterm)));
        facts.push(("preStop", hook.to_owned()));
        facts.push(("grace", (if now.grace_expired { "over" } else { "left" }).to_owned()));
    }
    facts
}

fn of_endpoint(now: EndpointSeen, pod: PodId, names: &Names) -> Vec<Fact> {
    let mut conditions = vec![if now.ready { "ready" } else { "not ready" }];
    conditions.extend(
        [(now.serving, "serving"), (now.terminating, "terminating")]
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| *name),
    );
    vec![("conditions", conditions.join(", ")), ("address", address(Some(now.address), pod, names))]
}
