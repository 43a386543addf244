//! The node lifecycle controller: silence makes a node's Ready Unknown, its pods not ready, and taints it.
//!
//! Source: S28 `pkg/controller/nodelifecycle/node_lifecycle_controller.go`. Left out: the rate of NoExecute tainting
//! and the partial-disruption mode (NLC-11, NLC-14, NLC-15), several zones, the lease as an object: a node is silent
//! exactly while its kubelet cannot renew it; that a patch of the taints begins with a read from the API server's
//! cache, which may be older or newer than the controller's copy (kubernetes/kubernetes#126755); that a pod which is Ready when
//! it is seen to have been bound to a node that is not is marked too (NLC-7 `processPod`); that a controller which begins
//! takes NoExecute taints off every node first (`classifyNodes`); and that total darkness takes them off once (NLC-16): here
//! it does for as long as it lasts.

use podproof_vocabulary::action::{Action, NodeLifecycle};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::NodeReady;
use podproof_vocabulary::{NodeId, PodId};

use crate::api_server::pods;
use crate::cluster::Cluster;
use crate::scope::Scope;
use crate::state::NodeObject;
use crate::watch;

/// No heartbeat of this node arrives: it is off, cut off, or its kubelet does not run (NLC-2, NOD-4: a kubelet whose
/// sync loop is stuck goes on renewing its lease).
pub fn is_silent(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    !(machine.powered() && machine.connected() && machine.kubelet_runs())
}

/// NLC-16, NLC-18: no node that the controller sees is Ready, so the control plane may be what is cut off.
fn all_zones_down(cluster: &Cluster<'_>) -> bool {
    cluster.nodes.iter().all(|node| !node.controller.exists() || node.controller.ready() != NodeReady::True)
}

/// The NoSchedule taints that mirror the conditions of the copy (NLC-13).
fn with_no_schedule_taints(object: NodeObject, view: NodeObject) -> NodeObject {
    object
        .with_not_ready_no_schedule(view.ready() == NodeReady::False)
        .with_unreachable_no_schedule(view.ready() == NodeReady::Unknown)
        .with_unschedulable_no_schedule(view.unschedulable())
}

/// The NoExecute taints that the copy asks for (NLC-10, NLC-16).
fn with_no_execute_taints(object: NodeObject, view: NodeObject, all_down: bool) -> NodeObject {
    object
        .with_not_ready_no_execute(view.ready() == NodeReady::False && !all_down)
        .with_unreachable_no_execute(view.ready() == NodeReady::Unknown && !all_down)
}

/// The taints of `one` that `other` does not have.
fn taints_without(one: NodeObject, other: NodeObject) -> u16 {
    let taints = |object| u16::from(NodeObject::new().with_taints_of(object));
    taints(one) & !taints(other)
}

/// The next patch on the way from one set of taints to another. They are swapped in two patches: first what is new is set, then what
/// is over is removed (S28 `controller/util/node` `SwapNodeControllerTaint`; the recordings of nodes that come back show
/// both taints between the two).
fn swap(object: NodeObject, set: u16, over: u16) -> NodeObject {
    let both = NodeObject::from(u16::from(object) | set);
    if both == object { NodeObject::from(u16::from(object) & !over) } else { both }
}

/// What a patch of the taints makes of the node's object; `next` says what it makes of an object. A patch replaces the list
/// of taints as a whole. From 1.26 on it carries the version that it was made from and is made anew on a conflict;
/// before, it is made from the copy, so it brings back what was removed since and removes what was set
/// (kubernetes/kubernetes#113136; the recording of a node that fails and returns shows it).
fn patched(cluster: &Cluster<'_>, node: NodeId, next: impl Fn(NodeObject) -> NodeObject) -> NodeObject {
    let (object, view) = (cluster.node(node).api, cluster.node(node).controller);
    match cluster.rules.scenario.release.taint_patches_carry_versions() {
        true => next(object),
        false => object.with_taints_of(next(view)),
    }
}

/// What the next patch of the NoSchedule taints makes of the node's object. What is to be set and removed is read from the copy
/// (S28 `doNoScheduleTaintingPass`, `TaintSetDiff`).
fn patched_no_schedule(cluster: &Cluster<'_>, node: NodeId) -> NodeObject {
    let view = cluster.node(node).controller;
    let wanted = with_no_schedule_taints(view, view);
    let (set, over) = (taints_without(wanted, view), taints_without(view, wanted));
    patched(cluster, node, |object| swap(object, set, over))
}

