//! Tests of templates, scalings, slots and events.

use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::event::{EventName, ScaleTarget};
use podproof_vocabulary::scenario::{Beginning, Timing};
use serde_json::json;

use super::*;
use crate::matching::subject::Subject;
use crate::world::Moment;

/// `Deployment/web` with an image.
fn deployment(image: &str, version: u32) -> Value {
    let image = json!(image);
    later(with(controller("Deployment", "web", 1), "/spec/template/spec/containers/0/image", image), version)
}

/// Its ReplicaSet with that image.
fn replica_set(name: &str, image: &str) -> Value {
    let image = json!(image);
    let set = with(controller("ReplicaSet", name, 1), "/spec/template/spec/containers/0/image", image);
    let set = with(set, "/spec/template/metadata/labels/pod-template-hash", json!(name));
    owned(set, "Deployment", "web")
}

#[test]
fn each_template_change_is_a_rollout() {
    let web = only(&[
        created(deployment("v1", 10)),
        created(replica_set("web-1", "v1")),
        updated(deployment("v1", 11)),
        updated(deployment("v2", 12)),
        created(replica_set("web-2", "v2")),
    ]);
    let seen: Vec<_> =
        web.revisions.iter().map(|revision| (revision.from.0, revision.replica_set.as_deref())).collect();
    assert_eq!(seen, [(0, Some("web-1")), (3, Some("web-2"))]);
    assert_eq!(web.scenario.events.count(EventName::Rollout), 1);
    assert!(web.warnings.is_empty() || !says(&web.warnings, "template"), "{:?}", web.warnings);
}

#[test]
fn a_rollback_is_a_rollout_to_a_template_that_there_was() {
    let web = only(&[
        created(deployment("v1", 10)),
        created(replica_set("web-1", "v1")),
        updated(deployment("v2", 12)),
        created(replica_set("web-2", "v2")),
        updated(deployment("v1", 14)),
        updated(deployment("v3", 16)),
    ]);
    let sets: Vec<_> = web.revisions.iter().map(|revision| revision.replica_set.as_deref()).collect();
    assert_eq!(sets, [Some("web-1"), Some("web-2"), None]);
    assert_eq!(web.scenario.events.count(EventName::Rollout), 3);
    assert_eq!(web.scenario.rollouts, [1, 0, 2]);
}

#[test]
fn a_template_counts_when_its_deployment_is_not_paused() {
    let paused = |image, version| with(deployment(image, version), "/spec/paused", json!(true));
    let web = only(&[
        created(deployment("v1", 10)),
        created(replica_set("web-1", "v1")),
        updated(paused("v1", 12)),
        updated(paused("v2", 14)),
        updated(deployment("v3", 16)),
    ]);
    let from: Vec<_> = web.revisions.iter().map(|revision| revision.from.0).collect();
    assert_eq!(from, [0, 4]);
    assert_eq!(web.scenario.events.count(EventName::Rollout), 1);
}

/// The world of a Deployment whose third template has pods that are changed like this.
fn with_third_template(change: impl Fn(Value) -> Value) -> Observed {
    let of_pod = |name: &str, set: &str, change: &dyn Fn(Value) -> Value| {
        // What admission adds is no difference.
        let pod = with(change(pod(name)), "/spec/nodeSelector", json!({"zone": "x"}));
        created(owned(pod, "ReplicaSet", set))
    };
    only(&[
        created(deployment("v1", 10)),
        created(replica_set("web-1", "v1")),
        updated(deployment("v2", 12)),
        created(replica_set("web-2", "v2")),
        of_pod("b", "web-2", &|pod| with(pod, "/spec/terminationGracePeriodSeconds", json!(30))),
        updated(deployment("v3", 14)),
        created(replica_set("web-3", "v3")),
        of_pod("c", "web-3", &change),
        updated(deployment("v2", 16)),
        updated(deployment("v3", 18)),
    ])
}

#[test]
fn a_template_that_changes_more_than_its_hash_is_said() {
    let same = with_third_template(|pod| with(pod, "/spec/terminationGracePeriodSeconds", json!(30)));
    assert_eq!(same.unfollowed, []);
    let hook = json!({"preStop": {"exec": {"command": ["sleep", "3"]}}});
    let web = with_third_template(|pod| {
        let pod = with(pod, "/spec/terminationGracePeriodSeconds", json!(30));
        with(pod, "/spec/containers/0/lifecycle", hook.clone())
    });
    assert_eq!(
        web.unfollowed,
        [(Moment(5), "what the pods of template 3 are made of, beside its hash,".to_owned())]
    );
    assert_eq!(web.scenario.workload.template.grace_seconds, 30);
    assert_eq!(web.scenario.workload.template.node_selector["zone"], "x");
}

