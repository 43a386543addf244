//! Watches: how each consumer's copy of the world comes to lag, and to catch up.
//!
//! Each consumer hears of each resource in order, without a bound on the delay, and of no order between resources
//! (MOD-1, API-39). A broken watch lists again: it jumps to the head and loses what lay between (MOD-2, API-33). A link
//! that is cut breaks no watch: its events wait, and arrive in order when it is healed, unless they are too many (API-36).
//! A copy holds only the fields that its consumer reads, and a write that changes none of them is no event for it.
//!
//! By default the pending events of one object coalesce to its newest value: what is pending is then a function of
//! store and copy, and no queue is kept, so a watch that was cut off is never too old. An exact search keeps a [`ring`] of
//! events for each consumer and resource.

mod receivers;
pub mod ring;
#[cfg(test)]
mod tests;

use podproof_vocabulary::action::{Action, Watch, Watcher};
use podproof_vocabulary::{NodeId, PodId, Revision};

use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::state::{
    ControllerView, DeploymentObject, KubeletView, NodeObject, PodObject, ReplicaSetColumn, SchedulerView,
};
use crate::{controllers, endpoints, kubelet, scheduler};
use receivers::is_linked;
pub use receivers::{follows, may_list, receives, takes_events};
use ring::Stream;

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::SchedulerNews, Part::ReplicaSetNews, Part::SliceNews]);

/// An event is on its way to `watcher`. API-36: for one whose link is cut no more are kept than a ring holds; then what it
/// asks for is too old, and it must list.
fn push(cluster: &mut Cluster<'_>, watcher: Watcher, stream: Stream, key: u8, value: &[u64]) {
    if ring::length(cluster, stream) == cluster.rules.ring_capacity() && !is_linked(cluster, watcher) {
        break_watches(cluster, watcher);
        return;
    }
    ring::push(cluster, stream, key, value);
}

/// The copy of `object` that `watcher` would hold, as a number.
fn projection(watcher: Watcher, object: PodObject) -> u16 {
    match watcher {
        Watcher::Scheduler => SchedulerView::of(object).into(),
        Watcher::ControllerManager => ControllerView::of(object).into(),
        Watcher::Kubelet(node) => u8::from(KubeletView::of(object, node)).into(),
        Watcher::Proxy(_) => unreachable!("a kube-proxy watches no pods"),
    }
}

/// The copy that `watcher` holds, as a number.
fn copy(cluster: &Cluster<'_>, watcher: Watcher, pod: PodId) -> u16 {
    let column = cluster.pod(pod);
    match watcher {
        Watcher::Scheduler => column.scheduler.view().into(),
        Watcher::ControllerManager => column.controller.view().into(),
        Watcher::Kubelet(node) if column.kubelet.node() == Some(node) => {
            u8::from(column.kubelet.view()).into()
        }
        Watcher::Kubelet(_) => 0,
        Watcher::Proxy(_) => unreachable!("a kube-proxy watches no pods"),
    }
}

/// A pod object was written: exact searches queue the event for whoever watches.
pub fn publish_pod(cluster: &mut Cluster<'_>, pod: PodId, before: PodObject, after: PodObject) {
    // RS-7: while there is no controller manager its next one is the first to learn that the pod was not Ready.
    let controller = cluster.pod(pod).controller;
    if controller.available() && !controller.view().present() && !(after.is_active() && after.ready()) {
        cluster.pod_mut(pod).controller.set_available(false);
    }
    if !ring::is_kept(cluster) {
        return;
    }
    let node = after.node().or(before.node()).filter(|node| node.index() < cluster.rules.nodes);
    let watchers = [Some(Watcher::Scheduler), Some(Watcher::ControllerManager), node.map(Watcher::Kubelet)];
    for watcher in watchers.into_iter().flatten() {
        let value = projection(watcher, after);
        if value != projection(watcher, before) && follows(cluster, watcher) {
            push(cluster, watcher, Stream::pods(watcher), pod.0, &[value.into()]);
        }
    }
}

