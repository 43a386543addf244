//! What a pod waits for that does not come on: what is missing between it and Ready, or between its deletion and its end.

use podproof_model::properties::placement::spelled_out::SpelledOut;
use podproof_model::rules::Tolerated;
use podproof_model::state::Worker;
use podproof_model::{Cluster, kubelet, progress};
use podproof_vocabulary::observation::{Deletion, Hook, Process, Sandbox};
use podproof_vocabulary::scenario::ContainerKind;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::refusals::each_refuses;
use crate::names::Names;
use crate::words::{phase_name, process_name};

/// Of a pod of which the object is there: what it waits for, as `pod web-7c9f/2 is on node-2, which has no power`. None of one that is
/// Ready and stays.
pub(super) fn waits(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> Option<String> {
    let object = cluster.pod(pod).api;
    let is_settled = object.ready() || object.phase().is_terminal();
    match (object.exists(), object.is_deleting()) {
        (false, _) => None,
        (true, true) => Some(stays(cluster, names, pod)),
        (true, false) if is_settled => None,
        (true, false) => Some(is_not_ready(cluster, names, pod)),
    }
}

/// The same of a pod one of whose containers does not run, unless there is nothing to say but that.
pub(super) fn waits_for_another(
    cluster: &Cluster<'_>,
    names: &Names,
    pod: PodId,
    container: ContainerId,
) -> Option<String> {
    let is_itself = first_missing(cluster, names, pod).is_some_and(|(missing, _)| missing == container);
    let is_fit = cluster.pod(pod).kubelet.sandbox() == Sandbox::Ready
        && cluster.pod(pod).api.node().is_some_and(|node| ails(cluster, names, node).is_none());
    if is_itself && is_fit { None } else { waits(cluster, names, pod) }
}

/// What is wrong with a machine, seen from a pod on it.
pub(super) fn ails(cluster: &Cluster<'_>, names: &Names, node: NodeId) -> Option<String> {
    let name = names.node(node);
    if node.index() >= cluster.rules.nodes {
        return Some(format!("{name}, which is not there"));
    }
    let machine = cluster.node(node).machine;
    let what = if !machine.powered() {
        "has no power"
    } else if !machine.kubelet_runs() {
        "has no kubelet that runs"
    } else if !machine.connected() {
        "is cut off from the control plane"
    } else if !kubelet::pleg::runtime_answers(cluster, node) {
        "has a container runtime that hangs"
    } else if kubelet::pleg::is_stuck(cluster, node) {
        "has a PLEG that is stuck"
    } else {
        return None;
    };
    Some(format!("{name}, which {what}"))
}

fn is_not_ready(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> String {
    let name = names.pod(pod);
    let Some(node) = cluster.pod(pod).api.node() else { return is_unbound(cluster, names, pod) };
    if let Some(ails) = ails(cluster, names, node) {
        return format!("{name} is on {ails}");
    }
    let own = cluster.pod(pod).kubelet;
    let node_name = names.node(node);
    if own.worker() == Worker::Rejected {
        return format!("{name} was rejected by the kubelet on {node_name}");
    }
    if kubelet::node_of(cluster, pod) != Some(node) || !own.knows_spec() {
        return format!("the kubelet on {node_name} does not know {name} yet");
    }
    if own.evicted() {
        return format!(
            "{name} is evicted by the kubelet on {node_name}, and its phase is {}",
            phase(cluster, pod)
        );
    }
    match own.sandbox() {
        Sandbox::Ready => {}
        _ if cluster.node(node).machine.cni_failed() => {
            return format!("{name} has no sandbox: the network plugin of {node_name} fails");
        }
        Sandbox::Dead => return format!("the sandbox of {name} is dead, and none is made anew"),
        Sandbox::None => return format!("{name} has no sandbox yet"),
    }
    match first_missing(cluster, names, pod) {
        Some((_, missing)) => format!("{name} is not Ready: {missing}"),
        None => format!("{name} could be Ready, and the API does not show it"),
    }
}

/// The first container that stands between a pod and Ready.
fn first_missing(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> Option<(ContainerId, String)> {
    let kind = |container: ContainerId| cluster.rules.container(container).kind;
    let is_app = |container: &ContainerId| kind(*container) == ContainerKind::App;
    let before = cluster.container_ids().filter(|container| !is_app(container));
    let lacks = |container: ContainerId| {
        let name = names.container(container);
        let state = cluster.container(pod, container);
        let rules = cluster.rules.container(container);
        match (kind(container), state.process()) {
            (ContainerKind::Init, Process::ExitedOk) => None,
            (ContainerKind::Init, Process::Running) if !rules.completes => {
                Some(format!("init {name} runs and does not come to an end"))
            }
            (ContainerKind::Init, Process::Absent) => Some(format!("init {name} has not started")),
            (ContainerKind::Init, process) => Some(format!("init {name} {}", process_name(process))),
            (_, Process::Running) if state.fails_liveness() => {
                Some(format!("{name} fails its liveness probe"))
            }
            (_, Process::Running) if state.fails_readiness() => {
                Some(format!("{name} fails its readiness probe"))
            }
            (_, Process::Running) if !state.accepting() && rules.listens_after > 0 => {
                Some(format!("{name} does not listen yet"))
            }
            (_, Process::Running) => None,
            (_, Process::Absent) => Some(format!("{name} has not started")),
            (_, process) => {
                let taken =
                    rules.port_conflicts.iter().find(|&&other| cluster.container(pod, other).is_running());
                let conflict = taken.map(|&other| format!(": {} has its port", names.container(other)));
                Some(format!("{name} {}{}", process_name(process), conflict.unwrap_or_default()))
            }
        }
    };
    before
        .chain(cluster.container_ids().filter(is_app))
        .find_map(|container| Some((container, lacks(container)?)))
}

/// Which nodes refuse it and why, or why it is not bound although one would take it.
fn is_unbound(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> String {
    let name = names.pod(pod);
    let placement = progress::store_placement(cluster);
    let spelled_out = SpelledOut::new(&cluster.rules.scenario, &placement, cluster.revision_of(pod));
    let own = cluster.pod(pod).scheduler;
    if let Some(node) = cluster.node_ids().find(|&node| spelled_out.is_lawful(node)) {
        let node = names.node(node);
        return match () {
            () if own.rejected_by() != 0 => {
                format!("{name} would fit on {node}, and the scheduler has parked it as unschedulable")
            }
            () if !own.view().present() => {
                format!("{name} would fit on {node}, and the scheduler does not know it yet")
            }
            () => format!("{name} would fit on {node}, and the scheduler does not bind it"),
        };
    }
    let nodes = cluster.node_ids().map(|node| (node, names.node(node), cluster.node(node).api.exists()));
    format!("{name} is Pending, as no node takes it: {}", each_refuses(&spelled_out, nodes))
}

/// Why a pod that is deleting is there still.
fn stays(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> String {
    let name = names.pod(pod);
    let object = cluster.pod(pod).api;
    let own = cluster.pod(pod).kubelet;
    if object.finalizer() && object.deletion() == Deletion::Immediate {
        return format!("{name} is deleting and has a finalizer that nobody removes");
    }
    let Some(node) = object.node() else { return format!("{name} is deleting and on no node") };
    if let Some(ails) = ails(cluster, names, node) {
        return format!("{name} is deleting and stays: it is on {ails}");
    }
    let node = names.node(node);
    let why = cluster.container_ids().find_map(|container| {
        let state = cluster.container(pod, container);
        let container = names.container(container);
        match (state.process(), state.hook()) {
            (Process::Running, Hook::Running) => Some(format!("the preStop hook of its {container} runs")),
            (Process::Running, _) if state.sigterm() => {
                Some(format!("its {container} has got SIGTERM and runs on"))
            }
            (Process::Running, _) => Some(format!("its {container} runs and gets no SIGTERM")),
            _ => None,
        }
    });
    let why = why.unwrap_or_else(|| match own.worker() {
        // ADM-12: who was being deleted already gets no worker, and before 1.28 nobody else ends it.
        Worker::Rejected if !own.knows_spec() => {
            format!("the kubelet on {node} has rejected it, and has no worker to end it")
        }
        Worker::Finished | Worker::Rejected => {
            format!("the kubelet on {node} has stopped it, and its object is not removed")
        }
        _ if own.sandbox() != Sandbox::None => format!("the kubelet on {node} does not stop its sandbox"),
        _ => format!("the kubelet on {node} has not done with it"),
    });
    format!("{name} is deleting and stays: {why}")
}

/// Why a pod whose node is not fit to run it is not on its way out.
pub(super) fn holds_on(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> Option<String> {
    let object = cluster.pod(pod).api;
    let node = object.node().filter(|_| object.is_active())?;
    let ails = ails(cluster, names, node)?;
    if node.index() >= cluster.rules.nodes {
        return Some(format!("{} is on {ails}, and nobody deletes it", names.pod(pod)));
    }
    let taints = cluster.node(node).api.taints();
    let is_tainted = taints.not_ready_no_execute || taints.unreachable_no_execute;
    let why = match cluster.rules.tolerations.on(node, taints) {
        _ if !cluster.node(node).api.exists() => {
            "the object of its node is gone, and nobody collects it".to_owned()
        }
        Tolerated::Always if is_tainted => "it tolerates the NoExecute taint of its node for ever".to_owned(),
        Tolerated::Always => "its node has no NoExecute taint that would drive it away".to_owned(),
        Tolerated::For(seconds) => {
            format!(
                "it tolerates the NoExecute taint of its node for {seconds} s, and nobody deletes it after that"
            )
        }
        Tolerated::No => {
            "it does not tolerate the NoExecute taint of its node, and nobody deletes it".to_owned()
        }
    };
    Some(format!(
        "{} is on {ails}, and is not deleted, so that it counts as one of those wanted: {why}",
        names.pod(pod)
    ))
}

/// Why a pod that does not tolerate a NoExecute taint of its node is there still.
pub(super) fn is_not_evicted(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> Option<String> {
    let object = cluster.pod(pod).api;
    match object.is_deleting() {
        true => waits(cluster, names, pod),
        false => object.exists().then(|| format!("{} is not deleted", names.pod(pod))),
    }
}

fn phase(cluster: &Cluster<'_>, pod: PodId) -> &'static str {
    phase_name(cluster.pod(pod).api.phase())
}
