//! Premise and goal of each progress promise, in one state.

use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::observation::NodeReady;
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use super::Claim;
use super::endpoints::asked_for;
use crate::cluster::Cluster;
use crate::controllers::deployment;
use crate::kubelet::{self, pleg, status};
use crate::properties::placement::spelled_out::{self, SpelledOut};
use crate::rules::Tolerated;
use crate::scheduler::filters::{Occupant, Placement};
use crate::traffic;

/// The machine has power and its link works.
fn is_alive_and_connected(cluster: &Cluster<'_>, node: NodeId) -> bool {
    node.index() < cluster.rules.nodes && {
        let machine = cluster.node(node).machine;
        machine.powered() && machine.connected()
    }
}

/// The machine is off. That it comes back nobody promises, so a run in which it stays off to the end is one in which it has failed for
/// good, whatever may still befall the cluster; one in which it comes back owes nothing more for it.
fn has_failed_for_good(cluster: &Cluster<'_>, node: NodeId) -> bool {
    node.index() < cluster.rules.nodes && {
        let column = cluster.node(node);
        column.has_joined() && !column.machine.powered()
    }
}

/// The link of the machine is cut, and nobody promises to mend it: a partition that is the story is healed.
fn is_cut_off_for_good(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let heals = cluster.rules.scenario.story.promises() == Some(EventName::PartitionHeal);
    node.index() < cluster.rules.nodes && {
        let machine = cluster.node(node).machine;
        machine.powered() && !machine.connected() && !heals
    }
}

/// The node can run new pods: alive, connected, with a working runtime and network.
pub fn is_healthy(cluster: &Cluster<'_>, node: NodeId) -> bool {
    is_alive_and_connected(cluster, node)
        && pleg::runtime_answers(cluster, node)
        && !pleg::is_stuck(cluster, node)
        && !cluster.node(node).machine.cni_failed()
}

/// Who is where, in truth: by the store, terminal pods left out.
pub fn store_placement(cluster: &Cluster<'_>) -> Placement {
    let occupant = |pod: PodId| {
        let object = cluster.pod(pod).api;
        let node = object.node().filter(|_| object.exists() && !object.phase().is_terminal())?;
        Some(Occupant { node, revision: cluster.revision_of(pod), deleting: object.is_deleting() })
    };
    Placement {
        occupants: cluster.used_pods().filter_map(occupant).collect(),
        nodes: cluster.nodes.iter().map(|node| node.api).collect(),
    }
}

/// The template can become ready: no init container blocks it, no probe fails before the process listens, no two of its
/// processes want one port.
fn template_can_become_ready(cluster: &Cluster<'_>) -> bool {
    cluster.rules.containers.iter().all(|container| {
        container.completes && !container.may_fail_before_listening && container.port_conflicts.is_empty()
    })
}

/// An app that should be ready says of itself that it is not, for as long as it likes: nobody promises then that it becomes so.
fn waits_for_an_app(cluster: &Cluster<'_>, of: impl Fn(PodId) -> bool) -> bool {
    let waits = |&pod: &PodId| {
        cluster.pod(pod).api.is_active()
            && cluster.containers_of(pod).iter().any(|container| container.fails_readiness())
    };
    cluster.used_pods().filter(waits).any(of)
}

/// The pods that are wanted at the end.
pub fn wanted(cluster: &Cluster<'_>) -> u8 {
    match cluster.rules.scenario.workload.kind {
        WorkloadKind::Deployment => cluster.shared.deployment.replicas(),
        WorkloadKind::ReplicaSet => cluster.replica_set(Revision(0)).replicas(),
        WorkloadKind::Pod => 1,
    }
}

/// The template of today.
pub fn newest(cluster: &Cluster<'_>) -> Revision {
    Revision(cluster.shared.deployment.revision())
}

/// All wanted pods fit at once on healthy, schedulable nodes, without those that are there now, and as if no other nodes were: a filter
/// that counts a node on which no pod can start (FLT-17, kubernetes/kubernetes#106127) takes no room away.
fn room_for_all(cluster: &Cluster<'_>) -> bool {
    let mut empty = Placement { occupants: [].into_iter().collect(), ..store_placement(cluster) };
    for (index, node) in empty.nodes.iter_mut().enumerate() {
        let is_usable = is_healthy(cluster, index.into()) && node.ready() == NodeReady::True;
        node.set_exists(node.exists() && is_usable && !node.unschedulable());
    }
    spelled_out::places(&cluster.rules.scenario, &mut empty, newest(cluster), wanted(cluster))
}

