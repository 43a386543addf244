//! Walking along a trace on the model, one small step after the other.

use podproof_model::properties::Judged;
use podproof_model::reduced::fusion::Fusions;
use podproof_model::reduced::partial_order::{footprint, written};
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property, Resource, Scenario};

use crate::change::{self, Change};
use crate::trace::Followed;

/// The model of a trace's scenario, with every small step a move of its own.
pub(crate) struct World {
    reduced: Reduced,
}

impl World {
    /// # Errors
    /// A sentence that names the limit, if the scenario is larger than a state can hold.
    pub(crate) fn new(scenario: Scenario) -> Result<Self, String> {
        Ok(Self { reduced: Reduced::with(Model::new(scenario)?, Fusions::none()) })
    }

    /// The same, in which nothing but `property` is judged.
    pub(crate) fn judging(mut self, property: Property) -> Self {
        self.reduced.model.judged = PropertySet::of([property]);
        self
    }

    /// How much more a step costs than one of a small cluster, about: bounds on work are divided by it.
    pub(crate) fn weight(&self) -> usize {
        /// Words of the states of two pods on two nodes.
        const WORDS: usize = 64;
        self.model().rules.layout.words().div_ceil(WORDS)
    }

    pub(crate) fn model(&self) -> &Model {
        &self.reduced.model
    }

    pub(crate) fn unit_seconds(&self) -> u32 {
        self.model().rules.clocks.unit
    }

    /// The nodes whose kube-proxy may be the one that is modelled; none stands for all kube-proxies.
    pub(crate) fn beginnings(&self) -> Vec<(Option<NodeId>, ClusterState)> {
        let model = self.model();
        let with_proxy = |state: ClusterState| {
            (model.open(&state, |cluster| cluster.shared.control_plane.observed_proxy()), state)
        };
        model.initial().into_iter().map(with_proxy).collect()
    }

    /// The beginning with this kube-proxy, if there is one.
    pub(crate) fn begin(&self, observed_proxy: Option<NodeId>) -> Option<Walk<'_>> {
        let (_, state) = self.beginnings().into_iter().find(|&(proxy, _)| proxy == observed_proxy)?;
        Some(Walk::from_state(self, state))
    }

    /// The state after `action`, with `pod` followed from there on; none if it cannot be.
    fn follow(&self, state: &ClusterState, action: &Action, pod: PodId) -> Option<ClusterState> {
        let wanted = Move { head: *action, follow: Some(pod) };
        let mut found = None;
        self.reduced.moves(state, |outcome| {
            if outcome.taken == wanted {
                found = Some(outcome.next);
            }
        });
        found
    }

    /// The pods that may be followed from the end of a step on.
    fn followable(&self, state: &ClusterState, action: &Action) -> Vec<PodId> {
        let mut pods = Vec::new();
        self.reduced.moves(state, |outcome| {
            if outcome.taken.head == *action {
                pods.extend(outcome.taken.follow);
            }
        });
        pods
    }

    /// Which pod must be followed, and from where on, for the last of `actions` to break `property`: none if that
    /// happens with none, or never.
    pub(crate) fn followed_by(
        &self,
        observed_proxy: Option<NodeId>,
        property: Property,
        actions: &[Action],
    ) -> Option<Followed> {
        if !self.model().rules.clocks.follow() || self.breaks(observed_proxy, property, actions, None) {
            return None;
        }
        let mut walk = self.begin(observed_proxy)?;
        let mut possible = Vec::new();
        for (from_step, action) in (1..).zip(actions) {
            // Ticks come only once a pod is followed.
            if !walk.enables(action) {
                break;
            }
            possible.extend(
                self.followable(&walk.state, action).into_iter().map(|pod| Followed { pod, from_step }),
            );
            walk.step(action, None);
        }
        // The latest is the nearest to the cause: a pod is followed for its readiness or, later, for its deletion.
        possible
            .into_iter()
            .rev()
            .find(|&followed| self.breaks(observed_proxy, property, actions, Some(followed)))
    }

    fn breaks(
        &self,
        observed_proxy: Option<NodeId>,
        property: Property,
        actions: &[Action],
        followed: Option<Followed>,
    ) -> bool {
        let Some(mut walk) = self.begin(observed_proxy) else { return false };
        let mut broken = false;
        for action in actions {
            if !walk.enables(action) {
                return false;
            }
            walk.step(action, followed);
            broken = walk.judged.broken.contains(property);
        }
        broken
    }
}

/// Where a walk has come to.
pub(crate) struct Walk<'w> {
    world: &'w World,
    /// The state that it is in.
    pub(crate) state: ClusterState,
    /// The state before the last step.
    pub(crate) before: ClusterState,
    /// What an outsider sees of it.
    pub(crate) seen: Observation,
    /// Ticks that have passed.
    pub(crate) tick: u32,
    /// Steps that were taken.
    pub(crate) taken: u32,
    /// What the last step did to the promises.
    pub(crate) judged: Judged,
}

impl<'w> Walk<'w> {
    pub(crate) fn from_state(world: &'w World, state: ClusterState) -> Self {
        let seen = world.model().open(&state, |cluster| Observation::of(cluster));
        Self { world, before: state.clone(), state, seen, tick: 0, taken: 0, judged: Judged::default() }
    }

    /// Every step that is enabled here.
    pub(crate) fn enabled(&self) -> Vec<Action> {
        let mut enabled = Vec::new();
        self.world.model().enabled(&self.state, &mut enabled);
        enabled
    }

    /// Is this step enabled here?
    pub(crate) fn enables(&self, action: &Action) -> bool {
        self.enabled().contains(action)
    }

    /// Takes a step, which must be enabled, and says what it changed.
    pub(crate) fn step(&mut self, action: &Action, followed: Option<Followed>) -> Vec<Change> {
        self.taken += 1;
        self.tick += u32::from(*action == Action::Tick);
        let here = followed.filter(|followed| followed.from_step == self.taken);
        let plain = self.world.model().apply(&self.state, action);
        self.judged = self.world.model().judge(&self.state, action, &plain);
        let next =
            here.and_then(|followed| self.world.follow(&self.state, action, followed.pod)).unwrap_or(plain);
        self.before = std::mem::replace(&mut self.state, next);
        let seen = self.world.model().open(&self.state, |cluster| Observation::of(cluster));
        let changed = change::difference(&self.seen, &seen);
        self.seen = seen;
        changed
    }

    /// What decides whether a step, which must be enabled, is possible and what it does: of pods that somebody knows. None if
    /// that may be anything.
    pub(crate) fn reads(&self, action: &Action) -> Option<Vec<Resource>> {
        self.world.model().open(&self.state, |cluster| {
            let reads = footprint::of(cluster, action).reads;
            let is_known =
                |resource: &Resource| resource.pod().is_none_or(|pod| cluster.pod(pod).head.used());
            let is_anything = reads.len() == footprint::everything(cluster).len();
            (!is_anything).then(|| reads.into_iter().filter(is_known).collect())
        })
    }

    /// The parts that the last step changed.
    pub(crate) fn written(&self) -> Vec<Resource> {
        let model = self.world.model();
        model.open(&self.before, |before| model.open(&self.state, |after| written(before, after)))
    }

    /// May the clocks of this pod begin to run at the end of this step?
    pub(crate) fn may_follow(&self, action: &Action, pod: PodId) -> bool {
        self.world.followable(&self.state, action).contains(&pod)
    }
}
