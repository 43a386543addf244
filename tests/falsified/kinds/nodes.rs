//! Lies about nodes.

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, by_controller, by_kubelet, end, write_again, write_like};
use crate::life::{Life, is_ready, lives, set_ready};
use crate::line::{Line, Micros};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "unreachable-although-ready",
        tells: "a node that is Ready gets the taint of an unreachable one",
        shows: "that write",
        by_the_api: true,
        falsify: unreachable_although_ready,
    },
    Kind {
        name: "evicting-although-ready",
        tells: "a node that is Ready gets a NoExecute taint",
        shows: "that write",
        by_the_api: true,
        falsify: evicting_although_ready,
    },
    Kind {
        name: "node-reported-by-another-kubelet",
        tells: "a node's status is written by the other's kubelet",
        shows: "that write",
        by_the_api: true,
        falsify: node_reported_by_another_kubelet,
    },
    Kind {
        name: "node-unknown-though-it-renews-its-lease",
        tells: "a node becomes Unknown while its kubelet renews its lease",
        shows: "that write",
        by_the_api: true,
        falsify: node_unknown_though_it_renews_its_lease,
    },
    Kind {
        name: "untainted-although-unknown",
        tells: "a node that is Unknown loses its taints",
        shows: "that write",
        by_the_api: true,
        falsify: untainted_although_unknown,
    },
    Kind {
        name: "deleted-before-its-toleration-was-over",
        tells: "the taint manager deletes half a second after the taint, not after the toleration",
        shows: "that deletion",
        by_the_api: true,
        falsify: deleted_before_its_toleration_was_over,
    },
    Kind {
        name: "report-from-a-node-that-is-off",
        tells: "the kubelet reports a pod while it is off or cut off",
        shows: "that report",
        by_the_api: false,
        falsify: report_from_a_node_that_is_off,
    },
    Kind {
        name: "same-report-from-a-node-that-is-off",
        tells: "the same, with nothing new",
        shows: "that report",
        by_the_api: false,
        falsify: same_report_from_a_node_that_is_off,
    },
    Kind {
        name: "heartbeat-from-a-node-that-is-off",
        tells: "the kubelet reports its node while it is off or cut off",
        shows: "that report",
        by_the_api: false,
        falsify: heartbeat_from_a_node_that_is_off,
    },
    Kind {
        name: "renewal-from-a-node-that-is-off",
        tells: "the kubelet renews the lease of its node while it is off or cut off",
        shows: "that renewal",
        by_the_api: false,
        falsify: renewal_from_a_node_that_is_off,
    },
    Kind {
        name: "ready-from-a-node-that-is-off",
        tells: "a node is Ready again while it is off",
        shows: "that report",
        by_the_api: false,
        falsify: ready_from_a_node_that_is_off,
    },
    Kind {
        name: "container-starts-on-a-node-that-is-off",
        tells: "a container starts on a node without power",
        shows: "that start",
        by_the_api: false,
        falsify: container_starts_on_a_node_that_is_off,
    },
    Kind {
        name: "tainted-by-its-own-kubelet",
        tells: "a kubelet gives its node a taint",
        shows: "that write",
        by_the_api: true,
        falsify: tainted_by_its_own_kubelet,
    },
    Kind {
        name: "cordoned-by-the-node-controller",
        tells: "the node controller cordons a node",
        shows: "that write",
        by_the_api: true,
        falsify: cordoned_by_the_node_controller,
    },
    Kind {
        name: "not-ready-without-a-cause",
        tells: "a kubelet says that its node is not ready, and nothing is wrong with it",
        shows: "that report",
        by_the_api: false,
        falsify: not_ready_without_a_cause,
    },
];

/// The writes of a node's object, in order.
fn writes<'r>(recording: &'r Recording, node: &str) -> Vec<&'r Line> {
    let is_its = |line: &&Line| line.text("/objectRef/resource") == "nodes" && line.name() == node;
    let mut all: Vec<&Line> = recording.audit().filter(is_its).filter(|line| line.version() != 0).collect();
    all.sort_by_key(|line| line.version());
    all
}

/// When the node of this pod is Ready, and free of taints: a while after the pod was Ready. With the node's object.
fn calm_node(recording: &Recording) -> Option<(Life, Micros, Value)> {
    lives(recording).into_iter().find_map(|life| {
        let at = recording.line(life.ready(recording)?).at() + SECOND;
        let all = writes(recording, &life.node);
        let before = all.iter().rfind(|line| line.at() < at).map(|line| &line.value["responseObject"]);
        let item = listed(recording, &life.node)?;
        let mut object = before.unwrap_or(item).clone();
        object["kind"] = "Node".into();
        object["apiVersion"] = "v1".into();
        let is_calm = all.iter().all(|line| !(at - SECOND..at + SECOND).contains(&line.received()));
        let untainted = object["spec"].get("taints").is_none();
        (is_calm && untainted && at + SECOND < end(recording)).then_some((life, at, object))
    })
}

