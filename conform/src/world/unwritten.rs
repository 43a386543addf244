//! Writes of which a log has none although what it has shows that they were made: an audit policy may leave out a resource as a whole,
//! and watches may be of some resources only. One write that is missing where others of its kind are there is none of these.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::surveyor::{Surveyor, created, has_begun};
use crate::matching::actor::Actor;
use crate::reading::LATE;
use crate::record::{ChangeKind, Entry, Facts, Micros, NodeFacts, Object, Seen, Verb, Write};

/// Writes that may be left out as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Creations,
    Bindings,
    Statuses,
    Evictions,
    Deletions,
    Deployments,
    ReplicaSets,
    ReplicaSetChanges,
    ReplicaSetStatuses,
    NodeStatuses,
    NodeReports,
    NodeChanges,
    Slices,
    BudgetStatuses,
}

use Kind::{
    Bindings, BudgetStatuses, Creations, Deletions, Deployments, Evictions, NodeChanges, NodeReports,
    NodeStatuses, ReplicaSetChanges, ReplicaSetStatuses, ReplicaSets, Slices, Statuses,
};

impl Kind {
    /// So many signs show that it was no single write that is missing.
    const fn least(self) -> u8 {
        match self {
            NodeStatuses | NodeChanges | Deletions | Bindings | ReplicaSetStatuses => SEVERAL,
            _ => 1,
        }
    }

    /// What the log has nothing of, and what shows that it was there.
    const fn says(self) -> &'static str {
        match self {
            Creations => "no pod is created, and a new ReplicaSet has pods",
            Bindings => "no pod is bound, and several have come to a node",
            Statuses => "no kubelet writes the status of a pod, and pods are on nodes",
            Evictions => "no pod is evicted, and a budget names some that are",
            Deletions => "no pod is deleted, and some are being deleted",
            Deployments => "no Deployment is written, and it scales its ReplicaSets",
            ReplicaSets => "no ReplicaSet is written, and there are pods of one",
            ReplicaSetChanges => "no ReplicaSet is created or scaled, and its status shows that it was",
            ReplicaSetStatuses => "no status of a ReplicaSet is written, and it has several pods",
            NodeStatuses => "no status of a node is written, and the node controller finds one not Ready",
            NodeReports => "no kubelet writes the status of its node, and one that was Unknown is so no more",
            NodeChanges => "no taint of a node is written, and what comes of some is there",
            Slices => {
                "no EndpointSlice with endpoints is written, and the rules of a kube-proxy lead somewhere"
            }
            BudgetStatuses => "no status of a budget is written, and pods are evicted",
        }
    }
}

/// What a log has of such writes.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// The kinds of its writes, by namespace.
    written: BTreeSet<(Rc<str>, Kind)>,
    /// The kinds that its watches may have had, by namespace.
    shown: BTreeSet<(Rc<str>, Kind)>,
    /// Signs that something was written, by namespace: as many as are counted.
    signs: BTreeMap<(Rc<str>, Kind), u8>,
    /// The nodes that were found silent.
    silent: BTreeSet<Rc<str>>,
    /// The namespaces with budgets.
    budgets: BTreeSet<Rc<str>>,
    /// Watches that begin later than the log, by namespace.
    late: BTreeSet<(Rc<str>, &'static str)>,
}

/// The watch of a resource that began later than the log, by what it shows.
const fn begins_late(facts: &Facts) -> Option<&'static str> {
    Some(match facts {
        Facts::Pod(_) => {
            "its watch of pods begins late: the first that it shows had been there, and the log had begun"
        }
        Facts::ReplicaSet(_) => {
            "its watch of ReplicaSets begins late: the first that it shows had been there, and the log had begun"
        }
        Facts::Node(_) => {
            "its watch of nodes begins late: the first that it shows had been there, and the log had begun"
        }
        Facts::Deployment(_)
        | Facts::EndpointSlice(_)
        | Facts::PodDisruptionBudget(_)
        | Facts::Service
        | Facts::Other(_) => return None,
    })
}

