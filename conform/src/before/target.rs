//! How a whole workload stood when the log began.

use std::rc::Rc;

use podproof_vocabulary::Revision;
use podproof_vocabulary::scenario::WorkloadKind;
use serde_json::Value;

use super::first_sight::{self, Began, ContainerBefore, Stage, stage};
use crate::reading::template_of;
use crate::record::{Facts, Micros, Object, PodFacts};
use crate::world::{Existing, Heard, Observed, Sight};

/// A pod that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodBefore {
    /// `metadata.name`; made up, if the log never shows it.
    pub name: Rc<str>,
    /// `metadata.uid`; made up likewise.
    pub uid: Rc<str>,
    /// The template that it was made from.
    pub revision: Revision,
    /// Its node; none if it had none, or if the log does not say which.
    pub node: Option<Rc<str>>,
    /// `status.podIP`.
    pub ip: Option<Rc<str>>,
    /// `status.podIPs` beside that.
    pub more_ips: Vec<Rc<str>>,
    /// How it stood.
    pub stage: Stage,
    /// When its deletion was asked for, and with how many seconds of grace, if it was being deleted.
    pub deletion: Option<(Micros, u32)>,
    /// The log shows nothing of it.
    pub is_unseen: bool,
}

/// A ReplicaSet that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBefore {
    /// `metadata.name`.
    pub name: Rc<str>,
    /// `metadata.uid`.
    pub uid: Rc<str>,
    /// `spec.replicas`.
    pub replicas: u8,
}

/// How a workload stood when the log began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// When the log began.
    pub began: Micros,
    /// `spec.replicas` of the workload.
    pub replicas: u8,
    /// Its ReplicaSets, by revision.
    pub replica_sets: Vec<SetBefore>,
    /// Its pods.
    pub pods: Vec<PodBefore>,
    /// The number of its template; none, if it is no Deployment.
    pub template: Option<u64>,
    /// Something of it was under way, so it may have stood in another way than this.
    pub was_under_way: bool,
}

impl Target {
    /// How `observed` stood when the log began at `began`; nothing, if its beginning is in the log.
    ///
    /// # Errors
    /// A sentence that says why that is not known.
    pub fn of(observed: &Observed, began: Micros) -> Result<Option<Self>, String> {
        let Some(existing) = &observed.existing else { return Ok(None) };
        if is_missed(&existing.object, Began::at(began)) {
            return Err("it was created during the log, which does not show by whom".into());
        }
        if let Some(node) = observed.nodes.iter().find(|node| node.was_unready) {
            return Err(format!("it was there before the log began, and {} was not Ready then", node.name));
        }
        let replica_sets = sets(observed, existing, Began::at(began))?;
        let pods = pods(observed, existing, &replica_sets, Began::at(began));
        let now = &existing.object;
        let replicas = match observed.kind {
            WorkloadKind::Pod => 1,
            // Of a Deployment in the middle of a rollout, status.replicas counts the surge.
            WorkloadKind::Deployment if replica_sets.iter().filter(|set| set.replicas > 0).count() > 1 => {
                small(&now.whole["spec"]["replicas"])
            }
            _ => wanted(existing, now),
        };
        let template = matches!(now.facts, Facts::Deployment(_)).then(|| template(observed, existing));
        let was_under_way = was_under_way(existing, &pods, Began::at(began));
        Ok(Some(Self { began, replicas, replica_sets, pods, template, was_under_way }))
    }
}

