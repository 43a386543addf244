//! The first pass over a log.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::Release;
use podproof_vocabulary::manifest::{self, Problem, Source};

use serde_json::Value;

use super::commands::CommandLog;
use super::compose::Composer;
use super::controllers::Controllers;
use super::life::{Moment, Sight, uid_of};
use super::nodes::Nodes;
use super::observed::Heard;
use super::pods::Pods;
use super::rest::Rest;
use super::roots::Root;
use super::selectors::Selectors;
use super::unwritten::Unwritten;
use super::versions::{self, Versions};
use crate::matching::actor::Actor;
use crate::matching::writes::grace;
use crate::record::{Change, ChangeKind, Entry, Facts, Micros, Object, Seen, Verb, Write};

/// How scenarios are made of a log.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The release of the cluster; by default the one that its components name in the log.
    pub release: Option<Release>,
    /// Manifests whose annotations say what processes do.
    pub manifests: Vec<Source>,
}

/// Finds out what a log is about. It keeps no entries, and manifests that are alike once: what grows with the log are some hundred
/// bytes for each object that ever was.
#[derive(Debug, Default)]
pub struct Surveyor {
    /// The number of the next entry.
    next: u64,
    /// When the first entry happened.
    pub(super) began: Option<Micros>,
    pub(super) pods: Pods,
    pub(super) nodes: Nodes,
    pub(super) deployments: Controllers,
    pub(super) replica_sets: Controllers,
    pub(super) services: Selectors,
    pub(super) budgets: Selectors,
    pub(super) versions: Versions,
    /// Pods that only EndpointSlices name, by UID.
    pub(super) heard: BTreeMap<Rc<str>, Heard>,
    /// What ran in containers beside their processes.
    pub(super) commands: CommandLog,
    /// The writes that create pods, Deployments and ReplicaSets, by UID.
    pub(super) created: BTreeMap<Rc<str>, Moment>,
    /// The EndpointSlices that were seen, by UID.
    slices: BTreeSet<Rc<str>>,
    /// The nodes whose kubelets have written anything.
    speaks: BTreeSet<Rc<str>>,
    /// It says of writes who made them.
    has_writes: bool,
    /// How many pods, Deployments and ReplicaSets were created whose objects are not in the log.
    pub(super) unseen: u64,
    /// Pods were created of which only the request is in the log.
    pub(super) only_asked: bool,
    /// There are pods that the log never shows whole.
    pub(super) strangers: bool,
    /// Between which moments workloads are followed.
    pub(super) rest: Rest,
    /// What it has nothing of.
    unwritten: Unwritten,
}

impl Surveyor {
    /// Takes note of the next entry.
    pub fn see(&mut self, entry: &Entry) {
        let at = Moment(self.next);
        self.next += 1;
        let began = *self.began.get_or_insert(entry.from);
        self.rest.pass(at, entry.from);
        self.unwritten.see(entry, began);
        match &entry.seen {
            Seen::Write(write) => self.write(at, write),
            Seen::List(objects) => objects.iter().for_each(|object| self.object(at, Sight::Listed, object)),
            Seen::Change(change) => self.change(at, change, began),
            Seen::Renewal { node, .. } => {
                self.nodes.name(at, node);
                if !self.speaks.contains(node) {
                    self.speaks.insert(Rc::clone(node));
                }
            }
            Seen::Fault(event) => self.rest.fault(event),
            Seen::Runtime(event) => self.commands.see(event),
            _ => {}
        }
    }

