//! What was removed long ago, with all that was followed of it.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The recording of a pod that is deleted, and what its kubelet told last, once more more than an hour after that, answered with this code.
fn told_again(code: u16) -> Files {
    let mut files = recording("02");
    let audit = files.get_mut(AUDIT).expect("there is one");
    let events: Vec<Value> = audit.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let last = |resource: &str| {
        let is_of = |event: &&Value| {
            ["patch", "update"].iter().any(|verb| event["verb"] == *verb)
                && event["objectRef"]["resource"] == resource
        };
        events.iter().rfind(is_of).expect("there is one").clone()
    };
    let again = |mut event: Value, minute: u8| {
        event["auditID"] = json!(format!("again at {minute}"));
        for (time, at) in [("requestReceivedTimestamp", "00.1"), ("stageTimestamp", "00.2")] {
            let before = event[time].as_str().expect("a time");
            event[time] = json!(format!("{}T23:{minute:02}:{at}00000Z", &before[..10]));
        }
        event
    };
    // By then the pod is not followed any more.
    audit.push(again(last("leases"), 30).to_string());
    let mut event = again(last("pods"), 59);
    event["responseStatus"] = json!({"metadata": {}, "code": code});
    if code >= 400 {
        event.as_object_mut().expect("an event").remove("responseObject");
    } else {
        event["responseObject"]["metadata"]["resourceVersion"] = json!("900000");
    }
    audit.push(event.to_string());
    files
}

#[test]
fn a_pod_that_was_removed_long_ago_is_written_to_by_nobody() {
    let report = judge(&told_again(200), MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(why.contains("the pod was removed") && why.contains("API-6"), "{why}");
    let report = judge(&told_again(404), MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}

/// A deletion in the foreground keeps a ReplicaSet until its pods are gone; meanwhile it makes none (RS-6).
#[test]
fn a_replica_set_that_is_being_deleted_makes_no_pods() {
    let mut files = recording("07");
    files.retain(|name, _| name == AUDIT);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let events: Vec<Value> = audit.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let is = |event: &Value, resource: &str, verb: &str| {
        event["objectRef"]["resource"] == resource && event["verb"] == verb
    };
    let second = |event: &Value| {
        let time = event["requestReceivedTimestamp"].as_str().expect("a time");
        time.parse::<jiff::Timestamp>().expect("a time").as_second()
    };
    let last = events.iter().rfind(|event| is(event, "pods", "create")).expect("a pod is replaced");
    let is_long_before =
        |event: &&Value| is(event, "replicasets", "update") && second(event) + 12 < second(last);
    let mut deletion = events.iter().rfind(is_long_before).expect("there is a ReplicaSet by then").clone();
    deletion["auditID"] = json!("deleted");
    deletion["verb"] = json!("delete");
    deletion["user"] = json!({"username": "rig-admin"});
    deletion["userAgent"] = json!("kubectl/v1.20.2");
    deletion["objectRef"]["subresource"] = json!("");
    deletion["requestObject"] = json!({"kind": "DeleteOptions", "propagationPolicy": "Foreground"});
    for time in ["requestReceivedTimestamp", "stageTimestamp"] {
        let later = jiff::Timestamp::from_second(second(&deletion) + 1).expect("a time");
        deletion[time] = json!(format!("{}.500000Z", later.strftime("%Y-%m-%dT%H:%M:%S")));
    }
    let metadata = &mut deletion["responseObject"]["metadata"];
    let version: u64 =
        metadata["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    metadata["resourceVersion"] = json!((version + 1).to_string());
    metadata["deletionTimestamp"] = json!("2026-11-22T07:40:00Z");
    audit.push(deletion.to_string());
    let report = judge(&files, MOST);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert_eq!(report.verdict(), Verdict::Unexplained, "{why}");
    assert!(why.contains("RS-6"), "{why}");
}
