//! The status that is written: what the kubelet computed, without what is not its own and what it may not say yet (S28
//! `status_manager.go` `mergePodStatus`).

use k8s_openapi::api::core::v1::{PodCondition, PodStatus as ApiStatus};

use crate::api::constants::condition::{FALSE, READY};
use crate::kubelet::api_status::conditions::{CONTAINERS_READY, is_owned};
use crate::kubelet::api_status::terminal_phase;
use crate::slip::{Slip, Slips};

/// Whether containers of a pod may still run on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containers {
    /// Some may.
    MayRun,
    /// None does, and none will.
    Stopped,
}

/// The status to write over `stored`, of which `computed` is what the kubelet thinks.
pub fn merge(stored: &ApiStatus, computed: &ApiStatus, containers: Containers, slips: Slips) -> ApiStatus {
    let mut merged = computed.clone();
    // STM-3: conditions of others stay as they are in the API.
    let others = stored.conditions.iter().flatten().filter(|condition| !is_owned(&condition.type_)).cloned();
    let owned = computed.conditions.iter().flatten().filter(|condition| is_owned(&condition.type_)).cloned();
    let mut conditions: Vec<PodCondition> = others.chain(owned).collect();
    // STM-4: a terminal phase says that nothing runs.
    let is = |status: &ApiStatus| status.phase.as_deref().and_then(terminal_phase).is_some();
    let becomes_terminal = !is(stored) && is(computed);
    if becomes_terminal && containers == Containers::MayRun && !slips.has(Slip::TerminalPhaseBeforeStop) {
        merged.phase.clone_from(&stored.phase);
        merged.reason.clone_from(&stored.reason);
        merged.message.clone_from(&stored.message);
    }
    // STM-5.
    if is(&merged) {
        let ready =
            |condition: &&mut PodCondition| matches!(condition.type_.as_str(), READY | CONTAINERS_READY);
        for condition in conditions.iter_mut().filter(ready) {
            condition.status = FALSE.to_owned();
        }
    }
    merged.conditions = Some(conditions);
    merged
}
