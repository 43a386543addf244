//! What watches tell.

use serde_json::{Value, json};

use super::{at, audit, entries, lines, pod, read, told};
use crate::reading::watch::LAG;
use crate::record::{ChangeKind, Facts, Seen};

fn object(kind: &str, name: &str, version: u64) -> Value {
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"name": name, "namespace": "s", "resourceVersion": version.to_string()}})
}

/// A line of a recording.
fn change(ms: i64, change: &str, object: &Value) -> Value {
    json!({"t_us": at(ms), "event": {"type": change, "object": object}})
}

fn list(ms: i64, version: u64, names: &[&str]) -> Value {
    let items: Vec<Value> =
        names.iter().map(|name| json!({"metadata": {"name": name, "namespace": "s"}})).collect();
    json!({"t_us": at(ms), "event": {"type": "LIST", "resourceVersion": version.to_string(), "items": items}})
}

/// A line of a plain watch.
fn plain(change: &str, object: &Value) -> Value {
    json!({"type": change, "object": object})
}

#[test]
fn a_list_and_the_changes_behind_it() {
    let lines = lines(&[
        list(0, 5, &["p"]),
        change(10, "ADDED", &object("Pod", "q", 6)),
        change(20, "MODIFIED", &object("Pod", "q", 7)),
        change(30, "DELETED", &object("Pod", "q", 8)),
    ]);
    let entries = entries(&[("watch/pods.jsonl", &lines)]);
    assert_eq!(told(&entries), ["list of 1", "Added q", "Modified q", "Deleted q"]);
    let Seen::Change(last) = &entries[3].seen else { panic!("a change") };
    assert_eq!((last.kind, last.resource_version), (ChangeKind::Deleted, Some(8)));
    assert_eq!((entries[3].from, entries[3].to, entries[3].place.line), (at(30) - LAG, at(30), 4));
}

#[test]
fn items_of_a_list_are_of_the_kind_of_the_next_event_or_of_the_files_name() {
    let kind = |file: &str, more: &[Value]| {
        let mut all = vec![list(0, 5, &["x"])];
        all.extend_from_slice(more);
        match &entries(&[(file, &lines(&all))])[0].seen {
            Seen::List(objects) => match &objects[0].facts {
                Facts::Pod(_) => "Pod".to_owned(),
                Facts::Node(_) => "Node".to_owned(),
                Facts::Deployment(_) => "Deployment".to_owned(),
                Facts::Other(kind) => kind.to_string(),
                facts => panic!("{facts:?}"),
            },
            seen => panic!("{seen:?}"),
        }
    };
    assert_eq!(kind("watch/nodes.jsonl", &[]), "Node");
    assert_eq!(kind("watch/deployments.jsonl.gz", &[]), "Deployment");
    assert_eq!(kind("watch/what.jsonl", &[]), "");
    assert_eq!(kind("watch/what.jsonl", &[change(1, "ADDED", &object("Pod", "p", 6))]), "Pod");
    let gone = json!({"t_us": at(1), "event": {"type": "ERROR", "object": {"kind": "Status", "code": 410}}});
    assert_eq!(kind("watch/nodes.jsonl", &[gone]), "Node");
}

#[test]
fn beside_an_audit_log_only_the_first_list_is_told() {
    let watch = [list(0, 5, &["p"]), change(10, "ADDED", &object("Pod", "q", 6)), list(20, 9, &["p", "q"])];
    let audit = [pod("create", "q", 6, (5, 9), json!({}))];
    let files = [("watch/pods.jsonl", &*lines(&watch)), ("audit.jsonl", &*lines(&audit))];
    assert_eq!(told(&entries(&files)), ["list of 1", "q@6"]);
    assert_eq!(told(&entries(&files[..1])), ["list of 1", "Added q", "list of 2"]);
}

#[test]
fn bookmarks_tell_nothing() {
    let lines = lines(&[
        json!({"t_us": at(0), "event": {"type": "RIG_CONNECTED"}}),
        json!({"t_us": at(2), "event": {"type": "BOOKMARK", "object": object("Pod", "", 9)}}),
        change(3, "ADDED", &object("Pod", "q", 10)),
    ]);
    assert_eq!(told(&entries(&[("watch/pods.jsonl", &lines)])), ["Added q"]);
}

#[test]
fn changes_of_all_files_stand_by_version() {
    // The second file was received late.
    let pods =
        lines(&[change(10, "ADDED", &object("Pod", "p", 6)), change(30, "ADDED", &object("Pod", "q", 8))]);
    let nodes = lines(&[
        change(40, "ADDED", &object("Node", "n", 7)),
        change(41, "MODIFIED", &object("Node", "n", 9)),
    ]);
    let files = [("watch/pods.jsonl", &*pods), ("watch/nodes.jsonl", &*nodes)];
    assert_eq!(told(&entries(&files)), ["Added p", "Added n", "Added q", "Modified n"]);
}

