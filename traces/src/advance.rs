//! An observation brought forward by what a step changed: the inverse of [`difference`](crate::difference).

use podproof_vocabulary::observation::{ContainerSeen, NodeSeen, Observation, PodSeen, SlotSeen};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use crate::change::{Change, MachinePart, TaintName};

/// Makes `seen` what it is after `change`. An object that the observation has no room for is passed over: a file may name any.
pub fn advance(seen: &mut Observation, change: &Change) {
    match *change {
        Change::Deployment { now } => seen.deployment = now,
        Change::ReplicaSet { revision, now } => put(seen.replica_sets.get_mut(revision.index()), now),
        Change::Budget { now } => seen.budget = now,
        Change::PodAppears { pod, object } => put(slot(seen, pod).map(|slot| &mut slot.pod), Some(object)),
        Change::PodRemoved { pod } => put(slot(seen, pod).map(|slot| &mut slot.pod), None),
        Change::PodNode { pod, node } => put(object(seen, pod).map(|object| &mut object.node), node),
        Change::PodPhase { pod, phase } => put(object(seen, pod).map(|object| &mut object.phase), phase),
        Change::PodDeletion { pod, deletion } => {
            put(object(seen, pod).map(|object| &mut object.deletion), deletion);
        }
        Change::PodFinalizer { pod, present } => {
            put(object(seen, pod).map(|object| &mut object.finalizer), present);
        }
        Change::PodReady { pod, ready } => put(object(seen, pod).map(|object| &mut object.ready), ready),
        Change::PodAddress { pod, address } => {
            put(object(seen, pod).map(|object| &mut object.address), address);
        }
        Change::Sandbox { pod, sandbox } => {
            put(slot(seen, pod).map(|slot| &mut slot.sandbox.sandbox), sandbox);
        }
        Change::SandboxAddress { pod, address } => {
            put(slot(seen, pod).map(|slot| &mut slot.sandbox.address), address);
        }
        Change::Terminating { pod, terminating } => {
            put(slot(seen, pod).map(|slot| &mut slot.sandbox.terminating), terminating);
        }
        Change::Process { pod, container, process } => {
            put(of_container(seen, pod, container).map(|seen| &mut seen.process), process);
        }
        Change::Accepting { pod, container, accepting } => {
            put(of_container(seen, pod, container).map(|seen| &mut seen.accepting), accepting);
        }
        Change::Sigterm { pod, container, received } => {
            put(of_container(seen, pod, container).map(|seen| &mut seen.sigterm), received);
        }
        Change::Hook { pod, container, hook } => {
            put(of_container(seen, pod, container).map(|seen| &mut seen.hook), hook);
        }
        Change::GraceExpired { pod, container, expired } => {
            put(of_container(seen, pod, container).map(|seen| &mut seen.grace_expired), expired);
        }
        Change::AddressReused { pod, address } => {
            put(slot(seen, pod).map(|slot| &mut slot.reused_address), address);
        }
        Change::Endpoint { pod, endpoint } => put(slot(seen, pod).map(|slot| &mut slot.endpoint), endpoint),
        Change::Rule { node, pod, endpoint } => {
            put(slot(seen, pod).and_then(|slot| slot.rules.get_mut(node.index())), endpoint);
        }
        Change::NodeObject { node, exists } => put(of_node(seen, node).map(|seen| &mut seen.exists), exists),
        Change::NodeReady { node, ready } => put(of_node(seen, node).map(|seen| &mut seen.ready), ready),
        Change::NodeUnschedulable { node, unschedulable } => {
            put(of_node(seen, node).map(|seen| &mut seen.unschedulable), unschedulable);
        }
        Change::NodeTaint { node, taint, present } => {
            put(of_node(seen, node).map(|seen| taint_of(seen, taint)), present);
        }
        Change::Machine { node, part, works } => {
            put(of_node(seen, node).map(|seen| part_of(seen, part)), works);
        }
    }
}

fn put<T>(place: Option<&mut T>, value: T) {
    if let Some(place) = place {
        *place = value;
    }
}

fn slot(seen: &mut Observation, pod: PodId) -> Option<&mut SlotSeen> {
    seen.slots.get_mut(pod.index())
}

fn object(seen: &mut Observation, pod: PodId) -> Option<&mut PodSeen> {
    slot(seen, pod)?.pod.as_mut()
}

fn of_container(seen: &mut Observation, pod: PodId, container: ContainerId) -> Option<&mut ContainerSeen> {
    slot(seen, pod)?.containers.get_mut(container.index())
}

fn of_node(seen: &mut Observation, node: NodeId) -> Option<&mut NodeSeen> {
    seen.nodes.get_mut(node.index())
}

fn taint_of(node: &mut NodeSeen, taint: TaintName) -> &mut bool {
    let taints = &mut node.taints;
    match taint {
        TaintName::NotReadyNoSchedule => &mut taints.not_ready_no_schedule,
        TaintName::UnreachableNoSchedule => &mut taints.unreachable_no_schedule,
        TaintName::UnschedulableNoSchedule => &mut taints.unschedulable_no_schedule,
        TaintName::NotReadyNoExecute => &mut taints.not_ready_no_execute,
        TaintName::UnreachableNoExecute => &mut taints.unreachable_no_execute,
        TaintName::Custom => &mut taints.custom,
    }
}

fn part_of(node: &mut NodeSeen, part: MachinePart) -> &mut bool {
    match part {
        MachinePart::Power => &mut node.powered,
        MachinePart::Link => &mut node.connected,
        MachinePart::Kubelet => &mut node.kubelet_runs,
        MachinePart::Proxy => &mut node.proxy_runs,
        MachinePart::Runtime => &mut node.runtime_answers,
    }
}
