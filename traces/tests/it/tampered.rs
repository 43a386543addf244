//! Whoever changes a trace by hand is told where it no longer fits.

use crate::common::{broken, short_pre_stop, web};
use podproof_traces::{Divergence, Replayed, Trace, replay};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{NodeId, Property};

fn trace() -> Trace {
    broken(&web(Story::PodDeletion, None), Property::NoFailedRequest)
}

/// What replay says of a trace that does not fit.
fn divergence(trace: &Trace) -> String {
    replay(trace).expect_err("the trace was tampered with").to_string()
}

/// What reading says of a file that was changed by replacing `from`, which it has, with `to`.
fn refusal(from: &str, to: &str) -> String {
    let text = trace().to_json();
    assert!(text.contains(from), "the file has no {from}");
    Trace::from_json(&text.replacen(from, to, 1)).expect_err("the file was tampered with").to_string()
}

#[test]
fn a_step_that_is_swapped_is_not_possible() {
    let mut trace = trace();
    trace.stem.swap(6, 7);
    let message = divergence(&trace);
    assert!(message.starts_with("step 7: 'scheduler binds pod web-"), "{message}");
    assert!(message.contains("is not possible here; possible are: "), "{message}");
    assert!(message.contains("scheduler chooses node-1 for pod web-"), "{message}");
}

#[test]
fn a_step_that_is_left_out_is_missed() {
    let mut trace = trace();
    trace.stem.remove(4);
    let message = divergence(&trace);
    assert!(message.starts_with("step 5: 'scheduler now sees pod #0' is not possible here"), "{message}");
}

#[test]
fn the_last_step_left_out_leaves_the_promise_kept() {
    let mut trace = trace();
    trace.stem.pop();
    let replayed = replay(&trace).unwrap();
    assert_eq!(replayed, Replayed::NoLongerBroken);
    assert!(!replayed.stands());
    assert!(replayed.to_string().starts_with("no longer broken"), "{replayed}");
}

#[test]
fn a_change_that_is_edited_is_seen() {
    let mut trace = trace();
    let text = trace.to_json();
    let ready = "{\"pod-ready\": {\"pod\": 0, \"ready\": true}}";
    assert!(text.contains(ready), "the story has a pod that becomes Ready");
    trace =
        Trace::from_json(&text.replace(ready, "{\"pod-ready\": {\"pod\": 0, \"ready\": false}}")).unwrap();
    let message = divergence(&trace);
    assert!(message.contains("kubelet on node-1 patches the status of pod web-"), "{message}");
    assert!(
        message.contains("recorded: pod web-l4f8/0: not Ready; replayed: pod web-l4f8/0: Ready"),
        "{message}"
    );
}

#[test]
fn a_change_that_is_left_out_is_seen() {
    let mut trace = trace();
    trace.stem[4].changed.clear();
    let message = divergence(&trace);
    assert!(message.ends_with("recorded: nothing; replayed: pod web-l4f8/0 appears"), "{message}");
}

#[test]
fn a_tick_count_and_a_component_that_are_wrong_are_seen() {
    let mut trace = broken(&short_pre_stop(), Property::NoFailedRequest);
    let last = trace.stem.len() - 1;
    trace.stem[last].tick += 1;
    assert!(divergence(&trace).ends_with("recorded: tick 4; replayed: tick 3"), "{}", divergence(&trace));
    trace.stem[last].tick -= 1;
    trace.stem[last].component = podproof_vocabulary::action::Component::Drain;
    assert!(
        divergence(&trace).ends_with("recorded: component drain; replayed: component runtime"),
        "{}",
        divergence(&trace)
    );
}

#[test]
fn another_pod_that_is_followed_does_not_fit() {
    let mut trace = broken(&short_pre_stop(), Property::NoFailedRequest);
    let mut followed = trace.followed.unwrap();
    followed.from_step -= 1;
    trace.followed = Some(followed);
    assert!(divergence(&trace).contains("cannot be followed from here on"), "{}", divergence(&trace));
}

#[test]
fn another_property_is_not_broken() {
    let mut trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    trace.property = Some(Property::OneAddressOnePod);
    assert_eq!(replay(&trace), Ok(Replayed::NoLongerBroken));
}

#[test]
fn a_property_that_is_broken_before_the_end_is_told() {
    let mut trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    trace.property = Some(Property::NoTrafficAfterSigterm);
    let Ok(Replayed::BrokenEarlier { at_step }) = replay(&trace) else {
        panic!("SIGTERM comes before SIGKILL")
    };
    assert!(at_step < trace.stem.len());
}