    /// Who makes a scenario of each workload that was seen.
    ///
    /// # Errors
    /// What is wrong with the manifests of the options.
    pub fn composer(
        &self,
        options: &Options,
        guessed: Option<Release>,
    ) -> Result<Composer<'_>, Vec<Problem>> {
        let annotated = manifest::annotated(&options.manifests)?;
        let (release, says) = match (options.release, guessed) {
            (Some(release), _) => (release, None),
            (None, Some(release)) => (release, Some(versions::says_guessed(release))),
            (None, None) => self.versions.release(),
        };
        Ok(Composer::new(self, release, says, annotated))
    }

    /// Does any component tell its release?
    pub fn shows_release(&self) -> bool {
        self.versions.are_shown()
    }

    /// Why these are logs of several clusters, if they are.
    pub fn several_clusters(&self) -> Option<String> {
        let name = self.nodes.in_two_clusters()?;
        Some(format!("two nodes are called {name} at the same time, with a metadata.uid each"))
    }

    /// The names of all pods; of those that only EndpointSlices name, where some of these workloads were there before the log.
    pub(super) fn pod_names(&self, roots: &[Rc<Root<'_>>]) -> BTreeSet<Rc<str>> {
        let late: BTreeSet<&str> =
            roots.iter().filter(|root| root.was_there()).map(|root| &*root.namespace).collect();
        let heard = self.heard.values().filter(|heard| late.contains(&*heard.namespace));
        let seen = self.pods.register.by_uid.values().map(|pod| Rc::clone(&pod.name));
        seen.chain(heard.map(|heard| Rc::clone(&heard.name))).collect()
    }

    fn change(&mut self, at: Moment, change: &Change, began: Micros) {
        let sight = match change.kind {
            ChangeKind::Deleted => Sight::Gone,
            ChangeKind::Modified => Sight::Found,
            // A watch that begins without a list tells of what there is as if it were new.
            ChangeKind::Added if is_older(&change.object, began) => Sight::Listed,
            ChangeKind::Added => Sight::Created,
        };
        self.object(at, sight, &change.object);
    }

    fn write(&mut self, at: Moment, write: &Write) {
        self.versions.see_agent(&write.agent);
        self.versions.see_kubelet(&write.user, &write.agent);
        self.has_writes = true;
        if let Some(node) =
            write.user.strip_prefix("system:node:").filter(|node| !self.speaks.contains(*node))
        {
            self.speaks.insert(node.into());
        }
        if !(200..300).contains(&write.code) {
            return;
        }
        let is_whole = write.subresource.is_empty();
        let is_new_pod = (&*write.resource, write.verb, is_whole) == ("pods", Verb::Create, true);
        self.only_asked |= is_new_pod && write.only_asked;
        let is_report =
            (&*write.resource, &*write.subresource, write.verb) == ("pods", "status", Verb::Patch);
        self.strangers |= is_report
            && write.only_asked
            && write.object.is_none()
            && self.pods.register.named(&write.namespace, &write.name).is_none();
        if let ("pods", Some(seconds)) = (&*write.resource, grace::asked(write)) {
            self.pods.give(&write.namespace, &write.name, seconds);
        }
        match (&write.object, &*write.resource, &*write.subresource) {
            (_, "pods", "binding") => {
                if let Some(node) = &write.target {
                    self.pods.bind(at, &write.namespace, &write.name, node);
                    self.nodes.name(at, node);
                }
            }
            (Some(object), resource, "scale") => self.scale(at, resource, write, object),
            (Some(object), ..) => {
                let sight = match write.verb {
                    Verb::Create if is_whole => Sight::Created,
                    Verb::Delete if is_whole && removes(write) => Sight::Gone,
                    Verb::Delete if is_whole => Sight::Deleting,
                    Verb::Update | Verb::Patch if self.lets_go(object) => Sight::Gone,
                    _ => Sight::Found,
                };
                if sight == Sight::Created
                    && matches!(object.facts, Facts::Pod(_) | Facts::Deployment(_) | Facts::ReplicaSet(_))
                {
                    self.created.entry(Rc::clone(&object.uid)).or_insert(at);
                }
                // What a deletion answers with may be no object of the kind that it deletes.
                if sight != Sight::Gone || !self.removed(at, sight, write, object) {
                    let by_user =
                        is_whole && sight == Sight::Found && matches!(Actor::of(write), Actor::Client(_));
                    self.object_of(at, sight, object, by_user);
                }
            }
            (None, resource, _) if is_whole => match write.verb {
                Verb::Delete if removes(write) => self.remove(at, write),
                Verb::Create if ["pods", "deployments", "replicasets"].contains(&resource) => {
                    self.unseen += 1;
                    self.only_asked |= write.only_asked;
                }
                _ => {}
            },
            (None, ..) => {}
        }
    }

    /// Has an update taken the last finalizer of a pod whose kubelet had finished with it? That removes it (DEL-12).
    fn lets_go(&self, object: &Object) -> bool {
        let Facts::Pod(facts) = &object.facts else { return false };
        let is_over = facts.deleting && facts.deletion_grace_seconds.unwrap_or(0) == 0 && !facts.finalizers;
        is_over && self.pods.register.by_uid.get(&object.uid).is_some_and(|pod| pod.had_finalizer)
    }

    fn scale(&mut self, at: Moment, resource: &str, write: &Write, scale: &Object) {
        let replicas = scale.whole["spec"]["replicas"].as_u64().unwrap_or(0);
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        match resource {
            "deployments" => self.deployments.scale(at, &write.namespace, &write.name, replicas),
            "replicasets" => self.replica_sets.scale(at, &write.namespace, &write.name, replicas),
            _ => {}
        }
    }

    /// Takes note of a removal whose answer is a Status.
    fn removed(&mut self, at: Moment, sight: Sight, write: &Write, answer: &Object) -> bool {
        let is_status =
            sight == Sight::Gone && matches!(&answer.facts, Facts::Other(kind) if **kind == *"Status");
        if is_status {
            self.remove(at, write);
        }
        is_status
    }

    fn remove(&mut self, at: Moment, write: &Write) {
        let (namespace, name) = (&write.namespace, &write.name);
        self.rest.goes(at);
        match &*write.resource {
            "pods" => self.pods.remove(at, namespace, name),
            "nodes" => {
                self.rest.node_gone(name);
                self.nodes.remove(at, name);
            }
            "deployments" => self.deployments.remove(at, namespace, name),
            "replicasets" => self.replica_sets.remove(at, namespace, name),
            "services" => self.services.remove(at, namespace, name),
            "endpointslices" => self.services.remove_slice(at, namespace, name),
            "poddisruptionbudgets" => self.budgets.remove(at, namespace, name),
            _ => {}
        }
    }

    /// Takes note of the pods that a slice names.
    fn hear(&mut self, sight: Sight, slice: &Object) {
        let is_first = self.slices.insert(uid_of(slice));
        let was_there = is_first && sight != Sight::Created;
        let known = &self.pods.register.by_uid;
        for heard in heard_in(slice).filter(|heard| !known.contains_key(&heard.uid)) {
            let ip = Rc::clone(&heard.ip);
            let first = self.heard.entry(Rc::clone(&heard.uid)).or_insert(Heard { was_there, ..heard });
            // A slice of another family has another.
            if first.ip != ip && !first.more_ips.contains(&ip) {
                first.more_ips.push(ip);
            }
        }
    }

    /// The nodes, if the log says who writes and no kubelet has: it may leave kubelets out as a whole. Where one is heard, a node of which
    /// nothing is heard is none.
    pub(super) fn unheard_nodes(&self) -> BTreeSet<Rc<str>> {
        match self.has_writes && self.speaks.is_empty() {
            true => self.nodes.by_name.keys().cloned().collect(),
            false => BTreeSet::new(),
        }
    }

    /// Of what it has nothing although it was written, in which namespace; the nodes have none.
    pub(super) fn unwritten(&self) -> Vec<(Rc<str>, &'static str)> {
        self.unwritten.found(self, self.has_writes)
    }

    /// The addresses of pods that the log shows nowhere but in EndpointSlices, which were there when it began.
    pub(super) fn addresses_before(&self) -> impl Iterator<Item = &Rc<str>> {
        let before = self.heard.values().filter(|heard| heard.was_there);
        before.flat_map(|heard| [&heard.ip].into_iter().chain(&heard.more_ips))
    }

    fn object(&mut self, at: Moment, sight: Sight, object: &Object) {
        self.object_of(at, sight, object, false);
    }

    /// Takes note of an object; `by_user`, if somebody has just written it by hand.
    fn object_of(&mut self, at: Moment, sight: Sight, object: &Object, by_user: bool) {
        if matches!(object.facts, Facts::Pod(_) | Facts::Deployment(_) | Facts::ReplicaSet(_)) {
            match sight {
                Sight::Created => self.rest.comes(at),
                Sight::Gone => self.rest.goes(at),
                Sight::Found | Sight::Listed | Sight::Deleting => {}
            }
        }
        match &object.facts {
            Facts::Pod(facts) => {
                self.pods.see(at, sight, object, facts);
                self.heard.remove(&object.uid);
                if let Some(node) = &facts.node {
                    self.nodes.name(at, node);
                }
            }
            Facts::Node(facts) => {
                match sight {
                    Sight::Gone => self.rest.node_gone(&object.name),
                    _ => self.rest.node(&object.name, facts),
                }
                self.versions.see_node(&object.whole);
                self.nodes.see(at, sight, object, by_user);
            }
            Facts::Deployment(facts) => {
                self.deployments.see(at, sight, "Deployment", object, facts.replicas);
            }
            Facts::ReplicaSet(facts) => {
                self.replica_sets.see(at, sight, "ReplicaSet", object, facts.replicas);
            }
            Facts::Service => self.services.see_service(at, sight, object),
            Facts::PodDisruptionBudget(_) => self.budgets.see_budget(at, sight, object),
            Facts::EndpointSlice(facts) => {
                self.services.see_slice(at, sight, object, facts);
                let terminate = facts.endpoints.iter().filter(|endpoint| endpoint.terminating);
                terminate
                    .filter_map(|endpoint| endpoint.uid.as_ref())
                    .for_each(|uid| self.pods.goes(at, uid));
                self.hear(sight, object);
            }
            Facts::Other(_) => {}
        }
    }
}

