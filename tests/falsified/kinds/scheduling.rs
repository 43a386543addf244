//! Lies about bindings.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_kubelet, move_write, write_like};
use crate::life::{Life, lives, other};
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "binding-dropped",
        tells: "the scheduler never bound the pod",
        shows: "the kubelet's first report of it",
        by_the_api: true,
        falsify: binding_dropped,
    },
    Kind {
        name: "bound-after-the-first-report",
        tells: "the binding comes after the kubelet's first report",
        shows: "that report",
        by_the_api: true,
        falsify: bound_after_the_first_report,
    },
    Kind {
        name: "bound-to-a-tainted-node",
        tells: "the node has had a taint that the pod does not tolerate since before the log",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_tainted_node,
    },
    Kind {
        name: "bound-to-a-cordoned-node",
        tells: "the node has been cordoned since before the log",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_cordoned_node,
    },
    Kind {
        name: "bound-to-a-node-without-room",
        tells: "the node has room for no pod",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_node_without_room,
    },
    Kind {
        name: "bound-to-a-node-without-its-labels",
        tells: "the pod selects a label that no node has",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_node_without_its_labels,
    },
    Kind {
        name: "bound-to-a-node-that-was-tainted-later",
        tells: "the target is the node that was tainted or cordoned in the log before",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_node_that_was_tainted_later,
    },
    Kind {
        name: "bound-to-a-node-that-it-does-not-select",
        tells: "the target is not the node that the pod selects by its name",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_node_that_it_does_not_select,
    },
    Kind {
        name: "bound-to-a-node-that-is-not-there",
        tells: "the target is a node that nobody has seen",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_to_a_node_that_is_not_there,
    },
    Kind {
        name: "bound-before-there-was-room",
        tells: "the pod is bound while the one that it preempts has its place",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_before_there_was_room,
    },
    Kind {
        name: "bound-by-a-kubelet",
        tells: "a kubelet binds",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_by_a_kubelet,
    },
    Kind {
        name: "bound-twice",
        tells: "a second binding, to the other node, is granted",
        shows: "the second binding",
        by_the_api: true,
        falsify: bound_twice,
    },
    Kind {
        name: "bound-before-its-creation",
        tells: "a pod is bound before it is created",
        shows: "the binding",
        by_the_api: true,
        falsify: bound_before_its_creation,
    },
];

/// The pod that was bound first, of those that their kubelets reported.
fn first(recording: &Recording) -> Option<Life> {
    let lives = lives(recording).into_iter().filter(|life| !life.reports.is_empty());
    lives.min_by_key(|life| recording.line(life.bound).received())
}

fn binding_dropped(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    recording.drop(life.bound);
    Some(life.reports[0])
}

fn bound_after_the_first_report(recording: &mut Recording) -> Option<usize> {
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

fn bound_to_a_tainted_node(recording: &mut Recording) -> Option<usize> {
    node_was_always(recording, |node| {
        taint(node, json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"}));
    })
}

/// Pods of DaemonSets tolerate it.
fn bound_to_a_cordoned_node(recording: &mut Recording) -> Option<usize> {
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

fn bound_to_a_node_without_room(recording: &mut Recording) -> Option<usize> {
    node_was_always(recording, |node| {
        node["status"]["allocatable"]["pods"] = "0".into();
        node["status"]["capacity"]["pods"] = "0".into();
    })
}

fn bound_to_a_node_without_its_labels(recording: &mut Recording) -> Option<usize> {
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
fn bound_to_a_node_that_was_tainted_later(recording: &mut Recording) -> Option<usize> {
    let keeps_away = |taint: &&Value| taint["effect"] == "NoSchedule" || taint["key"] == "rig";
    let life = lives(recording).into_iter().find(|life| {
        let bound = recording.line(life.bound);
        taints_before(recording, other(&life.node), bound).iter().any(keeps_away)
    })?;
    recording.change(life.bound, |line| line.set("/requestObject/target/name", other(&life.node)));
    Some(life.bound)
}

fn bound_by_a_kubelet(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    recording.change(life.bound, |line| by_kubelet(line, &life.node));
    Some(life.bound)
}

fn bound_twice(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    let at = recording.line(life.bound).at() + SECOND;
    Some(write_like(recording, life.bound, at, |line| {
        line.set("/requestObject/target/name", other(&life.node));
    }))
}

/// The target becomes the other node than the one whose name the pod selects.
fn bound_to_a_node_that_it_does_not_select(recording: &mut Recording) -> Option<usize> {
    let selects = |life: &Life| {
        let spec = &life.pod(recording)["spec"];
        let of_daemon_set =
            &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        spec["nodeSelector"].get("kubernetes.io/hostname").is_some()
            || of_daemon_set["nodeSelectorTerms"][0].get("matchFields").is_some()
    };
    let life = lives(recording).into_iter().find(selects)?;
    recording.change(life.bound, |line| line.set("/requestObject/target/name", other(&life.node)));
    Some(life.bound)
}

fn bound_to_a_node_that_is_not_there(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    recording.change(life.bound, |line| line.set("/requestObject/target/name", "node-z"));
    Some(life.bound)
}

/// A pod that waits until another has gone is bound before that.
fn bound_before_there_was_room(recording: &mut Recording) -> Option<usize> {
    let lives = lives(recording);
    lives
        .iter()
        .find_map(|life| {
            let victim = lives.iter().find(|victim| {
                let asked = victim.asked.map(|id| recording.line(id));
                let preempted = asked.is_some_and(|line| line.user() == "system:kube-scheduler");
                preempted && victim.node == life.node && victim.uid != life.uid
            })?;
            let removed = recording.line(victim.removed?).received();
            (recording.line(life.bound).received() > removed).then_some((life.bound, removed - 2 * SECOND))
        })
        .map(|(bound, at)| {
            move_write(recording, bound, at);
            bound
        })
}

fn bound_before_its_creation(recording: &mut Recording) -> Option<usize> {
    let life = first(recording)?;
    let at = recording.line(life.created).received() - CLEARLY;
    move_write(recording, life.bound, at);
    Some(life.bound)
}
