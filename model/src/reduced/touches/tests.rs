//! What is asked of what a step has touched is what would be learnt by asking for everything, on random walks.

use fastrand::Rng;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};

use super::*;
use crate::properties::{self, Judged};
use crate::reduced::fusion::{Fusion, Fusions};
use crate::reduced::{Reduced, focus};
use crate::test_cluster::probe_all;
use crate::{Model, step};

/// Steps of a walk.
const STEPS: usize = 400;

/// Every built-in scenario in each of these ways to search it, with its model.
fn models(variants: &[fn(&mut Scenario)]) -> Vec<(String, Model)> {
    let each = |variant: &fn(&mut Scenario)| {
        let variant = *variant;
        ENTRIES.iter().map(move |entry| {
            let mut scenario = entry.scenario();
            variant(&mut scenario);
            let name = format!("{} {:?}", scenario.name, scenario.timing);
            (name, Model::new(scenario).expect("a built-in scenario"))
        })
    };
    variants.iter().flat_map(each).collect()
}

fn untimed(scenario: &mut Scenario) {
    scenario.timing = Timing::Untimed;
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
}

fn exact(scenario: &mut Scenario) {
    scenario.timing = Timing::Untimed;
    scenario.approximations = Approximations::NONE;
}

fn timed(scenario: &mut Scenario) {
    scenario.timing = Timing::Timed;
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
}

fn followed(scenario: &mut Scenario) {
    scenario.timing = Timing::Timed;
}

fn probed(scenario: &mut Scenario) {
    untimed(scenario);
    probe_all(scenario);
}

/// A step of a walk out of `state`, any of those that are possible; it begins again where there is none.
fn walked(model: &Model, state: &mut ClusterState, rng: &mut Rng) -> Option<Action> {
    let mut actions = Vec::new();
    model.enabled(state, &mut actions);
    let action = rng.choice(actions);
    if action.is_none() {
        *state = model.initial().swap_remove(0);
    }
    action
}

fn touched(touches: &Touches, model: &Model, before: &ClusterState, after: &ClusterState) -> Touched {
    let evicts = model.open(after, |cluster| cluster.shared.control_plane.evicts());
    touches.between(before, after.words(), evicts)
}

#[test]
fn a_promise_that_is_not_asked_says_of_a_step_what_it_said_of_the_state() {
    let mut left_out = 0;
    for (name, model) in models(&[untimed, exact, timed, probed]) {
        let touches = Touches::of(&model.rules, Parts::ALL);
        let mut rng = Rng::with_seed(7);
        let mut before = model.initial().swap_remove(0);
        for _ in 0..STEPS {
            let Some(action) = walked(&model, &mut before, &mut rng) else { continue };
            let after = model.apply(&before, &action);
            // A tick lets clocks run down.
            if action != Action::Tick {
                let asked = touched(&touches, &model, &before, &after).promises;
                let asked = asked.union(properties::about_choice(&action));
                let (new, old) =
                    (model.judge(&before, &action, &after), model.judge(&before, &Action::Tick, &before));
                let others = |judged: Judged| (judged.broken.without(asked), judged.reached.without(asked));
                assert_eq!(others(new), others(old), "{name}: {action:?}");
                let safety = model.judged.iter().filter(|property| property.facts().kind == Kind::Safety);
                left_out += PropertySet::of(safety).without(asked).iter().count();
            }
            before = after;
        }
    }
    assert!(left_out > 100_000, "{left_out} times nobody was asked");
}

#[test]
fn what_follows_after_a_step_is_found_in_what_it_has_touched() {
    let mut narrow = 0;
    for (name, model) in models(&[untimed, exact, followed, probed]) {
        // Partial order, which adds this, is for untimed searches.
        let fusions = match model.rules.is_timed() {
            true => Fusions::of(&model.rules),
            false => Fusions::of(&model.rules).with(Fusion::RulesThatNobodyReads),
        };
        let reduced = Reduced::with(model, fusions);
        let model = &reduced.model;
        let mut rng = Rng::with_seed(11);
        let mut before = reduced.initial().swap_remove(0).0;
        for _ in 0..STEPS {
            let Some(head) = walked(model, &mut before, &mut rng) else {
                before = reduced.initial().swap_remove(0).0;
                continue;
            };
            let (first, mut scope, mut next) = (before.clone(), Scope::NOTHING, Some(head));
            while let Some(action) = next {
                let mut after = model.apply(&before, &action);
                scope = scope.union(touched(&reduced.touches, model, &before, &after).scope);
                narrow += usize::from(!scope.is_everything());
                let cluster = Cluster::new(&model.rules, &mut after);
                next = reduced.next_fused(&cluster, scope);
                assert_eq!(next, reduced.next_fused(&cluster, Scope::EVERYTHING), "{name}: {action:?}");
                before = after;
            }
            let mut followable = match model.rules.clocks.follow() {
                true => model.open(&first, |first| model.open(&before, |last| focus::begins(first, last))),
                false => Vec::new(),
            };
            if let (Some(pod), true) = (followable.pop(), rng.bool()) {
                before = reduced.follow(&before, pod);
            }
        }
    }
    assert!(narrow > 10_000, "{narrow} times not everything was asked for");
}

#[test]
fn no_step_carries_on_a_kill_where_none_can_be_under_way() {
    for (name, model) in models(&[untimed, exact, probed]) {
        let mut rng = Rng::with_seed(13);
        let mut state = model.initial().swap_remove(0);
        for _ in 0..STEPS {
            let Some(action) = walked(&model, &mut state, &mut rng) else { continue };
            state = model.apply(&state, &action);
            model.open(&state, |cluster| {
                let mut all = Vec::new();
                step::local_candidates(cluster, Scope::EVERYTHING, &mut all);
                let killed = all.iter().filter_map(crate::reduced::fusion::killed_pod);
                let missed = killed.into_iter().find(|&pod| !crate::kubelet::may_be_killed(cluster, pod));
                assert_eq!(missed, None, "{name}: {all:?}");
            });
        }
    }
}
