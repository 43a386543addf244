//! Several taints that come during one log.

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, later, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The first write of a node that shows the taint of a user, with its place.
fn tainting(files: &Files) -> (usize, Value) {
    let all = files[AUDIT].iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let is_it = |event: &Value| {
        let taints = event["responseObject"]["spec"]["taints"].as_array();
        event["objectRef"]["resource"] == "nodes"
            && event["user"]["username"] == "rig-admin"
            && taints.is_some_and(|taints| taints.iter().any(|taint| taint["effect"] == "NoExecute"))
    };
    all.enumerate().find(|(_, event)| is_it(event)).expect("a node is tainted")
}

/// Another node gets this taint a second before the one of the recording.
fn with_another(taint: Value) -> Report {
    let mut files = recording("13");
    files.remove("client.jsonl");
    make_room(&mut files);
    let (_, tainting) = tainting(&files);
    let node = tainting["objectRef"]["name"].as_str().expect("a name").to_owned();
    let other = if node == "node-a" { "node-b" } else { "node-a" };
    let list: Value = serde_json::from_str(&files["nodes.jsonl"][0]).expect("JSON");
    let items = list["event"]["items"].as_array().expect("nodes");
    let mut object = items.iter().find(|item| item["metadata"]["name"] == other).expect("a node").clone();
    object["kind"] = json!("Node");
    object["apiVersion"] = json!("v1");
    object["spec"]["taints"] = json!([taint]);
    object["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    let mut event = tainting;
    event["auditID"] = json!("another");
    event["objectRef"]["name"] = json!(other);
    event["requestObject"] = json!({"spec": {"taints": [taint]}});
    event["responseObject"] = object;
    later(&mut event, -1_000_000);
    let lines = files.get_mut(AUDIT).expect("there is one");
    lines.push(event.to_string());
    lines.sort_by_key(|line| crate::files::time(line));
    judge(&files, MOST)
}

/// An autoscaler marks a node that it may take away, and nobody has to leave it.
#[test]
fn a_taint_of_another_effect_is_not_the_one_that_pods_leave_for() {
    let report =
        with_another(json!({"key": "DeletionCandidateOfClusterAutoscaler", "effect": "PreferNoSchedule"}));
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}

/// The model has one.
#[test]
fn a_second_taint_that_pods_leave_for_is_said() {
    let report = with_another(json!({"key": "second", "effect": "NoExecute"}));
    assert_ne!(report.verdict(), Verdict::Unexplained, "{:?}", report.first_unexplained());
    let says = |(_, why): &(String, String)| why.contains(":NoExecute changes");
    assert!(report.tally.left_out.iter().any(says), "{:?}", report.tally.left_out);
}