#[test]
fn a_watch_without_times_stands_by_version_and_has_the_latest_time_before() {
    let created = |object: &Value, time: &str| {
        let mut object = object.clone();
        object["metadata"]["creationTimestamp"] = json!(time);
        object
    };
    let old = created(&object("Pod", "p", 9), "2026-11-22T07:37:05Z");
    let pods = lines(&[plain("ADDED", &old), plain("MODIFIED", &object("Pod", "p", 12))]);
    let nodes = lines(&[
        plain("ADDED", &object("Node", "n", 10)),
        plain("MODIFIED", &created(&object("Node", "n", 11), "2026-11-22T07:37:04Z")),
    ]);
    let entries = entries(&[("a.jsonl", &pods), ("b.jsonl", &nodes)]);
    assert_eq!(told(&entries), ["Added p", "Added n", "Modified n", "Modified p"]);
    assert!(entries.iter().all(|entry| entry.to == at(5_000)), "{entries:?}");
}

#[test]
fn a_plain_watch_begins_with_its_objects_in_any_order() {
    let pods = lines(&[plain("ADDED", &object("Pod", "p", 9)), plain("ADDED", &object("Pod", "q", 3))]);
    let nodes =
        lines(&[plain("ADDED", &object("Node", "n", 5)), plain("MODIFIED", &object("Node", "n", 10))]);
    let told = told(&entries(&[("a.jsonl", &pods), ("b.jsonl", &nodes)]));
    assert_eq!(told, ["Added n", "Added p", "Added q", "Modified n"]);
}

#[test]
fn the_time_of_a_state_is_a_time_of_its_object() {
    let mut running = object("Pod", "p", 9);
    running["metadata"]["creationTimestamp"] = json!("2026-11-22T07:37:01Z");
    running["status"] = json!({
        "conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-22T07:37:03Z"}],
        "containerStatuses": [{"state": {"running": {"startedAt": "2026-11-22T07:37:02Z"}}}],
    });
    assert_eq!(entries(&[("a.jsonl", &lines(&[plain("ADDED", &running)]))])[0].to, at(3_000));
    running["status"]["containerStatuses"][0]["state"] =
        json!({"terminated": {"finishedAt": "2026-11-22T07:37:04Z"}});
    assert_eq!(entries(&[("a.jsonl", &lines(&[plain("ADDED", &running)]))])[0].to, at(4_000));
}

#[test]
fn what_the_model_does_not_speak_of_has_the_name_of_its_resource() {
    let kinds = ["Event", "Endpoints", "NetworkPolicy", "IngressClass", "ConfigMap"];
    let changes: Vec<Value> = kinds.iter().map(|kind| change(1, "ADDED", &object(kind, "x", 1))).collect();
    let expected = ["events", "endpoints", "networkpolicies", "ingressclasses", "configmaps"];
    assert_eq!(told(&entries(&[("watch/all.jsonl", &lines(&changes))])), expected);
    let events = lines(&[list(0, 5, &["x"])]);
    assert_eq!(told(&entries(&[("watch/events.jsonl", &events)])), ["events"]);
}

#[test]
fn a_lease_of_a_node_that_changes_is_a_renewal() {
    let mut lease = object("Lease", "node-a", 7);
    let of_system = lease.clone();
    lease["metadata"]["namespace"] = json!("kube-node-lease");
    let changes =
        [change(0, "ADDED", &lease), change(1, "MODIFIED", &lease), change(2, "MODIFIED", &of_system)];
    assert_eq!(
        told(&entries(&[("watch/leases.jsonl", &lines(&changes))])),
        ["leases", "renewal of node-a", "leases"]
    );
}

#[test]
fn a_line_that_no_watch_writes_is_a_problem() {
    let problem = |line: Value| {
        let lines = lines(&[change(0, "ADDED", &object("Pod", "p", 1)), line]);
        let problem =
            read(&[("watch/pods.jsonl", &lines)]).into_iter().find_map(Result::err).expect("a problem");
        assert_eq!(problem.line, 2);
        problem.says
    };
    assert_eq!(problem(change(1, "RENAMED", &object("Pod", "p", 2))), "`type` is \"RENAMED\"");
    assert_eq!(problem(change(1, "ADDED", &Value::Null)), "the event has no object");
    assert_eq!(problem(json!({"t_us": 1})), "the line has no event");
}

#[test]
fn a_plain_watch_beside_an_audit_log_adds_nothing() {
    let watch = lines(&[plain("ADDED", &object("Pod", "p", 3))]);
    let events = [pod("create", "q", 6, (5, 9), json!({}))];
    let with = entries(&[("pods.jsonl", &watch), ("audit.jsonl", &lines(&events))]);
    assert_eq!(told(&with), told(&audit(&events)));
}
