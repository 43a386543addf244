//! What the log shows of each pod.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::documents;
use super::kept::Kept;
use super::life::{Life, Moment, Register, Sight, Span, uid_of};
use crate::record::{Object, Owner, PodFacts};

/// The annotation of the object that a kubelet makes of a file.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// `status.reason` of a pod that its kubelet evicts (EVM-7).
const EVICTED: &str = "Evicted";
/// The reason of its condition `DisruptionTarget`, which stays where the pod has Succeeded after all (STP-6).
const TERMINATION_BY_KUBELET: &str = "TerminationByKubelet";

/// A pod of the log.
#[derive(Debug)]
pub(super) struct Pod {
    pub namespace: Rc<str>,
    pub name: Rc<str>,
    /// The controller that owns it.
    pub owner: Option<Owner>,
    pub labels: Rc<BTreeMap<String, String>>,
    pub life: Life,
    /// It is the object of a pod that a kubelet runs from a file.
    pub is_mirror: bool,
    /// Its node, and the entry that shows it there first.
    pub bound: Option<(Rc<str>, Moment)>,
    /// The entry that shows it Succeeded or Failed.
    pub terminal: Option<Moment>,
    /// It had a finalizer when it was first seen.
    pub had_finalizer: bool,
    /// Somebody took its finalizers away.
    pub lost_finalizer: bool,
    /// Grace periods, in seconds, that deletions have set or asked for.
    pub graces: BTreeSet<u32>,
    /// Its kubelet says that it has evicted it.
    pub evicted: bool,
    /// The first EndpointSlice that shows that it terminates.
    pub went: Option<Moment>,
    /// The entry that shows that one of its labels is gone, or is another.
    pub labels_changed: Option<Moment>,
    /// It has got labels that it did not have.
    pub gained_labels: bool,
    /// It as it was first seen, if its creation is not in the log.
    pub object: Option<Box<Object>>,
}

impl Pod {
    /// From when to when it holds a place on its node: what the scheduler counts.
    pub fn on_node(&self) -> Option<Span> {
        let (_, from) = self.bound.as_ref()?;
        let from = if self.life.existed && *from == self.life.first { Moment::default() } else { *from };
        let to = [self.terminal, self.life.gone].into_iter().flatten().min();
        Some(Span { from, to })
    }

    /// What `documents` keeps its manifest under: that of its ReplicaSet, whose pods are alike, or its own UID.
    fn kept_under<'p>(owner: Option<&'p Owner>, uid: &'p Rc<str>) -> &'p Rc<str> {
        owner.filter(|owner| &*owner.kind == "ReplicaSet").map_or(uid, |owner| &owner.uid)
    }
}

/// All pods of the log.
#[derive(Debug, Default)]
pub(super) struct Pods {
    pub register: Register<Pod>,
    /// Manifests without their names, one for all pods of a ReplicaSet; true if it is of a pod as it was created.
    manifests: BTreeMap<Rc<str>, (Rc<Value>, bool)>,
    kept: Kept,
    labels: BTreeSet<Rc<BTreeMap<String, String>>>,
}

impl Pods {
    /// Takes note of a pod.
    pub fn see(&mut self, at: Moment, sight: Sight, object: &Object, facts: &PodFacts) {
        let uid = uid_of(object);
        let kept_under = Pod::kept_under(object.owner.as_ref(), &uid);
        let is_made = sight == Sight::Created;
        if self.manifests.get(kept_under).is_none_or(|(_, as_created)| is_made && !as_created) {
            let manifest = self.kept.share_nameless(documents::pod(object, is_made));
            self.manifests.insert(Rc::clone(kept_under), (manifest, is_made));
        }
        let labels = self.labels.get(&object.labels).unwrap_or(&object.labels);
        let labels = Rc::clone(labels);
        let pod = self.register.entry(object, || Pod {
            namespace: Rc::clone(&object.namespace),
            name: Rc::clone(&object.name),
            owner: object.owner.clone(),
            labels: Rc::clone(&labels),
            life: Life::new(at, sight),
            is_mirror: object.whole["metadata"]["annotations"].get(MIRROR).is_some(),
            bound: None,
            terminal: None,
            had_finalizer: facts.finalizers,
            lost_finalizer: false,
            graces: BTreeSet::new(),
            evicted: false,
            went: None,
            labels_changed: None,
            gained_labels: false,
            object: (!is_made).then(|| Box::new(object.clone())),
        });
        self.labels.insert(labels);
        if !pod.life.is_news(at, sight, object) {
            return;
        }
        pod.lost_finalizer |= pod.had_finalizer && (!facts.finalizers || sight == Sight::Gone);
        pod.evicted |= is_evicted(&object.whole["status"]);
        // What is added takes it from nobody who selects it.
        let is_other = |(key, value): (&String, &String)| object.labels.get(key) != Some(value);
        if pod.labels_changed.is_none() && pod.labels.iter().any(is_other) {
            pod.labels_changed = Some(at);
        }
        pod.gained_labels |= object.labels.keys().any(|key| !pod.labels.contains_key(key));
        let given = facts.deletion_grace_seconds.filter(|_| facts.deleting);
        pod.graces.extend(given.and_then(|seconds| u32::try_from(seconds).ok()));
        if let (None, Some(node)) = (&pod.bound, &facts.node) {
            pod.bound = Some((Rc::clone(node), at));
        }
        if pod.terminal.is_none() && matches!(&*facts.phase, "Succeeded" | "Failed") {
            pod.terminal = Some(at);
        }
    }

    /// Takes note of a binding.
    pub fn bind(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>, node: &Rc<str>) {
        if let Some(pod) = self.register.named(namespace, name)
            && pod.bound.is_none()
        {
            pod.bound = Some((Rc::clone(node), at));
        }
    }

    /// Takes note that an EndpointSlice shows it terminating.
    pub fn goes(&mut self, at: Moment, uid: &Rc<str>) {
        if let Some(pod) = self.register.by_uid.get_mut(uid) {
            pod.went.get_or_insert(at);
        }
    }

    /// Takes note that a deletion or an eviction asks for a grace period of so many seconds.
    pub fn give(&mut self, namespace: &Rc<str>, name: &Rc<str>, seconds: u32) {
        if let Some(pod) = self.register.named(namespace, name) {
            pod.graces.insert(seconds);
        }
    }

    /// Takes note that a pod has been removed.
    pub fn remove(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>) {
        if let Some(pod) = self.register.named(namespace, name) {
            pod.life.gone.get_or_insert(at);
        }
    }

    /// The manifest of a pod, or of the pods of its ReplicaSet, without its name.
    pub fn manifest(&self, uid: &Rc<str>) -> Option<&Value> {
        let pod = self.register.by_uid.get(uid)?;
        self.manifest_of(Pod::kept_under(pod.owner.as_ref(), uid))
    }

    /// The manifest of the pods of a ReplicaSet, without their names, if it has had one.
    pub fn manifest_of(&self, replica_set: &Rc<str>) -> Option<&Value> {
        self.manifests.get(replica_set).map(|(manifest, _)| &**manifest)
    }
}

/// Does a status say that the pod's kubelet has evicted it?
fn is_evicted(status: &Value) -> bool {
    let conditions = status["conditions"].as_array();
    let is_by_kubelet =
        |one: &Value| one["type"] == "DisruptionTarget" && one["reason"] == TERMINATION_BY_KUBELET;
    status["reason"] == EVICTED
        || status["phase"] == "Succeeded" && conditions.is_some_and(|all| all.iter().any(is_by_kubelet))
}
