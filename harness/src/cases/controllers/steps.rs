//! What no step of a controller may do, whatever it has heard of the world.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::api::constants::{is_active, is_ready, node_of, phase, phase_of};
use podproof_runtime::api::{Key, Kind as _, Object, Request, Resource, Response};
use podproof_runtime::client::{Call, CallId, CallState};
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::controllers::informers::controller_of;
use podproof_runtime::operation::{Component, Process, Step};
use podproof_runtime::{Cluster, Operation};

use super::Event;
use super::objects::{Ask, SURGE, UNAVAILABLE, WEB};
use crate::stage::build::key;

/// What must be known of the past to judge a step.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// What the budget asks for.
    pub(super) ask: Ask,
    /// How many pods each ReplicaSet wanted at most, by UID.
    wanted: BTreeMap<String, usize>,
    /// Creations of each whose outcome its controller does not know, or does not remember (CTL-3, CTL-5).
    unknown: BTreeMap<String, usize>,
    /// Slices that the EndpointSlice controller may not know of, for the same reasons.
    unknown_slices: usize,
    /// The event handlers have been told of all that there was when the controllers started. News of pods that come later than a
    /// sync are taken for those of its creations (CTL-3; the informers have synced, the handlers have not).
    told: bool,
    /// The UID that the last ReplicaSet of each name had.
    names: BTreeMap<Key, String>,
    /// How many replicas the Deployment wanted at most, and how often it changed.
    replicas: i32,
    changes: usize,
    /// Before it changed, it had made a ReplicaSet, and the controllers knew it.
    known: bool,
    /// All pods of the Deployment were ready, and nothing happened since but roll-outs; how many.
    rolls_only: bool,
    rolls: usize,
    /// The budget was as it should be, and nobody but the eviction handler took a pod since.
    pub(super) evictions_only: bool,
    /// A slice was gone before the EndpointSlice controller had seen it, or had learnt that it wrote it, if it ever has.
    pub(super) slice_was_gone: bool,
    /// The slices of which the controllers, since they started, have learnt that they wrote them, by UID: they notice that one of these goes.
    own_slices: BTreeSet<String>,
    /// ReplicaSets of which a pod was taken: what they expect of it they may never hear of.
    disowned: BTreeSet<Key>,
    /// Those of them whose pod has no owner any more, and kept its labels.
    pub(super) orphaned: BTreeSet<Key>,
    /// How often the controllers have listed pods since they started: what came and went before a second list they never hear of.
    pod_lists: usize,
    /// The last call that was judged.
    judged: Option<CallId>,
    /// Of the operation that is about to happen: its request, and the healthy pods of the budget before it.
    request: Option<Request>,
    pub(super) healthy: usize,
}

impl Steps {
    pub(super) fn new(ask: Ask) -> Self {
        Self { ask, ..Self::default() }
    }

    pub(super) fn note_event(&mut self, event: Event, cluster: &Cluster) {
        let takes = matches!(
            event,
            Event::Unready(_)
                | Event::Fail(_)
                | Event::Delete(_)
                | Event::Scale(_)
                | Event::Disown(_)
                | Event::Relabel(_)
        );
        self.rolls_only &= !takes && !matches!(event, Event::Evict(_) | Event::TouchBudget(_));
        self.evictions_only &= !takes && !matches!(event, Event::RollOut(_));
        self.rolls += usize::from(matches!(event, Event::RollOut(_)));
        self.changes += usize::from(matches!(event, Event::RollOut(_) | Event::Scale(_)));
        self.note_wanted(cluster);
    }

    /// What the old process has in flight arrives unknown to the new one.
    pub(super) fn note_restart(&mut self, cluster: &Cluster) {
        for owner in cluster.calls().iter().filter_map(creation_for) {
            *self.unknown.entry(owner).or_default() += 1;
        }
        self.told = false;
        self.pod_lists = 0;
        self.unknown_slices += 1;
        self.own_slices.clear();
        // Nor does it know the name of a ReplicaSet that is on its way.
        self.changes += 1;
        // A pod whose deletion is on its way counts for the new process, which chooses once more.
        self.rolls_only &= cluster.calls().iter().all(|call| victim(call).is_none());
    }

