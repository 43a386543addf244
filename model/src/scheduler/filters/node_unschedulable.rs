//! NodeUnschedulable: a cordoned node takes no pods.

use podproof_vocabulary::scenario::{Scenario, TaintEffect};

use crate::rules::tolerates;
use crate::state::NodeObject;

/// FLT-2 (S28 `plugins/nodeunschedulable`): `spec.unschedulable` is not set, or the pod tolerates the taint
/// `node.kubernetes.io/unschedulable:NoSchedule`.
pub struct NodeUnschedulable {
    tolerated: bool,
}

impl NodeUnschedulable {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let tolerations = &scenario.workload.template.tolerations;
        let key = "node.kubernetes.io/unschedulable";
        Self { tolerated: tolerations.iter().any(|t| tolerates(t, key, "", TaintEffect::NoSchedule)) }
    }

    pub(super) fn passes(&self, node: NodeObject) -> bool {
        !node.unschedulable() || self.tolerated
    }
}
