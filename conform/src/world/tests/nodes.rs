//! Tests of the nodes of a scenario.

use podproof_vocabulary::scenario::TaintEffect;
use serde_json::json;

use super::*;
use crate::world::Moment;

fn tainted(node: Value, version: u32, taints: Value) -> Value {
    later(with(node, "/spec/taints", taints), version)
}

fn node_names(observed: &Observed) -> Vec<&str> {
    observed.scenario.nodes.iter().map(|node| node.name.as_str()).collect()
}

#[test]
fn the_nodes_are_those_of_the_log() {
    let mut first = node("node-b");
    first["metadata"]["labels"]["zone"] = json!("x");
    first["spec"] = json!({"unschedulable": true, "taints": [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": DURING},
        {"key": "own", "value": "x", "effect": "NoSchedule"},
    ]});
    let observed = only(&[listed(vec![first, node("node-a")]), created(pod("a"))]);
    assert_eq!(node_names(&observed), ["node-a", "node-b"]);
    assert_eq!(observed.nodes.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["node-a", "node-b"]);
    let node = &observed.scenario.nodes[1];
    assert_eq!(node.labels["zone"], "x");
    assert_eq!(node.taints.iter().map(|taint| taint.key.as_str()).collect::<Vec<_>>(), ["own"]);
    assert!(node.unschedulable && !observed.scenario.nodes[0].unschedulable);
    assert_eq!(
        (node.allocatable.cpu_milli, node.allocatable.memory, node.allocatable.pods),
        (2000, 4 << 30, 40)
    );
    assert_eq!(observed.scenario.spare_nodes, 0);
    assert!(observed.node_changes.is_empty());
}

#[test]
fn a_node_changes_with_what_users_set() {
    let start = || listed(vec![node("node-a"), node("node-b")]);
    let conditions = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]);
    let own = json!([{"key": "own", "value": "x", "effect": "NoSchedule"}]);
    let labelled = with(tainted(node("node-b"), 5, own.clone()), "/metadata/labels/zone", json!("x"));
    let observed = only(&[
        start(),
        created(pod("a")),
        updated(tainted(node("node-a"), 2, conditions)),
        updated(tainted(node("node-b"), 4, own)),
        updated(later(node("node-b"), 3)), // Seen late.
        updated(labelled),
    ]);
    let seen: Vec<_> = observed.node_changes.iter().map(|change| (change.at.0, change.node)).collect();
    assert_eq!(seen, [(3, 1), (5, 1)]);
    let (first, second) = (&observed.node_changes[0], &observed.node_changes[1]);
    assert!(first.before.taints.is_empty() && first.after.taints[0].key == "own");
    assert_eq!(first.after, second.before);
    assert_eq!(second.after.labels["zone"], "x");
    assert!(observed.scenario_at(Moment(2)).nodes[1].taints.is_empty());
    assert_eq!(observed.scenario_at(Moment(3)).nodes[1].taints.len(), 1);
    assert_eq!(observed.scenario_at(Moment(5)).nodes[1].labels["zone"], "x");
    assert_eq!(observed.changes().into_iter().map(|at| at.0).collect::<Vec<_>>(), [3, 5]);
    // A node is followed from the beginning of the log, and what changes before a workload comes is a change too.
    let observed = only(&[
        start(),
        updated(later(with(node("node-a"), "/spec/unschedulable", json!(true)), 2)),
        created(pod("a")),
    ]);
    assert!(!observed.scenario.nodes[0].unschedulable && observed.node_changes[0].after.unschedulable);
}

#[test]
fn cordons_and_no_execute_taints_are_events_and_not_of_a_scenario() {
    let own = json!([{"key": "own", "effect": "NoExecute"}]);
    let old = json!([{"key": "old", "effect": "NoExecute"}]);
    let cordoned = with(tainted(node("node-a"), 3, own), "/spec/unschedulable", json!(true));
    let entries = [listed(vec![tainted(node("node-a"), 2, old)]), created(pod("a")), updated(cordoned)];
    let observed = only(&entries);
    let later = &observed.scenario_at(Moment(2)).nodes[0];
    assert!(later.taints.is_empty() && !later.unschedulable, "{later:?}");
    assert!(observed.node_changes[0].after.unschedulable);
}