#[test]
fn templates_that_differ_in_amounts_have_one_with_the_least_of_each() {
    let web = with_third_template(|pod| {
        let pod = with(pod, "/spec/terminationGracePeriodSeconds", json!(20));
        with(pod, "/spec/containers/0/resources", json!({"requests": {"cpu": "100m"}}))
    });
    assert_eq!(web.unfollowed, []);
    let template = &web.scenario.workload.template;
    assert_eq!((template.grace_seconds, template.containers[0].requests.cpu_milli), (20, 0));
    assert!(says(&web.warnings, "the least of each"), "{:?}", web.warnings);
}

#[test]
fn more_template_changes_than_a_state_holds_are_said() {
    let images = (0..70).map(|number| updated(deployment(&format!("v{number}"), 11 + number)));
    let web = only(&images.collect::<Vec<_>>());
    assert_eq!((web.revisions.len(), web.scenario.events.count(EventName::Rollout)), (70, 59));
    let limit = "there are more than the 59 changes of its template that a state holds".to_owned();
    assert_eq!(web.limits, [(Moment(60), limit)]);
}

#[test]
fn other_changes_of_a_spec_are_said() {
    let changed = with(deployment("v1", 11), "/spec/minReadySeconds", json!(5));
    let web = only(&[created(deployment("v1", 10)), updated(changed)]);
    let what = "the spec of Deployment/web, beside template and replicas,".to_owned();
    assert_eq!(web.unfollowed, [(Moment(1), what)]);
    let paused = with(deployment("v1", 11), "/spec/paused", json!(true));
    let web = only(&[created(deployment("v1", 10)), updated(paused)]);
    assert_eq!(web.unfollowed, []);
}

/// An autoscaler scales up and down all day: a world for each time would be kept for nothing.
#[test]
fn scalings_make_no_worlds() {
    let wants = |number: u32| updated(later(controller("Deployment", "web", 3 + number % 2), 11 + number));
    let mut entries = vec![created(later(controller("Deployment", "web", 2), 10))];
    entries.extend((0..1_000).map(wants));
    let web = only(&entries);
    assert_eq!(web.scales.len(), 1_000);
    assert_eq!(Subject::of(&web, None).scenarios.len(), 1);
}

#[test]
fn each_scaling_has_its_target() {
    let wants = |replicas: u32, version| later(controller("Deployment", "web", replicas), version);
    let scale = Write {
        subresource: "scale".into(),
        object: Some(object(json!({"kind": "Scale", "metadata": {}, "spec": {"replicas": 7}}))),
        ..write(Verb::Update, wants(3, 13))
    };
    let web = only(&[
        created(wants(2, 10)),
        updated(wants(5, 12)),
        updated(wants(2, 11)), // Seen late.
        updated(wants(3, 13)),
        written(scale),
    ]);
    let seen: Vec<_> = web.scales.iter().map(|scaling| (scaling.at.0, scaling.replicas)).collect();
    assert_eq!(seen, [(1, 5), (3, 3), (4, 7)]);
    assert_eq!(web.scenario.workload.replicas, 2);
    assert_eq!(web.scenario.events.count(EventName::Scale), 3);
    let targets: Vec<_> = (0..6).map(|entry| web.scenario_at(Moment(entry)).scale).collect();
    let to = |replicas| Some(ScaleTarget::To(replicas));
    assert_eq!(targets, [to(5), to(5), to(3), to(3), to(7), None]);
    assert_eq!(web.changes().into_iter().map(|at| at.0).collect::<Vec<_>>(), [2, 4, 5]);
}

#[test]
fn all_else_may_happen_at_any_time_and_nothing_is_approximated() {
    let scenario = only(&[created(pod("a"))]).scenario;
    for event in EventName::all() {
        let expected = if matches!(event, EventName::Rollout | EventName::Scale) { 0 } else { u8::MAX };
        assert_eq!(scenario.events.count(event), expected, "{event}");
    }
    assert_eq!(scenario.approximations, Approximations::NONE);
    assert_eq!((scenario.timing, scenario.begins), (Timing::Untimed, Beginning::Nothing));
    assert!(!scenario.one_proxy && !scenario.addresses_are_reused && !scenario.inaccurate_detectors);
    assert_eq!((scenario.mutant, scenario.scale, scenario.slots), (None, None, 1));
}

#[test]
fn a_scenario_has_all_replicas() {
    for replicas in [0, 50] {
        let observed = only(&[created(controller("ReplicaSet", "set", replicas))]);
        assert_eq!(u32::from(observed.scenario.workload.replicas), replicas);
    }
}

#[test]
fn pods_have_a_slot_each_until_they_are_many() {
    let slots = |pods: usize, at_once: usize| {
        let mut entries = vec![created(controller("ReplicaSet", "set", 1))];
        for number in 0..pods {
            entries.push(created(owned(pod(&format!("p{number}")), "ReplicaSet", "set")));
            if number >= at_once {
                entries.push(removed(&format!("p{}", number - at_once)));
            }
        }
        world_with(&entries, &Options::default()).workloads[0].scenario.slots
    };
    assert_eq!(slots(0, 1), 1);
    assert_eq!(slots(7, 1), 7);
    assert_eq!(slots(120, 10), 100);
    assert_eq!(slots(200, 120), 152);
    assert_eq!(slots(400, 300), 250);
}
