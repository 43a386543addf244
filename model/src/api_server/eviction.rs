//! The eviction subresource: a deletion that asks the PodDisruptionBudget first.
//!
//! Source: S28 `pkg/registry/core/pod/storage/eviction.go`. A refusal (429) is no step: the caller asks again.

use podproof_vocabulary::PodId;
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::Phase;

use crate::cluster::Cluster;

/// What the eviction of a pod would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 429 or 500: not now, or never.
    Refused,
    /// Granted without touching the budget.
    Free,
    /// Granted; one disruption is spent.
    Spent,
}

/// What the API server would answer.
pub fn ask(cluster: &Cluster<'_>, pod: PodId) -> Answer {
    let object = cluster.pod(pod).api;
    let budgets = &cluster.rules.scenario.budgets;
    // EVI-1: pods that do not run skip the budget.
    if object.phase() != Phase::Running || object.is_deleting() {
        return Answer::Free;
    }
    let budget = match budgets.as_slice() {
        [] => return Answer::Free,
        [budget] => budget,
        // EVI-2: a pod with more than one budget is never evicted.
        _ => return Answer::Refused,
    };
    let status = cluster.shared.budget;
    if !object.ready() {
        // EVI-3
        let always = budget.always_allow_unhealthy && cluster.rules.scenario.release.has_unhealthy_pod_eviction_policy();
        if always || (status.healthy() >= status.desired() && status.desired() > 0) {
            return Answer::Free;
        }
    }
    // EVI-4: before the controller has written the status once, its generation is not the observed one.
    if status.written() && status.allowed() > 0 { Answer::Spent } else { Answer::Refused }
}

/// Grants the eviction of `pod`: what the answer says is written to the budget; the deletion is a step of its own
/// (EVI-5: the budget is spent *before* the delete).
pub fn grant(cluster: &mut Cluster<'_>, pod: PodId) {
    if ask(cluster, pod) == Answer::Spent {
        let spends_nothing = cluster.has_mutant(Mutant::EvictionSpendsNothing);
        let status = &mut cluster.shared.budget;
        if !spends_nothing {
            status.set_allowed(status.allowed() - 1);
        }
        status.set_unseen(true);
        cluster.pod_mut(pod).head.set_disrupted(true);
    }
    let head = &mut cluster.pod_mut(pod).head;
    head.set_drain_listed(false);
    head.set_eviction_granted(true);
}
