//! What the API server makes of an object beside what it was asked for.

use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::patch;
use crate::matching::writes::grace;
use crate::reading::template::HASH;
use crate::record::{Facts, Micros, Object, Verb, Write};

/// Is it a mapping whose parts are mappings? Nothing is made of what is none, as the API server takes no such object.
pub(super) fn is_sound(object: &Value) -> bool {
    let is_mapping = |part: &Value| part.is_null() || part.is_object();
    object.is_object() && ["metadata", "spec", "status"].iter().all(|part| is_mapping(&object[*part]))
}

/// The resource and the kind of an object of a list, which may say neither.
pub(super) fn resource(object: &Object) -> Option<(&'static str, &'static str)> {
    Some(match &object.facts {
        Facts::Pod(_) => ("pods", "Pod"),
        Facts::Node(_) => ("nodes", "Node"),
        Facts::Service => ("services", "Service"),
        Facts::Deployment(_) => ("deployments", "Deployment"),
        Facts::ReplicaSet(_) => ("replicasets", "ReplicaSet"),
        Facts::EndpointSlice(_) => ("endpointslices", "EndpointSlice"),
        Facts::PodDisruptionBudget(_) => ("poddisruptionbudgets", "PodDisruptionBudget"),
        Facts::Other(_) => return None,
    })
}

/// The UID of the object that a write is meant for, if it says so.
pub(super) fn asked_uid(write: &Write, asked: &Value) -> Option<Rc<str>> {
    let in_request =
        ["/metadata/uid", "/preconditions/uid"].iter().find_map(|place| asked.pointer(place)?.as_str());
    let uid = in_request.map(Rc::from).unwrap_or_else(|| Rc::clone(&write.uid));
    Some(uid).filter(|uid| !uid.is_empty())
}

/// A node of which nothing is known yet.
pub(super) fn part_of_a_node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
}

/// A moment as the API server writes it into objects: cut to a second.
fn time(at: Micros) -> Value {
    let second = Timestamp::from_second(at.div_euclid(1_000_000));
    second.map_or(Value::Null, |second| second.to_string().into())
}

/// Keys that every pod tolerates for a while, by what admission adds (TEC-6).
const TOLERATED: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The template that a Deployment makes a ReplicaSet of: the label by which it tells them apart is added to it
/// (`pkg/controller/deployment/sync.go`, `getNewReplicaSet`).
pub(super) fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    template
}

/// A new object.
pub(super) fn created(write: &Write, asked: Value, uid: Option<Rc<str>>, at: Micros) -> Value {
    let mut object = asked;
    let metadata = &mut object["metadata"];
    if !write.namespace.is_empty() {
        metadata["namespace"] = json!(*write.namespace);
    }
    metadata["creationTimestamp"] = time(at);
    if let Some(uid) = uid {
        metadata["uid"] = json!(*uid);
    } else if &*write.resource == "pods"
        && let Some(metadata) = metadata.as_object_mut()
    {
        // What a kubelet says of it is of its static pod, and is written over (S28 `rest/create.go` `BeforeCreate`).
        metadata.remove("uid");
    }
    match &*write.resource {
        "pods" => {
            object["status"]["phase"] = json!("Pending");
            tolerate(&mut object["spec"]["tolerations"]);
        }
        "endpointslices" | "services" | "nodes" => {}
        _ => metadata["generation"] = json!(1),
    }
    object
}

/// For how long is a flag of the API server, which no request shows: here it may be over at once.
fn tolerate(tolerations: &mut Value) {
    if !tolerations.is_array() {
        *tolerations = json!([]);
    }
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for key in TOLERATED {
        let is_of_key = |one: &Value| one["key"] == key || one["key"].as_str().unwrap_or_default().is_empty();
        let is_of_effect = |one: &Value| matches!(one["effect"].as_str(), None | Some("" | "NoExecute"));
        if !tolerations.iter().any(|one| is_of_key(one) && is_of_effect(one)) {
            tolerations.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}),
            );
        }
    }
}

/// The node that a pod asks for by name, as those of a DaemonSet do.
pub(super) fn pinned_to(pod: &Value) -> Option<&str> {
    let affinity = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let terms = pod.pointer(affinity)?["nodeSelectorTerms"].as_array()?;
    terms.first()?.pointer("/matchFields/0/values/0")?.as_str()
}

/// A pod after its binding (API-20).
pub(super) fn bound(pod: Value, node: &str) -> Value {
    let mut pod = pod;
    pod["spec"]["nodeName"] = node.into();
    let scheduled = json!([{"type": "PodScheduled", "status": "True"}]);
    patch::apply(&mut pod, &json!({"status": {"conditions": scheduled}}));
    pod
}