/// A Node object was written.
pub fn publish_node(cluster: &mut Cluster<'_>, node: NodeId, before: NodeObject, after: NodeObject) {
    if !ring::is_kept(cluster) {
        return;
    }
    if before.for_scheduler() != after.for_scheduler() && receives(cluster, Watcher::Scheduler) {
        ring::push(cluster, Stream::SchedulerNodes, node.0, &[u16::from(after.for_scheduler()).into()]);
    }
    if before != after && receives(cluster, Watcher::ControllerManager) {
        ring::push(cluster, Stream::ControllerNodes, node.0, &[u16::from(after).into()]);
    }
}

/// A ReplicaSet was written.
pub fn publish_replica_set(cluster: &mut Cluster<'_>, revision: Revision) {
    if ring::is_kept(cluster) && receives(cluster, Watcher::ControllerManager) {
        let seen = cluster.replica_set(revision).seen().with_creations_left(0).with_victims_left(0);
        ring::push(cluster, Stream::ReplicaSets, revision.0, &[seen.into()]);
    }
}

/// The Deployment was written.
pub fn publish_deployment(cluster: &mut Cluster<'_>) {
    if ring::is_kept(cluster) && receives(cluster, Watcher::ControllerManager) {
        let object = cluster.shared.deployment.without_condition();
        ring::push(cluster, Stream::Deployments, 0, &[u32::from(object).into()]);
    }
}

/// The EndpointSlice was written.
pub fn publish_slice(cluster: &mut Cluster<'_>) {
    if !ring::is_kept(cluster) {
        return;
    }
    let snapshot = ring::snapshot(cluster);
    for node in cluster.node_ids() {
        if follows(cluster, Watcher::Proxy(node)) {
            push(cluster, Watcher::Proxy(node), Stream::Slices(node), 0, &snapshot);
        }
    }
}

/// Is an event of this pod still on its way to somebody?
pub fn is_pending(cluster: &Cluster<'_>, pod: PodId) -> bool {
    ring::is_kept(cluster) && ring::mentions(cluster, pod)
}

/// What the next event of `pod` would bring to `watcher`.
fn pod_news(cluster: &Cluster<'_>, watcher: Watcher, pod: PodId) -> Option<u16> {
    if ring::is_kept(cluster) {
        let (key, value) = ring::head(cluster, Stream::pods(watcher))?;
        return (key == pod.0).then_some(value as u16);
    }
    let column = cluster.pod(pod);
    let value = projection(watcher, column.api);
    // A creation and a removal that coalesce to nothing still lower the expectation (a `null delivery`).
    let nothing =
        watcher == Watcher::ControllerManager && column.controller.expects_creation() && !column.api.exists();
    (value != copy(cluster, watcher, pod) || nothing).then_some(value)
}

fn node_news(cluster: &Cluster<'_>, watcher: Watcher, node: NodeId) -> Option<NodeObject> {
    let column = cluster.node(node);
    let (copy, newest) = match watcher {
        Watcher::Scheduler => (column.scheduler, column.api.for_scheduler()),
        _ => (column.controller, column.api),
    };
    if ring::is_kept(cluster) {
        let (key, value) = ring::head(cluster, Stream::nodes(watcher))?;
        return (key == node.0).then(|| NodeObject::from(value as u16));
    }
    (newest != copy).then_some(newest)
}

fn replica_set_news(cluster: &Cluster<'_>, revision: Revision) -> Option<ReplicaSetColumn> {
    if ring::is_kept(cluster) {
        let (key, value) = ring::head(cluster, Stream::ReplicaSets)?;
        return (key == revision.0).then(|| ReplicaSetColumn::from(value));
    }
    let column = cluster.replica_set(revision);
    (!column.is_seen()).then(|| column.seen())
}

