//! Tests of what was there before the log began.

use podproof_vocabulary::event::EventName;
use serde_json::json;

use super::*;
use crate::world::{Existing, Moment};

fn names_of(objects: &[(Moment, Object)]) -> Vec<(u64, &str)> {
    objects.iter().map(|(at, object)| (at.0, &*object.name)).collect()
}

fn existing(entries: &[Entry]) -> Option<Existing> {
    only(entries).existing
}

#[test]
fn what_is_first_seen_without_its_creation_existed() {
    assert!(existing(&[created(pod("a"))]).is_none());
    for first in [listed(vec![pod("a")]), updated(pod("a")), told(ChangeKind::Modified, pod("a"))] {
        let observed = only(&[listed(Vec::new()), first]);
        let existing = observed.existing.expect("it existed");
        assert_eq!((&*existing.object.name, names_of(&existing.pods)), ("a", vec![(1, "a")]));
        assert_eq!(observed.span.from, Moment(0));
    }
}

/// A watch that begins without a list tells of all that there is as if it were new.
#[test]
fn an_object_that_is_older_than_the_log_existed() {
    let of_time = |time: &str| with(pod("a"), "/metadata/creationTimestamp", json!(time));
    for (time, is_older) in [
        (DURING, false),
        (BEFORE, true),
        ("2026-11-22T08:02:54Z", false),
        ("2026-11-22T08:02:53Z", true),
        ("2024-02-29T08:02:54Z", true),
        ("2027-03-01T00:00:00Z", false),
    ] {
        let observed = only(&[told(ChangeKind::Added, of_time(time))]);
        assert_eq!(observed.existing.is_some(), is_older, "{time}");
    }
}

#[test]
fn a_deployment_begins_with_the_replica_sets_that_had_pods() {
    let with_image =
        |value: Value, image: &str| with(value, "/spec/template/spec/containers/0/image", json!(image));
    let set = |name: &str, image: &str, number: &str, replicas| {
        let set = with_image(owned(controller("ReplicaSet", name, replicas), "Deployment", "web"), image);
        let set = with(set, "/spec/template/metadata/labels/pod-template-hash", json!(name));
        with(set, "/metadata/annotations", json!({"deployment.kubernetes.io/revision": number}))
    };
    let deployment =
        |image: &str, version| with_image(later(controller("Deployment", "web", 3), version), image);
    let observed = only(&[
        listed(vec![set("web-10", "v10", "10", 1)]),
        listed(vec![set("web-9", "v9", "9", 1), set("web-8", "v8", "8", 0), set("web-11", "v11", "11", 1)]),
        listed(vec![deployment("v11", 10)]),
        listed(vec![owned(pod("p"), "ReplicaSet", "web-11")]),
        updated(deployment("v12", 11)),
        created(set("web-12", "v12", "12", 1)),
        created(owned(pod("q"), "ReplicaSet", "web-12")),
    ]);
    let revisions: Vec<_> = observed
        .revisions
        .iter()
        .map(|revision| (revision.from.0, revision.replica_set.as_deref()))
        .collect();
    let expected = [(0, Some("web-9")), (0, Some("web-10")), (0, Some("web-11")), (4, Some("web-12"))];
    assert_eq!(revisions, expected);
    assert_eq!(observed.scenario.events.count(EventName::Rollout), 3);
    let existing = observed.existing.expect("it existed");
    assert_eq!(names_of(&existing.replica_sets).len(), 4);
    assert_eq!(names_of(&existing.pods), [(3, "p")]);
    // Two pods are in the log; the others of the three that are wanted may never be.
    assert_eq!(observed.scenario.slots, 5);
}

#[test]
fn a_creation_that_is_read_late_is_a_creation() {
    let observed = only(&[updated(later(pod("a"), 11)), created(pod("a"))]);
    assert!(observed.existing.is_none());
}

#[test]
fn a_neighbour_that_existed_was_there_from_the_beginning() {
    let other = with(pod("other"), "/spec/nodeName", json!("node-a"));
    let world = world(&[listed(vec![node("node-a")]), created(pod("own")), updated(other)]);
    let own = world.workloads.iter().find(|workload| &*workload.uid == "own").unwrap();
    assert_eq!(own.neighbours[0].span.from, Moment(0));
}
