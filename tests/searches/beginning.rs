//! A story that begins with what runs: every way in which creation can go ends in the one state that it begins in, and its
//! traces are read and replayed like others.

use std::collections::BTreeSet;

use clap::Parser;
use podproof::arguments::{Arguments, Command};
use podproof::search::{self, Limits};
use podproof::{input, plan, progress};
use podproof_model::reduced::Reduced;
use podproof_model::reduced::symmetry::Symmetry;
use podproof_model::{ClusterState, Model};
use podproof_traces::{Trace, replay};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{Beginning, PreStop, Probe, Timing, WorkloadKind};
use podproof_vocabulary::{Property, Scenario, catalogue};

use crate::common;

fn model(scenario: Scenario) -> Model {
    Model::new(scenario).expect("a scenario of a test fits")
}

/// A state, or the one that stands for all that differ from it in the names of pods.
fn representative(model: &Model, mut state: ClusterState) -> ClusterState {
    Symmetry::of(&model.rules).sort(&model.rules, &mut state);
    state
}

/// The states in which `scenario`, begun with nothing, comes to rest, by every order of `steps`, and how many states lie on
/// the way. Nothing happens to the cluster.
fn rests(
    scenario: &Scenario,
    steps: impl Fn(&Model, &ClusterState) -> Vec<ClusterState>,
) -> (BTreeSet<ClusterState>, usize) {
    let model = model(Scenario { begins: Beginning::Nothing, ..scenario.clone() });
    let mut waiting: Vec<_> =
        model.initial().into_iter().map(|state| representative(&model, state)).collect();
    let mut seen: BTreeSet<_> = waiting.iter().cloned().collect();
    let mut rests = BTreeSet::new();
    while let Some(state) = waiting.pop() {
        let next = steps(&model, &state);
        if next.is_empty() {
            rests.insert(state);
            continue;
        }
        for state in next.into_iter().map(|state| representative(&model, state)) {
            if seen.insert(state.clone()) {
                waiting.push(state);
            }
        }
    }
    (rests, seen.len())
}

fn small_steps(model: &Model, state: &ClusterState) -> Vec<ClusterState> {
    let mut enabled = Vec::new();
    model.enabled(state, &mut enabled);
    enabled.retain(|action| !matches!(action, Action::Environment(_)));
    enabled.iter().map(|action| model.apply(state, action)).collect()
}

fn moves(model: &Model, state: &ClusterState) -> Vec<ClusterState> {
    let reduced = Reduced::new(self::model(model.rules.scenario.clone()));
    let mut next = Vec::new();
    reduced.moves(state, |outcome| {
        if !matches!(outcome.taken.head, Action::Environment(_)) {
            next.push(outcome.next);
        }
    });
    next
}

fn begins_in_the_only_rest(
    scenario: &Scenario,
    steps: impl Fn(&Model, &ClusterState) -> Vec<ClusterState>,
) -> usize {
    let running = model(scenario.clone());
    let [begins] = &running.initial()[..] else { panic!("{}: one beginning", scenario.name) };
    let (rests, states) = rests(scenario, steps);
    assert_eq!(rests, BTreeSet::from([representative(&running, begins.clone())]), "{scenario:?}");
    assert!(states > 20, "{states} states are no creation: {scenario:?}");
    states
}

fn with(replicas: u8, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = catalogue::termination("beginning", replicas);
    change(&mut scenario);
    scenario
}

fn probed(scenario: &mut Scenario) {
    let container = &mut scenario.workload.template.containers[0];
    container.listens_after_seconds = 3;
    container.pre_stop = Some(PreStop::Seconds(5));
    container.readiness_probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 2,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    });
}

#[test]
fn every_order_of_small_steps_of_a_creation_ends_where_running_begins() {
    for replicas in 1..=2 {
        let ways = begins_in_the_only_rest(&with(replicas, |_| {}), small_steps);
        assert!(ways > 100, "{ways} states are no creation");
    }
    begins_in_the_only_rest(&with(1, probed), small_steps);
    begins_in_the_only_rest(&with(2, |s| s.workload.kind = WorkloadKind::ReplicaSet), small_steps);
    begins_in_the_only_rest(&with(1, |s| s.workload.kind = WorkloadKind::Pod), small_steps);
    begins_in_the_only_rest(&with(1, |s| s.approximations = Approximations::NONE), small_steps);
}