/// What was asked for has another generation than what was before.
fn count_generation(before: &Value, after: &mut Value) {
    let known = before["metadata"]["generation"].as_u64().or(after["metadata"]["generation"].as_u64());
    if let Some(generation) = known {
        let changed = !before["spec"].is_null() && before["spec"] != after["spec"];
        after["metadata"]["generation"] = json!(generation.saturating_add(u64::from(changed)));
    }
}

/// What a request cannot change (`staging/src/k8s.io/apiserver/pkg/registry/rest/update.go`, `BeforeUpdate`).
fn keep_own(before: &Value, after: &mut Value) {
    for field in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        match before["metadata"].get(field) {
            Some(own) => after["metadata"][field] = own.clone(),
            None if field.starts_with("deletion") => {
                let metadata = after["metadata"].as_object_mut();
                metadata.and_then(|metadata| metadata.remove(field));
            }
            None => {}
        }
    }
}

/// An object after an update: an update of the status takes nothing else, and any other no status.
pub(super) fn updated(write: &Write, before: Option<&Value>, asked: Value) -> Value {
    let mut after = asked;
    if let Some(before) = before {
        let own = if &*write.subresource == "status" { "spec" } else { "status" };
        if let Some(value) = before.get(own) {
            after[own] = value.clone();
        }
        keep_own(before, &mut after);
        count_generation(before, &mut after);
    }
    forget_version(&mut after);
    after
}

/// An object after a patch; none, if the patch does not fit.
pub(super) fn patched(write: &Write, before: Value, change: &Value) -> Option<Value> {
    let mut after = before.clone();
    if !patch::apply(&mut after, change) || !is_sound(&after) {
        return None;
    }
    if &*write.subresource == "status" {
        let status = after["status"].take();
        after = before.clone();
        after["status"] = status;
    } else if let Some(status) = before.get("status") {
        after["status"] = status.clone();
    }
    keep_own(&before, &mut after);
    count_generation(&before, &mut after);
    forget_version(&mut after);
    Some(after)
}

/// The version that a request speaks of is the one before it.
fn forget_version(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
}

/// An object after a deletion with these options (DEL-2 to DEL-6, DEL-9).
pub(super) fn deleted(write: &Write, object: Value, options: &Value, at: Micros) -> Value {
    let mut object = object;
    let asked = grace::asked(write).map(i64::from);
    let own = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let own = own.filter(|_| !object["metadata"]["deletionTimestamp"].is_null());
    let first = || {
        let is_over = object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty()
            || ["Succeeded", "Failed"].iter().any(|phase| object["status"]["phase"] == *phase);
        let default = || object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(grace::DEFAULT);
        if is_over { 0 } else { asked.unwrap_or_else(default) }
    };
    let grace = match own {
        _ if &*write.resource != "pods" => Some(0),
        Some(own) => asked.filter(|asked| *asked < own),
        None => Some(first()),
    };
    let held = match options["propagationPolicy"].as_str() {
        Some("Foreground") => Some("foregroundDeletion"),
        Some("Orphan") => Some("orphan"),
        _ => None,
    };
    let metadata = &mut object["metadata"];
    if let Some(held) = held {
        patch::apply(metadata, &json!({"finalizers": [held]}));
    }
    if let Some(grace) = grace {
        metadata["deletionTimestamp"] = time(at.saturating_add(grace.saturating_mul(1_000_000)));
        metadata["deletionGracePeriodSeconds"] = json!(grace);
    }
    object
}

/// Is an object no longer there after a write that left it like this?
pub(super) fn is_gone(write: &Write, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    let is_over = match metadata["deletionGracePeriodSeconds"].as_i64() {
        Some(grace) => grace == 0,
        None => write.verb == Verb::Delete && &*write.resource != "pods",
    };
    is_over && !is_held
}

/// Does a deletion remove its object at once, as far as the request says?
pub(super) fn is_at_once(write: &Write) -> bool {
    write.subresource.is_empty() && (&*write.resource != "pods" || grace::asked(write) == Some(0))
}

/// Does a request change nothing but how many are wanted, or what says nothing of the pods?
pub(super) fn asks_for_replicas_only(asked: &Value) -> bool {
    let Some(fields) = asked.as_object() else { return false };
    let spec = fields.get("spec").and_then(Value::as_object);
    spec.is_none_or(|spec| spec.keys().all(|field| field == "replicas")) && !fields.is_empty()
}
