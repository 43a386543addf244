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
    // DEL-17: with a grace of 0 every deletion is one by force. What is deleted so is not configured any more, and while it stops its
    // kubelet admits others in its place (ADM-14).
    let graces = &scenario.deletion_graces;
    let always_by_force = scenario.workload.template.grace_seconds == 0;
    let by_force = always_by_force || graces.contains(&0) || may_befall(scenario, EventName::ForceDeletePod);
    if by_force {
        kept = kept.without(PropertySet::of([Property::PlacementLawful]));
    }
    if !is_peaceful(scenario) {
        return kept;
    }
    kept = kept.union(PropertySet::of(IN_PEACE));
    if always_by_force {
        kept = kept.without(PropertySet::of([Property::StoppedBeforeGone]));
    }
    // The Deployment controller creates ReplicaSets from a copy in which its last one may still be missing (DEP-2): after a change
    // beside the story, which may come as soon as the Deployment is there, it can ask for too many.
    if scenario.events.count(EventName::Rollout) + scenario.events.count(EventName::Scale) == 0 {
        kept = kept.with(Property::RolloutWithinBounds);
    }
    kept
}

/// May this happen to the cluster?
fn may_befall(scenario: &Scenario, event: EventName) -> bool {
    scenario.story.event() == Some(event) || scenario.events.count(event) > 0
}

/// What a step breaks and keeps of all that an outsider can judge.
pub fn judge(scenario: &Scenario, before: &Observation, action: &Action, after: &Observation) -> Judged {
    let step = Step { subject: Subject::Any, scenario, before, action, after };
    judge_seen(&step, PropertySet::of(Property::all()))
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;

    #[test]
    fn where_pods_may_be_deleted_by_force_others_may_come_in_their_place_too_soon() {
        let lawful = |change: fn(&mut Scenario)| {
            let mut scenario = catalogue::web("x", Story::Create, 1, 1);
            change(&mut scenario);
            kept_by(&scenario).contains(Property::PlacementLawful)
        };
        assert!(lawful(|_| {}));
        assert!(!lawful(|scenario| scenario.workload.template.grace_seconds = 0));
        assert!(!lawful(|scenario| scenario.deletion_graces = vec![30, 0]));
        assert!(!lawful(|scenario| scenario.events.set(EventName::ForceDeletePod, 1)));
    }
}