/// Why a workload on several nodes may not run from the beginning, and that the comparison would tell.
#[test]
fn on_two_nodes_creation_comes_to_rest_in_more_than_one_state() {
    let scenario = catalogue::web("beginning", Story::ScaleDown, 1, 2);
    let (rests, _) = rests(&scenario, small_steps);
    assert!(rests.len() > model(scenario).initial().len(), "{} states", rests.len());
}

#[test]
fn every_order_of_moves_of_a_creation_ends_where_running_begins() {
    for replicas in 1..=3 {
        begins_in_the_only_rest(&with(replicas, |_| {}), moves);
    }
    begins_in_the_only_rest(&with(2, probed), moves);
}

#[test]
fn every_order_of_steps_and_ticks_of_a_creation_ends_where_running_begins() {
    let timed = |s: &mut Scenario| {
        s.timing = Timing::Timed;
        s.approximations = s.approximations.without(Approximation::Focus);
    };
    begins_in_the_only_rest(&with(1, timed), small_steps);
    begins_in_the_only_rest(&with(1, |s| s.timing = Timing::Timed), small_steps);
}

/// The counterexamples of the built-in scenario, through their text and back.
#[test]
fn the_traces_of_what_runs_are_read_and_replayed() {
    let Command::Check(arguments) =
        Arguments::parse_from(["podproof", "check", "--scenario", "termination"]).command
    else {
        panic!("a check was asked for")
    };
    let input = input::read(&arguments.input).expect("a built-in scenario");
    let all = PropertySet::of(Property::all());
    let (plans, untold) = plan::searches(&input.workloads[0], &arguments.world, all);
    assert!(untold.is_empty(), "{untold:?}");
    let limits = Limits { states: 1_000_000, ..common::LIMITS };
    let mut replayed = 0;
    for plan in plans {
        let line = progress::Line::new("termination", limits.states);
        let outcome = search::run(&plan, &limits, &line).expect("it fits");
        for trace in outcome.findings.iter().filter_map(|finding| finding.trace.as_ref()) {
            let text = trace.to_json();
            assert!(text.contains("\"begins\": \"running\""), "{text}");
            let read = Trace::from_json(&text).expect("what was written");
            assert_eq!(read, *trace);
            let verdict = replay(&read).expect("the model takes its steps");
            assert!(verdict.stands(), "{:?}: {verdict}", trace.property);
            // The story alone, without the creation that goes before it elsewhere.
            assert!(trace.stem.iter().all(|step| step.action.class() != CREATE_POD), "{text}");
            replayed += 1;

            let elsewhere = text.replace("\"begins\": \"running\"", "\"begins\": \"nothing\"");
            let elsewhere = Trace::from_json(&elsewhere).expect("another beginning is a trace too");
            assert!(replay(&elsewhere).is_err(), "the first step is not possible in a cluster without pods");
            let unknown = text.replace("\"begins\": \"running\"", "\"begins\": \"walking\"");
            let error = Trace::from_json(&unknown).expect_err("no such beginning").to_string();
            assert!(
                error.contains("scenario.begins") && error.contains("accepted are nothing, running"),
                "{error}"
            );
        }
    }
    assert!(replayed >= 2, "{replayed} counterexamples");
}

/// The class of `replica-set/create-pod`.
const CREATE_POD: u8 = 17;

#[test]
fn a_trace_that_does_not_say_where_it_begins_begins_with_nothing() {
    let scenario = catalogue::web("old", Story::Create, 1, 1);
    let mut value = serde_json::to_value(&scenario).expect("a scenario is plain data");
    let begins = value.as_object_mut().and_then(|fields| fields.remove("begins"));
    assert!(begins.is_some_and(|begins| begins == "nothing"));
    assert_eq!(serde_json::from_value::<Scenario>(value).expect("a scenario of before"), scenario);
}
