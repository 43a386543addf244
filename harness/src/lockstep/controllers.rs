//! The controllers of the controller manager: the runtime's own.
//!
//! In the model a controller looks and writes in one step. Here a worker looks, and its writes are on their way: a step of
//! the model is a fresh look whose first write is that step. What a sync would write after that is given up, as if it had been
//! lost (MOD-3), and comes with the next look. The exception are the creations and deletions of a ReplicaSet's sync: the
//! model plans them together, and so they stay on their way.

use std::time::Duration;

use k8s_openapi::api::apps::v1 as apps;
use podproof_runtime::api::{
    ApiError, Key, Kind as _, Object, Patch, Preconditions, Request, Resource, Response,
};
use podproof_runtime::client::{CallId, CallState};
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process, Queue};
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{
    Action, Component as Lane, Deployment, Disruption, ReplicaSet, TaintEviction,
};

use super::{HIDDEN_MAX, Running};
use crate::system::Refusal;
use crate::{ModelSystem, Refused};

pub(super) const OWN: Process = Process::ControllerManager;

/// Of ReplicaSets that were made in different seconds one is older: of the others, the name decides.
const SECOND: Duration = Duration::from_secs(1);

/// Controllers that can be the runtime's own and whose workers take the key of an object: as the model names them, and as the runtime
/// does.
const CONTROLLERS: [(Lane, Component); 4] = [
    (Lane::DeploymentController, Component::Deployment),
    (Lane::ReplicaSetController, Component::ReplicaSet),
    (Lane::DisruptionController, Component::Disruption),
    (Lane::EndpointSliceController, Component::EndpointSlice),
];

impl Running {
    /// The controllers of the runtime that are covered.
    pub(super) fn covered_controllers(&self) -> impl Iterator<Item = (Lane, Component)> + use<> {
        let covered = self.covered;
        CONTROLLERS.into_iter().filter(move |(lane, _)| covered.has(*lane))
    }

    /// Does the runtime have a controller manager?
    pub(super) fn has_controllers(&self) -> bool {
        let without_keys =
            [Lane::NodeLifecycleController, Lane::TaintEvictionController, Lane::PodGarbageCollector];
        without_keys.into_iter().any(|lane| self.covered.has(lane))
            || self.covered_controllers().next().is_some()
    }

    pub(super) fn begin_controllers(&mut self) -> Result<(), Refused> {
        if self.has_controllers() {
            self.cluster.add(OWN, Box::new(ControllerManager::default()));
            self.settle_watches(OWN, Resource::ALL.len())?;
        }
        Ok(())
    }

    pub(super) fn manager(&self) -> Option<&ControllerManager> {
        self.cluster.actor(OWN)
    }

    /// A step of a controller; the pod that it created, if it did.
    pub(super) fn control(
        &mut self,
        action: &Action,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<Option<Object>, Refused> {
        match *action {
            Action::ReplicaSet(ReplicaSet::UpdateStatus { revision })
                if enabled.contains(&Action::ReplicaSet(ReplicaSet::PlanReplicas { revision }))
                    // A sync that waits for what it expects creates and deletes nothing, and writes the status all the same.
                    && !self.misses_creations(&self.set_key(revision)?) =>
            {
                Err(Refused::later("a sync creates and deletes before it writes the status (RS-3, RS-7)"))
            }
            Action::ReplicaSet(ReplicaSet::PlanReplicas { revision }) => self.plan(revision).map(|()| None),
            Action::ReplicaSet(ReplicaSet::ChooseVictim { pod }) => {
                let place = self.victims.iter().position(|&victim| victim == pod);
                let place = place.ok_or_else(|| Refused::later("another pod was chosen (RS-5)"))?;
                self.victims.remove(place);
                Ok(None)
            }
            Action::ReplicaSet(ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. }) => {
                let call = self.call_for(Component::ReplicaSet, action);
                let call = call.ok_or_else(|| Refused::because("no sync has sent it"))?;
                match self.carry_out(Component::ReplicaSet, call)? {
                    Ok(Response::Object(object)) => Ok(Some(object)),
                    Ok(_) | Err(ApiError::NotFound) => Ok(None),
                    Err(error) => Err(Refused::because(format!("the API server says {error}"))),
                }
            }
            Action::NodeLifecycle(step) => self.watch_nodes(step, rest).map(|()| None),
            Action::TaintEviction(TaintEviction::DeletePod { pod }) => self.evict_tainted(pod).map(|()| None),
            Action::PodGarbageCollector(step) => self.collect_garbage(step, enabled).map(|()| None),
            Action::Disruption(Disruption::ForgetDisruption { .. }) => {
                Err(Refused::for_good("entries run out by the clock, and it did not pass (PDB-3)"))
            }
            _ => self.write(action, enabled, rest).map(|()| None),
        }
    }