/// Was something of a workload under way when the log began?
fn was_under_way(existing: &Existing, pods: &[PodBefore], began: Began) -> bool {
    let objects = existing.pods.iter().chain(&existing.replica_sets).map(|(_, object)| object);
    let has_come = |(_, container): &(Rc<str>, ContainerBefore)| {
        matches!(container, ContainerBefore::Ready | ContainerBefore::Ended(_))
    };
    let at_rest = |pod: &PodBefore| match &pod.stage {
        Stage::Bound(containers) => containers.iter().all(has_come),
        _ => false,
    };
    let fits = |(_, set): &(_, Object)| {
        let wanted = u64::from(wanted(existing, set));
        ["replicas", "readyReplicas", "availableReplicas"]
            .iter()
            .all(|field| set.whole["status"].get(field).and_then(Value::as_u64).unwrap_or(0) == wanted)
    };
    let mut objects = objects.chain([&existing.object]).filter(|object| !is_missed(object, began));
    objects.any(|object| first_sight::was_under_way(&object.whole, began))
        || !pods.iter().all(at_rest)
        || !existing.replica_sets.iter().all(fits)
}

/// Was it created during the log, which does not show it?
fn is_missed(object: &Object, began: Began) -> bool {
    began.is_after(&object.whole["metadata"]["creationTimestamp"])
}

/// How the log shows an object first.
fn sight(existing: &Existing, object: &Object) -> Sight {
    existing.sights.get(&object.uid).copied().unwrap_or(Sight::Found)
}

fn small(number: &Value) -> u8 {
    number.as_u64().map_or(1, |number| u8::try_from(number).unwrap_or(u8::MAX))
}

/// The replicas that were wanted before the write that shows the object first. A write that changes `spec` raises
/// `metadata.generation` at once, and the controller notes it later; until then `status` is of what was wanted before.
fn wanted(existing: &Existing, object: &Object) -> u8 {
    let whole = &object.whole;
    let generation = whole["metadata"]["generation"].as_u64();
    let observed = whole["status"]["observedGeneration"].as_u64();
    match (generation, observed) {
        (Some(generation), Some(observed))
            if generation > observed && sight(existing, object) != Sight::Listed =>
        {
            small(whole["status"].get("replicas").unwrap_or(&Value::from(0)))
        }
        _ => small(&whole["spec"]["replicas"]),
    }
}

/// The ReplicaSets that were there, by revision.
fn sets(observed: &Observed, existing: &Existing, began: Began) -> Result<Vec<SetBefore>, String> {
    match observed.kind {
        WorkloadKind::Pod => return Ok(Vec::new()),
        WorkloadKind::ReplicaSet => {
            let own = &existing.object;
            let (name, uid) = (own.name.clone(), own.uid.clone());
            return Ok(vec![SetBefore { name, uid, replicas: wanted(existing, own) }]);
        }
        WorkloadKind::Deployment => {}
    }
    let existed = |uid: &Rc<str>| {
        existing.replica_sets.iter().find(|(_, set)| set.uid == *uid && !is_missed(set, began))
    };
    let mut sets = Vec::new();
    for (number, revision) in observed.revisions.iter().enumerate() {
        let set = match &revision.replica_set {
            Some(uid) => existed(uid).map(|(_, set)| SetBefore {
                name: set.name.clone(),
                uid: uid.clone(),
                replicas: wanted(existing, set),
            }),
            // Nothing was written of it.
            None if number == 0 => Some(SetBefore {
                name: format!("{}-?", observed.object_name).into(),
                uid: format!("{}-?", observed.uid).into(),
                replicas: wanted(existing, &existing.object),
            }),
            None => None,
        };
        match set {
            Some(_) if sets.len() < number => {
                return Err("its ReplicaSets of before the log are not the first that it has".into());
            }
            Some(set) => sets.push(set),
            None => {}
        }
    }
    Ok(sets)
}

