//! Writes that were refused: whether the store gave a reason for it, as far as the log shows the store. Nobody says when a refusal was
//! decided: at some moment between the request and the answer, so it waits until all that may have come before it is known.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use podproof_model::Cluster;
use podproof_model::api_server::eviction::{self, Answer};

use super::outcome::Outcome;
use super::replay::Replay;
use super::sighting::SLACK;
use crate::record::{Entry, Micros, Seen, Verb, Write};

/// What is said of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The store gave a reason.
    Lawful,
    /// It gave none, as far as the log shows: what was refused, in words.
    Odd(&'static str),
    /// It is of something that the log does not show.
    Outside,
}

/// Refusals that may find their reason yet, and what reasons are found by.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    waiting: Vec<(u64, Entry, &'static str)>,
    /// Of each object of the workload's namespace, by resource and name.
    versions: BTreeMap<(Rc<str>, Rc<str>), Version>,
    /// The UIDs of those that were removed last, with the moment by which they were.
    gone: VecDeque<(Rc<str>, Micros)>,
}

/// So many of the objects that were removed last are known.
const GONE: usize = 64;

/// The newest version of an object.
#[derive(Clone, Debug)]
struct Version {
    uid: Rc<str>,
    newest: u64,
}

impl Refusals {
    /// The number of the first that waits.
    pub fn first_open(&self) -> Option<u64> {
        self.waiting.iter().map(|(number, ..)| *number).min()
    }

    /// The newest version of an object that was seen.
    pub fn version(&self, resource: &Rc<str>, name: &Rc<str>) -> Option<u64> {
        self.versions.get(&(Rc::clone(resource), Rc::clone(name))).map(|version| version.newest)
    }

    /// A write was answered with a version that its object had before: that of an earlier write. Where an etcd begins anew, so do the
    /// objects.
    pub fn is_repeat(&self, write: &Write) -> bool {
        let known = self.versions.get(&(Rc::clone(&write.resource), Rc::clone(&write.name)));
        let known = known.filter(|known| known.uid == write.uid && !known.uid.is_empty());
        known.zip(write.resource_version).is_some_and(|(known, version)| version <= known.newest)
    }

    /// Why a write that was granted, and received at `from`, cannot have been: its object was gone by then (API-7).
    pub fn is_of_what_is_gone(&self, write: &Write, from: Micros) -> Option<String> {
        let gone = self.gone.iter().find(|(uid, at)| *uid == write.uid && at + SLACK < from)?;
        (write.verb != Verb::Delete && !write.uid.is_empty())
            .then(|| format!("an object that was removed {:.1} s before", (from - gone.1) as f64 / 1e6))
    }

    /// A write was granted, by `to`.
    pub fn note(&mut self, write: &Write, to: Micros) {
        let key = (Rc::clone(&write.resource), Rc::clone(&write.name));
        match write.resource_version {
            _ if write.verb == Verb::Delete => {
                // What is kept for its dependents or a finalizer is answered with, and pods are whenever they are deleted; the rest is
                // gone (`staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`, `Delete`).
                let is_answered = write.shows_request && !write.only_asked && write.subresource.is_empty();
                let is_gone = is_answered && write.object.is_none() && &*write.resource != "pods";
                if let Some(known) = self.versions.remove(&key).filter(|_| is_gone) {
                    self.gone.push_back((known.uid, to));
                    if self.gone.len() > GONE {
                        self.gone.pop_front();
                    }
                }
            }
            Some(version) => {
                let new = Version { uid: Rc::clone(&write.uid), newest: version };
                let known = self.versions.entry(key).or_insert_with(|| new.clone());
                if known.uid != new.uid || known.newest < version {
                    *known = new;
                }
            }
            None => {}
        }
    }
}

impl Replay {
    /// A write was refused. Nothing comes of it now, if it waits for what may have come before it.
    pub(super) fn refuse(&mut self, number: u64, entry: &Entry, write: &Write) -> Option<Outcome> {
        if &*write.resource == "endpointslices" && self.subject.is_near(&write.namespace) {
            self.slices.excuse();
        }
        match self.judge_refusal(write) {
            Refusal::Lawful => Some(Outcome::Explained),
            Refusal::Outside => Some(Outcome::refused()),
            Refusal::Odd(what) => {
                self.refusals.waiting.push((number, entry.clone(), what));
                None
            }
        }
    }

    /// The store has changed by a write that was received at `at`, or is as it will be: what waits may have found its reason.
    pub(super) fn settle_refusals(&mut self, at: Micros) {
        for (number, entry, what) in std::mem::take(&mut self.refusals.waiting) {
            let Seen::Write(write) = &entry.seen else { continue };
            let outcome = match self.judge_refusal(write) {
                _ if entry.to < at => {
                    Outcome::NotModelled(format!("refusals for no reason that the log shows: {what}"))
                }
                Refusal::Lawful => Outcome::Explained,
                Refusal::Outside => Outcome::refused(),
                Refusal::Odd(what) => {
                    self.refusals.waiting.push((number, entry, what));
                    continue;
                }
            };
            self.outcomes.push((number, outcome));
        }
    }

    fn judge_refusal(&self, write: &Write) -> Refusal {
        if !self.subject.is_near(&write.namespace) {
            return Refusal::Outside;
        }
        let mut common = self.common.clone();
        let cluster = Cluster::new(&self.model().rules, &mut common);
        let pod = self.names.pod(&write.name, &write.uid).filter(|_| &*write.resource == "pods");
        let object = pod.map(|pod| cluster.pod(pod).api);
        match (write.code, &*write.subresource, object) {
            (404, _, Some(object)) if object.exists() => Refusal::Odd("404, though the pod is there"),
            (404, _, Some(_)) => Refusal::Lawful,
            // API-20: `pkg/registry/core/pod/storage/storage.go`, `setPodHostAndAnnotations`.
            (409, "binding", Some(object)) => {
                match object.exists() && object.node().is_none() && !object.is_deleting() {
                    true => Refusal::Odd("409 to a binding of a pod that is on no node"),
                    false => Refusal::Lawful,
                }
            }
            // API-1, API-3: what is of a version is refused if the object has another by then.
            (409, _, _) if write.asked_version.is_some() => self.judge_conflict(write),
            // API-7: who names a UID means no other pod of that name.
            (409, _, Some(object)) if !object.exists() => Refusal::Lawful,
            (429, "eviction", Some(_)) => match pod.map(|pod| eviction::ask(&cluster, pod)) {
                Some(Answer::Refused) => Refusal::Lawful,
                _ => Refusal::Odd("429 to an eviction that the budget allows"),
            },
            _ => Refusal::Outside,
        }
    }

    fn judge_conflict(&self, write: &Write) -> Refusal {
        match (write.asked_version, self.refusals.version(&write.resource, &write.name)) {
            (Some(asked), Some(newest)) if asked < newest => Refusal::Lawful,
            (Some(asked), Some(newest)) if asked == newest => {
                Refusal::Odd("409 to an update of an object that has not changed")
            }
            _ => Refusal::Outside,
        }
    }
}