    /// The key that a worker takes to do this.
    fn key_of(&self, action: &Action) -> Result<(Component, Key), Refused> {
        match *action {
            Action::Deployment(_) => Ok((Component::Deployment, self.workload_key())),
            Action::ReplicaSet(ReplicaSet::UpdateStatus { revision }) => {
                Ok((Component::ReplicaSet, self.set_key(revision)?))
            }
            Action::Disruption(_) => {
                let key = self.budget_key().ok_or_else(|| Refused::because("there is no budget"))?;
                Ok((Component::Disruption, key))
            }
            Action::EndpointSlice(_) => {
                let service = self.scenario.service.as_ref();
                let service = service.ok_or_else(|| Refused::because("there is no Service"))?;
                let key = Key::new(&self.scenario.workload.namespace, &service.name);
                Ok((Component::EndpointSlice, key))
            }
            _ => Err(Refused::because("no controller does this")),
        }
    }

    pub(super) fn set_key(&self, revision: Revision) -> Result<Key, Refused> {
        let set = self.replica_set(revision).map(|(key, _)| key.clone());
        set.ok_or_else(|| Refused::because(format!("revision {} has no ReplicaSet", revision.0)))
    }

    /// A worker looks, and its first write that anybody can see is this.
    fn write(&mut self, action: &Action, enabled: &[Action], rest: &ModelSystem) -> Result<(), Refused> {
        let (component, key) = self.key_of(action)?;
        if let Some(why) = self.is_not_told(component, &key) {
            return Err(Refused::for_good(why));
        }
        if let Action::Deployment(Deployment::CreateReplicaSet { .. }) = action {
            self.pass_until(self.cluster.now() + SECOND)?;
        }
        if self.is_busy(component, &key) {
            return Err(Refused::later("a worker is at this key with something else (CTL-1)"));
        }
        if self.is_told_in_vain(action) {
            return Err(Refused::for_good("the only active one has the size that is wanted (DEP-10)"));
        }
        if self.waits_for_a_count(action) {
            return Err(Refused::later("the status of an old one still counts pods (DEP-7)"));
        }
        if component == Component::Deployment {
            self.remind(&key)?;
        }
        self.look(component, &key)?;
        for _ in 0..HIDDEN_MAX {
            if let Some(call) = self.call_for(component, action) {
                return match self.carry_out(component, call)? {
                    Ok(_) => Ok(()),
                    Err(error) => Err(self.waits_for_news(format!("the API server says {error}"))),
                };
            }
            let Some(call) = self.unseen_call(component) else { break };
            // It fails if the copy is stale.
            let _conflict = self.carry_out(component, call)?;
        }
        let instead: Vec<Action> = self.calls_of(component).filter_map(|(_, meaning)| meaning).collect();
        while self.settle_calls(enabled, rest)? {}
        Err(self.waits_for_news(format!("a look at {key} comes to {instead:?}")))
    }

