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
        let always = budget.always_allow_unhealthy
            && cluster.rules.scenario.release.has_unhealthy_pod_eviction_policy();
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

#[cfg(test)]
mod tests {
    use podproof_vocabulary::release::Release;
    use podproof_vocabulary::scenario::{BudgetAsk, DisruptionBudget, IntOrPercent, Scenario};

    use super::*;
    use crate::api_server::pods::{self, Grace};
    use crate::state::BudgetObject;
    use crate::test_cluster::{P0, TestCluster};

    fn budget(scenario: &mut Scenario, always_allow_unhealthy: bool) {
        let ask = BudgetAsk::MinAvailable(IntOrPercent::Int(1));
        scenario.budgets.push(DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy });
    }

    /// One running pod, ready or not, under a budget with this status.
    fn asked(ready: bool, always: bool, release: u8, (allowed, healthy, desired): (u8, u8, u8)) -> Answer {
        let mut cluster = TestCluster::running(1, 1, |s| {
            budget(s, always);
            s.release = Release { minor: release };
        });
        cluster.change(|cluster| {
            pods::update(cluster, P0, |object| object.with_ready(ready));
            let status =
                BudgetObject::new().with_allowed(allowed).with_healthy(healthy).with_desired(desired);
            cluster.shared.budget = status.with_written(true);
            ask(cluster, P0)
        })
    }

    /// EVI-4.
    #[test]
    fn a_ready_pod_is_evicted_exactly_if_the_budget_allows_a_disruption() {
        assert_eq!(asked(true, false, 36, (1, 2, 1)), Answer::Spent);
        assert_eq!(asked(true, false, 36, (0, 1, 1)), Answer::Refused);
        assert_eq!(asked(true, true, 36, (0, 1, 1)), Answer::Refused, "AlwaysAllow speaks of unhealthy pods");
    }

    /// EVI-4.
    #[test]
    fn a_budget_whose_status_was_never_written_allows_nothing() {
        let mut cluster = TestCluster::running(1, 1, |s| budget(s, false));
        let answer = cluster.change(|cluster| {
            cluster.shared.budget = BudgetObject::new().with_allowed(1);
            ask(cluster, P0)
        });
        assert_eq!(answer, Answer::Refused);
    }

    /// EVI-1.
    #[test]
    fn a_pod_that_does_not_run_or_is_deleting_skips_the_budget() {
        for phase in [Phase::Pending, Phase::Succeeded, Phase::Failed] {
            let mut cluster = TestCluster::running(1, 1, |s| budget(s, false));
            cluster.change(|cluster| {
                cluster.shared.budget.set_allowed(0);
                pods::set_phase(cluster, P0, phase);
            });
            assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Free, "{phase:?}");
        }
        let mut cluster = TestCluster::running(1, 1, |s| budget(s, false));
        assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Refused);
        cluster.change(|cluster| pods::delete(cluster, P0, Grace::Own));
        assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Free);
    }

    /// EVI-2.
    #[test]
    fn a_pod_without_a_budget_is_evicted_and_one_with_two_never() {
        let cluster = TestCluster::running(1, 1, |_| {});
        assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Free);
        let mut cluster = TestCluster::running(1, 1, |s| {
            budget(s, true);
            budget(s, true);
        });
        cluster.change(|cluster| cluster.shared.budget.set_allowed(9));
        assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Refused);
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
        assert_eq!(cluster.look(|cluster| ask(cluster, P0)), Answer::Refused);
    }

    /// EVI-3.
    #[test]
    fn an_unready_pod_is_free_while_the_others_are_healthy_enough() {
        assert_eq!(asked(false, false, 36, (0, 1, 1)), Answer::Free);
        assert_eq!(asked(false, false, 36, (0, 0, 1)), Answer::Refused);
        assert_eq!(
            asked(false, false, 36, (1, 0, 0)),
            Answer::Spent,
            "a budget that asks for nothing is no such case"
        );
    }

    /// EVI-3.
    #[test]
    fn always_allow_frees_every_unready_pod_from_1_27_on() {
        assert_eq!(asked(false, true, 27, (0, 0, 1)), Answer::Free);
        assert_eq!(asked(false, true, 26, (0, 0, 1)), Answer::Refused);
    }

    /// EVI-5.
    #[test]
    fn a_granted_eviction_spends_the_budget_before_the_pod_is_deleted() {
        let mut cluster = TestCluster::running(2, 1, |s| budget(s, false));
        assert_eq!(cluster.seen().budget.unwrap().disruptions_allowed, 1);
        cluster.change(|cluster| grant(cluster, P0));
        assert_eq!(cluster.seen().budget.unwrap().disruptions_allowed, 0);
        assert!(
            cluster.look(|cluster| cluster.pod(P0).head.disrupted() && !cluster.pod(P0).api.is_deleting())
        );
    }

    /// EVI-1, EVI-3.
    #[test]
    fn a_free_eviction_leaves_the_budget_alone() {
        let mut cluster = TestCluster::running(2, 1, |s| budget(s, false));
        cluster.change(|cluster| {
            pods::set_phase(cluster, P0, Phase::Pending);
            grant(cluster, P0);
        });
        assert_eq!(cluster.seen().budget.unwrap().disruptions_allowed, 1);
        assert!(cluster.look(|cluster| !cluster.pod(P0).head.disrupted()));
    }
}
