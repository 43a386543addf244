//! Promises about new connections.

use podproof_vocabulary::observation::{Deletion, EndpointSeen, Observation};
use podproof_vocabulary::scenario::Scenario;

use super::super::traffic::{no_failed_request, no_misrouted_request, no_traffic_after_sigterm};
use super::super::{Judgement, Step, Subject};
use super::{judge_state, scenario, world};
use crate::test_cluster::{P0, P1};
use Judgement::{Broken, Kept, Silent};

fn terminating(endpoint: Option<EndpointSeen>) -> Option<EndpointSeen> {
    endpoint.map(|endpoint| EndpointSeen { ready: false, terminating: true, ..endpoint })
}

fn signalled(seen: &mut Observation) {
    seen.slots[0].containers[0].sigterm = true;
}

#[test]
fn a_rule_to_a_signalled_pod_breaks_no_traffic_after_sigterm() {
    let scenario = scenario();
    let judged = |change: fn(&mut Observation)| judge_state(no_traffic_after_sigterm, &scenario, change);
    assert_eq!(judged(|_| {}), Silent, "nobody was signalled");
    assert_eq!(judged(signalled), Broken);
    let off = |seen: &mut Observation| {
        signalled(seen);
        seen.slots[0].rules = seen.slots[0].rules.iter().map(|&rule| terminating(rule)).collect();
    };
    assert_eq!(judged(off), Kept);
    assert_eq!(
        judged(|seen| {
            signalled(seen);
            seen.slots[0].rules[1] = None;
        }),
        Broken,
        "one node is enough"
    );
    assert_eq!(
        judged(|seen| {
            signalled(seen);
            seen.slots[0].rules[1] = None;
            seen.nodes[0].powered = false;
        }),
        Kept,
        "a dead node sends nothing"
    );
    assert_eq!(
        judged(|seen| {
            signalled(seen);
            for slot in &mut seen.slots {
                slot.rules = slot.rules.iter().map(|&rule| terminating(rule)).collect();
            }
        }),
        Broken,
        "the fallback sends it there by design (PRX-26)"
    );
}

#[test]
fn a_rule_to_the_address_of_an_earlier_sandbox_is_not_traffic_to_this_container() {
    let scenario = scenario();
    let judged = judge_state(no_traffic_after_sigterm, &scenario, |seen| {
        signalled(seen);
        seen.slots[0].sandbox.address = Some(podproof_vocabulary::observation::Address(1));
    });
    assert_eq!(judged, Kept);
}

#[test]
fn without_a_service_there_is_no_traffic_to_promise() {
    let without = Scenario { service: None, ..scenario() };
    assert_eq!(judge_state(no_traffic_after_sigterm, &without, signalled), Silent);
    assert_eq!(judge_state(no_failed_request, &without, |_| {}), Silent);
    let mut headless = scenario();
    headless.service.as_mut().unwrap().headless = true;
    assert_eq!(judge_state(no_traffic_after_sigterm, &headless, signalled), Silent);
}

#[test]
fn a_rule_to_an_address_where_nobody_accepts_breaks_no_failed_request() {
    let scenario = scenario();
    let judged = |change: fn(&mut Observation)| judge_state(no_failed_request, &scenario, change);
    assert_eq!(judged(|_| {}), Kept);
    assert_eq!(judged(|seen| seen.slots[0].containers[0].accepting = false), Broken);
    assert_eq!(
        judged(|seen| {
            seen.slots[0].pod = None;
            seen.slots[0].sandbox = Default::default();
        }),
        Broken,
        "gone"
    );
    assert_eq!(
        judged(|seen| seen.slots.iter_mut().for_each(|slot| slot.rules.fill(None))),
        Silent,
        "no destination"
    );
}

#[test]
fn pods_on_nodes_that_cannot_be_reached_are_not_judged_by_no_failed_request() {
    let scenario = scenario();
    for (powered, connected) in [(false, true), (true, false)] {
        let judged = judge_state(no_failed_request, &scenario, |seen| {
            seen.nodes[0].powered = powered;
            seen.nodes[0].connected = connected;
            seen.slots[0].containers[0].accepting = false;
        });
        assert_eq!(judged, Kept);
    }
}

#[test]
fn a_rule_to_a_neighbours_address_breaks_no_misrouted_request_and_not_no_failed_request() {
    let scenario = scenario();
    let moved = |seen: &mut Observation| {
        seen.slots[0].sandbox = Default::default();
        seen.slots[0].reused_address = Some(podproof_vocabulary::observation::Address(0));
    };
    assert_eq!(judge_state(no_misrouted_request, &scenario, |_| {}), Silent);
    assert_eq!(judge_state(no_misrouted_request, &scenario, moved), Broken);
    assert_eq!(judge_state(no_failed_request, &scenario, moved), Kept, "somebody accepts");
    let left = judge_state(no_misrouted_request, &scenario, |seen| {
        moved(seen);
        seen.slots[0].rules.fill(None);
    });
    assert_eq!(left, Kept);
}

#[test]
fn a_search_that_follows_one_pod_judges_that_pod_and_those_that_nobody_deletes() {
    let scenario = scenario();
    let mut seen = world(&scenario);
    signalled(&mut seen);
    let judged = |seen: &Observation, followed| {
        let subject = Subject::Followed(followed);
        let action = &podproof_vocabulary::Action::Tick;
        no_traffic_after_sigterm(&Step { subject, scenario: &scenario, before: seen, action, after: seen })
    };
    assert_eq!(judged(&seen, None), Broken, "a pod that lives on breaks it in no time");
    seen.slots[0].pod.as_mut().unwrap().deletion = Deletion::Graceful;
    assert_eq!(judged(&seen, Some(P0)), Broken);
    assert_eq!(judged(&seen, Some(P1)), Silent);
    assert_eq!(judged(&seen, None), Silent);
}
