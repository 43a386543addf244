//! What the played components write, sent to the runtime's API server.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PodIP, PodStatus};
use podproof_runtime::api::constants::condition;
use podproof_runtime::api::patch::{new_node_condition, new_pod_condition};
use podproof_runtime::api::{DeleteOptions, Key, Patch, Preconditions, Request, Resource, Response};
use podproof_runtime::operation::Process;
use podproof_runtime::scheduler::Scheduler;
use podproof_vocabulary::action::{Action, Component, Environment, Kubelet, PodGarbageCollector};
use podproof_vocabulary::observation::{Deletion, NodeReady, NodeSeen, Observation, PodSeen};
use podproof_vocabulary::{NodeId, PodId};

use super::Running;
use crate::objects::{self, NodeState};
use crate::{ModelSystem, Refused};

impl Running {
    /// The cluster as it begins: nodes, neighbours and the Service are there and known to all, the workload has just been applied.
    pub(super) fn begin(&mut self, shown: &Observation) -> Result<(), Refused> {
        for (index, seen) in shown.nodes.iter().enumerate() {
            if seen.exists {
                self.create_node(index.into(), seen)?;
            }
        }
        for neighbour in self.scenario.neighbours.clone() {
            let pod = objects::neighbour(&self.scenario, &neighbour);
            self.call(Request::Create(pod.into()))?;
        }
        self.create_service()?;
        if self.covered.has(Component::Scheduler) {
            self.cluster.add(Process::Scheduler, Box::new(Scheduler::default()));
        }
        self.settle_scheduler()?;
        self.begin_controllers()?;
        self.begin_proxies(&shown.nodes)?;
        self.begin_kubelets(shown)?;
        self.apply_workload()?;
        let slots = shown.slots.iter().enumerate();
        for (slot, seen) in slots.filter_map(|(slot, seen)| Some((slot, seen.pod?))) {
            self.create_pod(slot.into(), &seen)?;
        }
        Ok(())
    }

    fn create_node(&mut self, node: NodeId, seen: &NodeSeen) -> Result<(), Refused> {
        let state = NodeState {
            gone: false,
            relabelled: false,
            unschedulable: seen.unschedulable,
            taints: seen.taints,
        };
        let mut object = objects::node(&self.scenario, node, state);
        let ready = new_node_condition(condition::READY, node_status(seen.ready), "", self.cluster.now());
        object.status.get_or_insert_default().conditions = Some(vec![ready]);
        let key = Key::global(object.metadata.name.as_deref().unwrap_or(""));
        self.call(Request::Create(object.into()))?;
        // Admission taints a new node, and its controller takes that back once it was seen ready.
        let admitted = objects::taint_named("node.kubernetes.io/not-ready", "NoSchedule");
        let patch = Patch::NodeTaints { add: Vec::new(), remove: vec![admitted] };
        self.call(Request::Patch(Resource::Node, key, Preconditions::NONE, patch))?;
        Ok(())
    }

    fn create_pod(&mut self, slot: PodId, seen: &PodSeen) -> Result<(), Refused> {
        let name = format!("web-{}", self.created + 1);
        let mut pod = objects::pod(&self.scenario, &name, seen.revision);
        self.adopt_by_set(&mut pod, seen.revision);
        match self.call(Request::Create(pod.into()))? {
            Response::Object(object) => {
                self.name(slot, &object);
                Ok(())
            }
            other => Err(Refused::because(format!("a creation is answered with {other:?}"))),
        }
    }

    /// What a step of a played component changed in the API, as requests.
    pub(super) fn replay_writes(
        &mut self,
        action: &Action,
        before: &Observation,
        after: &Observation,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        self.replay_workload(before, after, rest)?;
        for slot in PodId::first(after.slots.len()) {
            let (old, new) = (before.slots[slot.index()].pod, after.slots[slot.index()].pod);
            if old != new {
                self.replay_pod(action, slot, old, new)?;
            }
        }
        for node in NodeId::first(after.nodes.len()) {
            let (old, new) = (&before.nodes[node.index()], &after.nodes[node.index()]);
            if old != new {
                self.replay_node(node, old, new)?;
            }
        }
        if let Action::Environment(Environment::RelabelNode { node }) = *action {
            self.relabel(node)?;
        }
        Ok(())
    }

