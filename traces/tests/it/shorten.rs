//! Shortened traces break the same and are shorter.

use podproof_model::Model;
use podproof_traces::{Kind, Replayed, Trace, replay, shorten};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;

use crate::common::{broken, crash_loop, lassos, web};

fn stands(trace: &Trace) {
    assert_eq!(replay(trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }));
}

/// A walk that takes the first step that is possible, and of two revisions the later, until something is broken.
fn wandering(property: Property) -> Trace {
    let mut scenario = podproof_vocabulary::catalogue::web("x", Story::PodDeletion, 2, 2);
    scenario.events.set(EventName::ContainerCrash, 2);
    let model = Model::new(scenario).expect("a small world");
    let first = model.initial().swap_remove(0);
    let mut state = first.clone();
    let mut stem: Vec<Action> = Vec::new();
    for number in 0..2_000_usize {
        let mut enabled = Vec::new();
        model.enabled(&state, &mut enabled);
        // Slow to take the slice to the rules, so that they are old.
        enabled.sort_by_key(|action| matches!(action, Action::EndpointSlice(_) | Action::Proxy(_)));
        let Some(action) = enabled.get((number * 7) % enabled.len().div_ceil(2).max(1)).copied() else {
            break;
        };
        let next = model.apply(&state, &action);
        stem.push(action);
        if model.judge(&state, &action, &next).broken.contains(property) {
            return Trace::record(&model, property, &first, &stem, None, None);
        }
        state = next;
    }
    panic!("the walk breaks nothing in {} steps", stem.len());
}

#[test]
fn a_walk_becomes_what_it_is_about() {
    let long = wandering(Property::NoFailedRequest);
    let short = shorten(&long, 4_000_000);
    stands(&short);
    assert!(short.stem.len() < long.stem.len(), "{} of {}", short.stem.len(), long.stem.len());
    let again = shorten(&short, 4_000_000);
    assert_eq!(again, short, "nothing more can be left out");
    assert_eq!(short, shorten(&long, 4_000_000), "the same each time");
}

#[test]
fn no_step_of_a_shortened_trace_can_be_left_out() {
    let short = shorten(&wandering(Property::NoFailedRequest), 4_000_000);
    let model = Model::new(short.scenario.clone()).unwrap();
    let first = model.initial().swap_remove(0);
    let actions: Vec<Action> = short.stem.iter().map(|step| step.action).collect();
    for left_out in 0..actions.len() {
        let mut fewer = actions.clone();
        fewer.remove(left_out);
        let broken = podproof_traces::broken_by(&model, &first, &fewer, Property::NoFailedRequest);
        assert!(broken.is_none(), "step {} can be left out", left_out + 1);
    }
}

#[test]
fn a_shortest_trace_stays_as_it_is() {
    let trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    let short = shorten(&trace, 1_000_000);
    stands(&short);
    assert!(short.stem.len() <= trace.stem.len());
}

#[test]
fn a_lasso_stays_a_lasso() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let trace = found
        .iter()
        .filter(|trace| replay(trace).is_ok_and(|it| it.stands()))
        .max_by_key(|trace| trace.stem.len());
    let trace = trace.expect("one that a fair run repeats");
    let short = shorten(trace, 500_000);
    assert_eq!(short.kind, Kind::Lasso);
    stands(&short);
    assert!(short.steps().count() <= trace.steps().count());
}

#[test]
fn without_a_step_nothing_changes() {
    let trace = wandering(Property::NoFailedRequest);
    assert_eq!(shorten(&trace, 0), trace);
}
