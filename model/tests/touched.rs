//! What a search asks of what a step has touched is what it would learn by asking for everything.

mod common;

use std::collections::BTreeSet;

use podproof_model::properties::Judged;
use podproof_model::reduced::fusion::{Fusion, Fusions};
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::scenario::{Scenario, Timing};

/// States of each search that are looked at.
const STATES: usize = 400;

/// The searches of the built-in scenarios: untimed, with the clocks of one pod, with all clocks, and without approximations, and with probes.
fn searches() -> Vec<Scenario> {
    let variants: [fn(&mut Scenario); 5] = [
        |s| {
            s.timing = Timing::Untimed;
            s.approximations = s.approximations.without(Approximation::Focus);
        },
        |s| s.timing = Timing::Timed,
        |s| {
            s.timing = Timing::Timed;
            s.approximations = s.approximations.without(Approximation::Focus);
        },
        |s| {
            s.timing = Timing::Untimed;
            s.approximations = Approximations::NONE;
        },
        |s| {
            s.timing = Timing::Untimed;
            s.approximations = s.approximations.without(Approximation::Focus);
            common::probe_all(s);
        },
    ];
    let each = |variant: fn(&mut Scenario)| {
        ENTRIES.iter().map(move |entry| {
            let mut scenario = entry.scenario();
            variant(&mut scenario);
            scenario
        })
    };
    variants.into_iter().flat_map(each).collect()
}

/// Calls `visit` with each move out of the first states, breadth first.
fn explore(reduced: &Reduced, mut visit: impl FnMut(&ClusterState, Move, &ClusterState, Judged)) {
    let mut queue: Vec<ClusterState> = reduced.initial().into_iter().map(|(state, _)| state).collect();
    let mut seen: BTreeSet<ClusterState> = queue.iter().cloned().collect();
    let mut next = 0;
    while next < queue.len().min(STATES) {
        let state = queue[next].clone();
        next += 1;
        reduced.moves(&state, |outcome| {
            visit(&state, outcome.taken, &outcome.next, outcome.judged);
            if seen.insert(outcome.next.clone()) {
                queue.push(outcome.next);
            }
        });
    }
}

#[test]
fn what_follows_at_once_is_what_everything_would_say() {
    for scenario in searches() {
        let name = format!("{} {:?}", scenario.name, scenario.timing);
        let model = || Model::new(scenario.clone()).expect("a built-in scenario");
        let fusions = Fusions::of(&model().rules).with(Fusion::RulesThatNobodyReads);
        for reduced in [Reduced::new(model()), Reduced::with(model(), fusions)] {
            explore(&reduced, |state, taken, next, _| {
                assert!(reduced.after(state, taken) == *next, "{name}: {taken:?}");
            });
        }
    }
}

#[test]
fn a_promise_that_is_not_judged_again_says_what_it_said() {
    for scenario in searches() {
        let name = format!("{} {:?}", scenario.name, scenario.timing);
        let reduced = Reduced::new(Model::new(scenario).expect("a built-in scenario"));
        let model = &reduced.model;
        let initial = reduced.initial().into_iter().map(|(_, judged)| judged);
        let mut known = initial.fold(Judged::default(), Judged::union);
        explore(&reduced, |state, taken, _, judged| {
            known = known.union(judged);
            let mut before = state.clone();
            for (action, after) in reduced.small_steps(state, &taken) {
                let whole = model.judge(&before, &action, &after);
                assert_eq!(known.union(whole), known, "{name}: {action:?} of {taken:?}");
                before = after;
            }
        });
    }
}