#[test]
fn another_story_has_no_such_step() {
    let mut trace = trace();
    trace.scenario.story = Story::Create;
    let message = divergence(&trace);
    assert!(
        message.starts_with("step 22: 'somebody deletes pod web-l4f8/0' is not possible here"),
        "{message}"
    );
}

#[test]
fn a_scenario_without_the_wrong_rule_no_longer_takes_its_steps() {
    let mut trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    trace.scenario.mutant = None;
    let message = divergence(&trace);
    assert!(
        message.contains("sends SIGKILL to container app of pod web-l4f8/0' is not possible here"),
        "{message}"
    );
}

#[test]
fn a_kube_proxy_that_is_not_modelled_is_refused() {
    let mut trace = trace();
    trace.observed_proxy = Some(NodeId(1));
    assert_eq!(divergence(&trace), "observed-proxy: no such kube-proxy is modelled; accepted are 0");
}

#[test]
fn a_scenario_that_is_too_large_is_refused() {
    let mut trace = trace();
    trace.scenario.slots = 251;
    let Err(Divergence::Unfit { why }) = replay(&trace) else { panic!("no state holds it") };
    assert!(why.contains("251 pod slots are more than a state can hold (250)"), "{why}");
}

#[test]
fn another_version_is_refused() {
    let message = refusal("\"version\": 1", "\"version\": 2");
    assert!(
        message
            .starts_with("line 2, column 14: version: this is version 2 of the trace format; accepted is 1"),
        "{message}"
    );
}

#[test]
fn a_field_that_nobody_knows_is_refused() {
    let message = refusal("\"tick\": 0", "\"tock\": 0");
    assert!(
        message.contains("stem[0]")
            && message.contains("there is no field 'tock'; accepted are component, says, action, "),
        "{message}"
    );
}

#[test]
fn a_field_of_the_scenario_that_nobody_knows_is_refused() {
    let message = refusal("\"spare-nodes\": 0", "\"spare-nodes\": 0,\n    \"spare-racks\": 0");
    assert!(
        message.starts_with(
            "line 13, column 20: scenario.spare-racks: there is no field 'spare-racks'; accepted are "
        ),
        "{message}"
    );
}

#[test]
fn a_field_of_another_type_is_refused_with_its_path() {
    let message = refusal("\"slots\": 4", "\"slots\": \"four\"");
    assert!(
        message
            .contains("scenario.slots: this is the text \"four\"; accepted is a whole number from 0 to 255"),
        "{message}"
    );
}

#[test]
fn an_action_that_nobody_knows_lists_the_known_ones() {
    let message = refusal("\"deliver-deployment\"", "\"deliver-deploymnet\"");
    assert!(message.contains("stem[0].action"), "{message}");
    assert!(
        message.contains("there is no 'deliver-deploymnet' here; accepted are deliver-pod, "),
        "{message}"
    );
}

#[test]
fn a_trace_of_the_wrong_kind_is_refused() {
    let message = refusal("\"kind\": \"safety\"", "\"kind\": \"lasso\"");
    assert_eq!(
        message,
        "line 4, column 11: kind: no-failed-request is broken by a trace of another kind; accepted is safety"
    );
}

#[test]
fn a_scenario_that_no_search_has_is_refused() {
    let cases = [
        ("\"serving\": 0", "\"serving\": 1", "scenario.workload.template.serving: accepted are 0 to 0"),
        ("\"slots\": 4", "\"slots\": 0", "scenario.slots: accepted are 1 to 250"),
        ("\"slots\": 4", "\"slots\": 251", "scenario.slots: accepted are 1 to 250"),
        (
            "\"memory\": 0",
            "\"memory\": 18446744073709551615",
            "requests.memory: 18446744073709551615 is too much; accepted are 0 to 9223372036854775807",
        ),
        ("\"spare-nodes\": 0", "\"spare-nodes\": 2", "scenario.spare-nodes: accepted are 0 to 1"),
        (
            "\"grace-seconds\": 30",
            "\"grace-seconds\": 4294967295",
            "scenario.workload.template.grace-seconds: 4294967295 is too long",
        ),
        (
            "\"heartbeat\": 10",
            "\"heartbeat\": 99999999",
            "scenario.latencies.heartbeat: 99999999 is too long",
        ),
    ];
    for (from, to, expected) in cases {
        let message = refusal(from, to);
        assert!(message.contains(expected) && message.starts_with("line "), "{message}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let text = trace().to_json();
    let error = Trace::from_json(&text[..text.len() / 2]).expect_err("half a file");
    assert!(error.to_string().contains("this cannot be read as JSON: EOF while parsing"), "{error}");
}
