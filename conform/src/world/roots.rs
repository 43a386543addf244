//! Which objects of a log are workloads, and whose each pod is.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::scenario::{Labels, WorkloadKind};
use serde_json::Value;

use super::controllers::Controller;
use super::documents;
use super::kept::named;
use super::life::{Life, Moment, Span};
use super::observed::{Existing, Followed, Heard, NotModelled};
use super::pods::Pod;
use super::surveyor::Surveyor;
use crate::record::{Object, Owner};

/// An object that is a workload.
pub(super) struct Root<'s> {
    pub kind: WorkloadKind,
    pub uid: Rc<str>,
    pub namespace: Rc<str>,
    pub object_name: Rc<str>,
    /// What its scenario is called.
    pub name: String,
    /// The controller that owns it.
    pub owner: Option<Owner>,
    pub life: &'s Life,
    /// What is asked for, unless it is a Pod.
    pub controller: Option<&'s Controller>,
    /// The manifest of a Pod, without its name.
    manifest: Option<&'s Value>,
    /// It as it was first seen.
    object: Option<&'s Object>,
    /// The UIDs of its ReplicaSets, in the order in which the log shows them; its own, if it is one.
    pub replica_sets: Vec<Rc<str>>,
    /// The UIDs of its pods, in that order.
    pub pods: Vec<Rc<str>>,
}

impl<'s> Root<'s> {
    fn of_controller(kind: WorkloadKind, uid: &Rc<str>, controller: &'s Controller) -> Self {
        Self {
            kind,
            uid: Rc::clone(uid),
            namespace: Rc::clone(&controller.namespace),
            object_name: Rc::clone(&controller.name),
            name: String::new(),
            owner: controller.owner.clone(),
            life: &controller.life,
            controller: Some(controller),
            manifest: None,
            object: controller.object.as_deref(),
            replica_sets: Vec::new(),
            pods: Vec::new(),
        }
    }

    fn of_pod(uid: &Rc<str>, pod: &'s Pod, manifest: Option<&'s Value>) -> Self {
        Self {
            kind: WorkloadKind::Pod,
            uid: Rc::clone(uid),
            namespace: Rc::clone(&pod.namespace),
            object_name: Rc::clone(&pod.name),
            name: String::new(),
            owner: pod.owner.clone(),
            life: &pod.life,
            controller: None,
            manifest,
            object: pod.object.as_deref(),
            replica_sets: Vec::new(),
            pods: vec![Rc::clone(uid)],
        }
    }

    /// `Deployment/web`.
    fn title(&self) -> String {
        format!("{}/{}", self.kind.name(), self.object_name)
    }

    /// From when to when it or a pod of it was there.
    pub fn span(&self, surveyor: &Surveyor) -> Span {
        let pods = self.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
        let ends = pods.map(|pod| pod.life.gone).chain([self.life.gone]).collect::<Option<Vec<_>>>();
        Span { from: self.life.span().from, to: ends.and_then(|ends| ends.into_iter().max()) }
    }

    /// Between which entries it is followed.
    pub fn followed(&self, surveyor: &Surveyor) -> Followed {
        let sets = self.replica_sets.iter().filter_map(|uid| surveyor.replica_sets.register.by_uid.get(uid));
        let pods = self.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
        let lives = sets.map(|set| &set.life).chain(pods.map(|pod| &pod.life)).chain([self.life]);
        let first = lives.map(|life| life.span().from).min().unwrap_or_default();
        let to = self.span(surveyor).to.and_then(|to| surveyor.rest.end_of(to));
        Followed { from: surveyor.rest.start_of(first), to }
    }

    /// Its manifest with the pods of one of its ReplicaSets; as it is, if the log shows no pod of it.
    pub fn manifest(&self, surveyor: &Surveyor, replica_set: Option<&Rc<str>>) -> Option<Value> {
        let Some(controller) = self.controller else {
            return self.manifest.map(|manifest| named(manifest, &self.object_name));
        };
        let pod = replica_set.and_then(|uid| surveyor.pods.manifest_of(uid));
        let manifest = named(&controller.manifest, &self.object_name);
        Some(pod.map_or_else(|| manifest.clone(), |pod| documents::with_pods(&manifest, pod)))
    }

