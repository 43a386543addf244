//! Which scenarios the lockstep can run. What reaches further is refused, never passed over in silence.

use podproof_vocabulary::action::Component;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{Beginning, Labels, Scenario, Timing};

use super::Covered;

/// What makes a zone of nodes (NLC-14).
const ZONE: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

fn zone_of(labels: &Labels) -> [Option<&String>; 2] {
    ZONE.map(|key| labels.get(key))
}

/// The labels that nodes have, now or later.
fn labels_of_nodes(scenario: &Scenario) -> impl Iterator<Item = &Labels> {
    scenario.nodes.iter().flat_map(|node| std::iter::once(&node.labels).chain(&node.later_labels))
}

fn has_several_zones(scenario: &Scenario) -> bool {
    let mut zones = labels_of_nodes(scenario).map(zone_of);
    let first = zones.next();
    zones.any(|zone| Some(zone) != first)
}

/// All nodes are in the zone of the first.
fn put_in_one_zone(scenario: &mut Scenario) {
    let Some(first) = scenario.nodes.first().map(|node| node.labels.clone()) else { return };
    for node in &mut scenario.nodes {
        for labels in std::iter::once(&mut node.labels).chain(&mut node.later_labels) {
            labels.retain(|key, _| !ZONE.contains(&key.as_str()));
            labels.extend(
                first
                    .iter()
                    .filter(|(key, _)| ZONE.contains(&key.as_str()))
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
    }
}

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
    // That no node is Ready any more goes unnoticed where the last Ready node takes its zone with it (S28 `handleDisruption`). The model has
    // no zones.
    if scenario.events.count(EventName::RemoveNode) > 0 && has_several_zones(scenario) {
        return Some("Node objects that are removed from one of several zones are not covered".into());
    }
    // The collector and the kubelet write over each other's phase as long as such a pod stays, and what its worker was told last matters.
    if scenario.events.count(EventName::RemoveNode) > 0 && scenario.workload.template.finalizer {
        return Some(
            "Node objects that are removed under pods which a finalizer keeps are not covered".into(),
        );
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
    scenario.approximations = scenario.approximations.without(Approximation::CoalescedWatchEvents);
    if scenario.events.count(EventName::RemoveNode) > 0 {
        put_in_one_zone(scenario);
        scenario.workload.template.finalizer = false;
    }
    scenario.workload.min_ready_seconds = 0;
    scenario.workload.progress_deadline_seconds = None;
    scenario.neighbours.retain(|neighbour| !neighbour.in_service && !neighbour.in_budget);
}
