//! What a step changed of what an outsider can see: the difference of two observations.

use podproof_vocabulary::observation::{
    Address, BudgetSeen, ContainerSeen, Deletion, DeploymentSeen, EndpointSeen, Hook, NodeReady, NodeSeen,
    Observation, Phase, PodSeen, Process, ReplicaSetSeen, Sandbox, SandboxSeen, TaintsSeen,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};
use serde::{Deserialize, Serialize};

/// A taint that Kubernetes or a `taint-node` event puts on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TaintName {
    /// `node.kubernetes.io/not-ready:NoSchedule`
    NotReadyNoSchedule,
    /// `node.kubernetes.io/unreachable:NoSchedule`
    UnreachableNoSchedule,
    /// `node.kubernetes.io/unschedulable:NoSchedule`
    UnschedulableNoSchedule,
    /// `node.kubernetes.io/not-ready:NoExecute`
    NotReadyNoExecute,
    /// `node.kubernetes.io/unreachable:NoExecute`
    UnreachableNoExecute,
    /// The taint of a `taint-node` event.
    #[serde(alias = "custom-no-execute")]
    Custom,
}

impl TaintName {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::NotReadyNoSchedule,
        Self::UnreachableNoSchedule,
        Self::UnschedulableNoSchedule,
        Self::NotReadyNoExecute,
        Self::UnreachableNoExecute,
        Self::Custom,
    ];

    pub(crate) const fn is_among(self, taints: &TaintsSeen) -> bool {
        match self {
            Self::NotReadyNoSchedule => taints.not_ready_no_schedule,
            Self::UnreachableNoSchedule => taints.unreachable_no_schedule,
            Self::UnschedulableNoSchedule => taints.unschedulable_no_schedule,
            Self::NotReadyNoExecute => taints.not_ready_no_execute,
            Self::UnreachableNoExecute => taints.unreachable_no_execute,
            Self::Custom => taints.custom,
        }
    }
}

/// A part of a node's machine that works or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MachinePart {
    /// Its power.
    Power,
    /// Its link to the control plane.
    Link,
    /// Its kubelet.
    Kubelet,
    /// Its kube-proxy.
    Proxy,
    /// Its container runtime, which answers every call or does not.
    Runtime,
}

impl MachinePart {
    /// All of them.
    const ALL: [Self; 5] = [Self::Power, Self::Link, Self::Kubelet, Self::Proxy, Self::Runtime];

    const fn works(self, node: &NodeSeen) -> bool {
        match self {
            Self::Power => node.powered,
            Self::Link => node.connected,
            Self::Kubelet => node.kubelet_runs,
            Self::Proxy => node.proxy_runs,
            Self::Runtime => node.runtime_answers,
        }
    }
}

/// One thing that a step changed, with its value after the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the object, by number, and the value that it has now")]
pub enum Change {
    /// The Deployment appears, changes or goes.
    Deployment { now: Option<DeploymentSeen> },
    /// A ReplicaSet appears, changes or goes.
    ReplicaSet { revision: Revision, now: Option<ReplicaSetSeen> },
    /// The status of the PodDisruptionBudget is written.
    Budget { now: Option<BudgetSeen> },
    /// A pod object appears.
    PodAppears { pod: PodId, object: PodSeen },
    /// A pod object is removed.
    PodRemoved { pod: PodId },
    /// `spec.nodeName`
    PodNode { pod: PodId, node: Option<NodeId> },
    /// `status.phase`
    PodPhase { pod: PodId, phase: Phase },
    /// `metadata.deletionTimestamp` and its grace.
    PodDeletion { pod: PodId, deletion: Deletion },
    /// `metadata.finalizers`
    PodFinalizer { pod: PodId, present: bool },
    /// Condition Ready of a pod.
    PodReady { pod: PodId, ready: bool },
    /// `status.podIP`
    PodAddress { pod: PodId, address: Option<Address> },
    /// A pod's sandbox.
    Sandbox { pod: PodId, sandbox: Sandbox },
    /// The address that CNI gave the sandbox.
    SandboxAddress { pod: PodId, address: Option<Address> },
    /// The kubelet has begun to terminate the pod, or has forgotten it.
    Terminating { pod: PodId, terminating: bool },
    /// A container's process.
    Process { pod: PodId, container: ContainerId, process: Process },
    /// A container accepts connections, or no more.
    Accepting { pod: PodId, container: ContainerId, accepting: bool },
    /// A container has received SIGTERM, or is another process.
    Sigterm { pod: PodId, container: ContainerId, received: bool },
    /// A container's preStop hook.
    Hook { pod: PodId, container: ContainerId, hook: Hook },
    /// The grace period of a container's stop has run out, or it is another process.
    GraceExpired { pod: PodId, container: ContainerId, expired: bool },
    /// The address of a pod's slot that the neighbour's new pod has.
    AddressReused { pod: PodId, address: Option<Address> },
    /// A pod's entry in the EndpointSlice.
    Endpoint { pod: PodId, endpoint: Option<EndpointSeen> },
    /// A pod's entry in the rules of a node.
    Rule { node: NodeId, pod: PodId, endpoint: Option<EndpointSeen> },
    /// The Node object appears or goes.
    NodeObject { node: NodeId, exists: bool },
    /// Condition Ready of a node.
    NodeReady { node: NodeId, ready: NodeReady },
    /// `spec.unschedulable`
    NodeUnschedulable { node: NodeId, unschedulable: bool },
    /// A taint comes or goes.
    NodeTaint { node: NodeId, taint: TaintName, present: bool },
    /// A part of the machine works, or no more.
    Machine { node: NodeId, part: MachinePart, works: bool },
}