/// The pods that a slice names.
fn heard_in(slice: &Object) -> impl Iterator<Item = Heard> + '_ {
    let endpoints = slice.whole["endpoints"].as_array().into_iter().flatten();
    endpoints.filter_map(|endpoint| {
        let pod = &endpoint["targetRef"];
        let text = |value: &Value| value.as_str().map(Into::into);
        // Before discovery.k8s.io/v1 the node was a part of the topology.
        let node =
            text(&endpoint["nodeName"]).or_else(|| text(&endpoint["topology"]["kubernetes.io/hostname"]));
        Some(Heard {
            namespace: Rc::clone(&slice.namespace),
            name: text(&pod["name"])?,
            uid: text(&pod["uid"])?,
            ip: text(&endpoint["addresses"][0])?,
            more_ips: Vec::new(),
            node,
            was_there: false,
        })
    })
}

/// Was the object created before the log began? By its `creationTimestamp`, which is cut to a second; or because somebody has
/// already done something with it. Where watches have no times nobody knows when they began.
pub(crate) fn is_older(object: &Object, began: Micros) -> bool {
    if has_begun(object) {
        return true;
    }
    created(object).is_some_and(|created| created < began.div_euclid(1_000_000))
}

/// When an object was created, in seconds since the epoch.
pub(super) fn created(object: &Object) -> Option<i64> {
    seconds(object.whole["metadata"]["creationTimestamp"].as_str()?)
}