    fn note_wanted(&mut self, cluster: &Cluster) {
        let store = cluster.server().store();
        for (key, set) in store.all::<ReplicaSet>() {
            let uid = set.uid().as_str().to_owned();
            let now = usize::try_from(wanted_of(set)).unwrap_or(0);
            // News that an earlier one of this name is gone may come when the new one has been synced, and then what that expects is
            // forgotten: expectations are by name (S28 `replica_set.go` `deleteRS`).
            if self.names.insert(key.clone(), uid.clone()).is_some_and(|earlier| earlier != uid) {
                *self.unknown.entry(uid.clone()).or_default() += now;
            }
            let wanted = self.wanted.entry(uid).or_default();
            *wanted = now.max(*wanted);
        }
        let replicas = store.get::<Deployment>(&key(WEB)).map_or(0, replicas_of);
        self.replicas = self.replicas.max(replicas);
    }

    pub(super) fn before(&mut self, operation: &Operation, cluster: &Cluster) {
        self.request = match operation.step {
            Step::Arrive(call) | Step::Serve(call) => {
                cluster.calls().get(call).map(|call| call.request.clone())
            }
            Step::LoseRequest(call) | Step::LoseAnswer(call) => {
                let owner = cluster.calls().get(call).and_then(creation_for);
                owner.into_iter().for_each(|owner| *self.unknown.entry(owner).or_default() += 1);
                let lost = cluster.calls().get(call).map(|call| &call.request);
                self.unknown_slices += usize::from(lost.is_some_and(creates_slice));
                None
            }
            Step::Answer(call) if operation.component == Component::EndpointSlice => {
                let call = cluster.calls().get(call);
                self.slice_was_gone |= call.is_some_and(|call| wrote_what_is_gone(call, cluster));
                self.own_slices.extend(call.and_then(written).map(|slice| slice.uid().as_str().to_owned()));
                None
            }
            Step::Answer(call) if operation.component == Component::ControllerManager => {
                let answered = cluster.calls().get(call).map(|call| &call.request);
                self.pod_lists += usize::from(matches!(answered, Some(Request::List(Resource::Pod, _))));
                None
            }
            _ => None,
        };
        if matches!(self.request, Some(Request::Evict { .. })) {
            self.healthy = healthy(cluster);
        }
    }

    pub(super) fn after(&mut self, operation: &Operation, cluster: &Cluster) {
        match (operation.component, self.request.take()) {
            (Component::ReplicaSet, Some(Request::Create(Object::Pod(pod)))) => {
                self.no_pod_too_many(&pod, cluster);
            }
            (Component::ReplicaSet, Some(Request::Delete(Resource::Pod, ..))) => {
                self.evictions_only = false;
                self.no_pod_too_few(cluster);
            }
            (Component::Deployment, Some(request)) if request.is_write() => {
                self.note_wanted(cluster);
                self.within_the_surge(cluster);
            }
            (Component::EndpointSlice, Some(request)) if creates_slice(&request) => {
                self.no_slice_too_many(cluster);
            }
            (Component::User, Some(Request::Evict { .. })) => self.within_the_budget(cluster),
            _ => {}
        }
        let last = self.judged;
        let new: Vec<&Call> = cluster.calls().iter().filter(|call| Some(call.id) > last).collect();
        self.judged = new.iter().map(|call| call.id).max().or(last);
        Self::the_right_victims(&new, operation, cluster);
        new.into_iter().for_each(|call| Self::no_eviction_is_forgotten(call, cluster));
    }

    pub(super) fn at_rest(&mut self, cluster: &Cluster) {
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let has_told = |manager: &ControllerManager| {
            let informers = manager.informers();
            informers.pods.has_told(Component::ReplicaSet)
                && informers.replica_sets.has_told(Component::ReplicaSet)
        };
        self.told |= manager.is_some_and(has_told);
        let store = cluster.server().store();
        let Some(deployment) = store.get::<Deployment>(&key(WEB)) else { return };
        self.known |= self.changes == 0 && knows_its_sets(cluster);
        let replicas = replicas_of(deployment);
        let ready = healthy(cluster);
        if usize::try_from(replicas) == Ok(ready) {
            (self.rolls_only, self.rolls) = (true, 0);
        }
        let status = store.get::<PodDisruptionBudget>(&key(WEB)).and_then(|budget| budget.status.as_ref());
        let is_right = |allowed: i32, healthy: i32| {
            usize::try_from(healthy) == Ok(ready) && allowed == (healthy - self.ask.least(replicas)).max(0)
        };
        self.evictions_only |= status.is_some_and(|status| {
            let (allowed, healthy) =
                (status.disruptions_allowed.unwrap_or(-1), status.current_healthy.unwrap_or(-1));
            status.disrupted_pods.is_none() && is_right(allowed, healthy)
        });
    }