/// What differs between two observations of one scenario, in the order in which a pod's life flows. Equal observations
/// give no change, and others at least one.
pub fn difference(before: &Observation, after: &Observation) -> Vec<Change> {
    let mut out = Vec::new();
    if before.deployment != after.deployment {
        out.push(Change::Deployment { now: after.deployment });
    }
    for (revision, (old, new)) in before.replica_sets.iter().zip(&after.replica_sets).enumerate() {
        if old != new {
            out.push(Change::ReplicaSet { revision: revision.into(), now: *new });
        }
    }
    if before.budget != after.budget {
        out.push(Change::Budget { now: after.budget });
    }
    for (node, (old, new)) in before.nodes.iter().zip(&after.nodes).enumerate() {
        node_difference(node.into(), old, new, &mut out);
    }
    for (pod, (old, new)) in before.slots.iter().zip(&after.slots).enumerate() {
        let pod = PodId::from(pod);
        pod_difference(pod, old.pod, new.pod, &mut out);
        sandbox_difference(pod, old.sandbox, new.sandbox, &mut out);
        for (container, (old, new)) in old.containers.iter().zip(&new.containers).enumerate() {
            container_difference(pod, container.into(), *old, *new, &mut out);
        }
        if old.reused_address != new.reused_address {
            out.push(Change::AddressReused { pod, address: new.reused_address });
        }
        if old.endpoint != new.endpoint {
            out.push(Change::Endpoint { pod, endpoint: new.endpoint });
        }
        for (node, (old, new)) in old.rules.iter().zip(&new.rules).enumerate() {
            if old != new {
                out.push(Change::Rule { node: node.into(), pod, endpoint: *new });
            }
        }
    }
    out
}

fn node_difference(node: NodeId, old: &NodeSeen, new: &NodeSeen, out: &mut Vec<Change>) {
    if old.exists != new.exists {
        out.push(Change::NodeObject { node, exists: new.exists });
    }
    if old.ready != new.ready {
        out.push(Change::NodeReady { node, ready: new.ready });
    }
    if old.unschedulable != new.unschedulable {
        out.push(Change::NodeUnschedulable { node, unschedulable: new.unschedulable });
    }
    for taint in TaintName::ALL {
        let present = taint.is_among(&new.taints);
        if present != taint.is_among(&old.taints) {
            out.push(Change::NodeTaint { node, taint, present });
        }
    }
    for part in MachinePart::ALL {
        let works = part.works(new);
        if works != part.works(old) {
            out.push(Change::Machine { node, part, works });
        }
    }
}

fn pod_difference(pod: PodId, old: Option<PodSeen>, new: Option<PodSeen>, out: &mut Vec<Change>) {
    let (old, new) = match (old, new) {
        (None, None) => return,
        (Some(_), None) => return out.push(Change::PodRemoved { pod }),
        (None, Some(object)) => return out.push(Change::PodAppears { pod, object }),
        (Some(old), Some(new)) if old.revision != new.revision => {
            out.extend([Change::PodRemoved { pod }, Change::PodAppears { pod, object: new }]);
            return;
        }
        (Some(old), Some(new)) => (old, new),
    };
    if old.node != new.node {
        out.push(Change::PodNode { pod, node: new.node });
    }
    if old.deletion != new.deletion {
        out.push(Change::PodDeletion { pod, deletion: new.deletion });
    }
    if old.finalizer != new.finalizer {
        out.push(Change::PodFinalizer { pod, present: new.finalizer });
    }
    if old.phase != new.phase {
        out.push(Change::PodPhase { pod, phase: new.phase });
    }
    if old.ready != new.ready {
        out.push(Change::PodReady { pod, ready: new.ready });
    }
    if old.address != new.address {
        out.push(Change::PodAddress { pod, address: new.address });
    }
}

