//! What a watch that was interrupted tells when it begins anew.

use serde_json::{Value, json};

use super::{at, entries, lines, told};
use crate::reading::watch::LAG;
use crate::record::{Entry, Facts, Seen};

/// A pod with this version, on this node if on any, with a container that runs if it does.
fn pod(name: &str, version: u64, node: Option<&str>, runs: bool) -> Value {
    let running =
        json!({"phase": "Running", "containerStatuses": [{"name": "app", "state": {"running": {}}}]});
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "s", "uid": name, "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-11-22T07:37:00Z"},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 30},
        "status": if runs { running } else { json!({"phase": "Pending"}) },
    })
}

fn change(ms: i64, kind: &str, object: &Value) -> Value {
    json!({"t_us": at(ms), "event": {"type": kind, "object": object}})
}

fn list(ms: i64, version: u64, items: &[Value]) -> Value {
    json!({"t_us": at(ms), "event": {"type": "LIST", "resourceVersion": version.to_string(), "items": items}})
}

fn broken(ms: i64) -> Value {
    json!({"t_us": at(ms), "event": {"type": "ERROR", "object": {"kind": "Status", "code": 410}}})
}

fn pods(changes: &[Value]) -> Vec<Entry> {
    entries(&[("watch/pods.jsonl", &lines(changes))])
}

/// Each change with what it leaves: the node, the phase, the grace period.
fn left(entries: &[Entry]) -> Vec<String> {
    let changes = entries.iter().filter_map(|entry| match &entry.seen {
        Seen::Change(change) => Some(change),
        _ => None,
    });
    changes
        .map(|change| {
            let Facts::Pod(facts) = &change.object.facts else { panic!("a pod") };
            let node = facts.node.as_deref().unwrap_or("-");
            let grace = facts.deletion_grace_seconds.map_or("-".into(), |seconds| seconds.to_string());
            format!("{:?} {} {node} {} {grace}", change.kind, change.object.name, facts.phase)
        })
        .collect()
}

#[test]
fn a_list_after_a_gap_tells_what_has_come_changed_and_gone() {
    let entries = pods(&[
        list(0, 5, &[pod("p", 3, Some("a"), true), pod("q", 4, None, false)]),
        change(2_000, "ADDED", &pod("r", 6, None, false)),
        broken(3_000),
        list(
            4_000,
            20,
            &[pod("q", 12, Some("a"), true), pod("r", 6, None, false), pod("s", 15, Some("a"), true)],
        ),
    ]);
    let since = 2_000_000 - LAG;
    assert_eq!(
        told(&entries)[..4],
        [
            "list of 2".to_owned(),
            "Added r".into(),
            format!("missed since {since}"),
            format!("missed since {since}")
        ]
    );
    assert_eq!(
        left(&entries)[1..],
        [
            "Modified q a Pending -",
            "Modified q a Running -",
            "Added s - Pending -",
            "Modified s a Pending -",
            "Modified s a Running -",
            "Modified p a Running 30",
            "Deleted p a Running 0",
        ]
    );
    let made = entries.iter().find(|entry| left(&[Entry::clone(entry)]) == ["Deleted p a Running 0"]);
    let made = made.expect("it is there");
    assert_eq!((made.from, made.to), (at(2_000) - LAG, at(4_000)), "at some moment in between");
}

#[test]
fn a_list_after_a_gap_in_which_nothing_has_changed_says_nothing_else() {
    let there = [pod("p", 3, Some("a"), true)];
    let entries = pods(&[
        list(0, 5, &there),
        json!({"t_us": at(1), "event": {"type": "RIG_DISCONNECT", "err": "unexpected EOF"}}),
        list(2, 9, &there),
    ]);
    assert_eq!(told(&entries), ["list of 1", &format!("missed since {}", -LAG), "list of 1"]);
}

/// `kubectl get --raw '…?watch=1'` that is started again: all that is there comes as if it were new, and then what changes.
#[test]
fn a_raw_watch_that_begins_anew_tells_the_same() {
    let plain = |kind: &str, object: Value| json!({"type": kind, "object": object});
    let entries = pods(&[
        plain("ADDED", pod("p", 3, Some("a"), true)),
        plain("ADDED", pod("q", 4, None, false)),
        plain("MODIFIED", pod("q", 6, Some("a"), false)),
        plain("ADDED", pod("q", 8, Some("a"), true)),
        plain("ADDED", pod("s", 9, Some("a"), true)),
        plain("MODIFIED", pod("s", 11, Some("a"), true)),
    ]);
    assert_eq!(
        left(&entries)[3..],
        [
            "Modified q a Running -",
            "Added s - Pending -",
            "Modified s a Pending -",
            "Modified s a Running -",
            "Modified p a Running 30",
            "Deleted p a Running 0",
            "Modified s a Running -",
        ]
    );
}

#[test]
fn a_pod_that_comes_with_a_status_was_there_and_a_line_that_is_there_twice_is_no_gap() {
    let first = [
        list(0, 5, &[pod("p", 3, Some("a"), true)]),
        change(1, "MODIFIED", &pod("p", 6, Some("a"), true)),
        change(1, "ADDED", &pod("p", 6, Some("a"), true)),
    ];
    assert_eq!(told(&pods(&first)), ["list of 1", "Modified p", "Added p"]);
    let with = |runs| [&first[..2], &[change(2, "ADDED", &pod("q", 9, Some("a"), runs))]].concat();
    assert_eq!(told(&pods(&with(false))), ["list of 1", "Modified p", "Added q"]);
    let since = 1_000 - LAG;
    let expected =
        ["list of 1", "Modified p", &format!("missed since {since}"), "Added q", "Modified q", "Modified q"];
    assert_eq!(told(&pods(&with(true))), expected);
}

#[test]
fn what_nobody_follows_is_not_missed() {
    let error = lines(&[broken(1)]);
    assert_eq!(told(&entries(&[("watch/events.jsonl", &error)])), Vec::<String>::new());
}
