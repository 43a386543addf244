//! The model as a [`System`]: the reference that everything else is compared with.

use podproof_model::{Cluster, ClusterState, Model};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::{Observation, Observe};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{PodId, Property, Scenario};

use crate::system::{Parts, Refused, System, Unfit, observe_others, slot_of};

/// Promises that read a component's copy.
const OF_COPIES: [Property; 3] =
    [Property::ReadyMeansReady, Property::PlacementLawful, Property::RolloutWithinBounds];

/// The model of one scenario and where it stands.
struct Running {
    model: Model,
    state: ClusterState,
    /// What it could do there.
    enabled: Vec<Action>,
    /// Where it stood when it was observed last.
    observed: Option<ClusterState>,
    /// Its last step, and where it stood before.
    taken: Option<(ClusterState, Action)>,
}

/// The model, driven. Which node the one modelled kube-proxy is on, if only one is, is the first of the model's beginnings.
#[derive(Default)]
pub struct ModelSystem {
    running: Option<Running>,
}

impl ModelSystem {
    /// The model of the scenario that runs, and the state that it is in.
    ///
    /// # Panics
    /// If it was never reset.
    pub fn model(&self) -> (&Model, &ClusterState) {
        let running = self.running();
        (&running.model, &running.state)
    }

    /// What it could do next.
    ///
    /// # Panics
    /// If it was never reset.
    pub fn enabled(&self) -> &[Action] {
        &self.running().enabled
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a system is reset before anything else")
    }
}

impl System for ModelSystem {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        let model = Model::new(scenario.clone()).map_err(|why| Unfit { why })?;
        let state = model.initial().swap_remove(0);
        let mut enabled = Vec::new();
        model.enabled(&state, &mut enabled);
        self.running = Some(Running { model, state, enabled, observed: None, taken: None });
        Ok(())
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        operations.extend_from_slice(self.enabled());
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        let Running { model, state, enabled, taken, .. } =
            self.running.as_mut().expect("a system is reset before anything else");
        if !enabled.contains(action) {
            return Err(Refused::because("the model does not allow it here"));
        }
        let next = model.apply(state, action);
        *taken = Some((std::mem::replace(state, next), *action));
        enabled.clear();
        model.enabled(state, enabled);
        Ok(())
    }

    fn observation(&self) -> Observation {
        let running = self.running();
        running.model.open(&running.state, |cluster| Observation::of(cluster))
    }

    fn is_stuck(&self) -> bool {
        let Running { model, state, .. } = self.running();
        model.limit(state).is_some()
    }

    fn broken(&self) -> PropertySet {
        let Running { model, state, taken, .. } = self.running();
        let judge = |(before, action): &(ClusterState, Action)| {
            let only = PropertySet::of(OF_COPIES);
            model.open(before, |before| {
                model.open(state, |after| model.judge_only(only, before, action, after).broken)
            })
        };
        taken.as_ref().map_or(PropertySet::NONE, judge)
    }

    fn observe(&mut self, seen: &mut Observation) -> Parts {
        let running = self.running.as_mut().expect("a system is reset before anything else");
        let Running { model, state, observed, .. } = running;
        let parts = match observed {
            None => {
                *seen = model.open(state, |cluster| Observation::of(cluster));
                Parts::everything(seen)
            }
            Some(before) if before == state => Parts::default(),
            Some(before) => model.open(before, |before| {
                model.open(state, |after| {
                    let slots: Vec<PodId> = changed_slots(before, after).collect();
                    for &pod in &slots {
                        seen.slots[pod.index()] = slot_of(after, pod);
                    }
                    observe_others(after, seen);
                    Parts { slots, others: true }
                })
            }),
        };
        *observed = Some(state.clone());
        parts
    }
}

/// The slots of which anything is different: what an outsider sees of a pod is in its column alone.
fn changed_slots<'a>(
    before: &'a Cluster<'_>,
    after: &'a Cluster<'_>,
) -> impl Iterator<Item = PodId> + use<'a> {
    let differs = |pod: &PodId| {
        before.pod(*pod) != after.pod(*pod)
            || before.containers_of(*pod) != after.containers_of(*pod)
            || before.proxies_of(*pod) != after.proxies_of(*pod)
    };
    PodId::first(after.pods()).filter(differs)
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;

    /// What is brought up to date step by step is what is there.
    #[test]
    fn what_changes_is_all_that_changes() {
        let mut system = ModelSystem::default();
        let mut random = fastrand::Rng::with_seed(7);
        for story in [Story::Rollout, Story::Drain, Story::NodeFailure, Story::RuntimeHang] {
            let mut scenario = catalogue::web("x", story, 2, 2);
            scenario.one_proxy = false;
            system.reset(&scenario).expect("it is small");
            let mut seen = system.observation();
            system.observe(&mut seen);
            let mut enabled = Vec::new();
            for _ in 0..400 {
                enabled.clear();
                system.pending(&mut enabled);
                let Some(action) = random.choice(&enabled) else { break };
                system.apply(action).expect("it is enabled");
                system.observe(&mut seen);
                assert_eq!(seen, system.observation(), "after {action:?}");
            }
        }
    }

    #[test]
    fn what_is_not_enabled_is_refused_and_does_nothing() {
        let mut system = ModelSystem::default();
        system.reset(&catalogue::web("x", Story::Create, 1, 1)).expect("it is small");
        let before = system.observation();
        assert!(system.apply(&Action::Tick).is_err(), "there are no ticks in an untimed scenario");
        assert_eq!(system.observation(), before);
    }
}