/// All wanted pods can be ready on healthy nodes.
fn can_be_replaced(cluster: &Cluster<'_>) -> bool {
    room_for_all(cluster) && template_can_become_ready(cluster) && !waits_for_an_app(cluster, |_| true)
}

/// Pods that are ready and stay, on healthy nodes.
fn ready_on_healthy_nodes(cluster: &Cluster<'_>) -> usize {
    let counts = |&pod: &PodId| {
        let object = cluster.pod(pod).api;
        object.is_active() && object.ready() && object.node().is_some_and(|node| is_healthy(cluster, node))
    };
    cluster.used_pods().filter(counts).count()
}

/// `scheduled-if-feasible`, for each pod: unbound, not deleting, and some node passes every filter in truth ⇒ bound. The filters
/// are not asked: one that refuses too much would take the premise away with it.
pub fn scheduled(cluster: &Cluster<'_>, pod: PodId) -> Claim {
    let object = cluster.pod(pod).api;
    let waits = object.is_active() && object.node().is_none();
    if !waits {
        // A bound pod is the goal; only what the premise asks of an unbound one can be pending.
        return Claim { premise: object.is_active(), goal: true };
    }
    let placement = store_placement(cluster);
    let revision = cluster.revision_of(pod);
    let asked = SpelledOut::new(&cluster.rules.scenario, &placement, revision);
    let feasible = cluster.node_ids().any(|node| asked.is_lawful(node));
    Claim { premise: feasible, goal: false }
}

/// `deletion-completes`, for each pod: deleting, without finalizer, on a node that is alive and connected ⇒ gone.
pub fn deleted(cluster: &Cluster<'_>, pod: PodId) -> Claim {
    let object = cluster.pod(pod).api;
    let alive = object.node().is_some_and(|node| is_alive_and_connected(cluster, node));
    Claim { premise: object.exists() && object.is_deleting() && !object.finalizer() && alive, goal: false }
}

/// `unreachable-endpoints-leave`, for each pod: on a node that failed, or was cut off, for good ⇒ in no rule of a living, connected node.
pub fn left_rules(cluster: &Cluster<'_>, pod: PodId) -> Claim {
    let is_lost = |node| has_failed_for_good(cluster, node) || is_cut_off_for_good(cluster, node);
    let failed = cluster.pod(pod).head.node().is_some_and(is_lost);
    if !failed || !cluster.rules.has_proxies() {
        return Claim { premise: false, goal: true };
    }
    let routes = |node| {
        is_alive_and_connected(cluster, node)
            && traffic::destinations(&cluster.rules.scenario, cluster, node)
                .any(|(destination, _)| destination == pod)
    };
    Claim { premise: true, goal: !cluster.node_ids().any(routes) }
}

/// `noexecute-evicts`, for each pod: on a node that is alive and connected, with a NoExecute taint that it does not
/// tolerate, or only for a time (TEC-3) ⇒ gone, or terminal.
pub fn evicted(cluster: &Cluster<'_>, pod: PodId) -> Claim {
    let object = cluster.pod(pod).api;
    let tolerations = &cluster.rules.tolerations;
    let tainted = object.node().is_some_and(|node| {
        let for_ever = |taints| {
            tolerations.on(node, taints) != Tolerated::No
                && tolerations.on_given(node, taints) == Tolerated::Always
        };
        is_alive_and_connected(cluster, node) && !for_ever(cluster.node(node).api.taints())
    });
    let stays = object.exists() && !object.phase().is_terminal() && !object.finalizer();
    Claim { premise: stays && tainted, goal: false }
}

/// `crash-recovers`, for each container: its process has exited, its pod should run and its policy restarts it, on a
/// node that is alive and connected, and no other container of its pod holds its port ⇒ it runs.
pub fn recovered(cluster: &Cluster<'_>, pod: PodId, container: ContainerId) -> Claim {
    let object = cluster.pod(pod).api;
    let alive = object.node().is_some_and(|node| is_alive_and_connected(cluster, node));
    let known = kubelet::node_of(cluster, pod).is_some() && !cluster.pod(pod).kubelet.evicted();
    let crashed = status::should_run_again(cluster, pod, container);
    // It is started again and again, and exits as often (MC-6): the kubelet keeps its promise.
    let conflicts = &cluster.rules.container(container).port_conflicts;
    let port_is_taken = conflicts.iter().any(|&other| cluster.container(pod, other).is_running());
    Claim { premise: object.is_active() && alive && known && crashed && !port_is_taken, goal: false }
}