/// The pods that were there: those that the log shows, those that only EndpointSlices name, and those that there must be.
fn pods(observed: &Observed, existing: &Existing, sets: &[SetBefore], began: Began) -> Vec<PodBefore> {
    let revision_of = |name: &str, owner: Option<&str>| {
        let is = |set: &SetBefore| match owner {
            Some(owner) => &*set.uid == owner,
            None => name.strip_prefix(&*set.name).is_some_and(|rest| rest.starts_with('-')),
        };
        sets.iter().position(is).map(Revision::from)
    };
    let mut pods = Vec::new();
    for (_, pod) in existing.pods.iter().filter(|(_, pod)| !is_missed(pod, began)) {
        let Facts::Pod(facts) = &pod.facts else { continue };
        let owner = pod.owner.as_ref().map(|owner| &*owner.uid);
        let revision = match observed.kind {
            WorkloadKind::Pod => Some(Revision(0)),
            _ => revision_of(&pod.name, owner),
        };
        let stage = stage(&pod.whole, sight(existing, pod), began);
        pods.push(PodBefore {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            revision: revision.unwrap_or(Revision(0)),
            node: facts.node.clone().filter(|_| stage != Stage::Unbound),
            ip: facts.ip.clone(),
            more_ips: facts.more_ips.clone(),
            deletion: deletion(&pod.whole, facts).filter(|_| matches!(stage, Stage::Deleting(_))),
            stage,
            is_unseen: false,
        });
    }
    let heard = existing.heard.iter().filter_map(|heard| heard_of(heard, revision_of(&heard.name, None)?));
    pods.extend(heard);
    for (number, set) in sets.iter().enumerate() {
        let revision = Revision::from(number);
        let known = pods.iter().filter(|pod| pod.revision == revision && is_active(pod)).count();
        let there = existing.replica_sets.iter().find(|(_, one)| one.uid == set.uid);
        let there = there.and_then(|(_, one)| one.whole["status"]["replicas"].as_u64());
        let there =
            there.map_or(set.replicas, |there| set.replicas.min(u8::try_from(there).unwrap_or(u8::MAX)));
        pods.extend((known..usize::from(there)).map(|number| PodBefore {
            name: format!("{}-? ({})", set.name, number + 1).into(),
            uid: format!("{}-? ({})", set.uid, number + 1).into(),
            revision,
            node: None,
            ip: None,
            more_ips: Vec::new(),
            stage: Stage::Bound(Vec::new()),
            deletion: None,
            is_unseen: true,
        }));
    }
    // Those that were to be replaced came before those that replaced them.
    pods.sort_by_key(|pod| !matches!(pod.stage, Stage::Deleting(_)));
    pods
}

/// When the deletion of a pod was asked for, and its grace period: `deletionTimestamp` is when that ends (DEL-16).
fn deletion(whole: &Value, facts: &PodFacts) -> Option<(Micros, u32)> {
    let seconds = u32::try_from(facts.deletion_grace_seconds?).ok().filter(|&seconds| seconds > 0)?;
    let ends: jiff::Timestamp = whole["metadata"]["deletionTimestamp"].as_str()?.parse().ok()?;
    Some((ends.as_microsecond() - Micros::from(seconds) * 1_000_000, seconds))
}

fn is_active(pod: &PodBefore) -> bool {
    let ended = |(_, container): &(Rc<str>, ContainerBefore)| matches!(container, ContainerBefore::Ended(_));
    match &pod.stage {
        Stage::Bound(containers) => containers.is_empty() || !containers.iter().all(ended),
        Stage::Deleting(_) => false,
        Stage::Unbound => true,
    }
}

/// A pod that an EndpointSlice names, and nothing else.
fn heard_of(heard: &Heard, revision: Revision) -> Option<PodBefore> {
    Some(PodBefore {
        name: heard.name.clone(),
        uid: heard.uid.clone(),
        revision,
        node: heard.node.clone(),
        ip: Some(heard.ip.clone()),
        more_ips: heard.more_ips.clone(),
        stage: Stage::Bound(Vec::new()),
        deletion: None,
        is_unseen: false,
    })
}

/// The number of the Deployment's template before the write that shows it first: that of its newest ReplicaSet.
fn template(observed: &Observed, existing: &Existing) -> u64 {
    let own = template_of(&existing.object.whole);
    let existed = observed.revisions.iter().rev().filter_map(|revision| revision.replica_set.as_ref());
    let newest =
        existed.into_iter().find_map(|uid| existing.replica_sets.iter().find(|(_, set)| set.uid == *uid));
    newest.map_or(own, |(_, set): &(_, Object)| template_of(&set.whole))
}
