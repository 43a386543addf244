//! Tests of who may have written what a watch tells of.

use std::rc::Rc;

use serde_json::json;

use super::*;
use crate::record::{Owner, Place, PodFacts};

const BEGAN: Micros = 1_795_334_574_000_000;

fn pod(version: u64, facts: PodFacts) -> Object {
    let whole = json!({
        "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": "2026-11-22T08:03:00Z"},
        "status": {"version": version},
    });
    Object {
        namespace: "default".into(),
        name: "p".into(),
        uid: "u".into(),
        owner: Some(Owner { kind: "ReplicaSet".into(), name: "web-1".into(), uid: "rs".into() }),
        labels: Rc::default(),
        facts: Facts::Pod(facts),
        whole: Rc::new(whole),
    }
}

fn entry(seen: Seen) -> Entry {
    let place = Place { file: "pods.jsonl".into(), line: 1 };
    Entry { place, from: BEGAN + 10_000_000, to: BEGAN + 10_000_000, seen }
}

/// Who may have written, and what, as the teller says of an event.
fn told(teller: &mut Teller, kind: ChangeKind, object: Object) -> Vec<String> {
    let change = Change { kind, resource_version: version(&object), object };
    match teller.tell(entry(Seen::Change(Box::new(change)))).seen {
        Seen::Told(writes) => writes
            .iter()
            .map(|write| {
                let user = write.user.rsplit(':').next().unwrap_or_default();
                let grace = write.grace_seconds.map_or(String::new(), |seconds| format!(" {seconds}"));
                let what = format!("{user} {:?} {}", write.verb, write.subresource);
                format!("{}{grace}", what.trim_end())
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn on(node: Option<&str>) -> PodFacts {
    PodFacts { node: node.map(Into::into), phase: "Pending".into(), ..PodFacts::default() }
}

fn deleted(grace: i64) -> PodFacts {
    PodFacts { deleting: true, deletion_grace_seconds: Some(grace), ..on(Some("node-a")) }
}

#[test]
fn a_pod_s_life_is_told_by_those_who_lead_it() {
    let mut teller = Teller::new(BEGAN);
    let mut tell = |version, kind, facts| told(&mut teller, kind, pod(version, facts));
    assert_eq!(tell(1, ChangeKind::Added, on(None)), ["replicaset-controller Create"]);
    assert_eq!(tell(2, ChangeKind::Modified, on(Some("node-a"))), ["kube-scheduler Create binding"]);
    let running = PodFacts { phase: "Running".into(), ready: true, ..on(Some("node-a")) };
    assert_eq!(
        tell(3, ChangeKind::Modified, running.clone()),
        ["node-a Patch status", "pod-garbage-collector Patch status"]
    );
    let not_ready = PodFacts { ready: false, ..running };
    assert_eq!(
        tell(4, ChangeKind::Modified, not_ready),
        ["node-controller Patch status", "node-a Patch status"]
    );
    assert_eq!(
        tell(5, ChangeKind::Modified, deleted(30)),
        [
            "replicaset-controller Delete",
            "node-controller Delete",
            "somebody Create eviction",
            "somebody Delete"
        ]
    );
    assert!(tell(6, ChangeKind::Modified, deleted(0)).is_empty(), "the removal is one write, told twice");
    assert_eq!(
        tell(7, ChangeKind::Deleted, deleted(0)),
        ["node-a Delete 0", "pod-garbage-collector Delete 0", "somebody Delete 0"]
    );
}

#[test]
fn a_status_that_comes_with_a_node_is_no_binding() {
    let mut teller = Teller::new(BEGAN);
    told(&mut teller, ChangeKind::Added, pod(1, on(None)));
    let running = PodFacts { phase: "Running".into(), ..on(Some("node-a")) };
    let writes = told(&mut teller, ChangeKind::Modified, pod(2, running));
    assert!(writes.iter().all(|write| write.ends_with("status")), "{writes:?}");
}

#[test]
fn what_is_told_again_is_no_write_and_what_was_missed_is_noted() {
    let mut teller = Teller::new(BEGAN);
    told(&mut teller, ChangeKind::Added, pod(5, on(None)));
    assert!(told(&mut teller, ChangeKind::Added, pod(5, on(None))).is_empty());
    assert!(told(&mut teller, ChangeKind::Modified, pod(4, on(None))).is_empty());
    assert_eq!(teller.missed(), None);
    teller.tell(entry(Seen::Missed { since: BEGAN + 7 }));
    teller.tell(entry(Seen::Missed { since: BEGAN + 9 }));
    assert_eq!(teller.missed(), Some(BEGAN + 7));
}

#[test]
fn what_a_watch_begins_with_was_there() {
    let mut teller = Teller::new(BEGAN + 60_000_000);
    assert!(told(&mut teller, ChangeKind::Added, pod(1, on(None))).is_empty());
    assert_eq!(
        told(&mut teller, ChangeKind::Modified, pod(2, on(Some("node-a")))),
        ["kube-scheduler Create binding"]
    );
}