/// What the next patch of the NoExecute taints makes of the node's object. One taint is swapped for the other, or both are
/// removed one after the other (S28 `processTaintBaseEviction`, `markNodeAsReachable`).
fn patched_no_execute(cluster: &Cluster<'_>, node: NodeId) -> NodeObject {
    let view = cluster.node(node).controller;
    let wanted = with_no_execute_taints(NodeObject::new(), view, all_zones_down(cluster));
    let over = taints_without(view, wanted) & taints_without(with_both_no_execute_taints(), wanted);
    patched(cluster, node, |object| {
        let is_first = object.unreachable_no_execute() && view.unreachable_no_execute();
        let over = match wanted == NodeObject::new() && is_first {
            true => u16::from(NodeObject::new().with_unreachable_no_execute(true)),
            false => over,
        };
        swap(object, u16::from(wanted), over)
    })
}

fn with_both_no_execute_taints() -> NodeObject {
    NodeObject::new().with_not_ready_no_execute(true).with_unreachable_no_execute(true)
}

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if scope.is_everything() {
        node_candidates(cluster, out);
    }
    for pod in scope.pods(cluster) {
        if cluster.pod(pod).controller.mark_planned() {
            out.push(Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { pod }));
        }
    }
}

fn node_candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    let all_down = all_zones_down(cluster);
    let detector_errs = cluster.rules.scenario.inaccurate_detectors;
    for node in cluster.node_ids() {
        let column = cluster.node(node);
        let (object, view) = (column.api, column.controller);
        if !view.exists() || !object.exists() {
            continue;
        }
        // An update carries the resource version of the copy (API-1); one shot, cleared by the write.
        let current = view == object;
        if current && view.ready() != NodeReady::Unknown && (is_silent(cluster, node) || detector_errs) {
            out.push(Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { node }));
        }
        // Taints are patched: a patch needs no current copy, and one that changes nothing is none (API-3, API-5).
        if with_no_schedule_taints(view, view) != view && patched_no_schedule(cluster, node) != object {
            out.push(Action::NodeLifecycle(NodeLifecycle::TaintNoSchedule { node }));
        }
        if with_no_execute_taints(view, view, all_down) != view && patched_no_execute(cluster, node) != object
        {
            out.push(Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { node }));
        }
    }
}

/// Takes a step of the controller.
pub fn apply(cluster: &mut Cluster<'_>, step: NodeLifecycle) {
    match step {
        NodeLifecycle::MarkNodeUnknown { node } => {
            let observed = cluster.node(node).controller.ready();
            update(cluster, node, |object| object.with_ready(NodeReady::Unknown));
            // NLC-6: only the pass in which the controller itself flips True to Unknown marks the pods; NLC-7: from
            // False it does not.
            if observed == NodeReady::True && !cluster.has_mutant(Mutant::NodeLifecycleForgetsPods) {
                plan_marks(cluster, node);
            }
        }
        // NLC-6 (`MarkPodsNotReady`): a status update of each pod.
        NodeLifecycle::MarkPodNotReady { pod } => {
            cluster.pod_mut(pod).controller.set_mark_planned(false);
            if cluster.pod(pod).api.exists() {
                pods::update(cluster, pod, |object| object.with_ready(false));
            }
        }
        NodeLifecycle::TaintNoSchedule { node } => {
            let object = patched_no_schedule(cluster, node);
            update(cluster, node, |_| object);
        }
        NodeLifecycle::TaintNoExecute { node } => {
            let object = patched_no_execute(cluster, node);
            update(cluster, node, |_| object);
        }
    }
}

fn plan_marks(cluster: &mut Cluster<'_>, node: NodeId) {
    let here: Vec<PodId> = cluster
        .used_pods()
        .filter(|&pod| {
            let view = cluster.pod(pod).controller.view();
            // A pod that already has Ready=False is passed over (S28 `controller/util/node` `MarkPodsNotReady`).
            view.present() && view.node() == Some(node) && view.ready()
        })
        .collect();
    for pod in here {
        cluster.pod_mut(pod).controller.set_mark_planned(true);
    }
}

/// Writes a Node object; its watchers hear of what changed for them.
pub fn update(cluster: &mut Cluster<'_>, node: NodeId, change: impl FnOnce(NodeObject) -> NodeObject) {
    let before = cluster.node(node).api;
    let after = change(before);
    if before != after {
        cluster.node_mut(node).api = after;
        watch::publish_node(cluster, node, before, after);
    }
}
