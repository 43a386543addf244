//! What the log shows of each node: what its scenario's node is made of, and each change of that.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::kept::Kept;
use super::life::{Life, Moment, Sight};
use crate::before::first_sight::Began;
use crate::record::Object;

/// Taints that the node lifecycle controller sets: they are state, and no part of a scenario.
const OF_CONDITIONS: [&str; 7] = [
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
];

/// A node of the log.
#[derive(Debug)]
pub(super) struct Node {
    pub life: Life,
    /// Its manifest as it was first seen.
    pub first: Rc<Value>,
    /// It was not seen itself, or a part of it that says nothing of its labels and its room.
    pub is_only_named: bool,
    /// Each change of it: the entry that shows it, and its manifest from then on.
    pub changes: Vec<(Moment, Rc<Value>)>,
    /// Its condition Ready as it was first seen.
    ready: Value,
    /// A part of it has the taints of a failure that the log does not show.
    was_down: bool,
    /// When it was first seen it had the taint of a condition that it had no more: the lifecycle controller exchanges it later (`doNoScheduleTaintingPass`).
    is_tainted_by_before: bool,
}

impl Node {
    /// Was it there when the log began, and not Ready?
    pub fn was_unready(&self, began: Began) -> bool {
        let is_ready = self.ready["status"] == "True";
        let began = if self.life.sight == Sight::Listed { began.for_lists() } else { began };
        let changed = began.is_during(&self.ready["lastTransitionTime"]);
        let is_known = self.ready.is_object() && (is_ready == changed || self.is_tainted_by_before);
        self.was_down || self.life.existed && is_known
    }
}

/// The condition Ready of a node.
fn ready_of(object: &Object) -> Value {
    let conditions = object.whole["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default()
}

/// Does a node have a taint of its condition Ready?
fn is_tainted_by_failure(node: &Object) -> bool {
    let taints = node.whole["spec"]["taints"].as_array().into_iter().flatten();
    let of_failure = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    taints.into_iter().any(|taint| of_failure.iter().any(|key| taint["key"] == *key))
}

/// Does a node that is not Ready, for one reason, have the taint of the other?
fn is_tainted_by_another_condition(node: &Object) -> bool {
    let taints = || node.whole["spec"]["taints"].as_array().into_iter().flatten();
    let has = |key: &str| taints().any(|taint| taint["key"] == key);
    match ready_of(node)["status"].as_str() {
        Some("False") => has("node.kubernetes.io/unreachable"),
        Some("Unknown") => has("node.kubernetes.io/not-ready"),
        _ => false,
    }
}

/// Is it known that a node is not Ready?
fn is_known_unready(node: &Object) -> bool {
    matches!(ready_of(node)["status"].as_str(), Some("False" | "Unknown"))
}

/// All nodes of the log, by name.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub by_name: BTreeMap<Rc<str>, Node>,
    kept: Kept,
    identities: BTreeMap<Rc<str>, Identities>,
}

/// The UIDs of the objects that had the name of one node.
#[derive(Debug)]
struct Identities {
    last: Rc<str>,
    before: BTreeSet<Rc<str>>,
    /// How often one was seen again after another.
    returns: u32,
}

/// An object that is gone may be seen again in a late answer, but not so often.
const RETURNS: u32 = 3;

