//! The workload that is followed: how its objects are recognised in a log.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::ContainerId;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, DisruptionBudget, Scenario, Taint, TaintEffect, WorkloadKind,
};

use crate::before::Target;
use crate::record::Object;
use crate::world::{Moment, NodeChange, Observed, Traits};

/// The workload that is followed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its bounded world, from each of these entries on; the first is there from the beginning. What changes is what no
    /// event of the model changes: pods of other workloads, labels and taints of nodes. A state of one is a state of all.
    pub scenarios: Vec<(u64, Scenario)>,
    /// Its namespace.
    pub namespace: Rc<str>,
    /// Its name.
    pub name: Rc<str>,
    /// Its UID; of a bare pod, the pod's.
    pub uid: Rc<str>,
    /// The numbers of the entries that create it, its ReplicaSets and its pods, by UID; and those of pods also by name, where no other had the
    /// same.
    pub created: BTreeMap<Rc<str>, u64>,
    /// The names of its pods that their kubelets evicted.
    pub evicted: BTreeSet<Rc<str>>,
    /// The names of its pods that an EndpointSlice shows terminating, with the number of the first that does: the news of pods come
    /// in one order, so who is shown first has gone first.
    pub went: BTreeMap<Rc<str>, u64>,
    /// The names of those, with their containers, in which several commands run beside a process: not all of them are hooks.
    pub commanded: BTreeSet<(Rc<str>, Rc<str>)>,
    /// What else its pods are like.
    pub traits: Traits,
    /// The names of the scenario's nodes, in their order.
    pub nodes: Vec<Rc<str>>,
    /// The Service that selects its pods.
    pub service: Option<Rc<str>>,
    /// The ports of its pods that the Service sends to, with their protocols; none if they are not known, or change.
    pub ports: Option<BTreeSet<(u16, Rc<str>)>>,
    /// The EndpointSlices that the Service had when it began, each with its family.
    pub slices: Vec<(Rc<str>, Rc<str>)>,
    /// Services of which it is known that they never selected its pods.
    pub strange_services: BTreeSet<Rc<str>>,
    /// The number of the entry that creates its Service, if the log shows that.
    pub service_from: Option<u64>,
    /// Its Service asks for the same all the time.
    pub service_is_steady: bool,
    /// The budget that selects its pods.
    pub budget: Option<Rc<str>>,
    /// What that asks for, where its status is taken from the log.
    pub shared_budget: Option<DisruptionBudget>,
}

impl Subject {
    /// The workload that was observed, which stood as in `before` when the log began, if it was there then.
    pub fn of(observed: &Observed, before: Option<&Target>) -> Self {
        Self {
            scenarios: scenarios(observed, before),
            namespace: observed.namespace.clone(),
            name: observed.object_name.clone(),
            uid: observed.uid.clone(),
            // The surveyor counts entries from 0, and who follows them from 1.
            created: observed.created.iter().map(|(name, at)| (Rc::clone(name), at.0 + 1)).collect(),
            evicted: observed.evicted.clone(),
            went: observed.went.clone(),
            commanded: observed.commanded.clone(),
            traits: observed.traits.clone(),
            nodes: observed.nodes.iter().map(|node| node.name.clone()).collect(),
            service: observed.service.as_ref().map(|service| service.name.clone()),
            ports: observed.service_ports.clone(),
            slices: observed.slices.clone(),
            strange_services: observed.strange_services.clone(),
            service_from: observed.service_from.map(|at| at.0 + 1),
            service_is_steady: observed.service_is_steady,
            budget: observed.budgets.first().map(|budget| budget.name.clone()),
            shared_budget: observed.shared_budget.clone(),
        }
    }

    /// What kind of workload it is.
    pub fn kind(&self) -> WorkloadKind {
        self.scenario().workload.kind
    }

    /// Its world in the beginning.
    pub fn scenario(&self) -> &Scenario {
        &self.scenarios.first().expect("there is a beginning").1
    }

    /// The container of this name; without one, the only one that goes on running, if there is one.
    pub fn container(&self, name: &str) -> Option<ContainerId> {
        let containers = &self.scenario().workload.template.containers;
        let lasts = |container: &&Container| container.kind != ContainerKind::Init;
        let is_it = |container: &Container| match name {
            "" => lasts(&container) && containers.iter().filter(lasts).count() == 1,
            name => container.name == name,
        };
        containers.iter().position(is_it).map(ContainerId::from)
    }

    /// Is this object in its namespace?
    pub fn is_near(&self, namespace: &str) -> bool {
        &*self.namespace == namespace
    }

    /// Does an entry behind this one create what has this UID, or the only pod that has this name?
    pub fn comes_after(&self, number: u64, name_or_uid: &str) -> bool {
        self.created.get(name_or_uid).is_some_and(|&created| created > number)
    }

    /// Is it the workload's own object?
    pub fn is(&self, object: &Object) -> bool {
        object.uid == self.uid
    }
}

/// The taint that somebody sets during the log: the first with NoExecute, as one of another effect is no event of the model; the first of
/// all, if there is none.
fn event_taint(observed: &Observed) -> Option<Taint> {
    let set = || observed.node_changes.iter().flat_map(NodeChange::come);
    set().find(|taint| taint.effect == TaintEffect::NoExecute).or_else(|| set().next()).cloned()
}

/// Events of one resource that may be on their way to one process.
const RINGS: u8 = 64;

/// The scenarios of a workload, each from an entry on.
fn scenarios(observed: &Observed, before: Option<&Target>) -> Vec<(u64, Scenario)> {
    let at = |moment: Moment| {
        let mut scenario = observed.scenario_at(moment);
        scenario.ring_capacity = RINGS;
        scenario.event_taint = event_taint(observed);
        if let Some(before) = before {
            scenario.workload.replicas = before.replicas;
        }
        let targets = observed.scales.iter().filter_map(|scaling| u8::try_from(scaling.replicas).ok());
        scenario.scale_targets = targets.collect::<BTreeSet<_>>().into_iter().collect();
        // Each scaling says what it is to: a world of its own for each would be kept for nothing.
        if !scenario.scale_targets.is_empty() {
            scenario.scale = None;
        }
        (moment.0, scenario)
    };
    let mut all: Vec<_> = std::iter::once(observed.followed.from).chain(observed.changes()).map(at).collect();
    all.dedup_by(|(_, later), (_, earlier)| later == earlier);
    all
}