    /// A pod loses its owner. News of a pod without one lower nobody's expectations (S28 `replica_set.go` `addPod`, `deletePod`).
    pub(super) fn note_disowned(&mut self, pod: &Pod) {
        self.disowned.extend(controller_of(&pod.metadata).map(|owner| key(&owner.name)));
    }

    /// The same, of a pod that keeps its labels.
    pub(super) fn note_orphaned(&mut self, pod: &Pod) {
        self.note_disowned(pod);
        self.orphaned.extend(controller_of(&pod.metadata).map(|owner| key(&owner.name)));
    }

    /// A slice is about to be deleted.
    pub(super) fn note_slice_goes(&mut self, slice: &Key, cluster: &Cluster) {
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let stored = cluster.server().store().get::<EndpointSlice>(slice);
        let is_own = stored.is_some_and(|stored| self.own_slices.contains(stored.uid().as_str()));
        self.slice_was_gone |= !is_own
            || manager
                .is_some_and(|manager| manager.informers().endpoint_slices.cache().get(slice).is_none());
    }

    /// May a ReplicaSet lawfully wait for a pod that it has created or deleted, until five minutes have passed and something brings
    /// the controller to it (CTL-3, C-15)? It never hears of one that came and went before a list, nor of one that lost its owner.
    pub(super) fn waits_in_vain(&self, set: &Key, cluster: &Cluster) -> bool {
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let awaits = |manager: &ControllerManager| {
            let sets = manager.replica_sets();
            (self.pod_lists > 1 && sets.awaits_creations(set))
                || (self.disowned.contains(set) && sets.awaits_pods(set))
        };
        manager.is_some_and(awaits)
    }

    /// CTL-3: what was asked for and not seen yet is not asked for again.
    fn no_pod_too_many(&self, pod: &Pod, cluster: &Cluster) {
        let Some(owner) = controller_of(&pod.metadata) else { return };
        let own = |pod: &Pod| controller_of(&pod.metadata).is_some_and(|other| other.uid == owner.uid);
        let active =
            cluster.server().store().all::<Pod>().filter(|(_, pod)| own(pod) && is_active(pod)).count();
        let of = |known: &BTreeMap<String, usize>| known.get(&owner.uid).copied().unwrap_or(0);
        let (wanted, unknown) = (of(&self.wanted), of(&self.unknown));
        assert!(
            !self.told || active <= wanted + unknown,
            "{} has {active} pods and never wanted more than {wanted}",
            owner.name
        );
    }

    /// EPS-9: one slice is enough for so few pods, and the controller knows of the one that it has.
    fn no_slice_too_many(&self, cluster: &Cluster) {
        let slices = cluster.server().store().all::<EndpointSlice>().count();
        assert!(slices <= 1 + self.unknown_slices, "there are {slices} slices, and one is enough");
    }

    /// DEP-3: a roll-out keeps as many pods ready as it must. Another one that comes before the ReplicaSets have said what became of
    /// the first counts pods that are gone (DEP-4).
    fn no_pod_too_few(&self, cluster: &Cluster) {
        let replicas = cluster.server().store().get::<Deployment>(&key(WEB)).map_or(0, replicas_of);
        let (ready, least) = (healthy(cluster), usize::try_from(replicas - UNAVAILABLE).unwrap_or(0));
        assert!(
            !self.rolls_only || self.rolls > 1 || ready >= least,
            "only {ready} pods are ready, and {least} have to be"
        );
    }

