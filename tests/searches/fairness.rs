//! The table of fairness says what steps do: on walks through every built-in scenario, and through one with every event,
//! each step that is possible is as fair as its class's row says.

use std::collections::BTreeSet;

use podproof::searched::Searched;
use podproof_checker::System;
use podproof_model::fairness::{FAIRNESS, Fairness, unit_of};
use podproof_model::reduced::Reduced;
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, CLASSES};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::{self, ENTRIES};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{OnSigterm, Probe, Timing, WorkloadKind};
use podproof_vocabulary::{Property, Scenario};

/// Walks through a scenario, and steps of each.
const WALKS: u64 = 100;
const STEPS: usize = 250;

/// Classes that take so many chances at once that walks do not meet them: a parked pod whose wake-up was lost, an eviction that was
/// granted and never deleted its pod. `model/src/fairness.rs` asks for their units.
const RARE: [&str; 2] = ["scheduler/flush-pod", "disruption/forget-disruption"];

/// States of a search.
const STATES: usize = 3_000;

/// Compares every step that is possible with its row; adds the classes that it has seen.
fn compare(
    searched: &Searched,
    state: &ClusterState,
    possible: &[Action],
    seen: &mut BTreeSet<&'static str>,
) {
    let model = &searched.reduced().model;
    let scenario = &model.rules.scenario;
    model.open(state, |cluster| {
        for action in possible {
            let row = &FAIRNESS[usize::from(action.class())];
            let expected = match row.fairness {
                Fairness::PromisedBy(story) if scenario.story != story => Fairness::None,
                Fairness::PromisedBy(_) => Fairness::Weak,
                other => other,
            };
            let found = match unit_of(cluster, action) {
                None => Fairness::None,
                Some(unit) if searched.is_strong(unit) => Fairness::Strong,
                Some(_) => Fairness::Weak,
            };
            assert_eq!(found, expected, "{action:?} in {}: {} says: {}", scenario.name, row.class, row.why);
            seen.insert(row.class);
        }
    });
}

fn walk(scenario: Scenario, seed: u64, seen: &mut BTreeSet<&'static str>) {
    let model = Model::new(scenario).expect("the scenario fits");
    let searched = Searched::new(Reduced::new(model), PropertySet::of(Property::all()));
    let model = &searched.reduced().model;
    let mut draw = seed;
    let mut draw = |below: usize| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draw >> 33) as usize % below
    };
    let mut possible = Vec::new();
    for _ in 0..WALKS {
        let beginnings = model.initial();
        let mut state = beginnings[draw(beginnings.len())].clone();
        for _ in 0..STEPS {
            possible.clear();
            model.enabled(&state, &mut possible);
            compare(&searched, &state, &possible, seen);
            if possible.is_empty() || model.limit(&state).is_some() {
                break;
            }
            state = model.apply(&state, &possible[draw(possible.len())]);
        }
    }
}

/// The same between moves, breadth first.
fn search(scenario: Scenario, seen: &mut BTreeSet<&'static str>) {
    let model = Model::new(scenario).expect("the scenario fits");
    let searched = Searched::new(Reduced::new(model), PropertySet::of(Property::all()));
    let mut queue: Vec<ClusterState> = searched.initial().into_iter().map(|(state, ..)| state).collect();
    let mut known: BTreeSet<ClusterState> = queue.iter().cloned().collect();
    let (mut next, mut possible) = (0, Vec::new());
    while let Some(state) = queue.get(next).filter(|_| next < STATES).cloned() {
        next += 1;
        possible.clear();
        searched.reduced().model.enabled(&state, &mut possible);
        compare(&searched, &state, &possible, seen);
        searched.transitions(&state, &mut |transition| {
            if known.insert(transition.next.clone()) {
                queue.push(transition.next);
            }
        });
    }
}

/// A pod whose node may be removed, so that it is collected.
fn removed() -> Scenario {
    let mut scenario = catalogue::web("removed", Story::Create, 1, 1);
    scenario.workload.kind = WorkloadKind::Pod;
    scenario.events.set(EventName::RemoveNode, 1);
    scenario
}

/// Two pods on two nodes with probes, to which everything may happen but what happens in [`removed`].
fn eventful(story: Story) -> Scenario {
    let mut scenario = catalogue::web("eventful", story, 2, 2);
    for event in EventName::all().filter(|&event| event != EventName::RemoveNode) {
        scenario.events.set(event, 1);
    }
    scenario.scale = Some(ScaleTarget::By(-1));
    scenario.scale_targets = vec![3];
    scenario.nodes[0].later_labels = Some(scenario.nodes[0].labels.clone());
    scenario.spare_nodes = 1;
    scenario.addresses_are_reused = true;
    scenario.workload.progress_deadline_seconds = Some(5);
    scenario.workload.min_ready_seconds = 1;
    let probe = Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    };
    let container = &mut scenario.workload.template.containers[0];
    (container.startup_probe, container.readiness_probe, container.liveness_probe) =
        (Some(probe), Some(probe), Some(probe));
    container.listens_after_seconds = 1;
    container.on_sigterm = OnSigterm::Ignore;
    scenario
}

#[test]
fn every_step_is_as_fair_as_its_class() {
    let mut seen = BTreeSet::new();
    for entry in ENTRIES {
        search(Scenario { timing: Timing::Untimed, ..entry.scenario() }, &mut seen);
    }
    search(removed(), &mut seen);
    for timing in [Timing::Untimed, Timing::Timed] {
        let named = ENTRIES.iter().map(|entry| entry.scenario());
        let stories = [Story::Create, Story::Rollout, Story::Partition, Story::Drain].map(eventful);
        for (seed, scenario) in named.chain(stories).enumerate() {
            let approximations = scenario.approximations.without(Approximation::Focus);
            let all_clocks = Scenario { timing, approximations, ..scenario.clone() };
            walk(all_clocks, seed as u64, &mut seen);
            // Slow timers fire at any moment then.
            let approximations = Approximations::NONE;
            walk(Scenario { timing, approximations, ..scenario.clone() }, seed as u64, &mut seen);
            if timing == Timing::Timed {
                let approximations = scenario.approximations.with(Approximation::Focus);
                walk(Scenario { timing, approximations, ..scenario.clone() }, seed as u64, &mut seen);
            }
        }
    }
    let never: Vec<&str> = CLASSES.iter().copied().filter(|class| !seen.contains(class)).collect();
    assert_eq!(never, RARE, "classes that no walk has met");
}
