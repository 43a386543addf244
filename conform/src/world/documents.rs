//! Manifests out of objects: what a user would have written, without what the API server and the controllers add, and the
//! reading of them.

use std::collections::{BTreeMap, BTreeSet};

use podproof_vocabulary::manifest::{self, Input, Options, Problem, Source};
use serde_json::{Map, Value, json};

use crate::record::Object;

/// Annotations that scenarios are made of.
const OURS: &str = "podproof.io/";
/// The label that tells the pods of the ReplicaSets of one Deployment apart.
pub(super) const TEMPLATE_HASH: &str = "pod-template-hash";

/// A manifest, and what it is called in messages.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// For example `Service/web`.
    pub title: String,
    /// The manifest.
    pub manifest: Value,
    /// It is left out if it cannot be read, and what is read is read without it.
    pub may_be_left_out: bool,
}

/// Takes out what the API server sets where nothing is said.
fn forget_defaults(spec: &mut Value, defaults: &[(&str, Value)]) {
    let Some(fields) = spec.as_object_mut() else { return };
    for (name, default) in defaults {
        if fields.get(*name) == Some(default) {
            fields.remove(*name);
        }
    }
}

/// Takes out what the API server sets in a pod spec where nothing is said, and the token that it mounts.
fn forget_pod_defaults(spec: &mut Value) {
    let defaults = [
        ("schedulerName", json!("default-scheduler")),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
    ];
    forget_defaults(spec, &defaults);
    forget_token(spec, "volumes");
    for field in ["initContainers", "containers"] {
        for container in spec[field].as_array_mut().into_iter().flatten() {
            forget_token(container, "volumeMounts");
        }
    }
}

/// Takes the token of the service account out of volumes or their mounts.
fn forget_token(around: &mut Value, field: &str) {
    let Some(fields) = around.as_object_mut() else { return };
    let Some(volumes) = fields.get_mut(field).and_then(Value::as_array_mut) else { return };
    volumes.retain(|volume| !volume["name"].as_str().unwrap_or_default().starts_with("kube-api-access-"));
    if volumes.is_empty() {
        fields.remove(field);
    }
}

/// The manifest of a pod. Of one that was not seen as it was created nobody knows whether its creator named the node or the
/// scheduler did; it is taken as one that the scheduler bound.
pub(super) fn pod(object: &Object, as_created: bool) -> Value {
    let mut spec = object.whole["spec"].clone();
    if let Value::Object(spec) = &mut spec
        && !as_created
    {
        spec.remove("nodeName");
    }
    forget_pod_defaults(&mut spec);
    document("v1", "Pod", object, spec)
}

/// The manifest of a Deployment or ReplicaSet.
pub(super) fn controller(kind: &str, object: &Object) -> Value {
    let mut manifest = document("apps/v1", kind, object, object.whole["spec"].clone());
    if let Some(spec) = manifest["spec"]["template"].get_mut("spec") {
        forget_pod_defaults(spec);
    }
    manifest
}

/// The manifest of a Service.
pub(super) fn service(object: &Object) -> Value {
    let mut manifest = document("v1", "Service", object, object.whole["spec"].clone());
    forget_defaults(&mut manifest["spec"], &[("sessionAffinity", json!("None"))]);
    manifest
}

/// What a Service asks for of what comes to the cluster from outside, and of families of addresses: nothing of that is represented.
const OUTSIDE: &[&str] = &[
    "allocateLoadBalancerNodePorts",
    "clusterIPs",
    "externalIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
];

/// What a Service asks for that the model represents, for whether that changes.
pub(super) fn service_asks(spec: &Value) -> Value {
    let mut asks = all_but(spec, OUTSIDE);
    if let Some(fields) =
        asks.as_object_mut().filter(|fields| fields.get("type") != Some(&json!("ExternalName")))
    {
        fields.remove("type");
    }
    for port in asks["ports"].as_array_mut().into_iter().flatten() {
        *port = all_but(port, &["nodePort"]);
    }
    asks
}

/// The manifest of a Service that only an EndpointSlice of it shows: without its selector, and as if it sends connections to
/// the ports of the endpoints.
pub(super) fn service_of(slice: &Object, name: &str) -> Value {
    let given = slice.whole["ports"].as_array().into_iter().flatten();
    let named = given.enumerate().filter(|(_, port)| port["port"].is_u64());
    let ports: Vec<Value> = named
        .map(|(number, port)| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            json!({"name": format!("port-{number}"), "port": port["port"], "protocol": protocol})
        })
        .collect();
    let metadata = json!({"name": name, "namespace": *slice.namespace});
    let spec = if ports.is_empty() { json!({"clusterIP": "None"}) } else { json!({"ports": ports}) };
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

/// The manifest of a PodDisruptionBudget; policy/v1beta1 differs in what an empty selector selects alone.
pub(super) fn budget(object: &Object) -> Value {
    document("policy/v1", "PodDisruptionBudget", object, object.whole["spec"].clone())
}

