//! Objects of the API as JSON into the fields that matter. Nothing fails: what is missing or of another type has its default.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::names::Names;
use super::template::{made_of, pods_of};
use crate::fingerprint::fingerprint;
use crate::record::{
    BudgetFacts, ContainerFacts, ContainerStateSeen, DeploymentFacts, EndpointFacts, Facts, NodeFacts,
    Object, Owner, PodFacts, ReplicaSetFacts, SliceFacts,
};

/// The parts of objects that are mappings, the outer ones first.
const MAPPINGS: [&str; 7] =
    ["", "/metadata", "/spec", "/status", "/spec/template", "/spec/template/metadata", "/spec/template/spec"];

/// Takes out what should be a mapping and is none: the API server has no such object.
fn mend(whole: &mut Value) {
    for place in MAPPINGS {
        if let Some(part) = whole.pointer_mut(place).filter(|part| !part.is_object()) {
            *part = Value::Null;
        }
    }
}

/// An object; items of a list have no `kind`, so the list says it.
pub(super) fn object(mut whole: Value, kind: Option<&str>, names: &mut Names) -> Object {
    mend(&mut whole);
    let metadata = &whole["metadata"];
    let mut name_of = |value: &Value| names.get(text(value));
    let namespace = name_of(&metadata["namespace"]);
    let name = name_of(&metadata["name"]);
    let uid = name_of(&metadata["uid"]);
    let owner = items(&metadata["ownerReferences"]).find(|owner| flag(&owner["controller"])).map(|owner| {
        Owner { kind: name_of(&owner["kind"]), name: name_of(&owner["name"]), uid: name_of(&owner["uid"]) }
    });
    let labels = members(&metadata["labels"]).map(|(key, value)| (key.clone(), text(value).to_owned()));
    let labels = Rc::new(labels.collect::<BTreeMap<_, _>>());
    let facts = facts(&whole, kind, &labels, names);
    Object { namespace, name, uid, owner, labels, facts, whole: Rc::new(whole) }
}

/// Which facts an object has. Kinds have their group: a Service of Knative is none of ours.
fn facts(whole: &Value, kind: Option<&str>, labels: &BTreeMap<String, String>, names: &mut Names) -> Facts {
    let own = text(&whole["kind"]);
    let kind = if own.is_empty() { kind.unwrap_or_default() } else { own };
    let version = text(&whole["apiVersion"]);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is_of = |groups: &[&str]| version.is_empty() || groups.contains(&group);
    match kind {
        "Pod" if is_of(&[""]) => Facts::Pod(pod(whole, names)),
        "Node" if is_of(&[""]) => Facts::Node(node(whole, names)),
        "Service" if is_of(&[""]) => Facts::Service,
        "Deployment" if is_of(&["apps", "extensions"]) => Facts::Deployment(deployment(whole)),
        "ReplicaSet" if is_of(&["apps", "extensions"]) => Facts::ReplicaSet(replica_set(whole)),
        "EndpointSlice" if is_of(&["discovery.k8s.io"]) => Facts::EndpointSlice(slice(whole, labels, names)),
        "PodDisruptionBudget" if is_of(&["policy"]) => Facts::PodDisruptionBudget(budget(whole, names)),
        _ => Facts::Other(names.get(kind)),
    }
}

fn pod(whole: &Value, names: &mut Names) -> PodFacts {
    let (metadata, status) = (&whole["metadata"], &whole["status"]);
    let phase = match text(&status["phase"]) {
        "" => "Pending",
        phase => phase,
    };
    let mut containers = Vec::new();
    for (field, init) in [("initContainerStatuses", true), ("containerStatuses", false)] {
        containers.extend(items(&status[field]).map(|container| container_status(container, init, names)));
    }
    let ip = some(&status["podIP"], names);
    let ips = items(&status["podIPs"]).filter_map(|one| some(&one["ip"], names));
    // Of each family there is one: a patch adds to those of before.
    let is_other = |one: &Rc<str>| ip.as_ref().is_some_and(|ip| ip.contains(':') != one.contains(':'));
    let more_ips = ips.filter(is_other).last().into_iter().collect();
    PodFacts {
        node: some(&whole["spec"]["nodeName"], names),
        phase: names.get(phase),
        ready: condition(status, "Ready").is_some_and(|ready| text(&ready["status"]) == "True"),
        ip,
        more_ips,
        deleting: !metadata["deletionTimestamp"].is_null(),
        deletion_grace_seconds: metadata["deletionGracePeriodSeconds"].as_i64(),
        finalizers: items(&metadata["finalizers"]).next().is_some(),
        containers,
    }
}