    /// Nothing brings the controller back to a Deployment whose old ReplicaSet it could not scale down but the next event, or the progress
    /// deadline (S28 `rolling.go` `reconcileOldReplicaSets`). Where that was given up and no news are on their way, somebody labels the
    /// Deployment.
    pub(super) fn remind(&mut self, key: &Key) -> Result<(), Refused> {
        let follows = self.open_watches(OWN).iter().any(|(resource, _)| *resource == Resource::Deployment);
        let has_news = self.next_event(OWN, Resource::Deployment).is_some();
        let Some(stored) = self.cluster.server().store().get::<apps::Deployment>(key) else { return Ok(()) };
        let work = Step::Work(Queue::Main, key.clone());
        let waits = self.steps_of(Component::Deployment).contains(&work);
        if !self.scaling_given_up || !follows || has_news || waits {
            return Ok(());
        }
        let value = Some(stored.version().to_string());
        let label = Patch::Label { name: "reminder".to_owned(), value };
        self.call(Request::Patch(Resource::Deployment, key.clone(), Preconditions::NONE, label))?;
        self.deliver_next(OWN, Resource::Deployment)
    }

    /// A worker takes a key.
    fn look(&mut self, component: Component, key: &Key) -> Result<(), Refused> {
        self.work(component, key).map_err(|refused| match refused.refusal {
            Refusal::Difference => self.waits_for_news(refused.why),
            Refusal::Later | Refusal::ForGood => refused,
        })
    }

    /// Has a sync of this key sent what has not been answered?
    pub(super) fn is_busy(&self, component: Component, key: &Key) -> bool {
        component == Component::ReplicaSet
            && self
                .cluster
                .calls()
                .iter()
                .any(|call| call.caller == component && self.set_of(&call.request).as_ref() == Some(key))
    }

    /// The ReplicaSet whose sync sent this creation or deletion.
    fn set_of(&self, request: &Request) -> Option<Key> {
        use podproof_runtime::controllers::informers::controller_of;
        match request {
            Request::Create(object) => {
                let owner = controller_of(object.meta())?;
                Some(object.key().sibling(&owner.name))
            }
            Request::Delete(Resource::Pod, pod, _) => self.deletions.get(pod).cloned(),
            _ => None,
        }
    }

    /// A sync of a ReplicaSet sends what it creates or deletes.
    fn plan(&mut self, revision: Revision) -> Result<(), Refused> {
        let key = self.set_key(revision)?;
        if self.misses_creations(&key) {
            return Err(Refused::for_good("a pod that was gone before the list is waited for (CTL-3)"));
        }
        let before: Vec<CallId> = self.calls_of(Component::ReplicaSet).map(|(call, _)| call).collect();
        self.look(Component::ReplicaSet, &key)?;
        let sent: Vec<_> =
            self.calls_of(Component::ReplicaSet).filter(|(call, _)| !before.contains(call)).collect();
        self.victims.clear();
        let mut plans = false;
        for (call, meaning) in sent {
            match meaning {
                Some(Action::ReplicaSet(ReplicaSet::DeletePod { pod })) => {
                    self.victims.push(pod);
                    let victim = self.key(pod)?;
                    self.deletions.insert(victim, key.clone());
                    plans = true;
                }
                Some(Action::ReplicaSet(ReplicaSet::CreatePod { .. })) => plans = true,
                _ => self.complete(Component::ReplicaSet, Step::LoseRequest(call))?,
            }
        }
        match plans {
            true => Ok(()),
            false => Err(self.waits_for_news(format!("a look at {key} plans nothing"))),
        }
    }

    /// Requests of a component that are on their way, and what they come to.
    pub(super) fn calls_of(&self, component: Component) -> impl Iterator<Item = (CallId, Option<Action>)> {
        let sent = move |call: &&podproof_runtime::client::Call| {
            call.caller == component && call.state == CallState::Sent
        };
        self.cluster.calls().iter().filter(sent).map(|call| (call.id, self.meaning(call)))
    }