fn deployment_news(cluster: &Cluster<'_>) -> Option<DeploymentObject> {
    if ring::is_kept(cluster) {
        return ring::head(cluster, Stream::Deployments)
            .map(|(_, value)| DeploymentObject::from(value as u32));
    }
    let newest = cluster.shared.deployment.without_condition();
    (newest != cluster.shared.deployment_view).then_some(newest)
}

fn slice_is_news(cluster: &Cluster<'_>, node: NodeId) -> bool {
    if ring::is_kept(cluster) {
        return ring::head(cluster, Stream::Slices(node)).is_some();
    }
    cluster.pod_ids().any(|pod| cluster.proxy(node, pod).view != cluster.pod(pod).slice)
}

/// The events that can be delivered.
pub fn candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if !scope.is_everything() {
        return touched_candidates(cluster, scope, out);
    }
    let of_nodes = cluster.node_ids().flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
    for watcher in [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(of_nodes) {
        if may_list(cluster, watcher) {
            out.push(Action::Watch(Watch::List { watcher }));
        }
        if !receives(cluster, watcher) {
            continue;
        }
        match watcher {
            Watcher::Proxy(node) => {
                if slice_is_news(cluster, node) {
                    out.push(Action::Watch(Watch::DeliverSlice { node }));
                }
            }
            // SRC-5: nobody takes events from the config channel of a frozen kubelet. It hears of no pod that neither is nor
            // was bound to its node.
            Watcher::Kubelet(node) if kubelet::is_frozen(cluster, node) => {}
            Watcher::Kubelet(node) => {
                let here = |pod: &PodId| cluster.pod(*pod).head.node() == Some(node);
                pods(cluster, watcher, cluster.used_pods().filter(here), out);
            }
            Watcher::Scheduler => {
                pods(cluster, watcher, cluster.used_pods(), out);
                nodes(cluster, watcher, out);
            }
            Watcher::ControllerManager => {
                pods(cluster, watcher, cluster.used_pods(), out);
                nodes(cluster, watcher, out);
                replica_sets(cluster, out);
                if deployment_news(cluster).is_some() {
                    out.push(Action::Watch(Watch::DeliverDeployment));
                }
                if cluster.shared.budget.unseen() {
                    out.push(Action::Watch(Watch::DeliverBudget));
                }
            }
        }
    }
}

/// Those of what a step has touched that may follow at once.
fn touched_candidates(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    if scope.asks(Part::SchedulerNews) && receives(cluster, Watcher::Scheduler) {
        pods(cluster, Watcher::Scheduler, scope.pods(cluster), out);
    }
    if scope.asks(Part::ReplicaSetNews) && receives(cluster, Watcher::ControllerManager) {
        replica_sets(cluster, out);
    }
    if !scope.asks(Part::SliceNews) {
        return;
    }
    let is_news =
        |node| scope.pods(cluster).any(|pod| cluster.proxy(node, pod).view != cluster.pod(pod).slice);
    for node in cluster.node_ids().filter(|&node| cluster.models_proxy(node) && is_news(node)) {
        if receives(cluster, Watcher::Proxy(node)) {
            out.push(Action::Watch(Watch::DeliverSlice { node }));
        }
    }
}

/// The news that kubelets have of pods in `scope`.
pub fn kubelet_news(cluster: &Cluster<'_>, scope: Scope, out: &mut Vec<Action>) {
    for pod in scope.pods(cluster) {
        let node = cluster.pod(pod).head.node().filter(|node| node.index() < cluster.rules.nodes);
        let watcher = node.map(Watcher::Kubelet).filter(|&watcher| takes_events(cluster, watcher));
        if let Some(watcher) = watcher {
            pods(cluster, watcher, std::iter::once(pod), out);
        }
    }
}

/// Of these pods those that there is news of. Where rings are kept it is the one that the oldest event is about.
fn pods(cluster: &Cluster<'_>, to: Watcher, mut pods: impl Iterator<Item = PodId>, out: &mut Vec<Action>) {
    let deliver = |pod| Action::Watch(Watch::DeliverPod { to, pod });
    if ring::is_kept(cluster) {
        let next = ring::head(cluster, Stream::pods(to)).map(|(key, _)| PodId(key));
        out.extend(next.filter(|&next| pods.any(|pod| pod == next)).map(deliver));
    } else {
        out.extend(pods.filter(|&pod| pod_news(cluster, to, pod).is_some()).map(deliver));
    }
}

