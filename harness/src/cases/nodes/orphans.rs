//! Whom the pod garbage collector takes (PGC-3): pods of nodes that have been missing for long enough, and sooner or later all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_runtime::Cluster;
use podproof_runtime::api::constants::{is_terminal, node_of};
use podproof_runtime::api::{Key, Kind as _, Request, Resource};
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::Component;

use super::nodes_of;
use super::played::NODES;

/// How long a node must be missing (C-13).
const QUARANTINE: Duration = Duration::from_secs(40);
/// A node that was missed, came, and went again is not quarantined anew before its first quarantine ended.
const REMEMBERED: Duration = Duration::from_secs(100);

/// A pod of a node that is missing goes no later than this: a pass of 20 s finds the node missing, its quarantine ends, another pass asks
/// for it (C-12, C-13), and every pass may be late.
const COLLECTED: Duration = Duration::from_secs(20 + 40 + 20 + 20);

/// When each node went, and came back.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    gone: BTreeMap<&'static str, Moment>,
    back: BTreeMap<&'static str, Moment>,
    /// Pods whose node is missing, by UID, since when they are there without it.
    stranded: BTreeMap<String, Moment>,
}

impl Orphans {
    pub(super) fn look(&mut self, cluster: &Cluster, now: Moment) {
        for name in NODES {
            if nodes_of(cluster).any(|(other, _)| other == name) {
                if self.gone.contains_key(name) {
                    let back = *self.back.entry(name).or_insert(now);
                    if now.since(back) > REMEMBERED {
                        self.gone.remove(name);
                        self.back.remove(name);
                    }
                }
            } else {
                self.gone.entry(name).or_insert(now);
                self.back.remove(name);
            }
        }
        let store = cluster.server().store();
        let is_missing = |name: &str| store.get::<Node>(&Key::global(name)).is_none();
        let stranded = store.all::<Pod>().filter(|(_, pod)| node_of(pod).is_some_and(is_missing));
        self.stranded = stranded
            .map(|(_, pod)| {
                let uid = pod.uid().as_str().to_owned();
                let since = self.stranded.get(&uid).copied().unwrap_or(now);
                (uid, since)
            })
            .collect();
    }

    /// PGC-3, PGC-6: nobody stays on a node that is missing, whenever it came there. What went wrong since may have let a pass fail.
    pub(super) fn at_rest(&self, cluster: &Cluster, calm_since: Moment) {
        let now = cluster.now();
        for (key, pod) in cluster.server().store().all::<Pod>() {
            let Some(&since) = self.stranded.get(pod.uid().as_str()) else { continue };
            assert!(
                now.since(since.max(calm_since)) <= COLLECTED,
                "{key} is there at {now}, and its node is missing since {since}"
            );
        }
    }

    pub(super) fn before_write(&self, by: Component, request: &Request, cluster: &Cluster) {
        let key = match request {
            Request::Patch(Resource::Pod, key, ..) | Request::Delete(Resource::Pod, key, _) => key,
            _ => return,
        };
        let pod =
            cluster.server().store().get::<Pod>(key).filter(|pod| !pod.is_deleting() && !is_terminal(pod));
        let node = pod.and_then(node_of);
        let (Component::PodGarbageCollector, Some(node)) = (by, node) else { return };
        let missing = self.gone.get(node).map(|&gone| cluster.now().since(gone));
        assert!(
            missing.is_some_and(|missing| missing >= QUARANTINE),
            "{key} is taken, and its node {node} has been missing for {missing:?}"
        );
    }
}