    fn replay_pod(
        &mut self,
        action: &Action,
        slot: PodId,
        old: Option<PodSeen>,
        new: Option<PodSeen>,
    ) -> Result<(), Refused> {
        let Some(old) = old else {
            return new.map_or(Ok(()), |new| self.create_pod(slot, &new));
        };
        let key = self.key(slot)?;
        let Some(new) = new else { return self.delete(key, by_force(action)) };
        if let Some(node) = new.node.filter(|_| old.node.is_none()) {
            let node = self.node_key(node).name().into();
            self.call(Request::Bind { pod: key.clone(), preconditions: Preconditions::NONE, node })?;
        }
        if (new.phase, new.ready, new.address) != (old.phase, old.ready, old.address) {
            let ready = if new.ready { condition::TRUE } else { condition::FALSE };
            let ip = new.address.map(|address| self.ip(slot, address));
            let status = PodStatus {
                phase: Some(format!("{:?}", new.phase)),
                conditions: Some(vec![new_pod_condition(condition::READY, ready, "", self.cluster.now())]),
                pod_ips: ip.clone().map(|ip| vec![PodIP { ip }]),
                pod_ip: ip,
                ..PodStatus::default()
            };
            let patch = Patch::PodStatusWhole(Arc::new(status));
            self.call(Request::Patch(Resource::Pod, key.clone(), Preconditions::NONE, patch))?;
        }
        if new.deletion != old.deletion && new.deletion != Deletion::None {
            self.delete(key, by_force(action))?;
        }
        Ok(())
    }

    fn delete(&mut self, key: Key, by_force: bool) -> Result<(), Refused> {
        let options =
            DeleteOptions { grace_seconds: by_force.then_some(0), preconditions: Preconditions::NONE };
        self.call(Request::Delete(Resource::Pod, key, options)).map(drop)
    }

    fn replay_node(&mut self, node: NodeId, old: &NodeSeen, new: &NodeSeen) -> Result<(), Refused> {
        if new.exists && !old.exists {
            return self.create_node(node, new);
        }
        let key = self.node_key(node);
        if old.exists && !new.exists {
            let options = DeleteOptions { grace_seconds: None, preconditions: Preconditions::NONE };
            return self.call(Request::Delete(Resource::Node, key, options)).map(drop);
        }
        let patch = |patch| Request::Patch(Resource::Node, key.clone(), Preconditions::NONE, patch);
        if new.ready != old.ready {
            let ready = new_node_condition(condition::READY, node_status(new.ready), "", self.cluster.now());
            self.call(patch(Patch::NodeConditions(vec![ready])))?;
        }
        if new.unschedulable != old.unschedulable {
            self.call(patch(Patch::NodeUnschedulable(new.unschedulable)))?;
        }
        if new.taints != old.taints {
            let of = |taints| objects::passing_taints(&self.scenario, taints);
            let (add, had) = (of(new.taints), of(old.taints));
            let remove = had.into_iter().filter(|taint| !add.contains(taint)).collect();
            self.call(patch(Patch::NodeTaints { add, remove }))?;
        }
        Ok(())
    }

    /// The labels become those that are in store, or the old ones again.
    fn relabel(&mut self, node: NodeId) -> Result<(), Refused> {
        let own = self.scenario.nodes[node.index()].clone();
        let key = Key::global(&own.name);
        let stored = self.node_labels(node);
        let wanted = own.labels_when(stored == own.labels).clone();
        let gone = stored.keys().filter(|name| !wanted.contains_key(*name)).map(|name| (name.clone(), None));
        let set = wanted.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        for (name, value) in gone.chain(set).collect::<Vec<_>>() {
            let patch = Patch::Label { name, value };
            self.call(Request::Patch(Resource::Node, key.clone(), Preconditions::NONE, patch))?;
        }
        Ok(())
    }
}

const fn node_status(ready: NodeReady) -> &'static str {
    match ready {
        NodeReady::True => condition::TRUE,
        NodeReady::False => condition::FALSE,
        NodeReady::Unknown => condition::UNKNOWN,
    }
}

/// Is this a deletion with grace period 0 whatever the pod says?
const fn by_force(action: &Action) -> bool {
    matches!(
        action,
        Action::Environment(Environment::ForceDeletePod { .. })
            | Action::Kubelet(Kubelet::RemovePod { .. })
            | Action::PodGarbageCollector(PodGarbageCollector::DeletePod { .. })
    )
}