fn nodes(cluster: &Cluster<'_>, to: Watcher, out: &mut Vec<Action>) {
    let deliver = |node| Action::Watch(Watch::DeliverNode { to, node });
    if ring::is_kept(cluster) {
        out.extend(ring::head(cluster, Stream::nodes(to)).map(|(key, _)| deliver(NodeId(key))));
    } else {
        out.extend(cluster.node_ids().filter(|&node| node_news(cluster, to, node).is_some()).map(deliver));
    }
}

fn replica_sets(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    let deliver = |revision| Action::Watch(Watch::DeliverReplicaSet { revision });
    if ring::is_kept(cluster) {
        out.extend(ring::head(cluster, Stream::ReplicaSets).map(|(key, _)| deliver(Revision(key))));
    } else {
        let has_news = |&revision: &Revision| replica_set_news(cluster, revision).is_some();
        out.extend(cluster.revision_ids().filter(has_news).map(deliver));
    }
}

/// The deliveries that bring news of a followed pod on to the rules: to the controller manager, and of the slice to the
/// kube-proxies.
pub fn followed_candidates(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    let to = Watcher::ControllerManager;
    if receives(cluster, to) && cluster.pod(pod).head.used() && pod_news(cluster, to, pod).is_some() {
        out.push(Action::Watch(Watch::DeliverPod { to, pod }));
    }
    for node in cluster.node_ids() {
        if receives(cluster, Watcher::Proxy(node)) && slice_is_news(cluster, node) {
            out.push(Action::Watch(Watch::DeliverSlice { node }));
        }
    }
}

/// Delivers an event, or lists.
pub fn apply(cluster: &mut Cluster<'_>, step: Watch) {
    match step {
        Watch::DeliverPod { to, pod } => {
            let value = pod_news(cluster, to, pod).expect("only news is delivered");
            ring::pop(cluster, Stream::pods(to));
            observe_pod(cluster, to, pod, value);
        }
        Watch::DeliverNode { to, node } => {
            let object = node_news(cluster, to, node).expect("only news is delivered");
            match to {
                Watcher::Scheduler => {
                    ring::pop(cluster, Stream::SchedulerNodes);
                    scheduler::observe_node(cluster, node, object);
                }
                _ => {
                    ring::pop(cluster, Stream::ControllerNodes);
                    controllers::observe_node(cluster, node, object);
                }
            }
        }
        Watch::DeliverReplicaSet { revision } => {
            let news = replica_set_news(cluster, revision).expect("only news is delivered");
            ring::pop(cluster, Stream::ReplicaSets);
            let column = cluster.replica_set_mut(revision);
            *column = column
                .with_exists_seen(news.exists_seen())
                .with_replicas_seen(news.replicas_seen())
                .with_available_seen(news.available_seen())
                .with_desired_seen(news.desired_seen());
        }
        Watch::DeliverDeployment => {
            let news = deployment_news(cluster).expect("only news is delivered");
            ring::pop(cluster, Stream::Deployments);
            cluster.shared.deployment_view = news;
        }
        Watch::DeliverBudget => controllers::disruption::observe_budget(cluster),
        Watch::DeliverSlice { node } => {
            for pod in cluster.pod_ids() {
                let entry = if ring::is_kept(cluster) {
                    ring::endpoint_of(cluster, node, pod)
                } else {
                    cluster.pod(pod).slice
                };
                cluster.proxy_mut(node, pod).view = entry;
            }
            ring::pop(cluster, Stream::Slices(node));
        }
        Watch::List { watcher } => list(cluster, watcher),
    }
}

