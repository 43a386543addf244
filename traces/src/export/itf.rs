//! The Informal Trace Format (Apalache ADR-015): the states of a trace as records, sets and maps.
//!
//! Of a lasso, `loop` is the state after the first step of the cycle: the last state is the one before that step again. Where
//! everything rests, it is the last state.
//!
//! `rules` holds the nodes whose kube-proxy is modelled: where a search has chosen one, only that.

use podproof_vocabulary::observation::{
    BudgetSeen, ContainerSeen, EndpointSeen, NodeSeen, Observation, Observe, PodSeen, SandboxSeen,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};
use serde_json::{Map, Value, json};

use super::Frames;
use crate::change::TaintName;
use crate::names::Names;
use crate::plain::make_plain;
use crate::replay::Divergence;
use crate::trace::{Kind, Trace};
use crate::words;

/// The variables of a state, in their order.
const VARIABLES: [&str; 8] = [
    "action_taken",
    "deployment",
    "replica_sets",
    "pods",
    "endpoint_slice",
    "rules",
    "nodes",
    "pod_disruption_budget",
];

/// The trace in the Informal Trace Format, a JSON document that ends in a newline.
///
/// # Errors
/// Where the model of today does something else.
pub fn export(trace: &Trace) -> Result<String, Divergence> {
    let frames = Frames::of(trace)?;
    let meta = json!({
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "source": "podproof",
        "description": super::title(trace, &frames.standing),
        "varTypes": types(),
    });
    let mut text = format!("{{\n\"#meta\": {},\n\"vars\": {},\n", lined(meta), json!(VARIABLES));
    if trace.kind == Kind::Lasso {
        let entry = trace.stem.len() + usize::from(!trace.cycle.is_empty());
        text += &format!("\"loop\": {entry},\n");
    }
    // A state as a tree takes many times the memory of its text: there is one at a time, on a line of its own.
    text += "\"states\": [";
    for index in 0..frames.seen.len() {
        text += if index == 0 { "\n" } else { ",\n" };
        text += &lined(state(&frames, index));
    }
    text += "\n]\n}\n";
    Ok(text)
}

/// JSON on one line, in which nothing steers whoever reads it.
fn lined(mut value: Value) -> String {
    make_plain(&mut value);
    value.to_string()
}

/// The types of the variables, in Apalache's notation.
fn types() -> Value {
    let endpoint = "{ address: Str, ready: Bool, serving: Bool, terminating: Bool }";
    let container = "{ process: Str, accepting: Bool, sigterm: Bool, hook: Str, grace_expired: Bool }";
    json!({
        "action_taken": "Str",
        "deployment": "{ exists: Bool, replicas: Int, template_hash: Str, deadline_exceeded: Bool }",
        "replica_sets": "Str -> { replicas: Int, available: Int }",
        "pods": format!(
            "Str -> {{ exists: Bool, phase: Str, node: Str, deletion: Str, finalizer: Bool, ready: Bool, pod_ip: Str, \
             sandbox: Str, sandbox_ip: Str, terminating: Bool, containers: Str -> {container} }}"
        ),
        "endpoint_slice": format!("Str -> {endpoint}"),
        "rules": format!("Str -> (Str -> {endpoint})"),
        "nodes": "Str -> { exists: Bool, ready: Str, unschedulable: Bool, taints: Set(Str), powered: Bool, connected: Bool, \
                  kubelet_runs: Bool, proxy_runs: Bool, runtime_answers: Bool }",
        "pod_disruption_budget": "{ exists: Bool, disruptions_allowed: Int, current_healthy: Int, desired_healthy: Int }",
    })
}

fn state(frames: &Frames<'_>, index: usize) -> Value {
    let (seen, names) = &frames.seen[index];
    let step = index.checked_sub(1).map(|step| &frames.told[step]);
    // Of what a state is said beside its index, the crate itf reads words only.
    let mut meta = json!({ "index": index, "seconds": frames.seconds(index).to_string() });
    if let Some(step) = step {
        meta["component"] = step.component.name().into();
    }
    let pods = PodId::first(seen.pods());
    let values = [
        step.map_or("", |step| &step.says).into(),
        deployment(seen, names),
        map(Revision::first(seen.revisions()).filter_map(|revision| {
            let set = seen.replica_set(revision)?;
            let record = json!({ "replicas": set.replicas, "available": set.available });
            Some((names.replica_set(revision), record))
        })),
        map(pods
            .clone()
            .filter(|&pod| is_anything(seen, pod))
            .map(|pod| (names.pod(pod), of_pod(seen, names, pod)))),
        map(pods.clone().filter_map(|pod| Some((names.pod(pod), endpoint(names, pod, seen.endpoint(pod)?))))),
        map(NodeId::first(seen.nodes()).filter(|&node| frames.has_rules(node)).map(|node| {
            let rules = pods
                .clone()
                .filter_map(|pod| Some((names.pod(pod), endpoint(names, pod, seen.rule(node, pod)?))));
            (names.node(node), map(rules))
        })),
        map(NodeId::first(seen.nodes()).map(|node| (names.node(node), of_node(names, seen.node(node))))),
        budget(seen.budget()),
    ];
    let mut state = Map::from_iter([("#meta".to_owned(), meta)]);
    state.extend(VARIABLES.iter().map(|&name| name.to_owned()).zip(values));
    Value::Object(state)
}

