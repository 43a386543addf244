//! Nodes that are found silent: not before they have been so for longer than they ever are between two signs of life.

use podproof_conform::report::Verdict;
use serde_json::Value;

use crate::files::{AUDIT, Files, judge, later, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The node that is found silent.
const NODE: &str = "node-b";

const SECOND: i64 = 1_000_000;

/// The audit log of a node that renews its lease every 2 s until it is found silent 6.1 s after the last. Of its last three renewals
/// each happens so much later, or not at all.
fn renewed(moved: [Option<i64>; 3]) -> Files {
    let mut files = recording("07");
    files.retain(|name, _| [AUDIT, "nodes.jsonl"].contains(&name.as_str()));
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let is_renewal =
        |event: &&Value| event["objectRef"]["resource"] == "leases" && event["objectRef"]["name"] == NODE;
    let ids: Vec<Value> =
        events.iter().filter(is_renewal).skip(1).take(3).map(|event| event["auditID"].clone()).collect();
    for (id, by) in ids.iter().zip(moved) {
        let place = events.iter().position(|event| event["auditID"] == *id).expect("it is there");
        match by {
            Some(by) => later(&mut events[place], by),
            None => _ = events.remove(place),
        }
    }
    events.sort_by_key(|event| event["stageTimestamp"].as_str().map(str::to_owned));
    *lines = events.iter().map(Value::to_string).collect();
    files
}

fn said(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

#[test]
fn a_node_that_renews_irregularly_may_be_found_silent() {
    assert_eq!(said(&renewed([Some(0), Some(0), Some(0)])).0, Verdict::Lawful);
    // After 1 s, and after 5 s more: the interval is at most 1 s.
    let (verdict, why) = said(&renewed([Some(-SECOND), None, Some(0)]));
    assert_eq!(verdict, Verdict::Lawful, "{why}");
}

#[test]
fn a_node_that_was_heard_of_just_before_is_not_silent() {
    for moved in [[Some(0), Some(0), Some(4 * SECOND)], [Some(-SECOND), None, Some(5 * SECOND)]] {
        let (verdict, why) = said(&renewed(moved));
        assert_eq!(verdict, Verdict::Unexplained);
        assert!(why.contains("its kubelet was heard of"), "{why}");
    }
}
