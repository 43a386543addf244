//! Lies about bindings.

use serde_json::{Value, json};

use crate::edit::{CLEARLY, SECOND, by_kubelet, move_write, write_like};
use crate::life::{Life, lives, other};
use crate::line::Line;
use crate::recording::Recording;

/// The pod that was bound first, of those that their kubelets reported.
fn first(recording: &Recording) -> Option<Life> {
    let lives = lives(recording).into_iter().filter(|life| !life.reports.is_empty());
    lives.min_by_key(|life| recording.line(life.bound).received())
}

pub fn binding_dropped(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    recording.drop(life.bound);
    Some(life.reports[0])
}

pub fn bound_after_the_first_report(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    let reported = recording.line(life.reports[0]).at();
    move_write(recording, life.bound, reported + CLEARLY);
    Some(life.reports[0])
}

/// Taints, cordons and so on are known to the scheduler only after a while, so the node had them from the beginning.
fn node_was_always(recording: &mut Recording, change: impl Fn(&mut Value)) -> Option<usize> {
    let life = first(recording)?;
    recording.change_objects("Node", Some(&life.node), change);
    Some(life.bound)
}

fn taint(node: &mut Value, taint: Value) {
    match &mut node["spec"]["taints"] {
        Value::Array(taints) => taints.push(taint),
        none => *none = json!([taint]),
    }
}

pub fn bound_to_a_tainted_node(recording: &mut Recording) -> Option<usize> {
    node_was_always(recording, |node| {
        taint(node, json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"}));
    })
}

/// Pods of DaemonSets tolerate it.
pub fn bound_to_a_cordoned_node(recording: &mut Recording) -> Option<usize> {
    let tolerates = |toleration: &Value| toleration["key"] == "node.kubernetes.io/unschedulable";
    let tolerations = first(recording)?.pod(recording)["spec"]["tolerations"].clone();
    if tolerations.as_array().into_iter().flatten().any(tolerates) {
        return None;
    }
    node_was_always(recording, |node| {
        node["spec"]["unschedulable"] = true.into();
        taint(node, json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}));
    })
}

pub fn bound_to_a_node_without_room(recording: &mut Recording) -> Option<usize> {
    node_was_always(recording, |node| {
        node["status"]["allocatable"]["pods"] = "0".into();
        node["status"]["capacity"]["pods"] = "0".into();
    })
}

pub fn bound_to_a_node_without_its_labels(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    let selector = json!({"disk": "ssd"});
    let wants = |object: &mut Value| object["spec"]["nodeSelector"] = selector.clone();
    let template_wants = |object: &mut Value| wants(&mut object["spec"]["template"]);
    recording.change_objects("Pod", None, wants);
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"] {
        recording.change_objects(kind, None, template_wants);
    }
    Some(life.bound)
}

/// The taints of a node, as the writes before this line and the list at the beginning show them.
fn taints_before<'r>(recording: &'r Recording, node: &str, at: &Line) -> Vec<&'r Value> {
    let shows = |line: &&Line| line.text("/objectRef/resource") == "nodes" && line.name() == node;
    let before = recording.audit().filter(shows).filter(|line| line.at() < at.received());
    let object = before.filter(|line| line.version() != 0).max_by_key(|line| line.version());
    let taints = object.and_then(|line| line.value["responseObject"]["spec"]["taints"].as_array());
    taints.into_iter().flatten().collect()
}

/// The target becomes the node that has been cordoned, or tainted as unreachable, in the course of the recording.
pub fn bound_to_a_node_that_was_tainted_later(recording: &mut Recording) -> Option<usize> {
    let keeps_away = |taint: &&Value| taint["effect"] == "NoSchedule" || taint["key"] == "rig";
    let life = lives(recording).into_iter().find(|life| {
        let bound = recording.line(life.bound);
        taints_before(recording, other(&life.node), bound).iter().any(keeps_away)
    })?;
    recording.change(life.bound, |line| line.set("/requestObject/target/name", other(&life.node)));
    Some(life.bound)
}

pub fn bound_by_a_kubelet(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    recording.change(life.bound, |line| by_kubelet(line, &life.node));
    Some(life.bound)
}

pub fn bound_twice(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    let at = recording.line(life.bound).at() + SECOND;
    Some(write_like(recording, life.bound, at, |line| {
        line.set("/requestObject/target/name", other(&life.node));
    }))
}
