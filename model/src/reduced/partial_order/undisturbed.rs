//! Whom nobody else disturbs: the conditions under which no step of others, now or later, touches what a pod's process
//! reads or writes before it has moved.
//!
//! Steps of others that could, and what keeps them away:
//!
//! | steps | would | are kept away by |
//! | --- | --- | --- |
//! | environment, process starts, lists | change anything | no event is left, every process is up and has listed; the story's event waits for quiet |
//! | slow timers: node-monitor grace, tolerations in seconds, garbage collection, back-offs | delete the pod, taint its node | they wait for quiet |
//! | ReplicaSet controller | delete the pod | it is being deleted, or its ReplicaSet [keeps its pods](keeps_its_pods) |
//! | taint eviction | delete the pod | it is being deleted, or tolerates what taints the node has for ever |
//! | drain | evict the pod | it is neither listed nor granted, and the list is made |
//! | node lifecycle | mark the pod, taint the node | no mark is planned; the node is healthy and known to be |
//! | node status, first relist, hangs | freeze the kubelet | the node is healthy |
//! | scheduler | bind another pod to the node, wake or park this one | filters and admission do not look at other pods |
//! | watch news to the controller manager | read the object | seen before (`own::is_read_by_nobody`), or [without effect](is_seen_without_effect) |
//! | kube-proxies | read the slice, remember an address | they follow at once, or the move does not depend on it (`visible`) |
//! | other pods' kubelets | change what admission counts | admission does not look at other pods |

use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::NodeReady;
use podproof_vocabulary::scenario::{Strategy, WorkloadKind};
use podproof_vocabulary::{NodeId, PodId, Revision};

use crate::cluster::Cluster;
use crate::controllers::replica_set;
use crate::environment::running_machine;
use crate::rules::Tolerated;
use crate::state::ControllerView;

/// No event is left, every process of the control plane is up and has listed, and no drain is about to list.
pub fn is_calm(cluster: &Cluster<'_>) -> bool {
    let control = cluster.shared.control_plane;
    EventName::all().all(|event| cluster.shared.events_left[event as usize] == 0)
        && !control.api_server_down()
        && !control.scheduler_down()
        && !control.scheduler_must_list()
        && !control.controller_manager_down()
        && !control.controller_manager_must_list()
        && !(control.draining().is_some() && control.drain_must_list())
}

/// The machine is as it should be, with its kubelet.
fn is_healthy(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    machine.with_proxy_runs(true).with_proxy_must_list(false) == running_machine()
}

/// The node is healthy, the controllers know it, and it has and will have no taint of its condition: nothing on it changes
/// but what pods do. Whether pods may be scheduled to it does not matter to those that are there.
fn is_good(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let (object, view) = (cluster.node(node).api, cluster.node(node).controller);
    is_healthy(cluster, node)
        && [object, view].into_iter().all(|object| {
            object.exists()
                && object.ready() == NodeReady::True
                && !object.not_ready_no_execute()
                && !object.unreachable_no_execute()
        })
        && object.custom() == view.custom()
}

/// The scheduler sees of the node what it will go on to see, but for the taint that says again that it is unschedulable.
fn is_settled_for_scheduler(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let column = cluster.node(node);
    let object = column.api;
    let ready = object.with_ready(NodeReady::True);
    let untainted = !ready.not_ready_no_schedule() && !ready.unreachable_no_schedule();
    is_good(cluster, node)
        && untainted
        && column.scheduler == object.for_scheduler()
        && column.controller.unschedulable() == object.unschedulable()
        // FLT-2 and FLT-7: who tolerates the one tolerates the other.
        && (object.unschedulable_no_schedule() == object.unschedulable() || object.unschedulable())
}

/// Nobody but the pod's own process touches what that reads and writes, until it has moved.
pub fn is_left_alone(cluster: &Cluster<'_>, pod: PodId, ignores_occupants: bool) -> bool {
    let column = cluster.pod(pod);
    let (object, controller) = (column.api, column.controller);
    let is_planned_with = column.head.drain_listed()
        || column.head.eviction_granted()
        || column.head.disrupted()
        || controller.disrupted()
        || controller.mark_planned()
        || controller.collecting()
        || controller.deletion_planned();
    if is_planned_with {
        return false;
    }
    match column.kubelet.node().or(object.node()) {
        Some(node) if node.index() < cluster.rules.nodes => {
            let is_here = !object.exists() || object.node() == Some(node);
            let stays = || {
                let taints = cluster.node(node).api.taints();
                cluster.rules.tolerations.on(node, taints) == Tolerated::Always
                    && keeps_its_pods(cluster, pod)
            };
            is_here && is_good(cluster, node) && (!object.exists() || object.is_deleting() || stays())
        }
        Some(_) => false,
        None => {
            object.exists()
                && !object.is_deleting()
                && ignores_occupants
                && cluster.node_ids().all(|node| is_settled_for_scheduler(cluster, node))
                && keeps_its_pods(cluster, pod)
        }
    }
}

/// The object, or a copy, is of a pod that its ReplicaSet counts or will count.
fn may_count(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.pod(pod).api.is_active() || cluster.pod(pod).controller.view().is_active()
}

/// The Deployment has had its last change, the controller has seen it, and every ReplicaSet carries its wanted replicas:
/// no sync is a scaling one (DEP-10) any more.
fn deployment_is_settled(cluster: &Cluster<'_>) -> bool {
    let (object, view) = (cluster.shared.deployment, cluster.shared.deployment_view);
    view == object.without_condition()
        && cluster.revision_ids().all(|revision| {
            let column = cluster.replica_set(revision);
            (!column.exists() || column.desired() == object.replicas())
                && (!column.exists_seen() || column.desired_seen() == object.replicas())
        })
}

