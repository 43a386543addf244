//! Node objects.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::observation::{NodeReady, NodeSeen};
use podproof_vocabulary::scenario::Taint;
use serde_json::{Value, json};

use super::actor::Actor;
use super::audit::{Answer, Request, as_asked_for, merge, of_version, seconds};
use super::cast::Cast;
use super::store::{Kind, set_condition};
use super::writer::Writer;

/// What a kubelet says of its node beside Ready.
const PRESSURES: [(&str, &str); 3] = [
    ("MemoryPressure", "KubeletHasSufficientMemory"),
    ("DiskPressure", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "KubeletHasSufficientPID"),
];

impl Writer<'_> {
    /// The name of a node.
    pub(super) fn node_name(&self, node: NodeId) -> String {
        self.scenario.nodes[node.index()].name.clone()
    }

    /// The address of a node.
    pub(super) fn node_ip(node: NodeId) -> String {
        format!("192.168.0.{}", node.0 + 11)
    }

    /// A Node object as its kubelet registers it, seen so.
    pub(super) fn new_node(&mut self, node: NodeId, seen: &NodeSeen) -> Value {
        let of = &self.scenario.nodes[node.index()];
        let room = json!({
            "cpu": format!("{}m", of.allocatable.cpu_milli),
            "memory": of.allocatable.memory.to_string(),
            "pods": of.allocatable.pods.to_string(),
        });
        let release = self.scenario.release;
        let created = json!(seconds(self.clock.now - 3_600_000_000));
        let object = json!({
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": {
                "name": of.name,
                "uid": Cast::uid(&mut self.clock.rng),
                "creationTimestamp": created,
                "labels": of.labels,
            },
            "spec": {},
            "status": {
                "capacity": room,
                "allocatable": room,
                "addresses": [
                    {"type": "InternalIP", "address": Self::node_ip(node)},
                    {"type": "Hostname", "address": of.name},
                ],
                "nodeInfo": {
                    "architecture": "amd64",
                    "operatingSystem": "linux",
                    "containerRuntimeVersion": "containerd://1.7.0",
                    "kubeletVersion": format!("v{release}.2"),
                    "kubeProxyVersion": format!("v{release}.2"),
                },
            },
        });
        let object = self.with_spec(object, node, seen);
        let mut object = self.with_ready(object, seen);
        // It has been so for as long as the node has been there.
        for condition in object["status"]["conditions"].as_array_mut().into_iter().flatten() {
            condition["lastTransitionTime"] = created.clone();
        }
        self.store.stamp(object)
    }

    /// With what is seen of `spec`.
    pub(super) fn with_spec(&self, mut object: Value, node: NodeId, seen: &NodeSeen) -> Value {
        let mut taints: Vec<Value> = self.scenario.nodes[node.index()].taints.iter().map(taint).collect();
        let own = self.scenario.taint_of_events();
        let seen_taints = &seen.taints;
        let of_conditions = [
            (seen_taints.not_ready_no_schedule, "not-ready", "NoSchedule"),
            (seen_taints.unreachable_no_schedule, "unreachable", "NoSchedule"),
            (seen_taints.unschedulable_no_schedule, "unschedulable", "NoSchedule"),
            (seen_taints.not_ready_no_execute, "not-ready", "NoExecute"),
            (seen_taints.unreachable_no_execute, "unreachable", "NoExecute"),
        ];
        let is_set = of_conditions.into_iter().filter(|(is_set, ..)| *is_set);
        taints.extend(
            is_set.map(
                |(_, name, effect)| json!({"key": format!("node.kubernetes.io/{name}"), "effect": effect}),
            ),
        );
        if seen_taints.custom {
            taints.push(taint(&own));
        }
        object["spec"] = json!({});
        if !taints.is_empty() {
            object["spec"]["taints"] = json!(taints);
        }
        if seen.unschedulable {
            object["spec"]["unschedulable"] = json!(true);
        }
        object
    }

    /// With what is seen of condition Ready.
    pub(super) fn with_ready(&self, mut object: Value, seen: &NodeSeen) -> Value {
        let now = seconds(self.clock.now);
        let unknown = seen.ready == NodeReady::Unknown;
        for (kind, reason) in PRESSURES {
            let (value, reason) = if unknown { ("Unknown", "NodeStatusUnknown") } else { ("False", reason) };
            set_condition(&mut object["status"], kind, value, &[("reason", reason)], &now);
        }
        let (value, reason) = match seen.ready {
            NodeReady::True => ("True", "KubeletReady"),
            NodeReady::False => ("False", "KubeletNotReady"),
            NodeReady::Unknown => ("Unknown", "NodeStatusUnknown"),
        };
        set_condition(&mut object["status"], "Ready", value, &[("reason", reason)], &now);
        object
    }

    /// Its kubelet sends the status of a node, changed or not.
    pub(super) fn heartbeat(&mut self, node: NodeId, seen: &NodeSeen) {
        let name = self.node_name(node);
        let Some(known) = self.store.nodes.get(&node).cloned() else { return };
        let object = self.with_ready(known, seen);
        let object = self.store.stamp(object);
        let body = json!({"status": {"conditions": object["status"]["conditions"]}});
        let (actor, subresource) = (Actor::Kubelet(&name), "status");
        let request =
            Request { actor, verb: "patch", kind: Kind::Node, subresource, name: name.clone(), body };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.nodes.insert(node, object);
    }

    /// The node controller finds that a node is silent.
    pub(super) fn mark_unknown(&mut self, actor: Actor<'_>, node: NodeId, seen: &NodeSeen) {
        let Some(known) = self.store.nodes.get(&node).cloned() else { return };
        let object = self.with_ready(known.clone(), seen);
        let object = self.store.stamp(object);
        let request = Request {
            actor,
            verb: "update",
            kind: Kind::Node,
            subresource: "status",
            name: self.node_name(node),
            body: of_version(&object, &known),
        };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.nodes.insert(node, object);
    }

    /// Somebody patches taints or `unschedulable` of a node.
    pub(super) fn patch_node(&mut self, actor: Actor<'_>, node: NodeId, seen: &NodeSeen) {
        let Some(known) = self.store.nodes.get(&node).cloned() else { return };
        let object = self.with_spec(known.clone(), node, seen);
        let object = self.store.stamp(object);
        let request = Request {
            actor,
            verb: "patch",
            kind: Kind::Node,
            subresource: "",
            name: self.node_name(node),
            body: json!({"spec": merge(&known["spec"], &object["spec"])}),
        };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.nodes.insert(node, object);
    }

    /// A node joins.
    pub(super) fn register(&mut self, node: NodeId, seen: &NodeSeen) {
        let name = self.node_name(node);
        let object = self.new_node(node, seen);
        let request = Request {
            actor: Actor::Kubelet(&name),
            verb: "create",
            kind: Kind::Node,
            subresource: "",
            name: name.clone(),
            body: as_asked_for(&object),
        };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.nodes.insert(node, object);
    }
}

fn taint(taint: &Taint) -> Value {
    let mut value = json!({"key": taint.key, "effect": format!("{:?}", taint.effect)});
    if !taint.value.is_empty() {
        value["value"] = json!(taint.value);
    }
    value
}