    /// DEP-2. The Deployment controller creates ReplicaSets from a copy in which its last one may still be missing: after a
    /// second change, or a first one that comes so soon, it can ask for too many.
    fn within_the_surge(&self, cluster: &Cluster) {
        let of_deployment =
            |set: &&ReplicaSet| controller_of(&set.metadata).is_some_and(|owner| owner.name == WEB);
        let sets = cluster.server().store().all::<ReplicaSet>().map(|(_, set)| set);
        let sum: i32 = sets.filter(of_deployment).map(wanted_of).sum();
        let most = self.replicas + SURGE;
        let lags = self.changes > 1 || self.changes == 1 && !self.known;
        assert!(lags || sum <= most, "{sum} pods are asked for, and {most} may be");
    }

    /// RS-5, as far as the order is certain: unbound pods go before bound ones, then pending ones before running ones, then those
    /// that are not ready before those that are. A sync that adopts or releases first decides by what it saw when it began, which is
    /// not looked at.
    fn the_right_victims(new: &[&Call], operation: &Operation, cluster: &Cluster) {
        let victims: Vec<&Key> = new.iter().filter_map(|call| victim(call)).collect();
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let decides_now = matches!(operation.step, Step::Work(..));
        let (Some(manager), true) = (manager, decides_now && !victims.is_empty()) else { return };
        let pods = manager.informers().pods.cache();
        let on_its_way: Vec<&Key> = cluster.calls().iter().filter_map(victim).collect();
        for victim in victims.iter().filter_map(|key| pods.get(key)) {
            let owner = controller_of(&victim.metadata).map(|owner| &owner.uid);
            let spared = pods.iter().map(|(_, pod)| pod).filter(|pod| {
                is_active(pod)
                    && controller_of(&pod.metadata).map(|owner| &owner.uid) == owner
                    && !on_its_way.contains(&&pod.key())
            });
            for spared in spared {
                let (taken, left) = (rank(victim), rank(spared));
                assert!(
                    taken <= left,
                    "{} goes, a pod {taken:?}, and {} stays, a pod {left:?}",
                    victim.key(),
                    spared.key()
                );
            }
        }
    }
}

/// Is this the answer to a write of a slice that is there no more?
fn wrote_what_is_gone(call: &Call, cluster: &Cluster) -> bool {
    let mut slices = cluster.server().store().all::<EndpointSlice>();
    written(call).is_some_and(|slice| slices.all(|(_, there)| there.uid() != slice.uid()))
}

/// The slice that an answered call has written.
fn written(call: &Call) -> Option<&EndpointSlice> {
    match &call.state {
        CallState::Answered(Ok(Response::Object(object))) => EndpointSlice::of(object).map(|slice| &**slice),
        _ => None,
    }
}

/// The Deployment has made ReplicaSets, and the controllers know them.
fn knows_its_sets(cluster: &Cluster) -> bool {
    let Some(manager) = cluster.actor::<ControllerManager>(Process::ControllerManager) else { return false };
    let cache = manager.informers().replica_sets.cache();
    let is_its = |set: &ReplicaSet| controller_of(&set.metadata).is_some_and(|owner| owner.name == WEB);
    let mut own = cluster.server().store().all::<ReplicaSet>().filter(|(_, set)| is_its(set)).peekable();
    own.peek().is_some() && own.all(|(key, _)| cache.get(key).is_some())
}

/// The ReplicaSet whose pod this call creates, by UID.
fn creation_for(call: &Call) -> Option<String> {
    match &call.request {
        Request::Create(Object::Pod(pod)) => controller_of(&pod.metadata).map(|owner| owner.uid.clone()),
        _ => None,
    }
}

fn creates_slice(request: &Request) -> bool {
    matches!(request, Request::Create(Object::EndpointSlice(_)))
}

fn victim(call: &Call) -> Option<&Key> {
    match &call.request {
        Request::Delete(Resource::Pod, key, _) if call.caller == Component::ReplicaSet => Some(key),
        _ => None,
    }
}

/// Bound, running, ready.
fn rank(pod: &Pod) -> (bool, bool, bool) {
    (node_of(pod).is_some(), phase_of(pod) == phase::RUNNING, is_ready(pod))
}

fn wanted_of(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

pub(super) fn replicas_of(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// Pods of the Deployment that are ready and not being deleted.
pub(super) fn healthy(cluster: &Cluster) -> usize {
    let healthy = |pod: &Pod| pod.label("app") == Some(WEB) && is_ready(pod) && is_active(pod);
    cluster.server().store().all::<Pod>().filter(|(_, pod)| healthy(pod)).count()
}
