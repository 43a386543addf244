//! Objects of the runtime as the controllers of the model see them: what changes none of this is no news.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_model::state::{ControllerView, NodeObject};
use podproof_runtime::api::constants::{condition, is_ready, node_condition, node_of, phase_of};
use podproof_runtime::api::{Key, Kind};
use podproof_vocabulary::observation::{
    BudgetSeen, DeploymentSeen, EndpointSeen, NodeReady, Phase, ReplicaSetSeen,
};
use podproof_vocabulary::{PodId, Revision};

use super::Running;
use super::names::revision_of;
use super::observed::{is_unschedulable, taints_seen};

/// The annotation of a ReplicaSet that says what its Deployment wanted.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

/// A ReplicaSet, and what its Deployment wanted when it was last scaled.
pub(super) type SetView = (ReplicaSetSeen, u8);

impl Running {
    pub(super) fn controller_view(&self, pod: &Pod) -> ControllerView {
        let ip = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
        let slot = self.slot(&pod.key());
        ControllerView::new()
            .with_present(true)
            .with_node(node_of(pod).and_then(|name| self.node_named(name)))
            .with_phase(phase_named(phase_of(pod)))
            .with_deleting(pod.is_deleting())
            .with_ready(is_ready(pod))
            .with_address(slot.zip(ip).map(|(slot, ip)| self.address_of(slot, ip)))
    }

    pub(super) fn node_view(&self, node: &Node) -> NodeObject {
        let taints = taints_seen(&self.scenario, node);
        let own = self.scenario.nodes.iter().find(|own| Some(&own.name) == node.metadata.name.as_ref());
        let relabelled = own.is_some_and(|own| {
            own.later_labels.is_some() && node.metadata.labels.as_ref() != Some(&own.labels)
        });
        NodeObject::new()
            .with_exists(true)
            .with_ready(node_ready(node))
            .with_unschedulable(is_unschedulable(node))
            .with_relabelled(relabelled)
            .with_not_ready_no_schedule(taints.not_ready_no_schedule)
            .with_unreachable_no_schedule(taints.unreachable_no_schedule)
            .with_unschedulable_no_schedule(taints.unschedulable_no_schedule)
            .with_not_ready_no_execute(taints.not_ready_no_execute)
            .with_unreachable_no_execute(taints.unreachable_no_execute)
            .with_custom(taints.custom)
    }

    /// The endpoints of some slices, by slot.
    pub(super) fn endpoints<'a>(
        &self,
        slices: impl Iterator<Item = &'a EndpointSlice>,
    ) -> BTreeMap<PodId, EndpointSeen> {
        let mut seen = BTreeMap::new();
        for slice in slices {
            for endpoint in slice.endpoints.iter().flatten() {
                let target = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
                let slot = target.and_then(|name| self.slot(&slice.key().sibling(name)));
                let conditions = endpoint.conditions.as_ref();
                let is = |of: fn(&k8s_openapi::api::discovery::v1::EndpointConditions) -> Option<bool>| {
                    conditions.and_then(of).unwrap_or(false)
                };
                if let (Some(slot), Some(ip)) = (slot, endpoint.addresses.first()) {
                    let entry = EndpointSeen {
                        address: self.address_of(slot, ip),
                        node: endpoint.node_name.as_deref().and_then(|name| self.node_named(name)),
                        ready: is(|conditions| conditions.ready),
                        // EPS-6: one that says nothing of it serves if it is ready.
                        serving: is(|it| if it.serving.is_some() { it.serving } else { it.ready }),
                        terminating: is(|conditions| conditions.terminating),
                    };
                    seen.insert(slot, entry);
                }
            }
        }
        seen
    }

    /// The budget that is compared: the first.
    pub(super) fn budget_key(&self) -> Option<Key> {
        let budget = self.scenario.budgets.first()?;
        Some(Key::new(&self.scenario.workload.namespace, &budget.name))
    }

    /// Is an eviction granted whose pod is not seen to go?
    pub(super) fn is_pod_disrupted(&self) -> bool {
        let store = self.cluster.server().store();
        let disrupted = |budget: &PodDisruptionBudget| {
            let pods = budget.status.as_ref().and_then(|status| status.disrupted_pods.as_ref());
            pods.is_some_and(|pods| !pods.is_empty())
        };
        store.all::<PodDisruptionBudget>().any(|(_, budget)| disrupted(budget))
    }
}

pub(super) fn phase_named(name: &str) -> Phase {
    match name {
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Pending,
    }
}

pub(super) fn node_ready(node: &Node) -> NodeReady {
    match node_condition(node, condition::READY).map(|ready| ready.status.as_str()) {
        Some(condition::TRUE) => NodeReady::True,
        Some(condition::FALSE) => NodeReady::False,
        _ => NodeReady::Unknown,
    }
}

fn byte(number: Option<i32>) -> u8 {
    u8::try_from(number.unwrap_or(0)).unwrap_or(u8::MAX)
}

pub(super) fn set_view(set: &ReplicaSet) -> SetView {
    let annotations = set.metadata.annotations.as_ref();
    let desired = annotations.and_then(|all| all.get(DESIRED)).and_then(|text| text.parse().ok());
    let seen = ReplicaSetSeen {
        replicas: byte(set.spec.as_ref().and_then(|spec| spec.replicas)),
        available: byte(set.status.as_ref().and_then(|status| status.available_replicas)),
    };
    (seen, desired.unwrap_or(0))
}

pub(super) fn deployment_view(deployment: &Deployment) -> Option<DeploymentSeen> {
    let spec = deployment.spec.as_ref()?;
    let conditions = deployment.status.as_ref().and_then(|status| status.conditions.as_ref());
    let exceeded = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Progressing" && condition.status == condition::FALSE);
    Some(DeploymentSeen {
        replicas: byte(spec.replicas),
        revision: spec.template.spec.as_ref().and_then(revision_of).unwrap_or(Revision(0)),
        deadline_exceeded: exceeded,
    })
}

/// The status of a budget, once its controller has written it, and whose evictions are under way.
pub(super) fn budget_view(budget: &PodDisruptionBudget) -> Option<(BudgetSeen, Vec<&str>)> {
    let status = budget.status.as_ref().filter(|status| status.observed_generation.is_some())?;
    let seen = BudgetSeen {
        disruptions_allowed: byte(status.disruptions_allowed),
        current_healthy: byte(status.current_healthy),
        desired_healthy: byte(status.desired_healthy),
    };
    Some((seen, status.disrupted_pods.iter().flatten().map(|(name, _)| name.as_str()).collect()))
}
