//! The world of a log: its workloads, each with its scenario and with what of it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::Release;
use podproof_vocabulary::scenario::{DisruptionBudget, Node, Scenario, Taint, WorkloadKind};

use super::life::{Moment, Sight, Span};
use super::traits::Traits;
use crate::record::{Object, Owner};

/// What a log is about as a whole.
#[derive(Debug)]
pub struct World {
    /// What was found that is no workload of the model, and why: sorted, each once.
    pub not_modelled: Vec<NotModelled>,
    /// The release that the scenarios are of.
    pub release: Release,
    /// What is odd about the log as a whole.
    pub warnings: Vec<String>,
    /// The names of all pods of the log, those that only EndpointSlices name among them.
    pub pod_names: BTreeSet<Rc<str>>,
    /// How many workloads it has.
    pub workloads: usize,
    /// It has pods, and kubelets run all of them from files.
    pub only_mirrors: bool,
}

/// Between which entries a workload is followed: while it is there, and a while before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// The entry before its first, at which nodes are at rest; the first of all if it was there before the log.
    pub from: Moment,
    /// The first entry after which nothing of it is seen any more; none is the end of the log.
    pub to: Option<Moment>,
}

/// Something that has no workload of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotModelled {
    /// What, for example `StatefulSet/web`.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A workload of the log.
#[derive(Debug)]
pub struct Observed {
    /// Its world. It is called `Deployment/web`; `Pod/shop/web-1` if several namespaces have one of that name; `Pod/web-1#2`
    /// if it is the second of its name; and `Pod/web behind Service/a` if it is there once for each of several Services.
    /// Its nodes are those of [`Observed::nodes`], its neighbours all that there ever were.
    pub scenario: Scenario,
    /// What it is.
    pub kind: WorkloadKind,
    /// `metadata.namespace`.
    pub namespace: Rc<str>,
    /// `metadata.name`.
    pub object_name: Rc<str>,
    /// `metadata.uid`.
    pub uid: Rc<str>,
    /// The controller that owns it, of a kind that the model does not have: its deeds come from outside.
    pub controller: Option<Owner>,
    /// From when to when it was there.
    pub span: Span,
    /// Between which entries it is followed.
    pub followed: Followed,
    /// The UIDs of its pods, in the order in which the log shows them.
    pub pods: Vec<Rc<str>>,
    /// The writes that create it, its ReplicaSets and its pods, by UID; and those of pods also by name, where no other had the same.
    pub created: BTreeMap<Rc<str>, Moment>,
    /// The names of those that their kubelets evicted.
    pub evicted: BTreeSet<Rc<str>>,
    /// The names of those that an EndpointSlice shows terminating, with the number of the first that does.
    pub went: BTreeMap<Rc<str>, u64>,
    /// The names of those, with their containers, in which several commands run beside a process.
    pub commanded: BTreeSet<(Rc<str>, Rc<str>)>,
    /// What else they are like.
    pub traits: Traits,
    /// Its templates, by their number in the model; one, if it is no Deployment.
    pub revisions: Vec<RevisionSeen>,
    /// Each change of its replicas.
    pub scales: Vec<Scaling>,
    /// The Service of the scenario. Others may select it that differ in nothing but their name.
    pub service: Option<Named>,
    /// The ports of its pods that the Service sends to, with their protocols; none if they are not known, or change.
    pub service_ports: Option<BTreeSet<(u16, Rc<str>)>>,
    /// The EndpointSlices that the Service had when the workload began to be followed, each with its family.
    pub slices: Vec<(Rc<str>, Rc<str>)>,
    /// The budgets of the scenario, in its order.
    pub budgets: Vec<Named>,
    /// The first of them, where its status depends on what the model does not have of other workloads.
    pub shared_budget: Option<DisruptionBudget>,
    /// The nodes of the scenario, in its order.
    pub nodes: Vec<NodeSeen>,
    /// Each change of a node.
    pub node_changes: Vec<NodeChange>,
    /// The neighbours of the scenario, in its order.
    pub neighbours: Vec<NeighbourSeen>,
    /// Services of which it is known that they never selected its pods.
    pub strange_services: BTreeSet<Rc<str>>,
    /// The entry that creates its Service, if the log shows that.
    pub service_from: Option<Moment>,
    /// Its Service asks for the same all the time.
    pub service_is_steady: bool,
    /// What of it changes during the log and is not followed: the entry that shows it, and what.
    pub unfollowed: Vec<(Moment, String)>,
    /// Where it becomes larger than a state of the model: the entry that shows it, and in what.
    pub limits: Vec<(Moment, String)>,
    /// What was there before the log began, if it did.
    pub existing: Option<Existing>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What is not represented, and what is odd.
    pub warnings: Vec<String>,
}

/// A template of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionSeen {
    /// The entry that shows that the Deployment has it, or that there is a ReplicaSet of it from an earlier one.
    pub from: Moment,
    /// Its ReplicaSet, if the log shows one.
    pub replica_set: Option<Rc<str>>,
}

/// A change of the wanted replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// The entry that shows it.
    pub at: Moment,
    /// The replicas from then on.
    pub replicas: u32,
}

/// A Service or PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `metadata.namespace`.
    pub namespace: Rc<str>,
    /// `metadata.name`.
    pub name: Rc<str>,
    /// From when to when it was there.
    pub span: Span,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// `metadata.name`.
    pub name: Rc<str>,
    /// From when to when it was there. Those that join during the log are the last, the spare nodes of the scenario.
    pub span: Span,
    /// It was there before the log began, and was not Ready then.
    pub was_unready: bool,
    /// The log shows nothing of it but its name.
    pub is_only_named: bool,
}

/// A change of a node: of its labels, of the taints that users set, of what can be allocated, or of `unschedulable`.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeChange {
    /// The entry that shows it.
    pub at: Moment,
    /// Its place in [`Observed::nodes`].
    pub node: u8,
    /// It before.
    pub before: Rc<Node>,
    /// It from then on.
    pub after: Rc<Node>,
}

impl NodeChange {
    /// The taints that come with it.
    pub fn come(&self) -> impl Iterator<Item = &Taint> {
        self.after.taints.iter().filter(|taint| !self.before.taints.contains(taint))
    }
}

/// A pod of another workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourSeen {
    /// Its UID.
    pub uid: Rc<str>,
    /// From when to when it had a place on its node.
    pub span: Span,
}

/// The objects of a workload whose beginning is not in the log, as they were first seen.
#[derive(Clone, Debug)]
pub struct Existing {
    /// Its own.
    pub object: Object,
    /// Those of its ReplicaSets, in the order in which the log shows them.
    pub replica_sets: Vec<(Moment, Object)>,
    /// Those of its pods, in the order in which the log shows them.
    pub pods: Vec<(Moment, Object)>,
    /// How each of these was seen first, by UID.
    pub sights: BTreeMap<Rc<str>, Sight>,
    /// Pods that may be its, of which the log shows only that EndpointSlices name them.
    pub heard: Vec<Heard>,
}

/// A pod that an EndpointSlice names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// `targetRef.namespace`.
    pub namespace: Rc<str>,
    /// `targetRef.name`.
    pub name: Rc<str>,
    /// `targetRef.uid`.
    pub uid: Rc<str>,
    /// Its address.
    pub ip: Rc<str>,
    /// Those that slices of other families have.
    pub more_ips: Vec<Rc<str>>,
    /// Its node, if the slice says.
    pub node: Option<Rc<str>>,
    /// The slice was there when the log began, and this is how the log shows it first.
    pub was_there: bool,
}
