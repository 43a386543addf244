//! Writes that were granted although they asked for what was not so, or that were answered with something else than they asked for.

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn rollout() -> Files {
    let mut files = recording("06");
    files.remove("client.jsonl");
    make_room(&mut files);
    files
}

fn is(event: &Value, verb: &str, resource: &str, subresource: &str) -> bool {
    let reference = &event["objectRef"];
    event["verb"] == verb
        && reference["resource"] == resource
        && reference["subresource"].as_str().unwrap_or_default() == subresource
        && event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300)
}

/// What is said of the roll-out if the write of this number of those that are so is another.
fn with(number: usize, is: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) -> Report {
    let mut files = rollout();
    let mut seen = 0;
    edit(&mut files, AUDIT, |event| {
        if is(event) {
            if seen == number {
                change(event);
            }
            seen += 1;
        }
    });
    assert!(seen > number, "{seen} are so");
    judge(&files, MOST)
}

fn is_found(report: &Report, says: &str) {
    let found = report.first_unexplained();
    assert_eq!(report.verdict(), Verdict::Unexplained, "{says}");
    assert!(found.is_some_and(|found| found.why.contains(says)), "{says}: {found:?}");
}

#[test]
fn an_update_of_an_old_version_is_not_granted() {
    let scales = |event: &Value| is(event, "update", "replicasets", "");
    assert_eq!(with(2, scales, |_| {}).verdict(), Verdict::Lawful);
    let old = with(2, scales, |event| event["requestObject"]["metadata"]["resourceVersion"] = json!("17"));
    is_found(&old, "it asked for version 17");
    // A patch that names none is of any version.
    let none = with(2, scales, |event| {
        _ = event["requestObject"]["metadata"].as_object_mut().map(|all| all.remove("resourceVersion"));
    });
    assert_eq!(none.verdict(), Verdict::Lawful, "{:?}", none.first_unexplained());
}

#[test]
fn a_write_of_another_uid_is_not_granted() {
    let other = "it asked for UID 00000000";
    let uid = json!("00000000-0000-0000-0000-000000000000");
    let removes = |event: &Value| {
        is(event, "delete", "pods", "")
            && event["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:node:"))
    };
    is_found(&with(0, removes, |event| event["requestObject"]["preconditions"]["uid"] = uid.clone()), other);
    let binds = |event: &Value| is(event, "create", "pods", "binding");
    is_found(&with(1, binds, |event| event["requestObject"]["metadata"]["uid"] = uid.clone()), other);
    let reports = |event: &Value| is(event, "patch", "pods", "status");
    is_found(&with(4, reports, |event| event["requestObject"]["metadata"]["uid"] = uid.clone()), other);
}

#[test]
fn an_answer_says_what_was_asked_for() {
    let scales = |event: &Value| is(event, "update", "replicasets", "");
    let of_replicas = with(2, scales, |event| event["requestObject"]["spec"]["replicas"] = json!(9));
    is_found(&of_replicas, "another spec.replicas than it asked for");
    let slices = |event: &Value| {
        is(event, "update", "endpointslices", "") && event["requestObject"]["endpoints"][0].is_object()
    };
    let of_endpoints = with(2, slices, |event| {
        let conditions = &mut event["requestObject"]["endpoints"][0]["conditions"];
        conditions["ready"] = json!(conditions["ready"] != true);
    });
    is_found(&of_endpoints, "another endpoints than it asked for");
    let reports = |event: &Value| {
        is(event, "patch", "pods", "status") && event["requestObject"]["status"]["phase"] == "Running"
    };
    let of_phase = with(1, reports, |event| event["requestObject"]["status"]["phase"] = json!("Failed"));
    is_found(&of_phase, "another status.phase than it asked for");
}

/// What a mutating webhook has changed is said in the event.
#[test]
fn an_answer_is_what_a_webhook_made_of_what_was_asked_for() {
    let creates = |event: &Value| is(event, "create", "deployments", "");
    let noted = |mutated: bool| {
        with(0, creates, |event| {
            event["requestObject"]["spec"]["replicas"] = json!(9);
            let note = json!({"configuration": "caps", "webhook": "caps.example.com", "mutated": mutated});
            event["annotations"]["mutation.webhook.admission.k8s.io/round_0_index_0"] =
                json!(note.to_string());
        })
    };
    assert_eq!(noted(true).verdict(), Verdict::Lawful, "{:?}", noted(true).first_unexplained());
    is_found(&noted(false), "another spec.replicas than it asked for");
}

/// Nobody knows whether it was granted.
#[test]
fn a_write_without_a_code_is_none_that_was_granted() {
    let binds = |event: &Value| is(event, "create", "pods", "binding");
    let report = with(2, binds, |event| event["responseStatus"] = json!({}));
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
    let outside = report.tally.outside();
    assert_eq!(outside.get("writes that say nothing of their answer"), Some(&1));
}