/// A map, as ITF writes one.
fn map(entries: impl Iterator<Item = (String, Value)>) -> Value {
    json!({ "#map": entries.map(|(key, value)| json!([key, value])).collect::<Vec<_>>() })
}

/// Is there anything of this pod, at the API server or on a node?
fn is_anything(seen: &Observation, pod: PodId) -> bool {
    seen.pod(pod).is_some()
        || seen.sandbox(pod) != SandboxSeen::default()
        || ContainerId::first(seen.containers())
            .any(|container| seen.container(pod, container) != ContainerSeen::default())
}

fn deployment(seen: &Observation, names: &Names) -> Value {
    let now = seen.deployment();
    json!({
        "exists": now.is_some(),
        "replicas": now.map_or(0, |now| now.replicas),
        "template_hash": now.map_or("", |now| names.hash(now.revision)),
        "deadline_exceeded": now.is_some_and(|now| now.deadline_exceeded),
    })
}

fn of_pod(seen: &Observation, names: &Names, pod: PodId) -> Value {
    let object: Option<PodSeen> = seen.pod(pod);
    let sandbox = seen.sandbox(pod);
    let address = |address| names.address(pod, address);
    let containers = ContainerId::first(seen.containers()).map(|container| {
        let now = seen.container(pod, container);
        let record = json!({
            "process": format!("{:?}", now.process),
            "accepting": now.accepting,
            "sigterm": now.sigterm,
            "hook": format!("{:?}", now.hook),
            "grace_expired": now.grace_expired,
        });
        (names.container(container), record)
    });
    json!({
        "exists": object.is_some(),
        "phase": object.map_or("", |object| words::phase_name(object.phase)),
        "node": object.and_then(|object| object.node).map_or_else(String::new, |node| names.node(node)),
        "deletion": object.map_or_else(String::new, |object| format!("{:?}", object.deletion)),
        "finalizer": object.is_some_and(|object| object.finalizer),
        "ready": object.is_some_and(|object| object.ready),
        "pod_ip": object.and_then(|object| object.address).map_or_else(String::new, address),
        "sandbox": format!("{:?}", sandbox.sandbox),
        "sandbox_ip": sandbox.address.map_or_else(String::new, address),
        "terminating": sandbox.terminating,
        "containers": map(containers),
    })
}

fn endpoint(names: &Names, pod: PodId, endpoint: EndpointSeen) -> Value {
    json!({
        "address": names.address(pod, endpoint.address),
        "ready": endpoint.ready,
        "serving": endpoint.serving,
        "terminating": endpoint.terminating,
    })
}

fn of_node(names: &Names, node: NodeSeen) -> Value {
    let taints = TaintName::ALL.into_iter().filter(|taint| taint.is_among(&node.taints));
    let taints: Vec<&str> = taints.map(|taint| words::taint_name(names, taint)).collect();
    json!({
        "exists": node.exists,
        "ready": format!("{:?}", node.ready),
        "unschedulable": node.unschedulable,
        "taints": { "#set": taints },
        "powered": node.powered,
        "connected": node.connected,
        "kubelet_runs": node.kubelet_runs,
        "proxy_runs": node.proxy_runs,
        "runtime_answers": node.runtime_answers,
    })
}

fn budget(now: Option<BudgetSeen>) -> Value {
    let count = |of: fn(&BudgetSeen) -> u8| now.as_ref().map_or(0, of);
    json!({
        "exists": now.is_some(),
        "disruptions_allowed": count(|now| now.disruptions_allowed),
        "current_healthy": count(|now| now.current_healthy),
        "desired_healthy": count(|now| now.desired_healthy),
    })
}
