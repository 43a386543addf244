//! What a request of a controller comes to, in the words of actions.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::api::constants::phase::FAILED;
use podproof_runtime::api::constants::phase_of;
use podproof_runtime::api::constants::taint::NO_EXECUTE;
use podproof_runtime::api::{Key, Kind as _, Object, Patch, Request, Resource};
use podproof_runtime::client::Call;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::controllers::informers::controller_of;
use podproof_runtime::operation::{Component, Process};
use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{
    Action, Deployment, Disruption, EndpointSlice as Slice, NodeLifecycle, PodGarbageCollector,
    ReplicaSet as Set,
};

use super::Running;
use super::names::revision_of_set;
use super::observed::taints_seen;
use super::views::{budget_view, node_ready, set_view};

impl Running {
    /// What this request would change of what is compared, as an action; none if nothing.
    pub(super) fn meaning(&self, call: &Call) -> Option<Action> {
        if self.is_refused(&call.request) {
            return None;
        }
        match (call.caller, &call.request) {
            (Component::ReplicaSet, Request::Create(Object::Pod(pod))) => {
                let owner = controller_of(&pod.metadata)?;
                let revision = self.revision_of_key(&pod.key().sibling(&owner.name)).unwrap_or(Revision(0));
                Some(Action::ReplicaSet(Set::CreatePod { revision }))
            }
            (Component::ReplicaSet, Request::Delete(Resource::Pod, pod, _)) => {
                let pod = self.slot(pod)?;
                Some(Action::ReplicaSet(Set::DeletePod { pod }))
            }
            (Component::ReplicaSet, Request::UpdateStatus(Object::ReplicaSet(set))) => {
                let revision = revision_of_set(set)?;
                let (stored, written) = (self.stored_set(&set.key())?, set_view(set));
                let differs = stored.0.available != written.0.available;
                differs.then_some(Action::ReplicaSet(Set::UpdateStatus { revision }))
            }
            (Component::Deployment, Request::Create(Object::ReplicaSet(set))) => {
                let (seen, _) = set_view(set);
                let revision = revision_of_set(set)?;
                Some(Action::Deployment(Deployment::CreateReplicaSet { revision, replicas: seen.replicas }))
            }
            (Component::Deployment, Request::Update(Object::ReplicaSet(set))) => {
                let revision = revision_of_set(set)?;
                let (stored, written) = (self.stored_set(&set.key())?, set_view(set));
                let differs = (stored.0.replicas, stored.1) != (written.0.replicas, written.1);
                let replicas = written.0.replicas;
                differs.then_some(Action::Deployment(Deployment::ScaleReplicaSet { revision, replicas }))
            }
            (Component::EndpointSlice, request) => self.changes_slice(request),
            (Component::Disruption, Request::UpdateStatus(Object::PodDisruptionBudget(budget))) => {
                self.changes_budget(budget)
            }
            (Component::NodeLifecycle, request) => self.changes_node(call, request),
            (Component::PodGarbageCollector, request) => self.collects(request),
            _ => None,
        }
    }

    /// Ready=False of a pod is a step even if the pod is not ready any more: the model plans it, too.
    fn changes_node(&self, call: &Call, request: &Request) -> Option<Action> {
        let stored = |key: &Key| self.cluster.server().store().get::<Node>(key);
        Some(Action::NodeLifecycle(match request {
            Request::Patch(Resource::Pod, pod, ..) => NodeLifecycle::MarkPodNotReady { pod: self.slot(pod)? },
            Request::UpdateStatus(Object::Node(written)) => {
                let node = self.node_named(written.key().name())?;
                if node_ready(stored(&written.key())?) == node_ready(written) {
                    return None;
                }
                NodeLifecycle::MarkNodeUnknown { node }
            }
            Request::Patch(Resource::Node, key, _, Patch::NodeTaints { add, remove }) => {
                let node = self.node_named(key.name())?;
                if self.taints_after(call)? == taints_seen(&self.scenario, stored(key)?) {
                    return None;
                }
                match add.iter().chain(remove).any(|taint| taint.effect == NO_EXECUTE) {
                    true => NodeLifecycle::TaintNoExecute { node },
                    false => NodeLifecycle::TaintNoSchedule { node },
                }
            }
            _ => return None,
        }))
    }

    fn collects(&self, request: &Request) -> Option<Action> {
        let stored = |key: &Key| self.cluster.server().store().get::<Pod>(key);
        Some(Action::PodGarbageCollector(match request {
            Request::Patch(Resource::Pod, key, ..) if phase_of(stored(key)?) != FAILED => {
                PodGarbageCollector::FailPod { pod: self.slot(key)? }
            }
            // Only a finalizer keeps a pod whose grace is 0: another deletion changes nothing (DEL-8).
            Request::Delete(Resource::Pod, key, _)
                if stored(key)?.metadata.deletion_grace_period_seconds != Some(0) =>
            {
                PodGarbageCollector::DeletePod { pod: self.slot(key)? }
            }
            _ => return None,
        }))
    }

    /// An update of a stale copy, or a creation of what exists: neither changes anything (API-1, API-6).
    fn is_refused(&self, request: &Request) -> bool {
        let stored = |object: &Object| self.cluster.server().store().object(object.resource(), &object.key());
        match request {
            Request::Create(object) => stored(object).is_some(),
            Request::Update(object) | Request::UpdateStatus(object) => {
                stored(object).is_none_or(|stored| stored.version() != object.version())
            }
            _ => false,
        }
    }

    fn stored_set(&self, key: &Key) -> Option<super::views::SetView> {
        self.cluster.server().store().get::<ReplicaSet>(key).map(set_view)
    }

    fn changes_slice(&self, request: &Request) -> Option<Action> {
        let store = self.cluster.server().store();
        let (key, written) = match request {
            Request::Create(Object::EndpointSlice(slice)) => (None, Some(Arc::clone(slice))),
            Request::Update(Object::EndpointSlice(slice)) => (Some(slice.key()), Some(Arc::clone(slice))),
            Request::Delete(Resource::EndpointSlice, key, _) => (Some(key.clone()), None),
            _ => return None,
        };
        let all = || store.all::<EndpointSlice>();
        let others = all().filter(|(own, _)| Some(*own) != key.as_ref()).map(|(_, slice)| slice);
        let after = self.endpoints(others.chain(written.as_deref()));
        let before = self.endpoints(all().map(|(_, slice)| slice));
        (before != after).then_some(Action::EndpointSlice(Slice::WriteSlice))
    }

    fn changes_budget(&self, budget: &PodDisruptionBudget) -> Option<Action> {
        if Some(budget.key()) != self.budget_key() {
            return None;
        }
        let stored = self.cluster.server().store().get::<PodDisruptionBudget>(&budget.key())?;
        let (before, after) = (budget_view(stored), budget_view(budget));
        if before == after {
            return None;
        }
        let kept = after.map(|(_, pods)| pods).unwrap_or_default();
        let manager = self.cluster.actor::<ControllerManager>(Process::ControllerManager)?;
        let pods = manager.informers().pods.cache();
        // An entry of a pod that neither left nor is leaving has run out.
        let mut gone = before.into_iter().flat_map(|(_, pods)| pods).filter(|name| !kept.contains(name));
        let forgotten = gone.find_map(|name| {
            let key = budget.key().sibling(name);
            let stays = pods.get(&key).is_some_and(|pod| !pod.is_deleting());
            self.slot(&key).filter(|_| stays)
        });
        Some(Action::Disruption(match forgotten {
            Some(pod) => Disruption::ForgetDisruption { pod },
            None => Disruption::UpdateStatus,
        }))
    }
}
