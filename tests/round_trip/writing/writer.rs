//! The writer: what it keeps beside the state of the model, and how it goes from step to step.

use std::collections::BTreeMap;

use podproof_model::{Cluster, ClusterState, Model};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::scenario::{Scenario, WorkloadKind};
use podproof_vocabulary::{NodeId, PodId, Revision};

use super::BEGINS;
use super::actor::Actor;
use super::cast::Cast;
use super::clock::Clock;
use super::recording::Recording;
use super::store::Store;
use podproof_conform::record::Micros;

/// The version of the first write that is in the log.
const FIRST: u64 = 4000;

/// What is kept beside the state of the model.
pub(super) struct Writer<'m> {
    pub model: &'m Model,
    pub scenario: &'m Scenario,
    pub clock: Clock,
    pub cast: Cast,
    pub store: Store,
    pub out: Recording,
    /// When evictions were asked for that are granted and not yet answered.
    pub evictions: BTreeMap<PodId, Micros>,
}

/// A step, as it is written out.
pub(super) struct Taken<'t, 'a> {
    pub action: &'t Action,
    pub before: &'t Observation,
    pub after: &'t Observation,
    /// The state before it.
    pub was: &'t Cluster<'a>,
    /// The state after it.
    pub is: &'t Cluster<'a>,
}

impl<'m> Writer<'m> {
    pub fn new(model: &'m Model, seed: u64) -> Self {
        Self {
            model,
            scenario: &model.rules.scenario,
            clock: Clock::new(BEGINS, seed),
            cast: Cast::default(),
            store: Store::at(FIRST),
            out: Recording::default(),
            evictions: BTreeMap::new(),
        }
    }

    /// What is there before the first step: nodes, and what somebody has just asked for.
    pub fn begin(&mut self, first: &ClusterState) {
        let model = self.model;
        model.open(first, |cluster| {
            let seen = Observation::of(cluster);
            self.out.audit_is_kept();
            for node in NodeId::first(seen.nodes.len()) {
                self.open_machine(node);
                if seen.nodes[node.index()].exists {
                    let object = self.new_node(node, &seen.nodes[node.index()]);
                    self.store.nodes.insert(node, object);
                }
            }
            self.list_nodes();
            for node in NodeId::first(seen.nodes.len()).filter(|node| seen.nodes[node.index()].exists) {
                self.clock.pass();
                self.heartbeat(node, &seen.nodes[node.index()]);
            }
            self.clock.pass();
            self.create_service();
            self.clock.pass();
            self.create_budget();
            self.clock.pass();
            self.create_workload(&seen);
            self.clock.learn(cluster);
        });
    }

    fn create_workload(&mut self, seen: &Observation) {
        // Whoever writes down what is done to a cluster begins with the workload that is made.
        self.note_fault("create", &self.scenario.name);
        match self.scenario.workload.kind {
            WorkloadKind::Deployment => {
                if let Some(deployment) = &seen.deployment {
                    self.create_deployment(deployment);
                }
            }
            WorkloadKind::ReplicaSet => {
                if let Some(set) = seen.replica_sets.first().and_then(Option::as_ref) {
                    self.create_set(Revision(0), set, 0);
                }
            }
            WorkloadKind::Pod => {
                if let Some(pod) = &seen.slots[0].pod {
                    self.create_pod(Actor::Admin, PodId(0), pod);
                }
            }
        }
    }

    /// A step is taken.
    pub fn take(&mut self, before: &ClusterState, action: &Action, after: &ClusterState) {
        let model = self.model;
        model.open(before, |was| {
            model.open(after, |is| {
                self.clock.go_to(was, action);
                let (before, after) = (Observation::of(was), Observation::of(is));
                let taken = Taken { action, before: &before, after: &after, was, is };
                self.write(&taken);
                self.clock.learn(is);
            });
        });
    }

    fn write(&mut self, taken: &Taken<'_, '_>) {
        match *taken.action {
            Action::Tick | Action::Watch(_) => {}
            Action::Scheduler(step) => self.scheduler(taken, step),
            Action::Deployment(step) => self.deployment(taken, step),
            Action::ReplicaSet(step) => self.replica_set(taken, step),
            Action::NodeLifecycle(step) => self.node_lifecycle(taken, step),
            Action::TaintEviction(step) => self.taint_eviction(taken, step),
            Action::PodGarbageCollector(step) => self.garbage_collector(taken, step),
            Action::Disruption(_) => self.report_budget(super::actor::DISRUPTION, taken.is),
            Action::EndpointSlice(_) => self.write_slice(taken.after),
            Action::Kubelet(step) => self.kubelet(taken, step),
            Action::Container(step) => self.process(taken, step),
            Action::Proxy(step) => self.proxy(taken, step),
            Action::Drain(step) => self.drain(taken, step),
            Action::Process(step) => self.start(step),
            Action::Environment(step) => self.environment(taken, step),
        }
    }
}
