//! The steps that the end of a trace depends on: each slice is taken alone on the model, and none of its steps is one too many.

use podproof_model::Model;
use podproof_traces::{Kind, Replayed, Slice, Style, Trace, View, replay, show_slice, slice};
use podproof_vocabulary::action::{Action, Component};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, catalogue};

use crate::common::{broken, crash_loop, lassos, short_pre_stop, web};
use crate::corpus;

/// Counterexamples of several promises: races, wrong rules, and one that is broken by the clock alone.
fn counterexamples() -> Vec<Trace> {
    let of = |story, mutant, property| broken(&web(story, mutant), property);
    let mut timed = web(Story::Create, Some(Mutant::ProxyNeverAdds));
    timed.timing = Timing::Timed;
    timed.approximations = timed.approximations.without(Approximation::Focus);
    vec![
        of(Story::PodDeletion, None, Property::NoFailedRequest),
        of(Story::Rollout, None, Property::NoTrafficAfterSigterm),
        broken(&catalogue::web("x", Story::Rollout, 1, 2), Property::NoFailedRequest),
        broken(&catalogue::web("x", Story::PodDeletion, 2, 2), Property::NoFailedRequest),
        of(Story::Create, Some(Mutant::ProxyNeverAdds), Property::NoAvoidableBlackout),
        broken(&timed, Property::NoAvoidableBlackout),
        of(Story::PodDeletion, Some(Mutant::SliceKeepsTerminatingReady), Property::ReadyMeansReady),
        of(Story::Rollout, Some(Mutant::SigkillAtOnce), Property::GraceHonoured),
        of(Story::PodDeletion, Some(Mutant::KubeletRemovesEarly), Property::StoppedBeforeGone),
        of(Story::PodDeletion, Some(Mutant::SandboxStoppedFirst), Property::SandboxHoldsNamespaces),
        of(Story::PodDeletion, Some(Mutant::WorkerStartsAfterTermination), Property::TerminalIsFinal),
    ]
}

/// Nothing is wrapped.
const WIDE: Style = Style { colour: false, width: 1000 };
const WHOLE: View<'static> = View { full: true, from: None, file: None };

fn actions(trace: &Trace) -> Vec<Action> {
    trace.stem.iter().map(|step| step.action).collect()
}

/// Taken alone the steps break the property, and all of them are among those of the trace, in their order.
fn is_sound(trace: &Trace, slice: &Slice) {
    let alone = slice.alone().expect("a safety trace has steps that break it");
    let all = alone.stem.len();
    assert_eq!(replay(alone), Ok(Replayed::StillBroken { at_step: all }), "{}", trace.scenario.name);
    let told: Vec<Action> = slice.steps.iter().map(|&step| trace.stem[step - 1].action).collect();
    let taken: Vec<Action> = actions(alone).into_iter().filter(|action| *action != Action::Tick).collect();
    assert_eq!(told, taken);
    let is_step = |(_, step): &(usize, &podproof_traces::TraceStep)| step.action != Action::Tick;
    let last = trace.steps().filter(is_step).last().map(|(number, _)| number);
    assert_eq!(slice.steps.last().copied(), last, "the end is part of it");
}

#[test]
fn a_slice_is_a_path_of_its_own_that_breaks_the_same() {
    let (mut told, mut all) = (0, 0);
    let is_safety = |trace: &Trace| trace.kind == Kind::Safety;
    let traces: Vec<Trace> =
        counterexamples().into_iter().chain(corpus::traces().into_iter().filter(is_safety)).collect();
    for trace in &traces {
        let slice = slice(trace).expect("the model takes the steps");
        is_sound(trace, &slice);
        assert!(!slice.arrows.is_empty(), "{}", trace.scenario.name);
        told += slice.steps.len();
        all += trace.stem.len();
    }
    assert!(5 * told < 4 * all, "{told} of {all} steps of {} traces", traces.len());
}

/// Are all of these steps possible in their turn, and do they break the promise of no failed request?
fn breaks(model: &Model, actions: &[Action]) -> bool {
    let mut state = model.initial().remove(0);
    let mut broken = false;
    for action in actions {
        let mut enabled = Vec::new();
        model.enabled(&state, &mut enabled);
        if !enabled.contains(action) {
            return false;
        }
        let next = model.apply(&state, action);
        broken = model.judge(&state, action, &next).broken.contains(Property::NoFailedRequest);
        state = next;
    }
    broken
}

#[test]
fn no_step_of_a_slice_can_be_left_out() {
    let trace = broken(&catalogue::web("x", Story::Rollout, 1, 2), Property::NoFailedRequest);
    let slice = slice(&trace).expect("the model takes the steps");
    let alone = slice.alone().expect("it is a safety trace");
    let model = Model::new(alone.scenario.clone()).expect("it is small");
    let steps = actions(alone);
    assert!(breaks(&model, &steps));
    for left_out in 0..steps.len() - 1 {
        let fewer = [&steps[..left_out], &steps[left_out + 1..]].concat();
        assert!(!breaks(&model, &fewer), "step {left_out} can be left out");
    }
}

