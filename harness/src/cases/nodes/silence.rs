//! What the node lifecycle controller makes of nodes that say nothing (NLC-2 to NLC-16).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use podproof_runtime::api::constants::{
    condition, is_terminal, node_condition, node_of, pod_condition, taint,
};
use podproof_runtime::api::{Key, Kind as _, Object, Patch, Request};
use podproof_runtime::client::{Call, CallId};
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process, Step, Timer};
use podproof_runtime::{Cluster, Operation};
use podproof_vocabulary::Release;

use super::{HEALED, nodes_of};

/// Where leases are.
pub(super) const LEASES: &str = "kube-node-lease";
/// A pass, and what its calls take.
const PASS: Duration = Duration::from_secs(10);
/// Two passes, and what their calls take.
const PASSES: Duration = Duration::from_secs(25);

/// What is known of nodes.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When the controllers last heard something of each node, and what.
    heard: BTreeMap<String, (Moment, Option<Said>)>,
    /// When the controller said that a node that was Ready is silent, and it has said nothing since.
    silenced: BTreeMap<String, Moment>,
    /// When each node was tainted so that pods are driven out.
    tainted: BTreeMap<String, Vec<Moment>>,
    /// Since when no node is Ready. That it was a node that was removed is not noticed (NLC-14): a zone that is gone was not dark. Nor
    /// is a node noticed that is Ready for less than a pass.
    dark_since: Option<Moment>,
    lit_since: Option<Moment>,
    /// When that began the last time, whether or not it has ended since.
    lit_last: Option<Moment>,
    /// The controller has just decided that a node is not Ready, and by its cache no other is: it may take all to be dark, though another has
    /// become Ready meanwhile.
    seems_dark: bool,
    removed: bool,
    /// How many nodes there are.
    nodes: usize,
    judged: Option<CallId>,
}

/// What a node says from time to time: its lease, and its status.
type Said = (Option<MicroTime>, Option<Time>);

impl Silence {
    /// A node says another thing than before.
    pub(super) fn turns(&mut self, node: &str) {
        self.silenced.remove(node);
    }

    /// What has reached the controllers.
    fn listen(&mut self, manager: &ControllerManager, now: Moment) {
        let (nodes, leases) = (manager.informers().nodes.cache(), manager.informers().leases.cache());
        for (key, node) in nodes.iter() {
            let lease = leases.get(&Key::new(LEASES, key.name())).and_then(|lease| lease.spec.as_ref());
            let heartbeat =
                node_condition(node, condition::READY).and_then(|it| it.last_heartbeat_time.clone());
            let said = Some((lease.and_then(|lease| lease.renew_time.clone()), heartbeat));
            let heard = self.heard.entry(key.name().to_owned()).or_insert((now, None));
            if heard.1 != said {
                *heard = (now, said);
            }
        }
    }

    /// The controllers restart: pods that are still to be marked are forgotten.
    pub(super) fn forget(&mut self) {
        self.silenced.clear();
    }

    /// Whoever does not learn that its write has been taken reads the node again, finds it Unknown already, and marks no pods
    /// (S28 `node_lifecycle_controller.go` `monitorNodeHealth`).
    pub(super) fn note_fault(&mut self, fault: &Operation, cluster: &Cluster) {
        let Step::LoseAnswer(call) = fault.step else { return };
        if let Some(Request::UpdateStatus(Object::Node(node))) =
            cluster.calls().get(call).map(|call| &call.request)
        {
            self.silenced.remove(node.key().name());
        }
    }

    pub(super) fn look(&mut self, cluster: &Cluster, now: Moment) {
        self.silenced.retain(|name, _| cluster.server().store().get::<Node>(&Key::global(name)).is_some());
        let (lit, nodes) = (nodes_of(cluster).any(|(_, node)| is_lit(node)), nodes_of(cluster).count());
        self.lit_since = lit.then(|| self.lit_since.unwrap_or(now));
        let again = (lit && std::mem::take(&mut self.seems_dark)).then_some(now);
        self.lit_last = again.or(self.lit_last).max(self.lit_since);
        let seen = self.lit_since.is_some_and(|since| now.since(since) >= PASS);
        self.removed = !seen && (self.removed || !lit && nodes < self.nodes);
        self.nodes = nodes;
        let dark = !lit && nodes > 0 && !self.removed;
        self.dark_since = dark.then(|| self.dark_since.unwrap_or(now));
    }

