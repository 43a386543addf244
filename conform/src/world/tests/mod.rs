//! Tests of the world of a log, on small logs that are made by hand.

mod existing;
mod neighbours;
mod nodes;
mod processes;
mod selectors;
mod story;
mod workloads;

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_vocabulary::Release;
use serde_json::{Value, json};

use super::{NotModelled, Observed, Options, Surveyor};
use crate::record::{
    BudgetFacts, Change, ChangeKind, DeploymentFacts, EndpointFacts, Entry, Facts, NodeFacts, Object, Owner,
    Place, PodFacts, ReplicaSetFacts, Seen, SliceFacts, Verb, Write,
};

/// 2026-11-22T08:02:54Z, when the log begins.
const BEGAN: i64 = 1_795_334_574_000_000;
const DURING: &str = "2026-11-22T08:03:00Z";
const BEFORE: &str = "2026-11-22T08:00:00Z";

fn text(value: &Value) -> Rc<str> {
    value.as_str().unwrap_or_default().into()
}

fn number(value: &Value) -> u32 {
    value.as_u64().map_or(1, |number| number as u32)
}

/// An object as a log has it.
fn object(whole: Value) -> Object {
    let (metadata, spec, status) = (&whole["metadata"], &whole["spec"], &whole["status"]);
    let owner = metadata["ownerReferences"].get(0);
    let facts = match whole["kind"].as_str().unwrap_or_default() {
        "Pod" => Facts::Pod(PodFacts {
            node: spec["nodeName"].as_str().map(Into::into),
            phase: status["phase"].as_str().unwrap_or("Pending").into(),
            finalizers: metadata["finalizers"].is_array(),
            ..PodFacts::default()
        }),
        "Node" => Facts::Node(NodeFacts::default()),
        "Deployment" => Facts::Deployment(DeploymentFacts {
            replicas: number(&spec["replicas"]),
            ..DeploymentFacts::default()
        }),
        "ReplicaSet" => Facts::ReplicaSet(ReplicaSetFacts {
            replicas: number(&spec["replicas"]),
            ..ReplicaSetFacts::default()
        }),
        "EndpointSlice" => Facts::EndpointSlice(SliceFacts {
            service: text(&metadata["labels"]["kubernetes.io/service-name"]),
            endpoints: whole["endpoints"].as_array().into_iter().flatten().map(endpoint).collect(),
            ..SliceFacts::default()
        }),
        "PodDisruptionBudget" => Facts::PodDisruptionBudget(BudgetFacts::default()),
        "Service" => Facts::Service,
        other => Facts::Other(other.into()),
    };
    Object {
        namespace: text(&metadata["namespace"]),
        name: text(&metadata["name"]),
        uid: text(&metadata["uid"]),
        owner: owner.map(|owner| Owner {
            kind: text(&owner["kind"]),
            name: text(&owner["name"]),
            uid: text(&owner["uid"]),
        }),
        labels: Rc::new(serde_json::from_value(metadata["labels"].clone()).unwrap_or_default()),
        facts,
        whole: Rc::new(whole),
    }
}

fn endpoint(whole: &Value) -> EndpointFacts {
    EndpointFacts {
        address: "10.0.0.1".into(),
        more_addresses: 0,
        node: None,
        pod: None,
        uid: Some(text(&whole["targetRef"]["uid"])),
        ready: true,
        serving: true,
        terminating: false,
    }
}

/// A pod of namespace `shop` with the label `app=NAME`, its UID its name.
fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "web"},
                     "resourceVersion": "10", "creationTimestamp": DURING},
        "spec": {"containers": [{"name": "app", "image": "x"}]},
    })
}

/// `value` with one more field.
fn with(mut value: Value, path: &str, field: Value) -> Value {
    *value.pointer_mut(path.rsplit_once('/').unwrap().0).unwrap() = {
        let (around, last) = path.rsplit_once('/').unwrap();
        let mut fields = value.pointer(around).unwrap().clone();
        fields[last.replace("~1", "/")] = field;
        fields
    };
    value
}

/// The same object, as it is later.
fn later(value: Value, version: u32) -> Value {
    with(value, "/metadata/resourceVersion", json!(version.to_string()))
}

fn owned(value: Value, kind: &str, name: &str) -> Value {
    let owner = json!([{"kind": kind, "name": name, "uid": name, "controller": true}]);
    with(value, "/metadata/ownerReferences", owner)
}