fn listed<'r>(recording: &'r Recording, node: &str) -> Option<&'r Value> {
    let items =
        recording.lines("nodes.jsonl").iter().filter_map(|line| line.value["event"]["items"].as_array());
    items.flatten().find(|item| item["metadata"]["name"] == node)
}

/// A write of a node, at a moment, in the form of the report of this pod.
fn node_write(
    recording: &mut Recording,
    (life, at, object): (Life, Micros, Value),
    subresource: &str,
    change: impl FnOnce(&mut Line),
) -> Option<usize> {
    let report = life.ready(recording)?;
    let version = recording.version_after(recording.version_at(at)).to_string();
    Some(write_like(recording, report, at, |line| {
        let node = object["metadata"]["name"].clone();
        let uid = object["metadata"]["uid"].clone();
        line.set("/objectRef", json!({"resource": "nodes", "apiVersion": "v1"}));
        line.set("/objectRef/name", node);
        line.set("/objectRef/uid", uid);
        line.set("/objectRef/subresource", subresource);
        line.set("/requestObject", json!({}));
        line.set("/responseObject", object);
        line.set("/responseObject/metadata/resourceVersion", version);
        change(line);
    }))
}

fn set_node_ready(line: &mut Line, status: &str) {
    let conditions = line.value.pointer_mut("/responseObject/status/conditions");
    for condition in conditions.and_then(Value::as_array_mut).into_iter().flatten() {
        if condition["type"] == "Ready" {
            condition["status"] = status.into();
        }
    }
}

fn unreachable_although_ready(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    node_write(recording, calm, "", |line| {
        by_controller(line, "node-controller");
        let taint = json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]);
        line.set("/responseObject/spec/taints", taint);
    })
}

fn evicting_although_ready(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    node_write(recording, calm, "", |line| {
        by_controller(line, "node-controller");
        let taint = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]);
        line.set("/responseObject/spec/taints", taint);
    })
}

/// The kubelet of another node says of this one that it is not ready.
fn node_reported_by_another_kubelet(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    let elsewhere = crate::life::other(&calm.0.node);
    node_write(recording, calm, "status", |line| {
        by_kubelet(line, elsewhere);
        set_node_ready(line, "False");
    })
}

fn node_unknown_though_it_renews_its_lease(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    node_write(recording, calm, "status", |line| {
        by_controller(line, "node-controller");
        line.set("/verb", "update");
        set_node_ready(line, "Unknown");
    })
}

/// The taints of an unreachable node go while its Ready is Unknown.
fn untainted_although_unknown(recording: &mut Recording) -> Option<usize> {
    let nodes = ["node-a", "node-b"];
    let (write, at) = nodes.iter().find_map(|node| {
        let all = writes(recording, node);
        let taint = |line: &&&Line| line.is("patch", "nodes") && is_unreachable(line);
        let last = all.iter().rfind(|line| taint(line) && node_ready(line) == "Unknown")?;
        Some((last.id, last.at() + SECOND))
    })?;
    Some(write_like(recording, write, at, |line| line.set("/responseObject/spec/taints", json!([]))))
}

fn is_unreachable(line: &Line) -> bool {
    let taints = line.value["responseObject"]["spec"]["taints"].as_array();
    taints.into_iter().flatten().any(|taint| taint["key"] == "node.kubernetes.io/unreachable")
}