    pub(super) fn before_write(&mut self, call: &Call, cluster: &Cluster) {
        if let Some(node) = tainted(call) {
            self.tainted.entry(node.name().to_owned()).or_default().push(cluster.now());
        }
        // What a process wrote that has gone since, its successor does not know.
        let (Component::NodeLifecycle, Request::UpdateStatus(Object::Node(node)), false) =
            (call.caller, &call.request, call.orphaned)
        else {
            return;
        };
        let stored = cluster.server().store().get::<Node>(&node.key());
        if stored.is_some_and(|stored| is_lit(stored) && stored.version() == node.version()) {
            self.silenced.insert(node.key().name().to_owned(), cluster.now());
        }
    }

    /// Judges what the node lifecycle controller has just decided.
    pub(super) fn after(&mut self, operation: &Operation, cluster: &Cluster, release: Release, calm: bool) {
        let last = self.judged;
        self.judged = cluster.calls().iter().map(|call| call.id).max().max(last);
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let Some(manager) = manager else { return };
        self.listen(manager, cluster.now());
        let nodes = manager.informers().nodes.cache();
        for call in cluster.calls().iter().filter(|call| Some(call.id) > last) {
            if let (Component::NodeLifecycle, Request::UpdateStatus(Object::Node(node))) =
                (call.caller, &call.request)
            {
                let is_lit_beside = |(key, own): (&Key, &Arc<Node>)| *key != node.key() && is_lit(own);
                self.seems_dark |= !is_lit(node) && !nodes.iter().any(is_lit_beside);
                if calm {
                    self.it_was_silent(node, cluster.now(), release);
                }
            }
            // NLC-12: a node whose turn to be tainted has come is looked at again.
            if let Some(node) = tainted(call).filter(|_| operation.step == Step::Wake(Timer::TaintPass)) {
                let lit = nodes.get(node).is_some_and(|node| is_lit(node));
                assert!(!lit, "{node} is to be tainted, and its cache says that it is Ready");
            }
        }
    }

    /// NLC-3, NLC-5: only a node that has been silent for the whole grace period becomes Unknown.
    fn it_was_silent(&self, node: &Node, now: Moment, release: Release) {
        let silent = self.heard.get(node.key().name()).map(|&(heard, _)| now.since(heard));
        let grace = Duration::from_secs(release.node_monitor_grace_seconds().into());
        assert!(
            silent.is_none_or(|silent| silent >= grace),
            "{} becomes Unknown, and was heard {silent:?} ago",
            node.key()
        );
    }

    pub(super) fn at_rest(&self, cluster: &Cluster, release: Release, calm_since: Moment) {
        let now = cluster.now();
        self.pods_are_marked(cluster, now);
        self.the_silent_are_unknown(cluster, release, calm_since);
        // NLC-16: if no node is Ready, it is rather the control plane that is cut off: nobody is driven out.
        let dark = self.dark_since.is_some_and(|since| now.since(since) > PASSES && since >= calm_since);
        let driven = nodes_of(cluster).find(|(name, node)| drives_out(node) && !self.was_on_its_way(name));
        assert!(
            !dark || driven.is_none(),
            "no node is Ready since {:?}, and {driven:?} is tainted",
            self.dark_since
        );
    }

