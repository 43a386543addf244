//! Nodes that join while a workload is followed, and times that somebody has cut short.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, edit, judge, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// Nothing was cut off from a node that is still to come: its kubelet is heard of with its creation.
#[test]
fn a_node_joins_by_the_hand_of_its_own_kubelet() {
    let mut files = recording("01");
    files.retain(|name, _| name == AUDIT);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let middle = audit.len() / 2;
    let mut event: Value = serde_json::from_str(&audit[middle]).expect("JSON");
    let node = json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {
            "name": "node-c", "uid": "c", "resourceVersion": "1", "labels": {"kubernetes.io/hostname": "node-c"},
            "creationTimestamp": event["stageTimestamp"],
        },
        "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "40"},
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": event["stageTimestamp"]}],
        },
    });
    for (field, value) in [
        ("auditID", json!("joins")),
        ("verb", json!("create")),
        ("user", json!({"username": "system:node:node-c"})),
        ("userAgent", json!("kubelet/v1.20.2 (linux/amd64)")),
        ("objectRef", json!({"resource": "nodes", "name": "node-c", "apiVersion": "v1"})),
        ("responseStatus", json!({"code": 201})),
        ("requestObject", node.clone()),
        ("responseObject", node),
    ] {
        event[field] = value;
    }
    audit.insert(middle + 1, event.to_string());
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    // Where what was done to the cluster was written down, it renews its lease before its node is Ready all the same.
    for (field, value) in [
        ("auditID", json!("renews")),
        ("verb", json!("update")),
        (
            "objectRef",
            json!({"resource": "leases", "namespace": "kube-node-lease", "name": "node-c", "apiGroup": "coordination.k8s.io", "apiVersion": "v1"}),
        ),
        ("responseStatus", json!({"code": 200})),
        ("requestObject", Value::Null),
        ("responseObject", Value::Null),
    ] {
        event[field] = value;
    }
    files.get_mut(AUDIT).expect("there is one").insert(middle + 2, event.to_string());
    files.extend(recording("01").into_iter().filter(|(name, _)| name == "faults.jsonl"));
    assert_eq!(files.len(), 2);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}

/// Kubernetes writes microseconds. Of a time without a fraction nobody knows where in its second it was.
#[test]
fn times_may_have_lost_their_fractions() {
    let mut files = recording("02");
    edit(&mut files, AUDIT, |event| {
        for name in ["requestReceivedTimestamp", "stageTimestamp"] {
            let time = event[name].as_str().expect("a time");
            event[name] = json!(format!("{}Z", &time[..19]));
        }
    });
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}