    pub(super) fn call_for(&self, component: Component, action: &Action) -> Option<CallId> {
        let mut calls = self.calls_of(component);
        calls.find(|(_, meaning)| meaning.as_ref() == Some(action)).map(|(call, _)| call)
    }

    /// A request that changes nothing that is compared.
    pub(super) fn unseen_call(&self, component: Component) -> Option<CallId> {
        self.calls_of(component).find(|(_, meaning)| meaning.is_none()).map(|(call, _)| call)
    }

    /// After a step: what nobody can see is done, what a sync would write after its first write is given up, and workers take the
    /// keys for which the model has nothing to do.
    pub(super) fn settle_controllers(
        &mut self,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            self.absorb(rest)?;
            // Whatever has done something says so, and then this is not up to date any more.
            let pending = self.operations_of(OWN);
            let settled = self.covered.has(Lane::TaintEvictionController) && self.settle_timers(&pending)?
                || self.settle_calls(enabled, rest)?
                || self.look_in_vain(enabled, &pending)?
                || self.settle_nodes(enabled, rest, &pending)?
                || self.settle_garbage(enabled)?;
            if !settled {
                return Ok(());
            }
        }
        Err(Refused::because("the controllers never come to rest"))
    }

    /// Requests that change nothing that is compared are carried out; what a sync would write after its first write is given up.
    fn settle_calls(&mut self, enabled: &[Action], rest: &ModelSystem) -> Result<bool, Refused> {
        let (model, state) = rest.model();
        let is_planned = |pod| model.open(state, |cluster| cluster.pod(pod).controller.deletion_planned());
        let mut found = false;
        for (_, component) in self.covered_controllers().collect::<Vec<_>>() {
            for (call, meaning) in self.calls_of(component).collect::<Vec<_>>() {
                match meaning {
                    None => {
                        let _conflict = self.carry_out(component, call)?;
                    }
                    // The model forgets what it planned when it sees that the pod is gone.
                    Some(Action::ReplicaSet(ReplicaSet::DeletePod { pod }))
                        if !is_planned(pod) && self.is_gone(pod) =>
                    {
                        let _not_found = self.carry_out(component, call)?;
                    }
                    Some(Action::ReplicaSet(ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. })) => {
                        continue;
                    }
                    Some(write) => {
                        // PDB-4: a budget is written once in a sync, and not over what overtook that.
                        let again = component == Component::Disruption && !enabled.contains(&write);
                        self.unlawful = self.unlawful.or(again.then_some(write));
                        self.complete(component, Step::LoseRequest(call))?;
                        self.scaling_given_up |= component == Component::Deployment;
                    }
                }
                found = true;
            }
        }
        Ok(found)
    }

    /// A worker takes a key for which the model has no step. What comes of it is unlawful if it can be seen.
    fn look_in_vain(&mut self, enabled: &[Action], pending: &[Operation]) -> Result<bool, Refused> {
        for (lane, component) in self.covered_controllers() {
            if enabled.iter().any(|action| action.component() == lane && !matches!(action, Action::Watch(_)))
            {
                continue;
            }
            let is_work = |own: &&Operation| {
                own.component == component && matches!(own.step, Step::Work(Queue::Main, _))
            };
            let Some(work) = pending.iter().find(is_work) else { continue };
            self.complete(component, work.step.clone())?;
            let unlawful = self.calls_of(component).find_map(|(_, meaning)| meaning);
            self.unlawful = self.unlawful.or(unlawful);
            return Ok(true);
        }
        Ok(false)
    }

    /// What the controllers could do, as actions.
    pub(super) fn controlling(&self, is_choosing: bool, operations: &mut Vec<Action>) {
        if is_choosing {
            let victim = self.victims.first();
            operations.extend(victim.map(|&pod| Action::ReplicaSet(ReplicaSet::ChooseVictim { pod })));
            return;
        }
        self.running_timers(operations);
        for (_, component) in self.covered_controllers() {
            operations.extend(self.calls_of(component).filter_map(|(_, meaning)| meaning));
        }
    }
}