fn node_ready(line: &Line) -> &str {
    let conditions = line.value["responseObject"]["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    ready.and_then(|ready| ready["status"].as_str()).unwrap_or_default()
}

/// The taint manager deletes half a second after the taint, and not after the seconds of the toleration.
fn deleted_before_its_toleration_was_over(recording: &mut Recording) -> Option<usize> {
    lives(recording).into_iter().find_map(|life| {
        let asked = recording.line(life.asked?);
        let deleted = asked.received();
        let all = writes(recording, &life.node);
        let keeps = |taints: &Value| {
            taints.as_array().into_iter().flatten().any(|taint| taint["effect"] == "NoExecute")
        };
        let tainted = all.iter().find(|line| keeps(&line.value["responseObject"]["spec"]["taints"]))?;
        let late = asked.is_by("node-controller") && deleted > tainted.at() + 2 * SECOND;
        let (id, at) = (asked.id, tainted.at() + SECOND / 2);
        late.then(|| {
            crate::edit::move_write(recording, id, at);
            id
        })
    })
}

/// When a node was off, cut off, or without its kubelet, by the faults: the node, and from when to when.
fn off(recording: &Recording) -> Option<(String, Micros, Micros)> {
    let faults = recording.lines("faults.jsonl");
    let ends = ["poweron-node", "partition-heal", "start-kubelet"];
    let begins = ["poweroff-node", "partition-start", "sigterm-kubelet"];
    let begin = faults.iter().find(|line| begins.contains(&line.text("/fault")))?;
    let node = begin.text("/target").to_owned();
    let end = faults.iter().find(|line| {
        ends.contains(&line.text("/fault")) && line.text("/target") == node && line.at() > begin.at()
    });
    let until = end.map_or(Micros::MAX, Line::at);
    (until - begin.at() > 2 * SECOND).then(|| (node, begin.at() + SECOND, until))
}

/// A pod on a node, and its last report before a moment.
fn pod_on(recording: &Recording, node: &str, at: Micros) -> Option<(Life, usize)> {
    lives(recording).into_iter().filter(|life| life.node == node).find_map(|life| {
        let before = |id: &&usize| recording.line(**id).at() < at;
        let report = life.reports.iter().rfind(before).copied()?;
        Some((life, report))
    })
}

fn report_from_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, _) = off(recording)?;
    let (_, report) = pod_on(recording, &node, at)?;
    Some(write_like(recording, report, at, |line| {
        let ready = is_ready(line);
        set_ready(line, !ready);
    }))
}

/// What it reports changes nothing: but it cannot report.
fn same_report_from_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, _) = off(recording)?;
    let (_, report) = pod_on(recording, &node, at)?;
    Some(write_like(recording, report, at, |_| {}))
}

fn heartbeat_from_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, _) = off(recording)?;
    let (life, report) = pod_on(recording, &node, at)?;
    let before = writes(recording, &node).into_iter().rfind(|line| line.at() < at);
    let object = before.map(|line| line.value["responseObject"].clone());
    let mut object = object.or_else(|| listed(recording, &node).cloned())?;
    object["kind"] = "Node".into();
    let _ = report;
    node_write(recording, (life, at, object), "status", |line| by_kubelet(line, &node))
}

fn renewal_from_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, _) = off(recording)?;
    let is_renewal =
        |line: &&Line| line.text("/objectRef/resource") == "leases" && line.kubelet() == Some(&node);
    let renewal = recording.audit().find(|line| is_renewal(line) && line.at() < at)?.id;
    Some(write_again(recording, renewal, at, |_| {}))
}

fn container_starts_on_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, _) = off(recording)?;
    let (life, _) = pod_on(recording, &node, at)?;
    let is_off = |line: &&Line| line.text("/fault") == "poweroff-node";
    recording.lines("faults.jsonl").iter().find(is_off)?;
    let name = life.containers(recording).into_iter().next()?;
    let started = *life.runtime(recording, "/tasks/start", Some(&name)).first()?;
    Some(recording.add_like(started, |line| line.happens(at)))
}

/// A node that is off says that it is ready, after the node controller has given it up.
fn ready_from_a_node_that_is_off(recording: &mut Recording) -> Option<usize> {
    let (node, at, until) = off(recording)?;
    let unknown = writes(recording, &node).into_iter().find(|line| node_ready(line) == "Unknown")?;
    let when = unknown.at() + CLEARLY;
    let object = unknown.value["responseObject"].clone();
    let (life, _) = pod_on(recording, &node, at)?;
    (when + CLEARLY < until).then_some(())?;
    node_write(recording, (life, when, object), "status", |line| {
        by_kubelet(line, &node);
        set_node_ready(line, "True");
    })
}

fn tainted_by_its_own_kubelet(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    let node = calm.0.node.clone();
    node_write(recording, calm, "status", |line| {
        by_kubelet(line, &node);
        let taint = json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]);
        line.set("/responseObject/spec/taints", taint);
    })
}

fn cordoned_by_the_node_controller(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    node_write(recording, calm, "", |line| {
        by_controller(line, "node-controller");
        line.set("/responseObject/spec/unschedulable", true);
    })
}

fn not_ready_without_a_cause(recording: &mut Recording) -> Option<usize> {
    let calm = calm_node(recording)?;
    let node = calm.0.node.clone();
    node_write(recording, calm, "status", |line| {
        by_kubelet(line, &node);
        set_node_ready(line, "False");
    })
}