    /// The labels of its pods.
    pub fn labels(&self, surveyor: &Surveyor) -> Labels {
        let first = self.pods.first().and_then(|uid| surveyor.pods.register.by_uid.get(uid));
        match (first, self.controller) {
            (Some(pod), _) => (*pod.labels).clone(),
            (None, Some(controller)) => {
                let labels = &controller.manifest["spec"]["template"]["metadata"]["labels"];
                serde_json::from_value(labels.clone()).unwrap_or_default()
            }
            (None, None) => Labels::default(),
        }
    }

    /// Was it there before the log began?
    pub fn was_there(&self) -> bool {
        self.life.existed && self.object.is_some()
    }

    /// What was there of it before the log began.
    pub fn existing(&self, surveyor: &Surveyor) -> Option<Existing> {
        let object = self.object.filter(|_| self.life.existed)?.clone();
        let found = |life: &Life, object: &Option<Box<Object>>| {
            object.as_deref().filter(|_| life.existed).map(|object| (life.first, object.clone()))
        };
        let (sets, known) = (&surveyor.replica_sets.register.by_uid, &surveyor.pods.register.by_uid);
        let own_sets = || {
            let own = self.replica_sets.iter().filter(|uid| **uid != self.uid);
            own.filter_map(|uid| Some((uid, sets.get(uid)?)))
        };
        let own_pods = || self.pods.iter().filter_map(|uid| Some((uid, known.get(uid)?)));
        let replica_sets = own_sets().filter_map(|(_, set)| found(&set.life, &set.object)).collect();
        let pods = own_pods().filter_map(|(_, pod)| found(&pod.life, &pod.object)).collect();
        let lives = own_sets()
            .map(|(uid, set)| (uid, &set.life))
            .chain(own_pods().map(|(uid, pod)| (uid, &pod.life)));
        let lives = lives.chain([(&self.uid, self.life)]);
        let sights = lives.map(|(uid, life)| (Rc::clone(uid), life.sight)).collect();
        let is_near = |heard: &&Heard| heard.namespace == self.namespace && !known.contains_key(&heard.uid);
        let heard = surveyor.heard.values().filter(is_near).cloned().collect();
        Some(Existing { object, replica_sets, pods, sights, heard })
    }
}

/// The workloads of a log, in the order in which it shows them, and what has none.
pub(super) fn roots(surveyor: &Surveyor) -> (Vec<Root<'_>>, BTreeSet<NotModelled>) {
    let deployments = &surveyor.deployments.register.by_uid;
    let sets = &surveyor.replica_sets.register.by_uid;
    let mut not_modelled = BTreeSet::new();
    let mut roots: BTreeMap<Rc<str>, Root<'_>> = BTreeMap::new();
    for (uid, deployment) in deployments {
        roots.insert(Rc::clone(uid), Root::of_controller(WorkloadKind::Deployment, uid, deployment));
    }
    let mut in_order: Vec<_> = sets.iter().collect();
    in_order.sort_by_key(|(_, set)| set.life.first);
    for (uid, set) in in_order {
        let deployment = set.owner.as_ref().filter(|owner| deployments.contains_key(&owner.uid));
        let root = deployment.map_or(uid, |owner| &owner.uid);
        let root = roots
            .entry(Rc::clone(root))
            .or_insert_with(|| Root::of_controller(WorkloadKind::ReplicaSet, uid, set));
        root.replica_sets.push(Rc::clone(uid));
    }
    let mut pods: Vec<_> = surveyor.pods.register.by_uid.iter().collect();
    pods.sort_by_key(|(_, pod)| pod.life.first);
    for (uid, pod) in pods {
        if pod.is_mirror {
            not_modelled.insert(NotModelled {
                what: format!("Pod/{}", pod.name),
                why: "its kubelet runs it from a file, and the model has no such pods".into(),
            });
            continue;
        }
        let set = pod.owner.as_ref().and_then(|owner| sets.get(&owner.uid).map(|set| (&owner.uid, set)));
        let Some((set_uid, set)) = set else {
            roots.insert(Rc::clone(uid), Root::of_pod(uid, pod, surveyor.pods.manifest(uid)));
            continue;
        };
        let deployment = set.owner.as_ref().filter(|owner| deployments.contains_key(&owner.uid));
        if let Some(root) = roots.get_mut(deployment.map_or(set_uid, |owner| &owner.uid)) {
            root.pods.push(Rc::clone(uid));
        }
    }
    let mut roots: Vec<_> = roots.into_values().collect();
    roots.sort_by_key(|root| {
        (root.life.first, root.kind, Rc::clone(&root.namespace), Rc::clone(&root.object_name))
    });
    name(&mut roots);
    not_modelled.extend(roots.iter().filter_map(|root| {
        let owner = root.owner.as_ref()?;
        let why = match &*owner.kind {
            "Deployment" | "ReplicaSet" => "its object is not in the log; what it does comes from outside",
            _ => "the model has no such controller; what it does comes from outside",
        };
        Some(NotModelled { what: format!("{}/{}", owner.kind, owner.name), why: why.into() })
    }));
    (roots, not_modelled)
}

