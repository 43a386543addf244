//! What an outsider sees of pods and nodes in the runtime's API.

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_runtime::api::Key;
use podproof_runtime::api::constants::{is_ready, node_of, phase_of};
use podproof_vocabulary::observation::{Deletion, Observation, Phase, PodSeen, TaintsSeen};
use podproof_vocabulary::scenario::{Labels, Scenario};
use podproof_vocabulary::{NodeId, PodId};

use super::Running;

impl Running {
    /// Replaces what the played components believe of pods and nodes in the API by what is stored.
    pub(super) fn observe_api(&self, seen: &mut Observation) {
        let store = self.cluster.server().store();
        for slot in PodId::first(seen.slots.len()) {
            let played = seen.slots[slot.index()].pod;
            let stored = self.names.get(&slot).and_then(|key| store.get::<Pod>(key));
            seen.slots[slot.index()].pod = match (stored, played) {
                (Some(pod), Some(played)) => Some(self.pod_seen(pod, played)),
                // The rest believes that it is gone: shown as it is, with what can be said of it.
                (Some(pod), None) => Some(self.pod_seen(pod, NOBODY)),
                (None, _) => None,
            };
        }
        for (node, own) in seen.nodes.iter_mut().zip(&self.scenario.nodes) {
            let stored = store.get::<Node>(&Key::global(&own.name));
            node.exists = stored.is_some();
            if let Some(stored) = stored {
                node.unschedulable = is_unschedulable(stored);
                node.taints = taints_seen(&self.scenario, stored);
            }
        }
    }

    fn pod_seen(&self, pod: &Pod, played: PodSeen) -> PodSeen {
        let meta = &pod.metadata;
        PodSeen {
            node: node_of(pod).and_then(|name| self.node_named(name)),
            phase: phase_named(phase_of(pod)),
            deletion: match (&meta.deletion_timestamp, meta.deletion_grace_period_seconds) {
                (None, _) => Deletion::None,
                (Some(_), Some(0)) => Deletion::Immediate,
                (Some(_), _) => Deletion::Graceful,
            },
            finalizer: meta.finalizers.as_ref().is_some_and(|own| !own.is_empty()),
            ready: is_ready(pod),
            ..played
        }
    }

    pub(super) fn node_named(&self, name: &str) -> Option<NodeId> {
        self.scenario.nodes.iter().position(|node| node.name == name).map(NodeId::from)
    }

    pub(super) fn node_labels(&self, key: &Key) -> Labels {
        let node = self.cluster.server().store().get::<Node>(key);
        node.and_then(|node| node.metadata.labels.clone()).unwrap_or_default()
    }
}

const NOBODY: PodSeen = PodSeen {
    revision: podproof_vocabulary::Revision(0),
    node: None,
    phase: Phase::Pending,
    deletion: Deletion::None,
    finalizer: false,
    ready: false,
    address: None,
};

fn phase_named(name: &str) -> Phase {
    match name {
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Pending,
    }
}

/// `spec.unschedulable`.
pub(super) fn is_unschedulable(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false)
}

/// The taints that come and go.
pub(super) fn taints_seen(scenario: &Scenario, node: &Node) -> TaintsSeen {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let has = |key: &str, effect: &str| {
        taints.into_iter().flatten().any(|taint| taint.key == key && taint.effect == effect)
    };
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
