//! A scheduler that has decided takes its time to bind: volumes are bound before, plugins wait, and the API server may be slow. What becomes of
//! the node meanwhile does not change what it has decided.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, later, line, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;
const SECOND: i64 = 1_000_000;

fn is(event: &Value, verb: &str, subresource: &str) -> bool {
    let reference = &event["objectRef"];
    event["verb"] == verb
        && reference["resource"] == "pods"
        && reference["subresource"].as_str().unwrap_or_default() == subresource
}

/// The audit log of a pod that is bound so long after it was created, to a node that somebody cordons so long after its creation.
fn bound(after: i64, cordoned_after: i64) -> Files {
    let mut files = recording("01");
    files.retain(|name, _| [AUDIT, "nodes.jsonl"].contains(&name.as_str()));
    make_room(&mut files);
    let (created, binding) = (
        line(&files, AUDIT, |event| is(event, "create", "")),
        line(&files, AUDIT, |event| is(event, "create", "binding")),
    );
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    events[binding..].iter_mut().for_each(|event| later(event, after));
    let mut cordon = events[created].clone();
    let version: i64 = cordon["responseObject"]["metadata"]["resourceVersion"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a version");
    let name = events[binding]["requestObject"]["target"]["name"].clone();
    let version = (version + cordoned_after.signum()).to_string();
    let status = json!({"conditions": [{"type": "Ready", "status": "True"}],
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "40"}});
    cordon["objectRef"] = json!({"resource": "nodes", "name": name, "apiVersion": "v1"});
    cordon["verb"] = json!("patch");
    cordon["auditID"] = json!("cordon");
    cordon["user"]["username"] = json!("rig-admin");
    cordon["requestObject"] = json!({"spec": {"unschedulable": true}});
    cordon["responseStatus"]["code"] = json!(200);
    cordon["responseObject"] = json!({"kind": "Node", "apiVersion": "v1", "spec": {"unschedulable": true}, "status": status,
        "metadata": {"name": name, "uid": "n", "labels": {"kubernetes.io/hostname": name}, "resourceVersion": version}});
    later(&mut cordon, cordoned_after);
    events.insert(if cordoned_after < 0 { created } else { binding }, cordon);
    *lines = events.iter().map(Value::to_string).collect();
    files
}

#[test]
fn a_binding_long_after_the_decision_is_lawful() {
    for after in [2, 8, 25] {
        let report = judge(&bound(after * SECOND, SECOND), MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{after} s: {:?}", report.first_unexplained());
    }
}

/// The node was cordoned for long when the pod came.
#[test]
fn a_binding_to_a_node_that_was_cordoned_before_is_found_out() {
    for after in [0, 8] {
        let report = judge(&bound(after * SECOND, -20 * SECOND), MOST);
        assert_eq!(report.verdict(), Verdict::Unexplained, "{after} s");
    }
}