/// A Deployment or ReplicaSet of namespace `shop`, its UID its name.
fn controller(kind: &str, name: &str, replicas: u32) -> Value {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod("")["spec"]});
    let selector = json!({"matchLabels": {"app": "web"}});
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "10",
                     "creationTimestamp": DURING},
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    })
}

fn service(name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "shop", "uid": format!("service-{name}")});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

/// A Service that selects `app=web`.
fn web_service() -> Value {
    service("web", json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}))
}

fn budget(spec: Value) -> Value {
    let metadata = json!({"name": "web", "namespace": "shop", "uid": "budget"});
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec})
}

fn node(name: &str) -> Value {
    let room = json!({"cpu": "2", "memory": "4Gi", "pods": "40"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": BEFORE,
                     "labels": {"kubernetes.io/hostname": name}},
        "spec": {}, "status": {"allocatable": room},
    })
}

fn entry(seen: Seen) -> Entry {
    let place = Place { file: "log".into(), line: 1 };
    Entry { place, from: BEGAN, to: BEGAN, seen }
}

fn write(verb: Verb, whole: Value) -> Write {
    let resource = format!("{}s", text(&whole["kind"]).to_lowercase());
    let object = object(whole);
    Write {
        user: "somebody".into(),
        shows_request: true,
        resource: resource.as_str().into(),
        namespace: Rc::clone(&object.namespace),
        name: Rc::clone(&object.name),
        object: Some(object),
        ..Write::granted(verb)
    }
}

fn written(write: Write) -> Entry {
    entry(Seen::Write(Box::new(write)))
}

fn created(whole: Value) -> Entry {
    written(write(Verb::Create, whole))
}

fn updated(whole: Value) -> Entry {
    written(write(Verb::Update, whole))
}

/// The last deletion of a pod.
fn removed(name: &str) -> Entry {
    let gone = with(later(pod(name), 99), "/metadata/deletionGracePeriodSeconds", json!(0));
    written(write(Verb::Delete, gone))
}

fn bound(name: &str, node: &str) -> Entry {
    let write = Write {
        subresource: "binding".into(),
        target: Some(node.into()),
        object: None,
        ..write(Verb::Create, pod(name))
    };
    written(write)
}

fn listed(objects: Vec<Value>) -> Entry {
    entry(Seen::List(objects.into_iter().map(object).collect()))
}

fn told(kind: ChangeKind, whole: Value) -> Entry {
    let object = object(whole);
    entry(Seen::Change(Box::new(Change { kind, resource_version: None, object })))
}

/// All workloads of a log, and what is said of it as a whole.
struct World {
    workloads: Vec<Observed>,
    not_modelled: Vec<NotModelled>,
    release: Release,
    warnings: Vec<String>,
    pod_names: BTreeSet<Rc<str>>,
}

fn world_with(entries: &[Entry], options: &Options) -> World {
    let mut surveyor = Surveyor::default();
    entries.iter().for_each(|entry| surveyor.see(entry));
    let mut composer = surveyor.composer(options, None).unwrap();
    let workloads = (0..composer.followed().len()).flat_map(|index| composer.compose(index)).collect();
    let super::World { not_modelled, release, warnings, pod_names, .. } = composer.world();
    World { workloads, not_modelled, release, warnings, pod_names }
}

/// The world of a log. Every scenario must be one of which there is a model, at every entry.
fn world(entries: &[Entry]) -> World {
    let world = world_with(entries, &Options::default());
    for observed in &world.workloads {
        for scenario in observed.changes().into_iter().map(|at| observed.scenario_at(at)) {
            podproof_model::Model::new(scenario).map(drop).unwrap();
        }
        podproof_model::Model::new(observed.scenario.clone()).map(drop).unwrap();
    }
    world
}

/// The only workload of a log.
fn only(entries: &[Entry]) -> Observed {
    let mut world = world(entries);
    assert_eq!(world.workloads.len(), 1, "{:?}", names(&world));
    world.workloads.remove(0)
}

fn names(world: &World) -> Vec<&str> {
    world.workloads.iter().map(|workload| workload.scenario.name.as_str()).collect()
}

fn says(all: &[String], part: &str) -> bool {
    all.iter().any(|says| says.contains(part))
}
