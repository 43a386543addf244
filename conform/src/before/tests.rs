//! Tests of how a pod stood when the log began, from its status as the log shows it first.

use serde_json::{Value, json};

use super::first_sight::{Began, ContainerBefore, Stage, stage, was_under_way};
use crate::world::Sight;

/// 2026-11-22T08:02:54Z, when the log begins.
const BEGAN: i64 = 1_795_334_574_000_000;
const LONG_BEFORE: &str = "2026-11-22T08:00:00Z";
const BEFORE: &str = "2026-11-22T08:02:50Z";
const DURING: &str = "2026-11-22T08:03:10Z";

/// A pod with one container, on its node for long, whose condition Ready is `ready` since `since`.
fn pod(ready: &str, since: &str, container: Value) -> Value {
    let conditions = json!([
        {"type": "Ready", "status": ready, "lastTransitionTime": since},
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": LONG_BEFORE},
    ]);
    let mut container = container;
    container["name"] = json!("app");
    json!({
        "metadata": {"name": "p", "creationTimestamp": LONG_BEFORE},
        "spec": {"nodeName": "node-a", "containers": [{"name": "app"}]},
        "status": {"conditions": conditions, "containerStatuses": [container]},
    })
}

fn runs(ready: bool, started: &str) -> Value {
    json!({"ready": ready, "state": {"running": {"startedAt": started}}})
}

fn ended(code: i32, started: &str, finished: &str) -> Value {
    json!({"exitCode": code, "startedAt": started, "finishedAt": finished})
}

fn stood(whole: &Value) -> Stage {
    stage(whole, Sight::Found, Began::at(BEGAN))
}

fn container(whole: &Value) -> ContainerBefore {
    match stood(whole) {
        Stage::Bound(mut containers) => containers.remove(0).1,
        stage => panic!("{stage:?}"),
    }
}

#[test]
fn a_condition_that_changed_during_the_log_was_the_other_way_before() {
    for (ready, since, before) in [
        ("True", LONG_BEFORE, ContainerBefore::Ready),
        ("True", DURING, ContainerBefore::Unready),
        ("False", LONG_BEFORE, ContainerBefore::Unready),
        ("False", DURING, ContainerBefore::Ready),
    ] {
        let found = container(&pod(ready, since, runs(ready == "True", LONG_BEFORE)));
        assert_eq!(found, before, "{ready} since {since}");
    }
    let fresh = pod("True", DURING, runs(true, BEFORE));
    assert_eq!(container(&fresh), ContainerBefore::Starting, "it was started just before the log began");
}

/// In the second of the beginning a write has just changed what it shows; what is listed was so.
#[test]
fn what_is_listed_was_so() {
    let whole = pod("True", "2026-11-22T08:02:54Z", runs(true, LONG_BEFORE));
    let before = |sight| match stage(&whole, sight, Began::at(BEGAN)) {
        Stage::Bound(mut containers) => containers.remove(0).1,
        stage => panic!("{stage:?}"),
    };
    assert_eq!(
        (before(Sight::Listed), before(Sight::Found)),
        (ContainerBefore::Ready, ContainerBefore::Unready)
    );
}

#[test]
fn what_a_container_did_during_the_log_it_had_not_done_before() {
    let crashed = |last: Value| {
        let mut status = runs(true, DURING);
        status["lastState"] = json!({"terminated": last});
        container(&pod("True", LONG_BEFORE, status))
    };
    assert_eq!(container(&pod("True", DURING, runs(true, DURING))), ContainerBefore::Waiting);
    assert_eq!(
        crashed(ended(3, LONG_BEFORE, BEFORE)),
        ContainerBefore::Ended(3),
        "it waited to be started anew"
    );
    assert_eq!(crashed(ended(3, LONG_BEFORE, DURING)), ContainerBefore::Ready, "it crashed during the log");
    assert_eq!(crashed(ended(3, DURING, DURING)), ContainerBefore::Waiting);
    let at_its_end = |one: Value| container(&pod("False", DURING, json!({"state": {"terminated": one}})));
    assert_eq!(at_its_end(ended(0, LONG_BEFORE, DURING)), ContainerBefore::Ready);
    assert_eq!(at_its_end(ended(0, LONG_BEFORE, BEFORE)), ContainerBefore::Ended(0));
    let waiting = json!({"state": {"waiting": {"reason": "ContainerCreating"}}});
    assert_eq!(container(&pod("False", BEFORE, waiting)), ContainerBefore::Waiting);
}

#[test]
fn a_pod_without_a_node_or_with_one_since_the_log_began_had_none() {
    let mut whole = pod("True", DURING, runs(true, DURING));
    whole["status"]["conditions"][1]["lastTransitionTime"] = json!(DURING);
    assert_eq!(stood(&whole), Stage::Unbound);
    let mut whole = pod("False", BEFORE, runs(false, BEFORE));
    whole["spec"]["nodeName"] = Value::Null;
    assert_eq!(stood(&whole), Stage::Unbound);
}

/// `deletionTimestamp` is the end of the grace period: it was asked for so long before.
#[test]
fn a_deletion_that_nobody_asks_for_in_the_log_was_asked_for_before() {
    let deleted = |at: &str, sight| {
        let mut whole = pod("True", LONG_BEFORE, runs(true, LONG_BEFORE));
        whole["metadata"]["deletionTimestamp"] = json!(at);
        whole["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        matches!(stage(&whole, sight, Began::at(BEGAN)), Stage::Deleting(_))
    };
    assert!(deleted("2026-11-22T08:03:20Z", Sight::Found), "asked for 4 s before");
    assert!(
        deleted("2026-11-22T08:03:24Z", Sight::Found),
        "in the second of the beginning, and the log shows no request"
    );
    assert!(!deleted("2026-11-22T08:03:24Z", Sight::Deleting), "the log shows the request");
    assert!(!deleted("2026-11-22T08:03:25Z", Sight::Found), "asked for in the log");
}

#[test]
fn what_changed_a_moment_before_the_log_was_under_way() {
    let began = Began::at(BEGAN);
    let at_rest = pod("True", LONG_BEFORE, runs(true, LONG_BEFORE));
    assert!(!was_under_way(&at_rest, began));
    assert!(!was_under_way(&pod("False", DURING, runs(true, LONG_BEFORE)), began));
    assert!(was_under_way(&pod("True", BEFORE, runs(true, LONG_BEFORE)), began));
    assert!(was_under_way(&pod("True", LONG_BEFORE, runs(true, BEFORE)), began));
}