#[test]
fn what_pods_tolerate_of_a_taint_that_comes_they_tolerate_of_its_event() {
    let first = |tolerations: Value, taints: &[Value]| {
        let mut entries = vec![listed(vec![node("node-a")])];
        entries.push(created(with(pod("a"), "/spec/tolerations", tolerations)));
        for (number, taint) in taints.iter().enumerate() {
            entries.push(updated(tainted(node("node-a"), number as u32 + 2, json!([taint]))));
        }
        let observed = only(&entries);
        let toleration = observed.scenario.workload.template.tolerations[0].clone();
        (toleration, observed.warnings)
    };
    let taint = |key: &str, effect: &str| json!({"key": key, "value": "x", "effect": effect});
    let own = json!([{"key": "own", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 8}]);
    let (toleration, warnings) = first(own.clone(), &[taint("own", "NoExecute")]);
    assert_eq!((toleration.key.as_str(), toleration.seconds), ("podproof.io/taint-node", Some(8)));
    assert!(toleration.exists && toleration.effect == Some(TaintEffect::NoExecute) && warnings.is_empty());
    assert_eq!(first(own.clone(), &[taint("other", "NoExecute")]).0.key, "own");
    let whatever = json!([{"key": "own", "operator": "Exists"}]);
    assert_eq!(first(whatever, &[taint("own", "NoSchedule")]).0.key, "own");
    let (_, warnings) = first(own, &[taint("own", "NoExecute"), taint("other", "NoExecute")]);
    assert!(says(&warnings, "several keys"), "{warnings:?}");
}

#[test]
fn nodes_that_join_later_are_the_spare_ones() {
    let joins = |name: &str| created(with(node(name), "/metadata/creationTimestamp", json!(DURING)));
    let observed = only(&[listed(vec![node("node-z")]), joins("node-b"), created(pod("a")), joins("node-a")]);
    assert_eq!(node_names(&observed), ["node-b", "node-z", "node-a"]);
    assert_eq!(observed.scenario.spare_nodes, 1);
    assert_eq!(observed.nodes[2].span.from, Moment(3));
}

#[test]
fn nodes_that_were_gone_before_are_none() {
    let gone = written(write(Verb::Delete, later(node("node-b"), 2)));
    let start = listed(vec![node("node-a"), node("node-b")]);
    assert_eq!(node_names(&only(&[start, gone, created(pod("a"))])), ["node-a"]);
    let gone = written(write(Verb::Delete, later(node("node-b"), 2)));
    let observed = only(&[listed(vec![node("node-a"), node("node-b")]), created(pod("a")), gone]);
    assert_eq!(observed.nodes[1].span.to, Some(Moment(2)));
}

#[test]
fn of_too_many_nodes_those_of_the_workloads_pods_are_kept() {
    let nodes = (0..70).map(|number| node(&format!("node-{number:02}"))).collect();
    let observed = only(&[listed(nodes), created(pod("a")), bound("a", "node-69")]);
    assert_eq!(observed.scenario.nodes.len(), 60);
    assert_eq!((node_names(&observed)[0], node_names(&observed)[59]), ("node-00", "node-69"));
    assert!(says(&observed.warnings, "10 of 70 nodes are left out"), "{:?}", observed.warnings);
}

#[test]
fn a_node_that_is_only_named_is_a_node() {
    let renewal = entry(Seen::Renewal { node: "node-b".into(), lease: "node-b".into() });
    let observed = only(&[created(pod("a")), bound("a", "node-a"), renewal]);
    assert_eq!(node_names(&observed), ["node-a", "node-b"]);
    assert_eq!(observed.scenario.nodes[0].labels["kubernetes.io/hostname"], "node-a");
    assert!(
        says(&observed.assumptions, "Node/node-a does not say its allocatable"),
        "{:?}",
        observed.assumptions
    );
    // Its object says what it is, and changes nothing.
    let observed = only(&[created(pod("a")), bound("a", "node-a"), updated(node("node-a"))]);
    assert_eq!(observed.scenario.nodes[0].allocatable.cpu_milli, 2000);
    assert!(observed.node_changes.is_empty());
}

#[test]
fn without_any_node_one_is_made_up() {
    let observed = only(&[created(pod("a"))]);
    assert_eq!(observed.scenario.nodes.len(), 1);
    assert!(observed.nodes.is_empty());
    assert!(says(&observed.warnings, "shows no node"), "{:?}", observed.warnings);
}

#[test]
fn a_machine_that_is_replaced_under_its_name_is_the_same_node() {
    let again = with(later(node("node-a"), 5), "/metadata/labels/zone", json!("x"));
    let observed = only(&[
        listed(vec![node("node-a")]),
        created(pod("a")),
        written(write(Verb::Delete, later(node("node-a"), 2))),
        created(again),
    ]);
    assert_eq!((observed.nodes.len(), observed.nodes[0].span.to), (1, None));
    assert_eq!(observed.node_changes[0].at, Moment(3));
}

/// A kubelet that is heard again says that its node is not Ready before the lifecycle controller has taken off the taint of its silence.
#[test]
fn a_node_with_the_taint_of_another_condition_was_not_ready_before() {
    let told = |status: &str, taint: &str| {
        let conditions = json!([{"type": "Ready", "status": status, "lastTransitionTime": DURING}]);
        let taints = json!([{"key": format!("node.kubernetes.io/{taint}"), "effect": "NoSchedule"}]);
        let told = updated(tainted(with(node("node-a"), "/status/conditions", conditions), 2, taints));
        only(&[created(pod("a")), told]).nodes[0].was_unready
    };
    assert!(told("False", "unreachable") && told("Unknown", "not-ready"));
    assert!(!told("False", "not-ready") && !told("Unknown", "unreachable"), "it was Ready until then");
}
