//! What the node lifecycle controller makes of nodes that say nothing (NLC-2 to NLC-16).

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_runtime::api::constants::{condition, is_ready, is_terminal, node_condition, node_of, taint};
use podproof_runtime::api::{Key, Kind as _, Object, Patch, Request};
use podproof_runtime::client::{Call, CallId};
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process, Step, Timer};
use podproof_runtime::{Cluster, Operation};
use podproof_vocabulary::Release;

use super::nodes_of;

/// Two passes, and what their calls take.
const PASSES: Duration = Duration::from_secs(25);

/// What is known of nodes.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When each node last said something.
    heard: BTreeMap<String, Moment>,
    /// When the controller said that a node that was Ready is silent, and it has said nothing since.
    silenced: BTreeMap<String, Moment>,
    /// Since when no node is Ready.
    dark_since: Option<Moment>,
    judged: Option<CallId>,
}

impl Silence {
    /// A node says something; perhaps that it is Ready again.
    pub(super) fn heard(&mut self, node: &str, now: Moment, changed: bool) {
        self.heard.insert(node.to_owned(), now);
        if changed {
            self.silenced.remove(node);
        }
    }

    /// The controllers restart: pods that are still to be marked are forgotten.
    pub(super) fn forget(&mut self) {
        self.silenced.clear();
    }

    pub(super) fn look(&mut self, cluster: &Cluster, now: Moment) {
        self.silenced.retain(|name, _| cluster.server().store().get::<Node>(&Key::global(name)).is_some());
        let lit = nodes_of(cluster).any(|(_, node)| is_lit(node)) || nodes_of(cluster).next().is_none();
        self.dark_since = if lit { None } else { self.dark_since.or(Some(now)) };
    }

    /// NLC-3, NLC-5: only a node that has been silent for the whole grace period becomes Unknown.
    pub(super) fn before_write(
        &mut self,
        by: Component,
        request: &Request,
        cluster: &Cluster,
        release: Release,
        calm: bool,
    ) {
        let (Component::NodeLifecycle, Request::UpdateStatus(Object::Node(node))) = (by, request) else { return };
        let (key, now) = (node.key(), cluster.now());
        let silent = self.heard.get(key.name()).map(|&heard| now.since(heard));
        let grace = Duration::from_secs(release.node_monitor_grace_seconds().into());
        assert!(
            !calm || silent.is_none_or(|silent| silent >= grace),
            "{key} becomes Unknown, and was heard {silent:?} ago"
        );
        let stored = cluster.server().store().get::<Node>(&key);
        if stored.is_some_and(|stored| is_lit(stored) && stored.version() == node.version()) {
            self.silenced.insert(key.name().to_owned(), now);
        }
    }

    /// NLC-12: a node whose turn to be tainted has come is looked at again.
    pub(super) fn after(&mut self, operation: &Operation, cluster: &Cluster) {
        let last = self.judged;
        self.judged = cluster.calls().iter().map(|call| call.id).max().max(last);
        if operation.step != Step::Wake(Timer::TaintPass) {
            return;
        }
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let Some(nodes) = manager.map(|manager| manager.informers().nodes.cache()) else { return };
        for node in cluster.calls().iter().filter(|call| Some(call.id) > last).filter_map(tainted) {
            let lit = nodes.get(node).is_some_and(|node| is_lit(node));
            assert!(!lit, "{node} is to be tainted, and its cache says that it is Ready");
        }
    }

    pub(super) fn at_rest(&self, cluster: &Cluster, calm_since: Moment) {
        let now = cluster.now();
        self.pods_are_marked(cluster, now);
        // NLC-16: if no node is Ready, it is rather the control plane that is cut off: nobody is driven out.
        let dark = self.dark_since.is_some_and(|since| now.since(since) > PASSES && since >= calm_since);
        let driven = nodes_of(cluster).find(|(_, node)| drives_out(node));
        assert!(!dark || driven.is_none(), "no node is Ready since {:?}, and {driven:?} is tainted", self.dark_since);
    }

    /// NLC-7, NLC-8: the pods of a node that fell silent become not ready, however often that has to be tried.
    fn pods_are_marked(&self, cluster: &Cluster, now: Moment) {
        for (node, &since) in self.silenced.iter().filter(|(_, since)| now.since(**since) > PASSES) {
            let on_it = |pod: &Pod| node_of(pod) == Some(node) && is_ready(pod) && !is_terminal(pod);
            let left = cluster.server().store().all::<Pod>().find(|(_, pod)| on_it(pod));
            assert!(left.is_none(), "{node} was silent at {since}, and at {now} {:?} is ready", left.map(|(key, _)| key));
        }
    }
}

fn is_lit(node: &Node) -> bool {
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
            if call.caller == Component::NodeLifecycle && add.iter().any(|it| it.effect == taint::NO_EXECUTE) =>
        {
            Some(node)
        }
        _ => None,
    }
}