fn container_status(status: &Value, init: bool, names: &mut Names) -> ContainerFacts {
    let state = &status["state"];
    let state = if state["terminated"].is_object() {
        ContainerStateSeen::Terminated(number(&state["terminated"]["exitCode"]))
    } else if state["running"].is_object() {
        ContainerStateSeen::Running
    } else {
        ContainerStateSeen::Waiting(names.get(text(&state["waiting"]["reason"])))
    };
    ContainerFacts {
        name: names.get(text(&status["name"])),
        init,
        state,
        ready: flag(&status["ready"]),
        restarts: count(&status["restartCount"], 0),
    }
}

fn node(whole: &Value, names: &mut Names) -> NodeFacts {
    let spec = &whole["spec"];
    let ready = condition(&whole["status"], "Ready").and_then(|ready| some(&ready["status"], names));
    let taints = items(&spec["taints"]).map(|taint| {
        let [key, value, effect] = ["key", "value", "effect"].map(|field| names.get(text(&taint[field])));
        (key, value, effect)
    });
    NodeFacts { ready, unschedulable: flag(&spec["unschedulable"]), taints: taints.collect() }
}

fn deployment(whole: &Value) -> DeploymentFacts {
    let spec = &whole["spec"];
    let exceeded = |progressing: &Value| {
        text(&progressing["status"]) == "False" && text(&progressing["reason"]) == "ProgressDeadlineExceeded"
    };
    DeploymentFacts {
        replicas: count(&spec["replicas"], 1),
        template: fingerprint(&spec["template"]),
        pods: pods_of(whole),
        paused: flag(&spec["paused"]),
        deadline_exceeded: condition(&whole["status"], "Progressing").is_some_and(exceeded),
    }
}

fn replica_set(whole: &Value) -> ReplicaSetFacts {
    let desired = &whole["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"];
    ReplicaSetFacts {
        replicas: count(&whole["spec"]["replicas"], 1),
        pods: made_of(&whole["spec"]["template"]),
        available: count(&whole["status"]["availableReplicas"], 0),
        desired: text(desired).parse().ok(),
    }
}

fn slice(whole: &Value, labels: &BTreeMap<String, String>, names: &mut Names) -> SliceFacts {
    let service = labels.get("kubernetes.io/service-name").map_or("", String::as_str);
    let endpoints = items(&whole["endpoints"]).map(|endpoint| {
        let (conditions, target) = (&endpoint["conditions"], &endpoint["targetRef"]);
        let ready = conditions["ready"].as_bool().unwrap_or(true);
        let target = (text(&target["kind"]) == "Pod").then_some(target);
        EndpointFacts {
            address: names.get(items(&endpoint["addresses"]).next().map_or("", text)),
            more_addresses: items(&endpoint["addresses"]).count().saturating_sub(1),
            node: some(&endpoint["nodeName"], names)
                .or_else(|| some(&endpoint["topology"]["kubernetes.io/hostname"], names)),
            pod: target.and_then(|target| some(&target["name"], names)),
            uid: target.and_then(|target| some(&target["uid"], names)),
            ready,
            serving: conditions["serving"].as_bool().unwrap_or(ready),
            terminating: flag(&conditions["terminating"]),
        }
    });
    let endpoints = endpoints.collect();
    let ports = items(&whole["ports"]).filter_map(|port| {
        let number = u16::try_from(port["port"].as_u64()?).ok()?;
        Some((number, names.get(port["protocol"].as_str().unwrap_or("TCP"))))
    });
    let ports = ports.collect();
    let family = names.get(text(&whole["addressType"]));
    SliceFacts { service: names.get(service), family, endpoints, ports }
}

fn budget(whole: &Value, names: &mut Names) -> BudgetFacts {
    let status = &whole["status"];
    let mut disrupted: Vec<Rc<str>> =
        members(&status["disruptedPods"]).map(|(pod, _)| names.get(pod)).collect();
    disrupted.sort();
    BudgetFacts {
        allowed: count(&status["disruptionsAllowed"], 0),
        healthy: count(&status["currentHealthy"], 0),
        desired: count(&status["desiredHealthy"], 0),
        disrupted,
    }
}

/// The condition of this type in a status.
fn condition<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    items(&status["conditions"]).find(|condition| text(&condition["type"]) == name)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The text, unless it is missing or empty.
fn some(value: &Value, names: &mut Names) -> Option<Rc<str>> {
    Some(text(value)).filter(|text| !text.is_empty()).map(|text| names.get(text))
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

/// A number that is no less than 0.
fn count(value: &Value, missing: u32) -> u32 {
    value.as_i64().map_or(missing, |value| u32::try_from(value.max(0)).unwrap_or(u32::MAX))
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|value| i32::try_from(value).ok()).unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