/// A `creationTimestamp` is cut to a second.
const CUT_OFF: Micros = 1_000_000;

/// Where there are so many signs it was no single write that is missing.
const SEVERAL: u8 = 2;

/// Controllers that taint nodes, and delete pods for taints.
const OF_NODES: [&str; 2] = ["node-controller", "taint-eviction-controller"];

impl Unwritten {
    /// Takes note of an entry of a log that began then.
    pub fn see(&mut self, entry: &Entry, began: Micros) {
        match &entry.seen {
            Seen::Write(write) => self.write(write),
            Seen::List(objects) => {
                let first: Vec<&Object> = objects.iter().filter(|object| self.is_first(object)).collect();
                first.into_iter().for_each(|object| self.begins(object, true, entry.from, began));
                objects.iter().for_each(|object| self.object(object));
            }
            Seen::Change(change) => {
                if change.kind == ChangeKind::Added {
                    self.begins(&change.object, false, entry.from, began);
                }
                self.object(&change.object);
            }
            Seen::Rules(event) => {
                let leading = event.endpoints.iter().filter(|(_, endpoints)| !endpoints.is_empty());
                for (service, _) in leading {
                    let namespace = service.split_once('/').map_or("", |(namespace, _)| namespace);
                    self.sign(&namespace.into(), Slices);
                }
            }
            _ => {}
        }
    }

    /// Nothing of its kind has been shown of its namespace.
    fn is_first(&self, object: &Object) -> bool {
        let kind = shown_by(&object.facts).first();
        kind.is_some_and(|&kind| !self.shown.contains(&(Rc::clone(&object.namespace), kind)))
    }

    /// A watch begins to tell of an object, or of all there is.
    fn begins(&mut self, object: &Object, is_listed: bool, at: Micros, began: Micros) {
        if let Some(says) = begins_late(&object.facts).filter(|_| is_shown_late(object, is_listed, at, began))
        {
            self.late.insert((Rc::clone(&object.namespace), says));
        }
    }

    fn sign(&mut self, namespace: &Rc<str>, kind: Kind) {
        let count = self.signs.entry((Rc::clone(namespace), kind)).or_default();
        *count = count.saturating_add(1);
    }

    fn write(&mut self, write: &Write) {
        let by_kubelet = write.user.starts_with("system:node:");
        let facts = write.object.as_ref().map(|object| &object.facts);
        let is_empty = matches!(facts, Some(Facts::EndpointSlice(facts)) if facts.endpoints.is_empty());
        let kinds: &[Kind] = match (&*write.resource, &*write.subresource, write.verb) {
            ("pods", "", Verb::Create) => &[Creations],
            ("pods", "", Verb::Delete | Verb::DeleteCollection) => &[Deletions],
            ("pods", "binding", _) => &[Bindings],
            ("pods", "status", _) if is_report(write) => &[Statuses],
            ("pods", "eviction", _) => &[Evictions, Deletions],
            ("deployments", ..) => &[Deployments],
            ("replicasets", "status", _) => &[ReplicaSets, ReplicaSetStatuses],
            ("replicasets", ..) => &[ReplicaSets, ReplicaSetChanges],
            ("nodes", "status", _) if by_kubelet => &[NodeStatuses, NodeReports],
            ("nodes", "status", _) => &[NodeStatuses],
            ("nodes", "", _) => &[NodeChanges],
            ("endpointslices", ..) if !is_empty => &[Slices],
            ("poddisruptionbudgets", "status", _) => &[BudgetStatuses],
            _ => &[],
        };
        for &kind in kinds {
            if !self.written.contains(&(Rc::clone(&write.namespace), kind)) {
                self.written.insert((Rc::clone(&write.namespace), kind));
            }
        }
        if &*write.resource == "poddisruptionbudgets" && !self.budgets.contains(&write.namespace) {
            self.budgets.insert(Rc::clone(&write.namespace));
        }
        if (200..300).contains(&write.code) {
            self.signs_in(write);
        }
    }

