//! What an outsider sees of the runtime: objects in its API, and the rules of its nodes.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::api::Key;
use podproof_runtime::api::constants::{is_ready, node_of, phase_of};
use podproof_vocabulary::action::Component;
use podproof_vocabulary::observation::{Deletion, Observation, PodSeen, TaintsSeen};
use podproof_vocabulary::scenario::{Labels, Scenario};
use podproof_vocabulary::{NodeId, PodId, Revision};

use super::Running;
use super::names::{revision_of, revision_of_set};
use super::views::{budget_view, deployment_view, node_ready, phase_named, set_view};

impl Running {
    /// Replaces what the played components believe of the API, and of rules that are not played, by what is there.
    pub(super) fn observe_api(&self, seen: &mut Observation) {
        let store = self.cluster.server().store();
        for slot in PodId::first(seen.slots.len()) {
            let stored = self.names.get(&slot).and_then(|name| store.get::<Pod>(&name.key));
            seen.slots[slot.index()].pod = stored.map(|pod| self.pod_seen(slot, pod));
        }
        self.observe_machines(seen);
        for (node, own) in seen.nodes.iter_mut().zip(&self.scenario.nodes) {
            let stored = store.get::<Node>(&Key::global(&own.name));
            node.exists = stored.is_some();
            if let Some(stored) = stored {
                node.unschedulable = is_unschedulable(stored);
                node.taints = taints_seen(&self.scenario, stored);
                node.ready = node_ready(stored);
            }
        }
        seen.replica_sets.fill(None);
        for (_, set) in store.all::<ReplicaSet>() {
            let revision = revision_of_set(set).unwrap_or(Revision(0));
            if let Some(own) = seen.replica_sets.get_mut(revision.index()) {
                *own = Some(set_view(set).0);
            }
        }
        if self.covered.has(Component::DeploymentController) {
            seen.deployment = store.get::<Deployment>(&self.workload_key()).and_then(deployment_view);
        }
        if self.covered.has(Component::DisruptionController) {
            let budget = self.budget_key().and_then(|key| store.get::<PodDisruptionBudget>(&key));
            seen.budget = budget.and_then(budget_view).map(|(seen, _)| seen);
        }
        let endpoints = self.endpoints(store.all::<EndpointSlice>().map(|(_, slice)| slice));
        for slot in PodId::first(seen.slots.len()) {
            seen.slots[slot.index()].endpoint = endpoints.get(&slot).copied();
        }
        if self.covered.has(Component::KubeProxy) {
            for (node, rules) in &self.programmed {
                for slot in PodId::first(seen.slots.len()) {
                    seen.slots[slot.index()].rules[node.index()] = rules.get(&slot).copied();
                }
            }
        }
    }

    fn pod_seen(&self, slot: PodId, pod: &Pod) -> PodSeen {
        let meta = &pod.metadata;
        let ip = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
        PodSeen {
            revision: pod.spec.as_ref().and_then(revision_of).unwrap_or(Revision(0)),
            node: node_of(pod).and_then(|name| self.node_named(name)),
            phase: phase_named(phase_of(pod)),
            deletion: deletion_of(pod),
            finalizer: meta.finalizers.as_ref().is_some_and(|own| !own.is_empty()),
            ready: is_ready(pod),
            address: ip.map(|ip| self.address_of(slot, ip)),
        }
    }

    pub(super) fn node_labels(&self, node: NodeId) -> Labels {
        let node = self.cluster.server().store().get::<Node>(&self.node_key(node));
        node.and_then(|node| node.metadata.labels.clone()).unwrap_or_default()
    }
}

/// How far the deletion of a pod has come.
pub(super) fn deletion_of(pod: &Pod) -> Deletion {
    match (&pod.metadata.deletion_timestamp, pod.metadata.deletion_grace_period_seconds) {
        (None, _) => Deletion::None,
        (Some(_), Some(0)) => Deletion::Immediate,
        (Some(_), _) => Deletion::Graceful,
    }
}

/// `spec.unschedulable`.
pub(super) fn is_unschedulable(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false)
}

/// The taints that come and go.
pub(super) fn taints_seen(scenario: &Scenario, node: &Node) -> TaintsSeen {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    if taints.is_empty() {
        return TaintsSeen::default();
    }
    let has = |key: &str, effect: &str| taints.iter().any(|taint| taint.key == key && taint.effect == effect);
    let own = |key: &str, effect: &str| has(&format!("node.kubernetes.io/{key}"), effect);
    let custom = scenario.taint_of_events();
    TaintsSeen {
        not_ready_no_schedule: own("not-ready", "NoSchedule"),
        unreachable_no_schedule: own("unreachable", "NoSchedule"),
        unschedulable_no_schedule: own("unschedulable", "NoSchedule"),
        not_ready_no_execute: own("not-ready", "NoExecute"),
        unreachable_no_execute: own("unreachable", "NoExecute"),
        custom: has(&custom.key, &format!("{:?}", custom.effect)),
    }
}
