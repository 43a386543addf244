//! Where a controller of the runtime lawfully does not look although the model's may: nobody has told it, or the news come later.
//!
//! Each of these is as narrow as can be said: what is passed over here is not compared. When all news have come and no key waits,
//! only what stands in [`Running::is_not_told`], [`Running::misses_creations`] and [`Running::is_told_in_vain`] is left.

use k8s_openapi::api::apps::v1::{self as apps, ReplicaSet};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::Step;
use podproof_runtime::api::constants::{is_ready, is_terminal};
use podproof_runtime::api::{Key, Kind as _, Resource};
use podproof_runtime::operation::{Component, Queue, Timer};
use podproof_vocabulary::action::{Action, Deployment};
use podproof_vocabulary::scenario::{BudgetAsk, IntOrPercent, Strategy};

use super::Running;
use super::controllers::OWN;
use super::names::revision_of_set;
use super::views::{budget_view, deployment_view, set_view};
use crate::Refused;

impl Running {
    /// Why a controller has no reason to look at a key although its copies have changed, where that is lawful.
    pub(super) fn is_not_told(&self, component: Component, key: &Key) -> Option<&'static str> {
        let work = Step::Work(Queue::Main, key.clone());
        let wake = Step::Wake(Timer::Delayed(Queue::Main, key.clone()));
        if self.steps_of(component).contains(&work) || self.due(component, &wake).is_some() {
            return None;
        }
        match component {
            Component::EndpointSlice => self
                .has_ended_endpoint()
                .then_some("a change of the phase alone brings nobody to the slice (EPS-7)"),
            Component::Disruption => self
                .counts_as_the_budget_says()
                .then_some("a scale brings nobody to the budget, only pods do (PDB-1)"),
            _ => None,
        }
    }

    /// Is there an endpoint of a pod that is seen to have ended and not to be deleted?
    fn has_ended_endpoint(&self) -> bool {
        let Some(manager) = self.manager() else { return false };
        let slices = self.cluster.server().store().all::<EndpointSlice>();
        self.endpoints(slices.map(|(_, slice)| slice)).keys().any(|&slot| {
            let pod = self.key(slot).ok().and_then(|key| manager.informers().pods.cache().get(&key));
            pod.is_some_and(|pod| is_terminal(pod) && !pod.is_deleting())
        })
    }

    /// Does the budget ask how many pods are wanted, and are as many seen healthy as its status says?
    fn counts_as_the_budget_says(&self) -> bool {
        let asks_scale = |budget: &podproof_vocabulary::scenario::DisruptionBudget| {
            !matches!(budget.ask, BudgetAsk::MinAvailable(IntOrPercent::Int(_)))
        };
        let store = self.cluster.server().store();
        let stored = self.budget_key().and_then(|key| store.get::<PodDisruptionBudget>(&key));
        let (Some(manager), Some((seen, disrupted))) = (self.manager(), stored.and_then(budget_view)) else {
            return false;
        };
        let healthy = manager.informers().pods.cache().iter().filter(|(key, pod)| {
            let is_healthy = is_ready(pod) && !pod.is_deleting() && !disrupted.contains(&key.name());
            is_healthy && self.slot(key).is_some()
        });
        self.scenario.budgets.first().is_some_and(asks_scale)
            && healthy.count() == usize::from(seen.current_healthy)
    }

    /// Has a ReplicaSet created pods that will never be seen? They were gone again when the controllers listed anew, so that their
    /// creation is waited for until five minutes have passed and something else brings the controller to the ReplicaSet (C-15).
    pub(super) fn misses_creations(&self, set: &Key) -> bool {
        let now = self.cluster.now();
        let work = Step::Work(Queue::Main, set.clone());
        let is_brought = || self.steps_of(Component::ReplicaSet).contains(&work);
        self.watches_broke
            && !self.is_busy(Component::ReplicaSet, set)
            && self.manager().is_some_and(|manager| {
                let sets = manager.replica_sets();
                sets.awaits_creations(set) && (sets.is_kept_back(set, now) || !is_brought())
            })
    }

    /// Would a ReplicaSet be told what is wanted of its Deployment now, although it has that size and no other is active? Only a sync
    /// that began while another was active does that; if such a sync is cut in two, the ReplicaSet is not told any more, and its
    /// Deployment counts as scaled (S28 `sync.go` `scale`).
    pub(super) fn is_told_in_vain(&self, action: &Action) -> bool {
        let Action::Deployment(Deployment::ScaleReplicaSet { revision, replicas }) = *action else {
            return false;
        };
        let store = self.cluster.server().store();
        let sets = store.all::<ReplicaSet>().map(|(_, set)| (revision_of_set(set), set_view(set).0.replicas));
        let active: Vec<_> = sets.filter(|(_, replicas)| *replicas > 0).collect();
        let stored = store.get::<apps::Deployment>(&self.workload_key()).and_then(deployment_view);
        active == [(Some(revision), replicas)] && stored.is_some_and(|stored| stored.replicas == replicas)
    }

    /// Does the status of an old ReplicaSet of a Deployment that recreates still count pods, so that the new one has to wait (DEP-7, S28
    /// `recreate.go` `oldPodsRunning`)? The model keeps no such count: it waits for the pods alone.
    pub(super) fn waits_for_a_count(&self, action: &Action) -> bool {
        let (
            Action::Deployment(
                Deployment::CreateReplicaSet { revision, .. } | Deployment::ScaleReplicaSet { revision, .. },
            ),
            Strategy::Recreate,
        ) = (action, self.scenario.workload.strategy)
        else {
            return false;
        };
        let Some(manager) = self.manager() else { return false };
        let newest = manager.informers().deployments.cache().get(&self.workload_key());
        let newest = newest.and_then(|deployment| deployment_view(deployment)).map(|seen| seen.revision);
        let counts = |set: &ReplicaSet| set.status.as_ref().is_some_and(|status| status.replicas > 0);
        newest == Some(*revision)
            && manager.informers().replica_sets.cache().iter().any(|(_, set)| {
                let is_old = revision_of_set(set).is_some_and(|old| old != *revision);
                is_old && set_view(set).0.replicas == 0 && counts(set)
            })
    }

    /// A step is not possible now. If news are on their way to the controllers, or they have to list, or another key is to be looked
    /// at, the copy may lag in something that the model has no news of: such as the status of a ReplicaSet in which only other numbers
    /// changed.
    pub(super) fn waits_for_news(&self, why: String) -> Refused {
        let open = self.open_watches(OWN);
        let mut waits = open.len() < Resource::ALL.len()
            || open.into_iter().any(|(resource, _)| self.next_event(OWN, resource).is_some());
        waits |= self.covered_controllers().any(|(_, component)| {
            self.steps_of(component).iter().any(|step| matches!(step, Step::Work(Queue::Main, _)))
        });
        if waits { Refused::later(why) } else { Refused::because(why) }
    }
}
