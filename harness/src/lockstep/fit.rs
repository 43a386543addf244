//! Which scenarios the lockstep can run. What reaches further is refused, never passed over in silence.

use podproof_vocabulary::action::Component;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{Beginning, Scenario, Timing};

use super::Covered;

/// Why a scenario cannot be run with these components of the runtime, if it cannot.
pub fn unfit(scenario: &Scenario, covered: Covered) -> Option<String> {
    if scenario.timing == Timing::Timed {
        return Some("time in ticks is not covered".into());
    }
    if scenario.begins == Beginning::Running {
        return Some("pods that run from the beginning are not covered".into());
    }
    if scenario.inaccurate_detectors {
        return Some("detectors that err are not covered".into());
    }
    if let Some(mutant) = scenario.mutant {
        return Some(format!("the runtime has no wrong rule {mutant}"));
    }
    if scenario.approximations.has(Approximation::CoalescedWatchEvents) {
        return Some("the runtime's watches do not coalesce".into());
    }
    // A kubelet whose copy is older writes over the phase of the collector (STM-2), and in the model it does not.
    if scenario.events.count(EventName::RemoveNode) > 0 {
        return Some("Node objects that are removed are not covered".into());
    }
    // Pods of one ReplicaSet become available one by one in the model, and all together by the runtime's clock.
    let counts_time =
        covered.has(Component::ReplicaSetController) || covered.has(Component::DeploymentController);
    if counts_time && scenario.workload.min_ready_seconds > 0 {
        return Some("minReadySeconds is not covered".into());
    }
    if covered.has(Component::DeploymentController) && scenario.workload.progress_deadline_seconds.is_some() {
        return Some("progressDeadlineSeconds is not covered".into());
    }
    if scenario.neighbours.iter().any(|neighbour| neighbour.in_service || neighbour.in_budget) {
        return Some("neighbours in the Service or the budget are not covered".into());
    }
    None
}

/// Makes a scenario one that can be run with every component that the runtime has.
pub fn fit(scenario: &mut Scenario) {
    scenario.timing = Timing::Untimed;
    scenario.begins = Beginning::Nothing;
    scenario.inaccurate_detectors = false;
    scenario.mutant = None;
    scenario.events.set(EventName::RemoveNode, 0);
    scenario.approximations = scenario.approximations.without(Approximation::CoalescedWatchEvents);
    scenario.workload.min_ready_seconds = 0;
    scenario.workload.progress_deadline_seconds = None;
    scenario.neighbours.retain(|neighbour| !neighbour.in_service && !neighbour.in_budget);
}
