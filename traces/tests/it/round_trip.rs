//! Recorded, written, read and replayed, a trace is the same and its verdict stands.

use crate::common::{broken, crash_loop, lassos, short_pre_stop, web};
use podproof_traces::{Change, Kind, Replayed, Trace, replay};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Deletion;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario};

fn read_back(trace: &Trace) -> Trace {
    let text = trace.to_json();
    assert!(text.ends_with("}\n"));
    let read = Trace::from_json(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(&read, trace);
    assert_eq!(read.to_json(), text);
    read
}

fn still_broken(trace: &Trace) {
    let read = read_back(trace);
    assert_eq!(replay(&read), Ok(Replayed::StillBroken { at_step: trace.stem.len() }));
}

fn safety(scenario: &Scenario, property: Property) -> Trace {
    let trace = broken(scenario, property);
    assert_eq!(trace.kind, Kind::Safety);
    still_broken(&trace);
    trace
}

#[test]
fn a_broken_grace_period_replays() {
    safety(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
}

#[test]
fn a_wrong_slice_replays() {
    safety(&web(Story::Rollout, Some(Mutant::SliceKeepsTerminatingReady)), Property::ReadyMeansReady);
}

#[test]
fn a_failed_request_replays_without_any_wrong_rule() {
    safety(&web(Story::PodDeletion, None), Property::NoFailedRequest);
}

#[test]
fn one_step_has_one_line_in_the_file() {
    let trace = safety(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let text = trace.to_json();
    assert_eq!(text.lines().filter(|line| line.contains("\"component\"")).count(), trace.stem.len());
}

#[test]
fn a_timed_trace_knows_which_pod_is_followed() {
    let trace = safety(&short_pre_stop(), Property::NoFailedRequest);
    let followed = trace.followed.expect("without a clock nothing is late");
    let deletes = &trace.stem[followed.from_step as usize - 1];
    let change = Change::PodDeletion { pod: followed.pod, deletion: Deletion::Graceful };
    assert!(deletes.changed.contains(&change), "a pod is followed from its deletion on");
    assert_eq!(trace.stem.last().unwrap().tick, 3);
}

#[test]
fn a_timed_trace_with_all_clocks_follows_no_pod() {
    let mut scenario = web(Story::PodDeletion, None);
    scenario.timing = Timing::Timed;
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
    let trace = safety(&scenario, Property::NoFailedRequest);
    assert_eq!(trace.followed, None);
}

#[test]
fn a_rest_is_a_lasso_without_a_cycle() {
    let found =
        lassos(&web(Story::PodDeletion, Some(Mutant::KubeletNeverRemoves)), Property::DeletionCompletes);
    let rest = found.iter().find(|trace| trace.cycle.is_empty()).unwrap();
    assert_eq!(rest.kind, Kind::Lasso);
    still_broken(rest);
}

fn crashing_for_ever() -> Trace {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    found
        .into_iter()
        .filter(|trace| !trace.cycle.is_empty())
        .min_by_key(|trace| trace.cycle.len())
        .expect("it goes on for ever")
}

#[test]
fn a_crash_loop_is_a_lasso_with_a_cycle() {
    let trace = crashing_for_ever();
    still_broken(&trace);
    assert_eq!(trace.cycle.len(), 7);
}

fn no_lasso(trace: &Trace) -> String {
    match replay(&read_back(trace)) {
        Ok(Replayed::NoLassoAnyMore { why }) => why,
        other => panic!("this is no lasso, but replay says {other:?}"),
    }
}

#[test]
fn resting_where_something_fair_must_happen_is_no_lasso() {
    let mut trace = crashing_for_ever();
    trace.cycle.clear();
    let why = no_lasso(&trace);
    assert!(why.contains("no fair run repeats it: '"), "{why}");
    assert!(why.ends_with("is possible all along and never taken"), "{why}");
}

#[test]
fn a_cycle_that_does_not_return_is_no_lasso() {
    let mut trace = crashing_for_ever();
    trace.cycle.pop();
    let why = no_lasso(&trace);
    assert_eq!(why, "its cycle does not return to the state where it begins");
}

#[test]
fn an_obligation_that_is_met_is_no_lasso() {
    let mut trace = crashing_for_ever();
    // The second slot has no pod: nobody is owed its eviction.
    trace.obligation = trace.obligation.map(|bit| bit + 1);
    let why = no_lasso(&trace);
    assert!(why.starts_with("something of what repeats meets the obligation: "), "{why}");
}