/// The ReplicaSet of `pod` never again deletes one of its pods.
///
/// It wants no fewer: nobody scales it but the Deployment controller, which never scales the newest one down unless it
/// wants more than the Deployment does. And it never has more than it wants: those that the controller counts, those that it
/// will see and those that it will create are no more than that, and it plans creations only when it has seen all that it
/// created (CTL-3), for exactly what is missing.
pub fn keeps_its_pods(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let revision = cluster.revision_of(pod);
    let column = cluster.replica_set(revision);
    let wants_no_fewer = match cluster.rules.scenario.workload.kind {
        WorkloadKind::Pod => return true,
        WorkloadKind::ReplicaSet => column.replicas() == column.replicas_seen(),
        WorkloadKind::Deployment => {
            let view = cluster.shared.deployment_view;
            deployment_is_settled(cluster)
                && view.revision() == revision.0
                && column.replicas() <= view.replicas()
                && column.replicas_seen() <= column.replicas()
        }
    };
    if !wants_no_fewer || !column.exists_seen() || column.victims_left() > 0 {
        return false;
    }
    let mut count = u32::from(column.creations_left());
    for other in cluster.used_pods().filter(|&other| cluster.revision_of(other) == revision) {
        let controller = cluster.pod(other).controller;
        let will_be_seen = controller.view().present() || controller.expects_creation();
        if cluster.pod(other).api.is_active() && !will_be_seen {
            return false;
        }
        count += u32::from(may_count(cluster, other));
    }
    count <= u32::from(column.replicas_seen())
}

/// A ReplicaSet other than `kept` may still have to choose which of its pods go, so that it matters where others are.
fn may_choose(cluster: &Cluster<'_>, kept: Revision) -> bool {
    // RS-5: with one node all that are on a node share it with the same pods.
    cluster.rules.nodes > 1
        && cluster.revision_ids().filter(|&revision| revision != kept).any(|revision| {
            let column = cluster.replica_set(revision);
            let candidates = cluster.used_pods().filter(|&pod| {
                let controller = cluster.pod(pod).controller;
                cluster.revision_of(pod) == revision
                    && may_count(cluster, pod)
                    && !controller.deletion_planned()
                    && !controller.expects_deletion()
            });
            let wanted = u32::from(column.replicas().max(column.replicas_seen()));
            wanted > 1 || candidates.count() as u32 + u32::from(column.creations_left()) > 1
        })
}

/// How many pods are available makes no difference to any controller: there is no other ReplicaSet that could give way.
fn nobody_gives_way(cluster: &Cluster<'_>, kept: Revision) -> bool {
    cluster.rules.scenario.workload.kind != WorkloadKind::Deployment
        || cluster.revision_ids().filter(|&revision| revision != kept).all(|revision| {
            let column = cluster.replica_set(revision);
            column.replicas() == 0 && column.replicas_seen() == 0
        })
}

/// The controllers may see the news of `pod` whenever they like: no step of theirs, now or later, reads what the news
/// change. The pod is left alone.
///
/// Beside the slice, which is for the kube-proxies, a copy of a pod is read
/// - by its ReplicaSet, which counts active pods and, of them, available ones. It waits for a pod that it created and has
///   not seen, so that a first sight comes before anything that counts it;
/// - by a ReplicaSet that chooses which of its pods go, which looks at where all pods are;
/// - by the Deployment controller, for the strategy Recreate: whether pods of other templates are there;
/// - by the disruption controller, for a budget: whether it is healthy;
/// - by the controllers of taints and nodes, and by the garbage collector: of pods that [are left alone](is_left_alone)
///   they want nothing, whatever they see.
pub fn is_seen_without_effect(before: &Cluster<'_>, after: &Cluster<'_>, pod: PodId) -> bool {
    let scenario = &before.rules.scenario;
    let revision = before.revision_of(pod);
    let (old, new) = (before.pod(pod).controller.view(), after.pod(pod).controller.view());
    let keeps = keeps_its_pods(before, pod);
    let is_first_sight = !old.present() && new.is_active() && before.pod(pod).controller.expects_creation();
    let counts_the_same = old.is_active() == new.is_active()
        && before.pod(pod).controller.expects_creation() == after.pod(pod).controller.expects_creation()
        && before.pod(pod).controller.expects_deletion() == after.pod(pod).controller.expects_deletion();
    let is_counted_freely = counts_the_same || (is_first_sight && keeps);
    let available = |cluster| replica_set::is_available(cluster, pod);
    let is_available_freely =
        available(before) == available(after) || (keeps && nobody_gives_way(before, revision));
    let place = |view: ControllerView| view.node().filter(|_| view.is_active());
    let is_placed_freely =
        place(old) == place(new) || !may_choose(before, if keeps { revision } else { Revision(u8::MAX) });
    let is_there = |view: ControllerView| view.present() && !view.phase().is_terminal();
    let is_there_freely =
        is_there(old) == is_there(new) || scenario.workload.strategy != Strategy::Recreate || keeps;
    let is_healthy = |view: ControllerView| view.present() && view.ready() && !view.deleting();
    let is_healthy_freely = scenario.budgets.is_empty() || is_healthy(old) == is_healthy(new);
    // A pod that has to be Ready for a while is counted by a step of its own.
    let is_timed_freely = scenario.workload.min_ready_seconds == 0 || !(old.ready() || new.ready());
    is_counted_freely
        && is_available_freely
        && is_placed_freely
        && is_there_freely
        && is_healthy_freely
        && is_timed_freely
}