fn observe_pod(cluster: &mut Cluster<'_>, watcher: Watcher, pod: PodId, value: u16) {
    match watcher {
        Watcher::Scheduler => scheduler::observe_pod(cluster, pod, value.into()),
        Watcher::ControllerManager => controllers::observe_pod(cluster, pod, value.into()),
        Watcher::Kubelet(node) => kubelet::observe_pod(cluster, node, pod, KubeletView::from(value as u8)),
        Watcher::Proxy(_) => unreachable!("a kube-proxy watches no pods"),
    }
}

/// A consumer's watches break: what was on its way is lost.
pub fn break_watches(cluster: &mut Cluster<'_>, watcher: Watcher) {
    clear(cluster, watcher);
    let control = &mut cluster.shared.control_plane;
    match watcher {
        Watcher::Scheduler => control.set_scheduler_must_list(true),
        Watcher::ControllerManager => control.set_controller_manager_must_list(true),
        Watcher::Kubelet(node) => cluster.node_mut(node).machine.set_kubelet_must_list(true),
        Watcher::Proxy(node) => cluster.node_mut(node).machine.set_proxy_must_list(true),
    }
}

/// Forgets the events that are on their way to `watcher`.
pub fn clear(cluster: &mut Cluster<'_>, watcher: Watcher) {
    match watcher {
        Watcher::Scheduler => {
            ring::clear(cluster, Stream::SchedulerPods);
            ring::clear(cluster, Stream::SchedulerNodes);
        }
        Watcher::ControllerManager => {
            for stream in
                [Stream::ControllerPods, Stream::ControllerNodes, Stream::ReplicaSets, Stream::Deployments]
            {
                ring::clear(cluster, stream);
            }
        }
        Watcher::Kubelet(node) => ring::clear(cluster, Stream::KubeletPods(node)),
        Watcher::Proxy(node) => ring::clear(cluster, Stream::Slices(node)),
    }
}

/// A consumer lists everything: its copy jumps to the head.
pub fn list(cluster: &mut Cluster<'_>, watcher: Watcher) {
    clear(cluster, watcher);
    match watcher {
        Watcher::Scheduler => cluster.shared.control_plane.set_scheduler_must_list(false),
        Watcher::ControllerManager => cluster.shared.control_plane.set_controller_manager_must_list(false),
        Watcher::Kubelet(node) => cluster.node_mut(node).machine.set_kubelet_must_list(false),
        Watcher::Proxy(node) => cluster.node_mut(node).machine.set_proxy_must_list(false),
    }
    if let Watcher::Proxy(node) = watcher {
        for pod in cluster.pod_ids() {
            cluster.proxy_mut(node, pod).view = cluster.pod(pod).slice;
        }
        return;
    }
    for node in cluster.node_ids() {
        let object = cluster.node(node).api;
        match watcher {
            Watcher::Scheduler => scheduler::observe_node(cluster, node, object.for_scheduler()),
            Watcher::ControllerManager => controllers::observe_node(cluster, node, object),
            _ => {}
        }
    }
    if watcher == Watcher::ControllerManager {
        for column in cluster.replica_sets.iter_mut() {
            *column = column.seen();
        }
        cluster.shared.deployment_view = cluster.shared.deployment.without_condition();
        controllers::disruption::observe_budget(cluster);
    }
    let order = |cluster: &Cluster<'_>, pod| match watcher {
        Watcher::Kubelet(_) => kubelet::place_in_list(cluster, pod),
        _ => 0,
    };
    let mut pods: Vec<PodId> = cluster.pod_ids().collect();
    pods.sort_by_key(|&pod| order(cluster, pod));
    for pod in pods {
        let column = *cluster.pod(pod);
        let value = projection(watcher, column.api);
        let nothing = watcher == Watcher::ControllerManager && column.controller.expects_creation();
        if value != copy(cluster, watcher, pod) || nothing {
            observe_pod(cluster, watcher, pod, value);
        }
    }
    if watcher == Watcher::ControllerManager {
        endpoints::look(cluster);
    }
}