    /// NLC-3: a node that says nothing for longer than it may is Unknown. After total darkness each of them has until then from when it ended,
    /// also if it is dark again (NLC-16, S28 `handleDisruption`).
    fn the_silent_are_unknown(&self, cluster: &Cluster, release: Release, calm_since: Moment) {
        let (now, grace) = (cluster.now(), Duration::from_secs(release.node_monitor_grace_seconds().into()));
        for (name, node) in nodes_of(cluster) {
            let Some(&(heard, _)) = self.heard.get(name) else { continue };
            let since = heard.max(calm_since).max(self.lit_last.unwrap_or_default());
            let is_unknown = node_condition(node, condition::READY)
                .is_some_and(|ready| ready.status == condition::UNKNOWN);
            assert!(
                is_unknown || now.since(since) <= grace + PASSES,
                "{name} was heard at {heard}, and at {now} it is not Unknown"
            );
        }
    }

    /// Was the node being tainted when everything became dark? Its taint is not seen then, and not taken off.
    fn was_on_its_way(&self, node: &str) -> bool {
        let (Some(tainted), Some(dark)) = (self.tainted.get(node), self.dark_since) else { return false };
        tainted.iter().any(|&tainted| tainted + PASS > dark && tainted < dark + PASS)
    }

    /// NLC-7, NLC-8: the pods of a node that fell silent become not ready, however often that has to be tried. Of pods that had just
    /// become ready the controller need not have known that.
    fn pods_are_marked(&self, cluster: &Cluster, now: Moment) {
        for (node, &since) in self.silenced.iter().filter(|(_, since)| now.since(**since) > PASSES) {
            let on_it = |pod: &Pod| node_of(pod) == Some(node) && !is_terminal(pod);
            let known = |pod: &Pod| ready_since(pod).is_some_and(|ready| ready + PASS < since);
            let left = cluster.server().store().all::<Pod>().find(|(_, pod)| on_it(pod) && known(pod));
            assert!(
                left.is_none(),
                "{node} was silent at {since}, and at {now} {:?} is ready",
                left.map(|(key, _)| key)
            );
        }
    }
}

/// NLC-13: the NoSchedule taints of a node are what its condition says. A worker that fails to write them does not try again before the node
/// changes.
pub(super) fn taints_mirror_conditions(cluster: &Cluster, trouble: Option<Moment>) {
    for (name, node) in nodes_of(cluster) {
        let Some(ready) = node_condition(node, condition::READY) else { continue };
        let times = [&ready.last_transition_time, &node.metadata.creation_timestamp];
        let since = times.into_iter().flatten().map(Moment::from_time).max().unwrap_or_default();
        if trouble.is_some_and(|trouble| trouble + HEALED > since) || cluster.now().since(since) <= PASSES {
            continue;
        }
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        for (key, status) in [(taint::NOT_READY, condition::FALSE), (taint::UNREACHABLE, condition::UNKNOWN)]
        {
            let has = taints.iter().any(|it| it.key == key && it.effect == taint::NO_SCHEDULE);
            assert_eq!(
                has,
                ready.status == status,
                "{name} is Ready={} since {since}, and has these taints: {taints:?}",
                ready.status
            );
        }
    }
}

/// Since when a pod is ready, if it is.
fn ready_since(pod: &Pod) -> Option<Moment> {
    let ready = pod_condition(pod, condition::READY).filter(|ready| ready.status == condition::TRUE);
    ready.and_then(|ready| ready.last_transition_time.as_ref()).map(Moment::from_time)
}

pub(super) fn is_lit(node: &Node) -> bool {
    node_condition(node, condition::READY).is_some_and(|ready| ready.status == condition::TRUE)
}

fn drives_out(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    taints.into_iter().flatten().any(|it| {
        it.effect == taint::NO_EXECUTE && [taint::NOT_READY, taint::UNREACHABLE].contains(&it.key.as_str())
    })
}

/// The node that this call taints so that pods are driven out.
fn tainted(call: &Call) -> Option<&Key> {
    match &call.request {
        Request::Patch(_, node, _, Patch::NodeTaints { add, .. })
            if call.caller == Component::NodeLifecycle
                && add.iter().any(|it| it.effect == taint::NO_EXECUTE) =>
        {
            Some(node)
        }
        _ => None,
    }
}
