//! The status that is written: what the kubelet computed, without what is not its own and what it may not say yet (S28
//! `status_manager.go` `mergePodStatus`).

use k8s_openapi::api::core::v1::{PodCondition, PodStatus as ApiStatus};
use podproof_vocabulary::Release;

use crate::api::constants::condition::{DISRUPTION_TARGET, FALSE, READY};
use crate::api::patch::merge_pod_condition;
use crate::clock::Moment;
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

/// What a merge goes by, beside the two statuses.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Whether containers of the pod may still run.
    pub containers: Containers,
    /// The Kubernetes release.
    pub release: Release,
    /// What time it is.
    pub now: Moment,
    /// Which wrong mechanisms are on.
    pub slips: Slips,
}

/// The status to write over `stored`, of which `computed` is what the kubelet thinks.
pub fn merge(stored: &ApiStatus, computed: &ApiStatus, circumstances: Circumstances) -> ApiStatus {
    let Circumstances { containers, release, now, slips } = circumstances;
    let mut merged = computed.clone();
    // STM-3: conditions of others stay as they are in the API.
    let others = stored.conditions.iter().flatten().filter(|condition| !is_owned(&condition.type_)).cloned();
    let owned = computed.conditions.iter().flatten().filter(|condition| is_owned(&condition.type_)).cloned();
    let mut conditions: Vec<PodCondition> = others.chain(owned).collect();
    // STM-4: a terminal phase says that nothing runs.
    let is = |status: &ApiStatus| status.phase.as_deref().and_then(terminal_phase).is_some();
    let becomes_terminal = !is(stored) && is(computed);
    // CND-7: a condition that the kubelet shares with others is written with the phase, and at no other time.
    if becomes_terminal
        && containers == Containers::Stopped
        && let Some(target) =
            computed.conditions.iter().flatten().find(|condition| condition.type_ == DISRUPTION_TARGET)
    {
        let same = conditions.iter().find(|old| old.type_ == target.type_ && old.status == target.status);
        let since = same.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(now.to_time()));
        merge_pod_condition(&mut conditions, PodCondition { last_transition_time: since, ..target.clone() });
    }
    let withholds = release.withholds_terminal_phase() && !slips.has(Slip::TerminalPhaseBeforeStop);
    if becomes_terminal && containers == Containers::MayRun && withholds {
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
