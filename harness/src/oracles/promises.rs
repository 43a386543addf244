//! Promises that hold on every path of a scenario, whoever judges them.

use podproof_model::properties::{Judged, Step, Subject, judge_seen};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Scenario;

use crate::generators::events::is_peaceful;

/// What is kept on every path, whatever happens to the cluster.
const ALWAYS: [Property; 2] = [Property::ReadyMeansReady, Property::PlacementLawful];

/// What is kept besides as long as nothing but operators happens to the cluster.
const IN_PEACE: [Property; 3] =
    [Property::StoppedBeforeGone, Property::TerminalIsFinal, Property::SandboxHoldsNamespaces];

/// The promises that a scenario must keep.
pub fn kept_by(scenario: &Scenario) -> PropertySet {
    let mut kept = PropertySet::of(ALWAYS);
    if !is_peaceful(scenario) {
        return kept;
    }
    kept = kept.union(PropertySet::of(IN_PEACE));
    // DEL-17: with a grace of 0 every deletion is one by force.
    if scenario.workload.template.grace_seconds == 0 {
        kept = kept.without(PropertySet::of([Property::StoppedBeforeGone]));
    }
    // The Deployment controller creates ReplicaSets from a copy in which its last one may still be missing (DEP-2): after a change
    // beside the story, which may come as soon as the Deployment is there, it can ask for too many.
    if scenario.events.count(EventName::Rollout) + scenario.events.count(EventName::Scale) == 0 {
        kept = kept.with(Property::RolloutWithinBounds);
    }
    kept
}

/// What a step breaks and keeps of all that an outsider can judge.
pub fn judge(scenario: &Scenario, before: &Observation, action: &Action, after: &Observation) -> Judged {
    let step = Step { subject: Subject::Any, scenario, before, action, after };
    judge_seen(&step, PropertySet::of(Property::all()))
}
