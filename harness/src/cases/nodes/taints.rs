//! Whom the taint eviction controller deletes, and when (TEC-1 to TEC-4).

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_runtime::Cluster;
use podproof_runtime::api::constants::node_of;
use podproof_runtime::api::{Key, Kind as _, Request, Resource};
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::Component;

use super::exposure::{Exposure, exposure};

/// What the controller is late by at most: its watch, its queue, three calls.
const LATE: Duration = Duration::from_secs(10);

/// The clock of one pod.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Since when the pod may not stay for ever, and until when it may.
    runs: Option<(Moment, Moment)>,
    /// Since when it has been so.
    since: Moment,
    /// The last taint against it was taken back so shortly before its node was removed that the controller may have heard of both at
    /// once: it then lets the timer go on (S28 `taint_eviction.go` `handleNodeUpdate`).
    goes_on: bool,
}

/// The clocks of all pods, by UID.
#[derive(Debug, Default)]
pub(super) struct Taints {
    clocks: BTreeMap<String, Clock>,
}

impl Taints {
    pub(super) fn look(&mut self, cluster: &Cluster, now: Moment) {
        let store = cluster.server().store();
        let mut clocks = BTreeMap::new();
        for (_, pod) in store.all::<Pod>() {
            let node = node_of(pod).and_then(|name| store.get::<Node>(&Key::global(name)));
            let uid = pod.uid().as_str().to_owned();
            let old = self.clocks.get(&uid).copied();
            let runs = match (node.map(|node| exposure(pod, node)), old.and_then(|old| old.runs)) {
                (Some(Exposure::None), _) => None,
                // The timers of pods whose node is gone go on (S28 `taint_eviction.go` `handleNodeUpdate`).
                (None, runs) => runs,
                // TEC-4: a clock that runs goes on, unless the pod has to go at once.
                (Some(Exposure::For(time)), Some((since, until))) => {
                    Some((since, until.min(now + time.max(until.since(now)))))
                }
                (Some(Exposure::For(time)), None) => Some((now, now + time)),
            };
            let since = match old {
                Some(old) if old.runs.is_some() == runs.is_some() => old.since,
                _ => now,
            };
            let lately = |old: Clock| old.goes_on || old.runs.is_none() && now.since(old.since) < LATE;
            let goes_on = node.is_none() && old.is_some_and(lately);
            clocks.insert(uid, Clock { runs, since, goes_on });
        }
        self.clocks = clocks;
    }

    /// TEC-3: who may stay for ever is not deleted.
    pub(super) fn before_write(&self, by: Component, request: &Request, cluster: &Cluster, calm: bool) {
        let (Component::TaintEviction, Request::Delete(Resource::Pod, key, _), true) = (by, request, calm)
        else {
            return;
        };
        let pod = cluster.server().store().get::<Pod>(key);
        let Some(clock) = pod.and_then(|pod| self.clocks.get(pod.uid().as_str())) else { return };
        let stays_for = cluster.now().since(clock.since);
        assert!(
            clock.runs.is_some() || clock.goes_on || stays_for < LATE,
            "{key} is deleted, and no taint has been against it for {stays_for:?}"
        );
    }

    /// TEC-3, TEC-4: who may not stay any longer is deleted. Something that went wrong in between may have started its timer anew.
    pub(super) fn at_rest(&self, cluster: &Cluster, trouble: Option<Moment>) {
        for (key, pod) in cluster.server().store().all::<Pod>().filter(|(_, pod)| !pod.is_deleting()) {
            let Some((since, until)) = self.clocks.get(pod.uid().as_str()).and_then(|clock| clock.runs)
            else {
                continue;
            };
            let disturbed = trouble.is_some_and(|trouble| trouble + Duration::from_secs(60) > since);
            let (late, now) = (until + LATE, cluster.now());
            assert!(
                disturbed || now <= late,
                "{key} could stay from {since} until {until}, and is there at {now}"
            );
        }
    }
}
