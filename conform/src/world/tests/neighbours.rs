//! Tests of the pods beside a workload.

use serde_json::json;

use super::*;
use crate::world::Moment;

/// Two nodes.
fn start() -> Entry {
    listed(vec![node("node-a"), node("node-b")])
}

/// The workload of this name.
fn of<'w>(world: &'w World, name: &str) -> &'w Observed {
    world.workloads.iter().find(|workload| workload.scenario.name == name).unwrap()
}

fn neighbour_names(observed: &Observed) -> Vec<&str> {
    observed.scenario.neighbours.iter().map(|neighbour| neighbour.name.as_str()).collect()
}

#[test]
fn pods_of_other_workloads_are_neighbours_while_they_have_a_place() {
    let mut other = pod("other");
    other["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1500m"}});
    other["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    let world = world(&[
        start(),
        created(pod("own")),
        created(other),
        bound("own", "node-a"),
        bound("other", "node-b"),
        removed("other"),
        created(pod("late")),
        bound("late", "node-b"),
    ]);
    let own = of(&world, "Pod/own");
    assert_eq!(neighbour_names(own), ["Pod/other 0", "Pod/late 0"]);
    let (neighbour, seen) = (&own.scenario.neighbours[0], &own.neighbours[0]);
    assert_eq!((&*seen.uid, seen.span.from, seen.span.to), ("other", Moment(4), Some(Moment(5))));
    assert_eq!((neighbour.node, neighbour.namespace.as_str()), (1, "shop"));
    assert_eq!(neighbour.requests[0].1.cpu_milli, 1500);
    assert_eq!(neighbour.host_ports[0].1.port, 8080);
    let here: Vec<_> = (3..8).map(|entry| own.scenario_at(Moment(entry)).neighbours.len()).collect();
    assert_eq!(here, [0, 1, 0, 0, 1]);
    assert_eq!(own.changes().into_iter().map(|at| at.0).collect::<Vec<_>>(), [4, 5, 7]);
    // Workloads of which one is gone when the other comes are no neighbours.
    assert_eq!(neighbour_names(of(&world, "Pod/late")), ["Pod/own 0"]);
    assert_eq!(neighbour_names(of(&world, "Pod/other")), ["Pod/own 0"]);
}

/// Two sources may tell of one binding.
#[test]
fn a_pod_has_its_place_from_the_first_entry_that_shows_it() {
    let on_node = updated(later(with(pod("other"), "/spec/nodeName", json!("node-a")), 11));
    let world =
        world(&[start(), created(pod("own")), created(pod("other")), on_node, bound("other", "node-a")]);
    assert_eq!(of(&world, "Pod/own").neighbours[0].span.from, Moment(3));
}

#[test]
fn a_pod_that_has_ended_has_no_place() {
    let ended = |phase: &str| updated(later(with(pod("other"), "/status", json!({"phase": phase})), 11));
    for (phase, to) in [("Running", None), ("Succeeded", Some(Moment(4))), ("Failed", Some(Moment(4)))] {
        let world = world(&[
            start(),
            created(pod("own")),
            created(pod("other")),
            bound("other", "node-a"),
            ended(phase),
        ]);
        assert_eq!(of(&world, "Pod/own").neighbours[0].span.to, to, "{phase}");
    }
}

#[test]
fn pods_of_the_same_workload_are_no_neighbours() {
    let of_set = |name: &str| owned(pod(name), "ReplicaSet", "set");
    let observed = only(&[
        start(),
        created(controller("ReplicaSet", "set", 2)),
        created(of_set("a")),
        created(of_set("b")),
        bound("a", "node-a"),
        bound("b", "node-b"),
    ]);
    assert!(observed.neighbours.is_empty());
}

#[test]
fn neighbours_share_the_service_and_the_budget() {
    let unlike = with(pod("unlike"), "/metadata/labels", json!({"app": "db"}));
    let mut entries = vec![start(), created(web_service())];
    entries.push(created(budget(json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}))));
    entries.extend([created(pod("own")), created(pod("like")), created(unlike)]);
    entries.extend([bound("like", "node-a"), bound("unlike", "node-a")]);
    let world = world(&entries);
    let own = &of(&world, "Pod/own").scenario;
    let shared: Vec<_> = own.neighbours.iter().map(|one| (one.in_service, one.in_budget)).collect();
    assert_eq!(shared, [(true, true), (false, false)]);
}

#[test]
fn of_too_many_neighbours_those_that_matter_most_are_kept() {
    let apart = |label: &str| {
        let selector = json!({"matchLabels": {"app": label}});
        let term = json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]);
        json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}})
    };
    let mut entries = vec![start(), created(web_service())];
    entries.extend([created(with(pod("own"), "/spec/affinity", apart("far"))), bound("own", "node-a")]);
    let mut add = |name: &str, label: &str, node: &str| {
        let other = with(pod(name), "/metadata/labels", json!({"app": label}));
        entries.extend([created(other), bound(name, node)]);
    };
    for number in 0..70 {
        add(&format!("idle-{number:02}"), "idle", "node-b");
    }
    add("same-node", "idle", "node-a");
    add("far", "far", "node-b");
    add("shares", "web", "node-b");
    let world = world_with(&entries, &Options::default());
    let own = of(&world, "Pod/own");
    let names = neighbour_names(own);
    assert_eq!(names.len(), 60);
    assert_eq!(names[57..], ["Pod/same-node 0", "Pod/far 0", "Pod/shares 0"]);
    assert!(says(&own.warnings, "13 of the pods beside it"), "{:?}", own.warnings);
    // Anti-affinity counts from either side.
    let far = &of(&world, "Pod/far").scenario;
    let own = far.neighbours.iter().find(|neighbour| neighbour.name == "Pod/own 0").unwrap();
    assert_eq!(own.pod_anti_affinity.len(), 1);
}

#[test]
fn pods_that_have_no_workload_take_a_place_too() {
    let annotations = json!({"kubernetes.io/config.mirror": "x"});
    let mirror =
        with(with(pod("etcd"), "/metadata/annotations", annotations), "/spec/nodeName", json!("node-a"));
    let observed = only(&[start(), created(pod("own")), created(mirror)]);
    assert_eq!(neighbour_names(&observed), ["etcd"]);
}