    fn signs_in(&mut self, write: &Write) {
        let of_cluster: Rc<str> = "".into();
        let facts = write.object.as_ref().map(|object| &object.facts);
        if write.subresource.is_empty() && write.verb == Verb::Create {
            match facts {
                Some(Facts::Deployment(facts)) if facts.replicas > 0 => {
                    self.sign(&write.namespace, ReplicaSetChanges);
                }
                Some(Facts::ReplicaSet(facts)) if facts.replicas > 0 => {
                    self.sign(&write.namespace, Creations);
                }
                _ => {}
            }
        }
        match facts {
            Some(Facts::Pod(facts)) if facts.deleting => self.sign(&write.namespace, Deletions),
            Some(Facts::Node(facts)) if facts.ready.as_deref() == Some("Unknown") => {
                self.silent.insert(Rc::clone(&write.name));
            }
            Some(Facts::Node(_)) if is_of_nodes(write) && self.silent.remove(&write.name) => {
                self.sign(&of_cluster, NodeReports);
            }
            _ => {}
        }
        let is_troubled = matches!(facts, Some(Facts::Node(facts)) if is_troubled(facts));
        match (&*write.resource, &*write.subresource) {
            ("pods", "eviction") if self.budgets.contains(&write.namespace) => {
                self.sign(&write.namespace, BudgetStatuses);
            }
            ("poddisruptionbudgets", "status") if names_evicted(write) => {
                self.sign(&write.namespace, Evictions);
            }
            ("nodes", "status") if is_troubled => self.sign(&of_cluster, NodeChanges),
            ("pods", "status") if is_of_nodes(write) => {
                self.sign(&of_cluster, NodeStatuses);
                self.sign(&of_cluster, NodeChanges);
            }
            ("pods", "") if is_of_nodes(write) && write.verb == Verb::Delete => {
                self.sign(&of_cluster, NodeChanges);
            }
            ("nodes", "") if is_troubled && is_of_nodes(write) => self.sign(&of_cluster, NodeStatuses),
            _ => {}
        }
    }

    /// A watch shows an object: it would have shown others of its kind.
    fn object(&mut self, object: &Object) {
        for &kind in shown_by(&object.facts) {
            if !self.shown.contains(&(Rc::clone(&object.namespace), kind)) {
                self.shown.insert((Rc::clone(&object.namespace), kind));
            }
        }
    }

    /// Of what the log that was seen has nothing, in which namespace; the nodes have none. What it has are writes or what watches show.
    pub fn found(&self, surveyor: &Surveyor, has_writes: bool) -> Vec<(Rc<str>, &'static str)> {
        let has = if has_writes { &self.written } else { &self.shown };
        let mut signs = self.signs.clone();
        for (of, count) in signs_of_pods(surveyor).into_iter().chain(signs_of_controllers(surveyor)) {
            let known = signs.entry(of).or_default();
            *known = known.saturating_add(count);
        }
        let mut in_all: BTreeMap<Kind, u8> = BTreeMap::new();
        for ((_, kind), count) in &signs {
            let known = in_all.entry(*kind).or_default();
            *known = known.saturating_add(*count);
        }
        // A policy leaves out a resource rather than a namespace: of what is written nowhere the signs of all namespaces count together.
        let is_written = |kind: Kind| has.iter().any(|(_, other)| *other == kind);
        let is_missed = |of: &(Rc<str>, Kind), count: u8| {
            let signs = if is_written(of.1) { count } else { in_all[&of.1] };
            signs >= of.1.least() && !has.contains(of)
        };
        let found = signs.iter().filter(|(of, count)| is_missed(of, **count));
        let found = found.map(|((namespace, kind), _)| (Rc::clone(namespace), kind.says()));
        found.chain(self.late.iter().filter(|_| !has_writes).cloned()).collect()
    }
}