/// Gives each workload its name.
fn name(roots: &mut [Root<'_>]) {
    let mut namespaces: BTreeMap<String, BTreeSet<Rc<str>>> = BTreeMap::new();
    for root in &*roots {
        namespaces.entry(root.title()).or_default().insert(Rc::clone(&root.namespace));
    }
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for root in roots {
        let name = match namespaces.get(&root.title()) {
            Some(several) if several.len() > 1 => {
                format!("{}/{}/{}", root.kind.name(), root.namespace, root.object_name)
            }
            _ => root.title(),
        };
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        root.name = if *count > 1 { format!("{name}#{count}") } else { name };
    }
}

/// A template of a Deployment, by its number in the model.
pub(super) struct Revision {
    pub from: Moment,
    pub replica_set: Option<Rc<str>>,
}

/// The templates of a workload.
pub(super) struct Revisions {
    /// By their number in the model: those of earlier ReplicaSets that had pods when the log began, then those that the Deployment had.
    pub all: Vec<Revision>,
    /// The number of each that it came to have, one after the other, those before the log among them. A rollback goes to one that there
    /// was.
    pub rollouts: Vec<usize>,
    /// The entries that show these.
    pub changed: Vec<Moment>,
}

/// The templates of a workload.
pub(super) fn revisions(root: &Root<'_>, surveyor: &Surveyor) -> Revisions {
    let Some(controller) = root.controller.filter(|_| root.kind == WorkloadKind::Deployment) else {
        let replica_set = root.replica_sets.first().cloned();
        let first = Revision { from: root.life.span().from, replica_set };
        return Revisions { all: vec![first], rollouts: Vec::new(), changed: Vec::new() };
    };
    let sets = &surveyor.replica_sets.register.by_uid;
    let own: Vec<_> = root.replica_sets.iter().filter_map(|uid| Some((uid, sets.get(uid)?))).collect();
    let has = |set: &Controller, template: &Value| set.templates.iter().any(|(_, own)| **own == *template);
    let first = controller.templates.first().map(|(_, template)| template);
    let mut earlier: Vec<_> = own
        .iter()
        .filter(|(_, set)| set.life.existed && set.replicas > 0)
        .filter(|(_, set)| first.is_some_and(|first| !has(set, first)))
        .collect();
    earlier.sort_by_key(|(_, set)| (set.number, set.life.first));
    let before = root.life.span().from;
    let mut all: Vec<Revision> = Vec::new();
    let mut templates: Vec<&Value> = Vec::new();
    for (uid, set) in earlier {
        all.push(Revision { from: before, replica_set: Some(Rc::clone(uid)) });
        templates.extend(set.templates.first().map(|(_, template)| &**template));
    }
    let mut rollouts: Vec<usize> = (1..all.len()).collect();
    let mut changed = vec![before; rollouts.len()];
    for (index, (at, template)) in controller.templates.iter().enumerate() {
        let known = templates.iter().rposition(|known| **known == **template);
        let number = known.unwrap_or(all.len());
        if known.is_none() {
            let from = if index == 0 { before } else { *at };
            let replica_set = own.iter().find(|(_, set)| has(set, template)).map(|(uid, _)| Rc::clone(uid));
            all.push(Revision { from, replica_set });
            templates.push(template);
        }
        if number > 0 || index > 0 {
            rollouts.push(number);
            changed.push(*at);
        }
    }
    Revisions { all, rollouts, changed }
}