/// `runtime-hang-detected`, for each node whose runtime hangs for good: the node is not Ready; and with room elsewhere
/// the workload has its wanted number of ready pods on healthy nodes.
pub fn hang_detected(cluster: &Cluster<'_>, node: NodeId) -> (Claim, Claim) {
    let column = cluster.node(node);
    let hangs = column.api.exists()
        && is_alive_and_connected(cluster, node)
        && column.machine.hung()
        && pleg::is_stuck(cluster, node);
    if !hangs {
        let nothing = Claim { premise: false, goal: true };
        return (nothing, nothing);
    }
    let detected = column.api.ready() != NodeReady::True;
    let room = can_be_replaced(cluster);
    (Claim { premise: true, goal: detected }, Claim { premise: room, goal: all_are_ready(cluster) })
}

/// `replaced-after-node-failure`: a node failed for good, and all wanted pods fit on the others ⇒ so many are ready there.
pub fn replaced(cluster: &Cluster<'_>) -> Claim {
    let failed = cluster.node_ids().any(|node| has_failed_for_good(cluster, node));
    if !failed {
        return Claim { premise: false, goal: true };
    }
    let room = can_be_replaced(cluster);
    Claim { premise: room, goal: all_are_ready(cluster) }
}

/// As many pods of the newest template as are wanted are ready, and no pod of another one is to go on.
fn runs_the_newest_alone(cluster: &Cluster<'_>) -> bool {
    let active = cluster.used_pods().filter(|&pod| cluster.pod(pod).api.is_active());
    let (new, old): (Vec<PodId>, Vec<PodId>) =
        active.partition(|&pod| cluster.revision_of(pod) == newest(cluster));
    let ready = new.into_iter().filter(|&pod| cluster.pod(pod).api.ready()).count();
    old.is_empty() && ready == usize::from(wanted(cluster))
}

/// All wanted pods are ready, on healthy nodes.
pub fn all_are_ready(cluster: &Cluster<'_>) -> bool {
    ready_on_healthy_nodes(cluster) >= usize::from(wanted(cluster))
}

/// As many pods are there, and stay, as are wanted.
pub fn as_many_as_wanted(cluster: &Cluster<'_>) -> bool {
    let stays = |&pod: &PodId| cluster.pod(pod).api.is_active();
    cluster.used_pods().filter(stays).count() == usize::from(wanted(cluster))
}

/// The rollout is complete, as the ReplicaSets say it and as the pods are.
pub fn is_rolled_out(cluster: &Cluster<'_>) -> bool {
    deployment::is_complete(cluster) && runs_the_newest_alone(cluster)
}

/// The template has changed: also if it is the first one again.
fn has_changed_template(cluster: &Cluster<'_>) -> bool {
    let events = &cluster.rules.scenario.events;
    let left = cluster.shared.events_left[EventName::Rollout as usize];
    let is_told = cluster.rules.scenario.story == Story::Rollout && cluster.shared.control_plane.story_told();
    cluster.shared.deployment.revision() > 0 || left < events.count(EventName::Rollout) || is_told
}

/// `rollout-completes`: the template has changed, all new pods fit at once without the old ones, and the template can
/// become ready ⇒ the rollout is complete, as the ReplicaSets say it and as the pods are.
pub fn rolled_out(cluster: &Cluster<'_>) -> Claim {
    let deployment = cluster.shared.deployment;
    if !deployment.exists() || !has_changed_template(cluster) {
        return Claim { premise: false, goal: true };
    }
    let is_new = |pod| cluster.revision_of(pod) == newest(cluster);
    let possible =
        template_can_become_ready(cluster) && room_for_all(cluster) && !waits_for_an_app(cluster, is_new);
    Claim { premise: possible, goal: is_rolled_out(cluster) }
}

/// `endpoints-converge`: there is a Service with rules ⇒ the rules of every living, connected node are those that the API
/// state of the pods asks for.
pub fn converged(cluster: &Cluster<'_>) -> Claim {
    if !cluster.rules.has_proxies() {
        return Claim { premise: false, goal: true };
    }
    let lives = |&node: &NodeId| cluster.models_proxy(node) && is_alive_and_connected(cluster, node);
    let equal = |node: NodeId| {
        cluster.used_pods().all(|pod| cluster.proxy(node, pod).rule == asked_for(cluster, pod))
    };
    Claim { premise: true, goal: cluster.node_ids().filter(lives).all(equal) }
}