/// Has somebody done something with the object since it was created, as its status shows?
pub(crate) fn has_begun(object: &Object) -> bool {
    let status = &object.whole["status"];
    match &object.facts {
        Facts::Pod(_) => status["conditions"].is_array() || status["containerStatuses"].is_array(),
        Facts::Node(facts) => facts.ready.as_deref() == Some("True"),
        Facts::Deployment(_) | Facts::ReplicaSet(_) | Facts::PodDisruptionBudget(_) => {
            status["observedGeneration"].is_number()
        }
        _ => false,
    }
}

/// Seconds since the epoch of a time such as `2026-11-22T08:02:54Z`.
fn seconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days from the civil calendar, in years that begin with March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Does a granted deletion remove the object at once? A pod is removed by a deletion without grace, unless a finalizer holds
/// it; other objects by any deletion, unless a finalizer holds them.
pub(crate) fn removes(write: &Write) -> bool {
    match &write.object {
        Some(object) if matches!(object.facts, Facts::Pod(_)) => {
            let metadata = &object.whole["metadata"];
            let is_held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
            metadata["deletionGracePeriodSeconds"].as_i64() == Some(0) && !is_held
        }
        Some(object) => {
            let finalizers = object.whole["metadata"]["finalizers"].as_array();
            finalizers.is_none_or(Vec::is_empty)
        }
        // A kubelet deletes what it has finished with, and an audit policy may leave out what it asked for (PW-12).
        None => {
            let by_kubelet = write.user.starts_with("system:node:") && !write.shows_request;
            &*write.resource != "pods" || write.grace_seconds == Some(0) || by_kubelet
        }
    }
}