/// The template of a controller, by which a Deployment finds its ReplicaSet: without the label that it adds.
pub(super) fn template(controller: &Value) -> Value {
    let mut template = controller["spec"]["template"].clone();
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(TEMPLATE_HASH);
        }
    }
    template
}

/// A mapping without some of its fields.
pub(super) fn all_but(value: &Value, fields: &[&str]) -> Value {
    let entries = value.as_object().into_iter().flatten();
    let kept = entries.filter(|(key, _)| !fields.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// The manifest of a controller whose pods are what `pod` was before it was scheduled: admission may have changed them.
pub(super) fn with_pods(controller: &Value, pod: &Value) -> Value {
    let mut manifest = controller.clone();
    let template = &mut manifest["spec"]["template"];
    let node = template["spec"]["nodeName"].clone();
    let mut spec = pod["spec"].clone();
    if let (Value::String(_), Value::Object(spec)) = (&node, &mut spec) {
        spec.insert("nodeName".into(), node);
    }
    let metadata = all_but(&pod["metadata"], &["name", "namespace"]);
    *template = json!({"metadata": metadata, "spec": spec});
    manifest
}

fn document(api_version: &str, kind: &str, object: &Object, spec: Value) -> Value {
    let mut metadata = json!({"name": *object.name, "namespace": *object.namespace});
    let given = &object.whole["metadata"];
    for field in ["labels", "finalizers"] {
        if !given[field].is_null() {
            metadata[field] = given[field].clone();
        }
    }
    let annotations = given["annotations"].as_object().into_iter().flatten();
    let ours: Map<_, _> = annotations
        .filter(|(key, _)| key.starts_with(OURS))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if kind == "Pod" && !ours.is_empty() {
        metadata["annotations"] = Value::Object(ours);
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// Reads documents that hold one workload. Fields that no release known here has are taken out, each with a warning, and so
/// is a document that cannot be read, if the workload can be read without it.
///
/// # Errors
/// What is wrong with the workload, in a sentence.
pub(super) fn read(documents: &[Document], options: &Options) -> Result<(Input, Vec<String>), String> {
    let mut documents = documents.to_vec();
    let mut warnings = BTreeSet::new();
    loop {
        let sources: Vec<_> = documents.iter().map(source).collect();
        let problems = match manifest::read(&sources, options) {
            Ok(mut reading) => {
                let input = reading.workloads.pop().ok_or("no workload was read")?;
                warnings.extend(
                    input.warnings.iter().filter(|warning| !manifest::is_harmless(&warning.says)).map(said),
                );
                return Ok((input, Vec::from_iter(warnings)));
            }
            Err(problems) => problems,
        };
        let mut hopeless = Vec::new();
        let mut left_out = BTreeSet::new();
        let by_document = by_document(&problems);
        for document in &mut documents {
            for problem in by_document.get(document.title.as_str()).into_iter().flatten() {
                let says = format!("{}: {}: {}", document.title, problem.field, problem.says);
                if problem.says.contains(" is no field of ") && remove(&mut document.manifest, &problem.field)
                {
                    warnings.insert(format!("{says}; read without it"));
                } else if document.may_be_left_out {
                    warnings.insert(format!("{says}; left out"));
                    left_out.insert(document.title.clone());
                } else {
                    hopeless.push(says);
                }
            }
        }
        hopeless.extend(
            problems.iter().filter(|problem| problem.place.is_none()).map(|problem| problem.says.clone()),
        );
        if !hopeless.is_empty() {
            return Err(hopeless.join("; "));
        }
        documents.retain(|document| !left_out.contains(&document.title));
    }
}

fn source(document: &Document) -> Source {
    Source { path: document.title.clone(), text: document.manifest.to_string().into_bytes() }
}

fn by_document(problems: &[Problem]) -> BTreeMap<&str, Vec<&Problem>> {
    let mut found: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        if let Some(place) = &problem.place {
            found.entry(&place.file).or_default().push(problem);
        }
    }
    found
}

/// A warning without its place: the object came in a log.
fn said(warning: &manifest::Warning) -> String {
    warning.says.clone()
}

/// Takes a field out, by a path such as `spec.containers[0].image`.
fn remove(value: &mut Value, path: &str) -> bool {
    let (around, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = Some(value);
    for part in around.split('.').filter(|part| !part.is_empty()) {
        let (name, numbers) = part.split_once('[').unwrap_or((part, ""));
        at = at.and_then(|value| value.get_mut(name));
        for number in numbers.split(['[', ']']).filter(|number| !number.is_empty()) {
            at = at.and_then(|value| value.get_mut(number.parse::<usize>().ok()?));
        }
    }
    at.and_then(Value::as_object_mut).is_some_and(|fields| fields.remove(last).is_some())
}
