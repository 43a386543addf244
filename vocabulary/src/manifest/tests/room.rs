//! Other workloads that take room, or host ports, which a workload needs.

use super::*;
use crate::scenario::Neighbour;

/// The neighbours of the first workload.
fn neighbours(documents: &[&str]) -> Vec<Neighbour> {
    reading(&joined(documents)).workloads.remove(0).scenarios.remove(0).neighbours
}

/// FLT-4.
#[test]
fn pods_that_want_the_same_host_port_are_neighbours() {
    let with = |name: &str, port: &str| {
        pod(name, "{app: other}", "")
            .replace("- name: app\n", &format!("- name: app\n    ports: [{{containerPort: 80, {port}}}]\n"))
    };
    let web = deployment("", "", "ports: [{containerPort: 80, hostPort: 80}]");
    let beside = |port: &str| neighbours(&[&web, &with("other", port)]).len();
    assert_eq!(beside("hostPort: 80"), 1);
    assert_eq!(beside("hostPort: 81"), 0);
    assert_eq!(beside("hostPort: 80, protocol: UDP"), 0);
    assert_eq!(beside("hostPort: 80, hostIP: 10.0.0.1"), 1, "the other one takes every address");
}

/// FLT-3.
#[test]
fn where_a_node_has_not_room_for_all_it_matters_what_others_take() {
    let web = deployment("replicas: 1", "", "resources: {requests: {cpu: 1}}");
    let other = |requests: &str| {
        pod("other", "{app: other}", "")
            .replace("- name: app\n", &format!("- name: app\n    resources: {{requests: {{{requests}}}}}\n"))
    };
    let room = |allocatable: &str| {
        node("node-a", &format!("status: {{allocatable: {{{allocatable}}}}}\n"))
            .replace("name: node-a\n", "name: node-a\n  labels: {kubernetes.io/hostname: node-a}\n")
    };
    let count =
        |requests: &str, allocatable: &str| neighbours(&[&web, &other(requests), &room(allocatable)]).len();
    // Two pods in a row while one is replaced, and two that still end.
    let own = reading(&web).workloads.remove(0).scenarios.remove(0).slots;
    assert_eq!(own, 4);
    assert_eq!(count("cpu: 1", "cpu: 4, memory: 8Gi, pods: 110"), 1);
    assert_eq!(count("cpu: 1", "cpu: 5, memory: 8Gi, pods: 110"), 0, "there is room for all");
    assert_eq!(
        count("memory: 1Gi", "cpu: 4, memory: 1Mi, pods: 110"),
        0,
        "it takes none of what is asked for"
    );
    assert_eq!(count("memory: 1Gi", "cpu: 4, memory: 8Gi, pods: 4"), 1, "a pod takes the place of a pod");
    assert_eq!(neighbours(&[&web, &other("cpu: 9000")]).len(), 0, "generated nodes have room for all");
}

/// FLT-3: on nodes of the input all of them are there, however few are checked of each workload.
#[test]
fn all_pods_that_take_room_are_there() {
    let web = deployment("replicas: 1", "", "resources: {requests: {cpu: 500m}}");
    let other = web.replace("web", "other").replace("replicas: 1", "replicas: 7");
    let room = node("node-a", "status: {allocatable: {cpu: 4, memory: 8Gi, pods: 110}}\n");
    let given = neighbours(&[&web, &other, &room]);
    assert_eq!(given.len(), 7);
    assert_eq!(neighbours(&[&web, &other]).len(), 0, "generated nodes have room for all");
}

/// FLT-2, FLT-4: a node that the workload needs is left to it where others may go elsewhere.
#[test]
fn others_are_rather_put_where_the_workload_may_not_run() {
    let container = "ports: [{containerPort: 80, hostPort: 80}]";
    let web = deployment("replicas: 1", "nodeSelector: {ingress: wanted}", container);
    let other = deployment("replicas: 1", "", container).replace("web", "other");
    let first = node("node-a", "").replace("name: node-a\n", "name: node-a\n  labels: {ingress: wanted}\n");
    let placed = neighbours(&[&web, &other, &first, &node("node-b", "")]);
    assert_eq!(placed.iter().map(|one| one.node).collect::<Vec<_>>(), [1]);
}

/// FIT-1 to FIT-3: init containers run before the others, not beside them.
#[test]
fn a_pod_asks_for_what_it_takes_at_once() {
    let web = deployment("replicas: 1", "", "resources: {requests: {cpu: 200m}}");
    let init = "initContainers: [{name: setup, image: x, resources: {requests: {cpu: 1800m}}}]";
    let other =
        deployment("replicas: 1", init, "resources: {requests: {cpu: 1800m}}").replace("web", "other");
    let room = node("node-a", "status: {allocatable: {cpu: 2, memory: 8Gi, pods: 110}}\n");
    assert_eq!(neighbours(&[&web, &other, &room]).len(), 1, "it fits");
}

/// What is taken for granted of them is said.
#[test]
fn it_is_said_that_neighbours_never_change() {
    let service = service("selector: {app: web}\nports: [{port: 80}]");
    let says = |labels: &str| {
        let text =
            joined(&[&deployment("", "", ""), &service, &budget("selector: {}"), &pod("other", labels, "")]);
        reading(&text).workloads.remove(0).assumptions
    };
    let has = |labels: &str, text: &str| says(labels).iter().any(|says| says.contains(text));
    assert!(has(
        "{app: web}",
        "the pods of Pod/other, behind the same Service, are Ready, and stay so unless"
    ));
    assert!(has("{app: other}", "the pods of Pod/other are healthy, and stay where they are"));
}
