//! Workloads that are being deleted: as soon as their controllers have heard of it they make nothing more of them (RS-6;
//! `pkg/controller/replicaset/replica_set.go`, `syncReplicaSet`; `pkg/controller/deployment/deployment_controller.go`, `syncDeployment`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::actor::Actor;
use crate::record::{Facts, Micros, Verb, Write};

/// How long news of a deletion takes at most: watches that are connected lag 5 s, and a queue and a request come after that.
const HEARD: Micros = 10_000_000;

/// Who makes objects of what.
const MAKERS: [(&str, &str); 2] =
    [("replicaset-controller", "pods"), ("deployment-controller", "replicasets")];

/// The Deployments and ReplicaSets that are being deleted: since when, by UID.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    since: BTreeMap<Rc<str>, Micros>,
}

impl Leaving {
    /// Takes note of what a write shows that was received and answered at these times; says what is made of an owner that was being deleted
    /// long before, if something is.
    pub fn see(&mut self, write: &Write, (received, answered): (Micros, Micros)) -> Option<String> {
        let object = write.object.as_ref().filter(|_| write.code < 400 && !write.only_asked)?;
        if matches!(object.facts, Facts::Deployment(_) | Facts::ReplicaSet(_))
            && object.whole["metadata"]["deletionTimestamp"].is_string()
        {
            self.since.entry(Rc::clone(&object.uid)).or_insert(answered);
            return None;
        }
        let Actor::Controller(maker) = Actor::of(write) else { return None };
        let is_made = write.verb == Verb::Create
            && write.subresource.is_empty()
            && MAKERS.contains(&(&*maker, &*write.resource));
        let owners = object.whole["metadata"]["ownerReferences"].as_array().filter(|_| is_made)?;
        let is_late =
            |uid: &str| self.since.get(uid).is_some_and(|since| received > since.saturating_add(HEARD));
        let owner = owners.iter().find(|owner| owner["uid"].as_str().is_some_and(is_late))?;
        Some(format!(
            "it is made of {} {}, which has been being deleted for more than {} s (RS-6)",
            owner["kind"].as_str().unwrap_or_default(),
            owner["name"].as_str().unwrap_or_default(),
            HEARD / 1_000_000
        ))
    }
}
