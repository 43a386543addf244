//! Writes that were refused: with a reason in the store, or with none that the log shows.

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, line, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const SECOND: i64 = 1_000_000;

/// The answer to a request that is refused.
fn refuse(event: &mut Value, code: u16, after: i64) {
    event["auditID"] = json!(format!("{}-refused", event["auditID"].as_str().unwrap_or_default()));
    event["responseStatus"] = json!({"metadata": {}, "status": "Failure", "code": code});
    event["responseObject"] =
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code});
    for field in ["requestReceivedTimestamp", "stageTimestamp"] {
        let at: jiff::Timestamp = event[field].as_str().expect("a time").parse().expect("a time");
        let at = jiff::Timestamp::from_microsecond(at.as_microsecond() + after).expect("a time");
        event[field] = json!(format!("{at:.6}"));
    }
}

/// A request like the last of which this holds is refused, so long after it.
fn also_refused(files: &Files, is: impl Fn(&Value) -> bool, code: u16, after: i64) -> Files {
    let mut files = files.clone();
    let last = line(&files, AUDIT, is);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&lines[last]).expect("JSON");
    refuse(&mut event, code, after);
    lines.push(event.to_string());
    files
}

fn odd(report: &Report) -> u64 {
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    let all = report.tally.outside();
    all.iter().filter(|(what, _)| what.starts_with("refusals for no reason")).map(|(_, count)| *count).sum()
}

fn is(event: &Value, verb: &str, resource: &str, subresource: &str) -> bool {
    let reference = &event["objectRef"];
    event["verb"] == verb
        && reference["resource"] == resource
        && reference["subresource"].as_str().unwrap_or_default() == subresource
}

fn without_clients(number: &str) -> Files {
    let mut files = recording(number);
    files.remove("client.jsonl");
    files
}

#[test]
fn a_refusal_has_a_reason_in_the_store() {
    for number in ["05", "06", "12", "17"] {
        assert_eq!(odd(&judge(&without_clients(number), MOST)), 0, "{number}");
    }
    let files = without_clients("06");
    let binds = |event: &Value| is(event, "create", "pods", "binding");
    // The pod is on a node already, and the version is an old one.
    assert_eq!(odd(&judge(&also_refused(&files, binds, 409, SECOND), MOST)), 0);
    let scales = |event: &Value| is(event, "update", "replicasets", "");
    assert_eq!(odd(&judge(&also_refused(&files, scales, 409, SECOND), MOST)), 0);
    // A moment after its removal, which is the last of the writes that a kubelet makes of it.
    let removes = |event: &Value| {
        is(event, "delete", "pods", "")
            && event["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:node:"))
    };
    assert_eq!(odd(&judge(&also_refused(&files, removes, 404, SECOND), MOST)), 0);
}

#[test]
fn a_refusal_for_no_reason_is_counted() {
    let files = without_clients("06");
    let binds = |event: &Value| is(event, "create", "pods", "binding");
    let removes = |event: &Value| {
        is(event, "delete", "pods", "")
            && event["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:node:"))
    };
    let reports = |event: &Value| is(event, "patch", "pods", "status");
    let of_the_budget =
        |event: &Value| is(event, "create", "pods", "eviction") && event["responseStatus"]["code"] == 201;
    // The pod is on no node yet; it is there; the version is the newest; the budget allows it.
    for (files, what, code, after) in [
        (&files, &binds as &dyn Fn(&Value) -> bool, 409, -25_000),
        (&files, &removes, 404, -SECOND),
        (&files, &reports, 404, 1_000),
        (&without_clients("12"), &of_the_budget, 429, -100_000),
    ] {
        assert_eq!(odd(&judge(&also_refused(files, what, code, after), MOST)), 1, "{code} {after}");
    }
}
