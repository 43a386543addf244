//! Promises that read a component's copy, judged of the copies that the runtime's own components have ([`System::broken`]).
//!
//! They are stated as the model's properties of the same names state them, and look at nothing of the model's but how many pods a
//! node has room for.
//!
//! [`System::broken`]: crate::System::broken

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use podproof_runtime::api::Kind as _;
use podproof_runtime::api::constants::is_ready;
use podproof_vocabulary::action::{Action, Component as Lane, Deployment};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Strategy;
use podproof_vocabulary::{NodeId, PodId, Property, Revision};

use super::Running;
use super::names::revision_of_set;
use super::views::{deployment_view, set_view};
use crate::ModelSystem;

impl Running {
    /// What a step broke that the runtime's own component has taken. `before` is what [`Running::wanted`] was before it.
    pub(super) fn judge(&self, action: &Action, before: Option<u8>) -> PropertySet {
        let (property, is_kept) = match *action {
            Action::EndpointSlice(_) => (Property::ReadyMeansReady, self.ready_means_ready()),
            Action::Deployment(
                Deployment::CreateReplicaSet { revision, replicas }
                | Deployment::ScaleReplicaSet { revision, replicas },
            ) => {
                let is_kept = self.rollout_within_bounds(revision, replicas, before.unwrap_or(0));
                (Property::RolloutWithinBounds, is_kept)
            }
            _ => return PropertySet::NONE,
        };
        if is_kept { PropertySet::NONE } else { PropertySet::of([property]) }
    }

    /// How many pods a ReplicaSet that a Deployment is about to write wants.
    pub(super) fn wanted(&self, action: &Action) -> Option<u8> {
        let Action::Deployment(Deployment::ScaleReplicaSet { revision, .. }) = *action else { return None };
        self.replica_set(revision).map(|(_, set)| set_view(set).0.replicas)
    }

    /// EPS-3: an entry says ready if the controller's copy of its pod is, and is not being deleted.
    fn ready_means_ready(&self) -> bool {
        let (Some(service), Some(manager)) = (&self.scenario.service, self.manager()) else { return true };
        let copies = manager.informers().pods.cache();
        let is_ready = |slot: &PodId| {
            let key = self.key(*slot).ok();
            let copy = key.and_then(|key| copies.get(&key));
            service.publish_not_ready_addresses || copy.is_some_and(|pod| is_ready(pod) && !pod.is_deleting())
        };
        let slices = self.cluster.server().store().all::<EndpointSlice>().map(|(_, slice)| slice);
        self.endpoints(slices).iter().all(|(slot, endpoint)| endpoint.ready == is_ready(slot))
    }

    /// I-35, I-36: a write of a rolling update asks for no more than `maxSurge` too many, and leaves no more than `maxUnavailable` too
    /// few of those that the controller's copy has as available.
    fn rollout_within_bounds(&self, revision: Revision, replicas: u8, before: u8) -> bool {
        let (Strategy::RollingUpdate { .. }, Some(manager)) =
            (self.scenario.workload.strategy, self.manager())
        else {
            return true;
        };
        let informers = manager.informers();
        let copy = informers.deployments.cache().get(&self.workload_key());
        let Some(copy) = copy.and_then(|copy| deployment_view(copy)) else { return true };
        let (surge, unavailable) = self.scenario.workload.strategy.fenceposts(copy.replicas);
        let stored = self.cluster.server().store().all::<ReplicaSet>();
        let total: u32 = stored.map(|(_, set)| u32::from(set_view(set).0.replicas)).sum();
        let is_too_many = replicas > before && total > u32::from(copy.replicas) + u32::from(surge);
        let sets =
            || informers.replica_sets.cache().iter().map(|(_, set)| (revision_of_set(set), set_view(set)));
        let own = sets().find(|(own, _)| *own == Some(revision)).map(|(_, view)| view);
        let others = sets().filter(|(other, _)| *other != Some(revision));
        let left: u32 = others.map(|(_, (seen, _))| u32::from(seen.available)).sum();
        let is_too_few = own.is_some_and(|(seen, desired)| {
            revision != copy.revision
                && desired == copy.replicas
                && replicas < seen.available
                && left + u32::from(replicas) + u32::from(unavailable) < u32::from(copy.replicas)
        });
        !is_too_many && !is_too_few
    }

    /// ADM-1, ADM-14: what the kubelets of the runtime run fits on their nodes.
    pub(super) fn judge_room(&self, rest: &ModelSystem) -> PropertySet {
        if !self.covered.has(Lane::Kubelet) {
            return PropertySet::NONE;
        }
        let (model, state) = rest.model();
        let has_room = |node: NodeId| {
            let room = model.open(state, |cluster| cluster.rules.room[node.index()]);
            self.pods_that_run(node) <= room
        };
        match NodeId::first(self.scenario.nodes.len()).all(has_room) {
            true => PropertySet::NONE,
            false => PropertySet::of([Property::PlacementLawful]),
        }
    }
}