#[test]
fn arrows_lead_from_what_was_written_to_who_read_it() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let slice = slice(&trace).expect("the model takes the steps");
    assert!(slice.arrows.iter().all(|arrow| arrow.from < arrow.to));
    assert!(slice.arrows.iter().all(|arrow| slice.has(arrow.from) && slice.has(arrow.to)));
    let component = |step: usize| trace.stem[step - 1].component;
    let leads = |from, to| {
        slice.arrows.iter().any(|arrow| (component(arrow.from), component(arrow.to)) == (from, to))
    };
    assert!(leads(Component::EndpointSliceController, Component::KubeProxy), "{:?}", slice.arrows);
    assert!(leads(Component::Environment, Component::Kubelet), "{:?}", slice.arrows);
    assert!(slice.arrows.iter().all(|arrow| component(arrow.from) != component(arrow.to)));
}

#[test]
fn what_has_no_part_in_the_end_is_folded_and_what_goes_before_a_step_is_told() {
    let trace = broken(&catalogue::web("x", Story::Rollout, 1, 2), Property::NoFailedRequest);
    let story = show_slice(&trace, WIDE, WHOLE);
    for line in [
        "slice: 45 of 51 steps; taken alone on the model they break the promise",
        "1 unrelated step",
        "<- step 2 (deployment): ReplicaSet web-l4f8",
        "<- step 50 (kubelet): pod web-l4f8/0 on its node",
        "step 51 breaks no-failed-request",
    ] {
        assert!(story.contains(line), "{line}\n{story}");
    }
    let slice = slice(&trace).expect("the model takes the steps");
    let told = |step: usize| story.lines().any(|line| line.trim_start().starts_with(&format!("{step}  ")));
    assert!(slice.steps.iter().all(|&step| told(step)), "{story}");
}

#[test]
fn a_slice_is_told_from_the_first_event_on_unless_the_whole_of_it_is_asked_for() {
    let trace = broken(&catalogue::web("x", Story::Rollout, 1, 2), Property::NoFailedRequest);
    let event =
        trace.stem.iter().position(|step| step.component == Component::Environment).expect("a rollout") + 1;
    let short = show_slice(&trace, WIDE, View::default());
    let numbers = |story: &str| {
        story.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect::<Vec<usize>>()
    };
    assert_eq!(numbers(&short).first(), Some(&event), "{short}");
    assert!(
        short.contains(&format!("steps 1-{} are not told (--full tells them); then", event - 1)),
        "{short}"
    );
    assert!(short.contains("rules on node-1: pod web-l4f8/0"), "what is so then is told: {short}");
    let whole = numbers(&show_slice(&trace, WIDE, WHOLE));
    assert_eq!(numbers(&short), whole[whole.len() - numbers(&short).len()..], "and the rest is the same");
    assert!(
        numbers(&show_slice(&trace, WIDE, View { full: false, from: Some(event + 5), file: None }))
            .iter()
            .all(|&step| step > event + 4)
    );
}

#[test]
fn a_timed_slice_tells_the_time_that_passes() {
    let trace = broken(&short_pre_stop(), Property::NoFailedRequest);
    let slice = slice(&trace).expect("the model takes the steps");
    is_sound(&trace, &slice);
    let story = show_slice(&trace, WIDE, WHOLE);
    assert!(story.contains("3 s pass"), "{story}");
    assert!(story.contains("unrelated step"), "{story}");
}

#[test]
fn of_a_lasso_what_its_obligation_is_not_about_is_left_out() {
    let found =
        lassos(&web(Story::PodDeletion, Some(Mutant::KubeletNeverRemoves)), Property::DeletionCompletes);
    let rest = found.iter().find(|trace| trace.cycle.is_empty()).expect("it rests");
    let of_rest = slice(rest).expect("the model takes the steps");
    assert!(of_rest.alone().is_none() && of_rest.steps.len() < rest.stem.len(), "{of_rest:?}");
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let round = found.iter().find(|trace| !trace.cycle.is_empty()).expect("it goes round");
    let of_round = slice(round).expect("the model takes the steps");
    let cycle = round.stem.len() + 1..=round.stem.len() + round.cycle.len();
    assert!(cycle.into_iter().all(|step| of_round.has(step)), "what repeats is told: {of_round:?}");
}

#[test]
fn a_path_has_no_slice_and_neither_has_what_the_model_no_longer_takes() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let other = Trace { scenario: web(Story::Create, None), ..trace.clone() };
    assert_eq!(slice(&other), None);
    let model = Model::new(trace.scenario.clone()).expect("it is small");
    let path = Trace::path(&model, &model.initial()[0], &actions(&trace));
    assert_eq!(slice(&path), None);
}