fn sandbox_difference(pod: PodId, old: SandboxSeen, new: SandboxSeen, out: &mut Vec<Change>) {
    if old.terminating != new.terminating {
        out.push(Change::Terminating { pod, terminating: new.terminating });
    }
    if old.sandbox != new.sandbox {
        out.push(Change::Sandbox { pod, sandbox: new.sandbox });
    }
    if old.address != new.address {
        out.push(Change::SandboxAddress { pod, address: new.address });
    }
}

fn container_difference(
    pod: PodId,
    container: ContainerId,
    old: ContainerSeen,
    new: ContainerSeen,
    out: &mut Vec<Change>,
) {
    if old.hook != new.hook {
        out.push(Change::Hook { pod, container, hook: new.hook });
    }
    if old.grace_expired != new.grace_expired {
        out.push(Change::GraceExpired { pod, container, expired: new.grace_expired });
    }
    if old.sigterm != new.sigterm {
        out.push(Change::Sigterm { pod, container, received: new.sigterm });
    }
    if old.process != new.process {
        out.push(Change::Process { pod, container, process: new.process });
    }
    if old.accepting != new.accepting {
        out.push(Change::Accepting { pod, container, accepting: new.accepting });
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::observation::SlotSeen;
    use serde_json::Value;

    use super::*;
    use crate::advance::advance;

    /// An observation in which everything is there.
    fn everything() -> Observation {
        let revision = Revision(0);
        let endpoint = EndpointSeen {
            address: Address(0),
            node: Some(NodeId(0)),
            ready: true,
            serving: true,
            terminating: false,
        };
        let pod = PodSeen {
            revision,
            node: Some(NodeId(0)),
            phase: Phase::Running,
            deletion: Deletion::None,
            finalizer: false,
            ready: true,
            address: Some(Address(0)),
        };
        let slot = SlotSeen {
            pod: Some(pod),
            sandbox: SandboxSeen {
                sandbox: Sandbox::Ready,
                address: Some(Address(0)),
                ..SandboxSeen::default()
            },
            containers: vec![ContainerSeen::default()],
            reused_address: Some(Address(1)),
            endpoint: Some(endpoint),
            rules: vec![Some(endpoint)],
        };
        Observation {
            containers: 1,
            slots: vec![slot],
            nodes: vec![NodeSeen::default()],
            replica_sets: vec![Some(ReplicaSetSeen { replicas: 1, available: 1 })],
            deployment: Some(DeploymentSeen { replicas: 1, revision, deadline_exceeded: false }),
            budget: Some(BudgetSeen { disruptions_allowed: 1, current_healthy: 1, desired_healthy: 1 }),
        }
    }

    /// Other values of a part of an observation; those of another type are no observation and are left out by whoever asks.
    fn others(value: &Value) -> Vec<Value> {
        const NAMES: [&str; 13] = [
            "Pending",
            "Running",
            "Succeeded",
            "Failed",
            "None",
            "Graceful",
            "Ready",
            "Dead",
            "Absent",
            "ExitedOk",
            "Done",
            "True",
            "Unknown",
        ];
        let mut others = vec![Value::Null];
        match value {
            Value::Bool(holds) => others.push((!holds).into()),
            Value::Number(number) => others.push((number.as_u64().unwrap_or(0) + 1).into()),
            Value::String(_) => others.extend(NAMES.map(Value::from)),
            _ => {}
        }
        others
    }

    /// The places of all parts of a document, but for how many containers a pod has, which never changes.
    fn places(value: &Value, place: &str, out: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, child) in children {
            let place = format!("{place}/{key}");
            if place != "/containers" {
                places(child, &place, out);
                out.push(place);
            }
        }
    }

    #[test]
    fn whatever_differs_is_a_change() {
        let before = everything();
        let document = serde_json::to_value(&before).unwrap();
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let mut tried = 0;
        for place in all {
            for other in others(document.pointer(&place).unwrap()) {
                let mut edited = document.clone();
                *edited.pointer_mut(&place).unwrap() = other;
                let Ok(after) = serde_json::from_value::<Observation>(edited) else { continue };
                let changes = difference(&before, &after);
                assert_eq!(changes.is_empty(), before == after, "{place}");
                assert_eq!(difference(&after, &before).is_empty(), before == after, "{place}");
                let mut advanced = before.clone();
                changes.iter().for_each(|change| advance(&mut advanced, change));
                assert_eq!(advanced, after, "{place}");
                tried += usize::from(before != after);
            }
        }
        assert!(tried > 60, "only {tried} differences were tried");
    }

    /// As traces had it when the taint of an event could have no other effect.
    #[test]
    fn the_taint_of_an_event_is_read_under_its_old_name() {
        let read = |name: &str| serde_json::from_value::<TaintName>(name.into()).unwrap();
        assert_eq!(read("custom-no-execute"), TaintName::Custom);
        assert_eq!(read("custom"), TaintName::Custom);
    }

    #[test]
    fn what_does_not_differ_is_no_change() {
        assert_eq!(difference(&everything(), &everything()), []);
    }
}