/// The writes that a watch shows which shows an object.
const fn shown_by(facts: &Facts) -> &'static [Kind] {
    match facts {
        Facts::Pod(_) => &[Creations, Bindings, Statuses, Evictions, Deletions],
        Facts::Deployment(_) => &[Deployments],
        Facts::ReplicaSet(_) => &[ReplicaSets, ReplicaSetChanges, ReplicaSetStatuses],
        Facts::Node(_) => &[NodeStatuses, NodeReports, NodeChanges],
        Facts::EndpointSlice(_) => &[Slices],
        Facts::PodDisruptionBudget(_) => &[BudgetStatuses],
        Facts::Service | Facts::Other(_) => &[],
    }
}

/// What the pods of a log show, and how often.
fn signs_of_pods(surveyor: &Surveyor) -> BTreeMap<(Rc<str>, Kind), u8> {
    let mut signs: BTreeMap<(Rc<str>, Kind), u8> = BTreeMap::new();
    for pod in surveyor.pods.register.by_uid.values().filter(|pod| !pod.is_mirror) {
        let of = |kind| (Rc::clone(&pod.namespace), kind);
        let is_new = !pod.life.existed;
        let mut count = |kind| {
            let count = signs.entry(of(kind)).or_default();
            *count = count.saturating_add(1);
        };
        if is_new && pod.owner.as_ref().is_some_and(|owner| &*owner.kind == "ReplicaSet") {
            count(ReplicaSets);
            if pod.bound.is_some() {
                count(ReplicaSetStatuses);
            }
        }
        if let Some((_, at)) = &pod.bound {
            count(Statuses);
            if is_new && *at > pod.life.first {
                count(Bindings);
            }
        }
    }
    signs
}

/// What the ReplicaSets of a log show.
fn signs_of_controllers(surveyor: &Surveyor) -> BTreeMap<(Rc<str>, Kind), u8> {
    let mut signs = BTreeMap::new();
    for set in surveyor.replica_sets.register.by_uid.values() {
        let is_scaled = !set.scales.is_empty();
        let is_owned = set.owner.as_ref().is_some_and(|owner| &*owner.kind == "Deployment");
        if is_scaled {
            signs.insert((Rc::clone(&set.namespace), ReplicaSetChanges), 1);
        }
        if is_owned && (is_scaled || !set.life.existed) {
            signs.insert((Rc::clone(&set.namespace), Deployments), 1);
        }
    }
    signs
}

/// Is it a status of a pod that neither the scheduler nor who looks after nodes writes?
fn is_report(write: &Write) -> bool {
    !is_of_nodes(write) && Actor::of(write) != Actor::Scheduler
}

fn is_of_nodes(write: &Write) -> bool {
    matches!(Actor::of(write), Actor::Controller(name) if OF_NODES.contains(&&*name))
}

/// The API server writes into the status of a budget which pods it has begun to evict.
fn names_evicted(write: &Write) -> bool {
    let pods = write.object.as_ref().and_then(|object| object.whole["status"]["disruptedPods"].as_object());
    pods.is_some_and(|pods| !pods.is_empty())
}

/// Is an object shown for the first time later than by a watch that had begun with the log? Its creation, during the log, was not
/// shown as it stands in a list, or somebody has done something with it since; or it was there long before.
fn is_shown_late(object: &Object, is_listed: bool, at: Micros, began: Micros) -> bool {
    let created = created(object).map_or(began, |seconds| seconds * 1_000_000);
    created >= began && (is_listed || has_begun(object)) || at > began.max(created + CUT_OFF) + LATE
}

/// Has a node a taint for one of its conditions?
fn is_troubled(facts: &NodeFacts) -> bool {
    let is_of_condition =
        |key: &str| key.starts_with("node.kubernetes.io/") && !key.ends_with("/unschedulable");
    facts.taints.iter().any(|(key, ..)| is_of_condition(key))
}
