//! Watches in place of an audit log: they tell of every write, in order, and not who made it. What the write changed says who may
//! have: of a status the kubelet or a controller, of a binding the scheduler ([`pods`], [`others`]). The replay tries them one after
//! the other, the likeliest first, and takes the first that the model can explain.
//!
//! Whatever a client may do is taken as done by one in the end, so a log without writers can say no less often than one with
//! them: a pod that goes too early may have been deleted by hand.

mod others;
mod pods;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::record::{Change, ChangeKind, Entry, Facts, Micros, Object, Seen, Verb, Write};
use crate::world::is_older;

/// Turns what watches tell into writes.
#[derive(Debug)]
pub struct Teller {
    /// When the log began.
    began: Micros,
    /// The objects that are there, as they were told of last, by UID.
    known: BTreeMap<Rc<str>, Object>,
    /// Since when writes are missing: a watch was interrupted, and began anew with what is there.
    missed: Option<Micros>,
}

/// Who may have written, as a user of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Writer {
    /// kube-scheduler.
    Scheduler,
    /// A controller of kube-controller-manager.
    Controller(&'static str),
    /// The kubelet of a node.
    Kubelet(Rc<str>),
    /// The API server itself.
    ApiServer,
    /// Somebody.
    Client,
}

impl Writer {
    fn user(&self) -> Rc<str> {
        match self {
            Self::Scheduler => "system:kube-scheduler".into(),
            Self::Controller(name) => format!("system:serviceaccount:kube-system:{name}").into(),
            Self::Kubelet(node) => format!("system:node:{node}").into(),
            Self::ApiServer => "system:apiserver".into(),
            Self::Client => "somebody".into(),
        }
    }
}

/// The controller that makes objects for an owner of this kind.
fn controller_of(kind: &str) -> Option<Writer> {
    let name = match kind {
        "Deployment" => "deployment-controller",
        "ReplicaSet" => "replicaset-controller",
        "StatefulSet" => "statefulset-controller",
        "DaemonSet" => "daemon-set-controller",
        "Job" => "job-controller",
        "CronJob" => "cronjob-controller",
        "ReplicationController" => "replication-controller",
        _ => return None,
    };
    Some(Writer::Controller(name))
}

/// A write as an audit log would have it, but for who made it.
#[derive(Clone, Debug)]
struct Unsigned<'c> {
    change: &'c Change,
    resource: &'static str,
}

impl Unsigned<'_> {
    fn by(&self, writer: &Writer, verb: Verb, subresource: &str) -> Write {
        let object = &self.change.object;
        Write {
            user: writer.user(),
            resource: self.resource.into(),
            subresource: subresource.into(),
            namespace: Rc::clone(&object.namespace),
            name: Rc::clone(&object.name),
            uid: Rc::clone(&object.uid),
            object: Some(object.clone()),
            resource_version: self.change.resource_version,
            ..Write::granted(verb)
        }
    }

    /// The same write by each of these.
    fn by_any(&self, writers: &[Writer], verb: Verb, subresource: &str) -> Vec<Write> {
        writers.iter().map(|writer| self.by(writer, verb, subresource)).collect()
    }
}

fn version(object: &Object) -> Option<u64> {
    object.whole["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

impl Teller {
    /// Of a log that began at this moment.
    pub fn new(began: Micros) -> Self {
        Self { began, known: BTreeMap::new(), missed: None }
    }

    /// Since when writes are missing, if some are.
    pub fn missed(&self) -> Option<Micros> {
        self.missed
    }

    /// The entry, with the writes that it may be if it is a change.
    pub fn tell(&mut self, entry: Entry) -> Entry {
        match &entry.seen {
            &Seen::Missed { since } => {
                self.missed = Some(self.missed.map_or(since, |missed| missed.min(since)));
                entry
            }
            Seen::List(objects) => {
                self.known.extend(objects.iter().map(|object| (Rc::clone(&object.uid), object.clone())));
                entry
            }
            Seen::Change(change) => {
                let writes = self.writes(change);
                let seen = if writes.is_empty() { entry.seen.clone() } else { Seen::Told(writes) };
                Entry { seen, ..entry }
            }
            _ => entry,
        }
    }

    fn writes(&mut self, change: &Change) -> Vec<Write> {
        let object = &change.object;
        // A watch that began anew tells again of what it has told.
        if let Some(known) = self.known.get(&object.uid)
            && change.kind != ChangeKind::Deleted
            && version(object).is_some()
            && version(object) <= version(known)
        {
            return Vec::new();
        }
        let before = match change.kind {
            ChangeKind::Deleted => self.known.remove(&object.uid),
            _ => self.known.insert(Rc::clone(&object.uid), object.clone()),
        };
        // A watch that begins without a list tells of what there is as if it were new.
        if change.kind == ChangeKind::Added && before.is_none() && is_older(object, self.began) {
            return Vec::new();
        }
        let of = |resource| Unsigned { change, resource };
        match &object.facts {
            Facts::Pod(facts) => pods::writes(&of("pods"), facts, before.as_ref()),
            Facts::Node(facts) => others::node(&of("nodes"), facts, before.as_ref()),
            Facts::Deployment(_) => others::deployment(&of("deployments"), before.as_ref()),
            Facts::ReplicaSet(_) => others::replica_set(&of("replicasets"), before.as_ref()),
            Facts::EndpointSlice(_) => others::slice(&of("endpointslices")),
            Facts::PodDisruptionBudget(facts) => {
                others::budget(&of("poddisruptionbudgets"), facts, before.as_ref())
            }
            Facts::Service => {
                let service = of("services");
                vec![service.by(&Writer::Client, others::verb(change.kind), "")]
            }
            Facts::Other(_) => Vec::new(),
        }
    }
}
