//! TaintToleration: every NoSchedule and NoExecute taint is tolerated.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{Scenario, TaintEffect};

use crate::rules::tolerates;
use crate::state::NodeObject;

/// FLT-6 (S28 `plugins/tainttoleration`): every taint with effect NoSchedule or NoExecute is tolerated, for however
/// long; PreferNoSchedule only scores.
#[derive(Clone)]
pub struct TaintToleration {
    manifest_taints_tolerated: Vec<bool>,
    /// The taints that come and go, with whether each is tolerated.
    dynamic: [bool; 6],
}

impl TaintToleration {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        use TaintEffect::{NoExecute, NoSchedule, PreferNoSchedule};
        let tolerations = &scenario.workload.template.tolerations;
        let tolerated = |key, value, effect| tolerations.iter().any(|t| tolerates(t, key, value, effect));
        let custom = scenario.taint_of_events();
        let of_node = scenario.nodes.iter().map(|node| {
            let taints = node.taints.iter().filter(|taint| taint.effect != PreferNoSchedule);
            taints.into_iter().all(|taint| tolerated(&taint.key, &taint.value, taint.effect))
        });
        Self {
            manifest_taints_tolerated: of_node.collect(),
            dynamic: [
                tolerated("node.kubernetes.io/not-ready", "", NoSchedule),
                tolerated("node.kubernetes.io/unreachable", "", NoSchedule),
                tolerated("node.kubernetes.io/unschedulable", "", NoSchedule),
                tolerated("node.kubernetes.io/not-ready", "", NoExecute),
                tolerated("node.kubernetes.io/unreachable", "", NoExecute),
                custom.effect == PreferNoSchedule || tolerated(&custom.key, &custom.value, custom.effect),
            ],
        }
    }

    pub(super) fn passes(&self, object: NodeObject, node: NodeId) -> bool {
        let taints = [
            object.not_ready_no_schedule(),
            object.unreachable_no_schedule(),
            object.unschedulable_no_schedule(),
            object.not_ready_no_execute(),
            object.unreachable_no_execute(),
            object.custom(),
        ];
        self.manifest_taints_tolerated[node.index()]
            && taints.into_iter().zip(self.dynamic).all(|(is_set, tolerated)| !is_set || tolerated)
    }
}