impl Nodes {
    /// Takes note of a node.
    ///
    /// `by_user`: somebody has just changed it by hand. What taints it has by then, and whether it is cordoned, may be what was
    /// changed, if it was not seen before; it is taken to be.
    pub fn see(&mut self, at: Moment, sight: Sight, object: &Object, by_user: bool) {
        // What requests alone show of a node that the log never shows whole is a part of it, and has no UID.
        let is_part = object.uid.is_empty();
        if is_part {
            self.name(at, &object.name);
        }
        if !is_part && sight != Sight::Gone {
            self.identify(object);
        }
        let is_first = self.by_name.get(&object.name).is_none_or(|known| known.is_only_named);
        let node = self.by_name.entry(Rc::clone(&object.name)).or_insert_with(|| Node {
            life: Life::new(at, sight),
            first: Rc::new(manifest(object)),
            is_only_named: false,
            changes: Vec::new(),
            ready: ready_of(object),
            was_down: false,
            is_tainted_by_before: is_tainted_by_another_condition(object),
        });
        if node.is_only_named && !is_part {
            node.is_only_named = false;
            node.first = Rc::new(manifest(object));
            node.ready = ready_of(object);
            node.is_tainted_by_before = is_tainted_by_another_condition(object);
        }
        node.was_down |= is_part && is_tainted_by_failure(object) && !is_known_unready(object);
        if is_first && by_user && !is_part {
            let mut before = (*node.first).clone();
            before["spec"] = json!({"taints": [], "unschedulable": false});
            node.first = Rc::new(before);
        }
        let mut sight = sight;
        if node.life.gone.is_some() && sight == Sight::Created {
            // A machine that was replaced under its name is the same node to whoever runs pods there, and was there before.
            node.life.gone = None;
            sight = Sight::Found;
        }
        if !node.life.is_news(at, sight, object) || sight == Sight::Gone {
            return;
        }
        let known = node.changes.last().map_or(&node.first, |(_, manifest)| manifest);
        let manifest = manifest(object);
        if **known != manifest {
            node.changes.push((at, self.kept.share(manifest)));
        }
    }

    fn identify(&mut self, object: &Object) {
        let uid = &object.uid;
        let new = || Identities { last: Rc::clone(uid), before: BTreeSet::new(), returns: 0 };
        let known = self.identities.entry(Rc::clone(&object.name)).or_insert_with(new);
        if known.last != *uid {
            known.returns += u32::from(known.before.contains(uid));
            known.before.insert(std::mem::replace(&mut known.last, Rc::clone(uid)));
        }
    }

    /// A name that two nodes have at the same time, each in a cluster of its own.
    pub fn in_two_clusters(&self) -> Option<&Rc<str>> {
        let found = self.identities.iter().find(|(_, known)| known.returns >= RETURNS);
        found.map(|(name, _)| name)
    }

    /// Takes note that a node has been removed.
    pub fn remove(&mut self, at: Moment, name: &str) {
        if let Some(node) = self.by_name.get_mut(name) {
            node.life.gone.get_or_insert(at);
        }
    }

    /// Takes note that a pod was bound to a node.
    pub fn name(&mut self, at: Moment, name: &Rc<str>) {
        self.by_name.entry(Rc::clone(name)).or_insert_with(|| Node {
            life: Life::new(at, Sight::Found),
            first: Rc::new(bare(name)),
            is_only_named: true,
            changes: Vec::new(),
            ready: Value::Null,
            was_down: false,
            is_tainted_by_before: false,
        });
    }
}

/// The manifest of a node that is only named.
fn bare(name: &str) -> Value {
    let spec = json!({"taints": [], "unschedulable": false});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec})
}

/// What a scenario needs of a node.
fn manifest(object: &Object) -> Value {
    let (metadata, spec, status) =
        (&object.whole["metadata"], &object.whole["spec"], &object.whole["status"]);
    let is_set_by_users =
        |taint: &&Value| !OF_CONDITIONS.contains(&taint["key"].as_str().unwrap_or_default());
    let taints = spec["taints"].as_array().into_iter().flatten().filter(is_set_by_users);
    let taints: Vec<Value> = taints
        .map(|taint| {
            let kept = ["key", "value", "effect"].into_iter();
            kept.filter_map(|field| Some((field.to_owned(), taint.get(field)?.clone())))
                .collect::<Map<_, _>>()
        })
        .map(Value::Object)
        .collect();
    let room = if status["allocatable"].is_object() { &status["allocatable"] } else { &status["capacity"] };
    let kept = ["cpu", "memory", "pods"].into_iter();
    let room: Map<_, _> = kept.filter_map(|name| Some((name.to_owned(), room.get(name)?.clone()))).collect();
    let mut manifest = bare(&object.name);
    manifest["spec"] = json!({"taints": taints, "unschedulable": spec["unschedulable"] == true});
    if metadata["labels"].is_object() {
        manifest["metadata"]["labels"] = metadata["labels"].clone();
    }
    if !room.is_empty() {
        manifest["status"] = json!({"allocatable": room});
    }
    manifest
}
