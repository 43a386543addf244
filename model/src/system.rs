//! The transition system as a whole: a compiled scenario with its initial state and the transition functions.

use std::sync::atomic::{AtomicU64, Ordering};

use podproof_vocabulary::action::Action;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{PodId, Property};

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::progress::{self, Owed};
use crate::properties::{self, Judged, Step, Subject};
use crate::rules::Rules;
use crate::state::ClusterState;
use crate::{beginning, fairness, step, story};

static MODELS: AtomicU64 = AtomicU64::new(0);

/// The model of one scenario.
pub struct Model {
    /// The scenario, compiled.
    pub rules: Rules,
    /// Where the progress obligations are.
    pub obligations: progress::Layout,
    /// The safety properties that are judged.
    pub judged: PropertySet,
    /// The states in which everything begins.
    beginnings: Vec<ClusterState>,
    /// Tells the models of one process apart.
    pub(crate) number: u64,
}

impl Model {
    /// The model of `scenario`, judging every property. It may have more progress obligations than [`Model::owed`] can tell apart:
    /// then it is asked for [`Model::pending`].
    ///
    /// # Errors
    /// A sentence that names the limit, if the scenario is larger than a state can hold; or that says why the workload cannot
    /// run from the beginning, if it is to.
    pub fn new(scenario: Scenario) -> Result<Self, String> {
        let rules = Rules::compile(scenario)?;
        let obligations = progress::Layout::of(&rules);
        let number = MODELS.fetch_add(1, Ordering::Relaxed);
        let beginnings = beginning::all(&rules)?;
        Ok(Self { rules, obligations, judged: PropertySet::of(Property::all()), beginnings, number })
    }

    /// The same model, judging only these safety properties.
    #[must_use]
    pub fn judging(mut self, judged: PropertySet) -> Self {
        self.judged = judged;
        self
    }

    /// Lays a state open and calls `with` on it.
    pub fn open<R>(&self, state: &ClusterState, with: impl FnOnce(&Cluster<'_>) -> R) -> R {
        let mut copy = state.clone();
        with(&Cluster::new(&self.rules, &mut copy))
    }

    /// The states in which everything begins. With one kube-proxy modelled there is one for each kind of node that it may be on.
    pub fn initial(&self) -> Vec<ClusterState> {
        self.beginnings.clone()
    }

    /// Every step that is enabled in `state`, in a fixed order.
    pub fn enabled(&self, state: &ClusterState, out: &mut Vec<Action>) {
        self.open(state, |cluster| step::enabled(cluster, out));
    }

    /// The units of fairness of what is possible in `state` and held back there ([`step::enabled_but`]).
    pub fn held_back(&self, state: &ClusterState) -> Vec<fairness::Unit> {
        let mut units = Vec::new();
        self.open(state, |cluster| {
            let hold_back = |action: &Action| units.extend(fairness::unit_of(cluster, action));
            with_actions(|actions| step::enabled_but(cluster, actions, hold_back));
        });
        units
    }

    /// The state after `action`, which must be enabled.
    pub fn apply(&self, state: &ClusterState, action: &Action) -> ClusterState {
        let mut next = state.clone();
        step::apply(&mut Cluster::new(&self.rules, &mut next), action);
        next
    }

    /// What the small step from `before` to `after` does to the promises.
    pub fn judge(&self, before: &ClusterState, action: &Action, after: &ClusterState) -> Judged {
        self.open(before, |before| self.open(after, |after| self.judge_step(before, action, after)))
    }

    /// The same, of states that are laid open.
    pub fn judge_step(&self, before: &Cluster<'_>, action: &Action, after: &Cluster<'_>) -> Judged {
        properties::judge(&self.step_of(before, action, after), self.judged)
    }

    /// The same, by these promises alone.
    pub fn judge_only(
        &self,
        promises: PropertySet,
        before: &Cluster<'_>,
        action: &Action,
        after: &Cluster<'_>,
    ) -> Judged {
        properties::judge(&self.step_of(before, action, after), self.judged.intersection(promises))
    }

    fn step_of<'s, 'a>(
        &'s self,
        before: &'s Cluster<'a>,
        action: &'s Action,
        after: &'s Cluster<'a>,
    ) -> Step<'s, Cluster<'a>> {
        let subject = match self.rules.clocks.follow() {
            true => Subject::Followed(before.shared.control_plane.followed()),
            false => Subject::Any,
        };
        Step { subject, scenario: &self.rules.scenario, before, action, after }
    }

    /// The bits of the obligations that are pending in `state`, in their order.
    pub fn pending(&self, state: &ClusterState) -> Vec<u32> {
        self.open(state, |cluster| progress::pending(&self.obligations, cluster))
    }

    /// What is owed in `state`, of a model with no more than [`progress::SET_MAX`] obligations.
    pub fn owed(&self, state: &ClusterState) -> Owed {
        self.open(state, |cluster| progress::owed(&self.obligations, cluster))
    }

    /// The promises whose obligations a step discharges although they are pending on both sides: `endpoints-converge` owes
    /// nothing while the API state of the pods changes.
    pub fn discharged(&self, before: &Cluster<'_>, after: &Cluster<'_>) -> PropertySet {
        let property = Property::EndpointsConverge;
        let discharges = self.discharges(property, before, after);
        if discharges { PropertySet::of([property]) } else { PropertySet::NONE }
    }

    /// Does a step discharge the obligations of `property` in this way?
    pub fn discharges(&self, property: Property, before: &Cluster<'_>, after: &Cluster<'_>) -> bool {
        property == Property::EndpointsConverge && progress::unsettles_endpoints(before, after)
    }

    /// The unit of fairness of a step.
    pub fn unit_of(&self, state: &ClusterState, action: &Action) -> Option<fairness::Unit> {
        self.open(state, |cluster| fairness::unit_of(cluster, action))
    }

    /// Why the search cannot go on from `state`, if it cannot.
    pub fn limit(&self, state: &ClusterState) -> Option<&'static str> {
        let control_plane = state.shared(&self.rules.layout).control_plane;
        if control_plane.out_of_slots() {
            Some("a pod could not be created: every slot is remembered by somebody (raise --slots)")
        } else if control_plane.ring_overflow() {
            Some("a watch had more pending events than an exact search keeps")
        } else {
            None
        }
    }

    /// Has the story come to its end in `state`?
    pub fn story_is_over(&self, state: &ClusterState) -> bool {
        story::may_be_over(state.shared(&self.rules.layout).control_plane) && self.open(state, story::is_over)
    }

    /// The pod that is followed in a timed search.
    pub fn followed(&self, state: &ClusterState) -> Option<PodId> {
        state.shared(&self.rules.layout).control_plane.followed()
    }
}
