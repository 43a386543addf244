//! Whether what a story begins has come to its end.

use podproof_vocabulary::PodId;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::Deletion;

use crate::cluster::Cluster;
use crate::progress;
use crate::state::ControlPlane;

/// Can the story be over, as far as the control plane tells? Asked before a state is laid open.
pub fn may_be_over(control_plane: ControlPlane) -> bool {
    control_plane.story_told() && !control_plane.evicts()
}

/// Has the story come to its end in this state: its event has happened, and what the event asks for is done?
///
/// - create: all wanted pods are ready;
/// - rollout: all wanted pods are of the newest template and ready, and those of another one are gone;
/// - pod-deletion and drain: nothing is left to evict, and no pod is being deleted, but for those that only a finalizer keeps;
/// - scale-down: as many pods as are wanted are there, and no pod is being deleted;
/// - node-failure, partition and runtime-hang: the event alone.
pub fn is_over(cluster: &Cluster<'_>) -> bool {
    let none_is_deleting = || {
        let is_deleting = |pod| {
            let object = cluster.pod(pod).api;
            object.exists() && object.is_deleting() && !is_kept_by_its_finalizer_alone(cluster, pod)
        };
        !cluster.used_pods().any(is_deleting)
    };
    may_be_over(cluster.shared.control_plane)
        && match cluster.rules.scenario.story {
            Story::Create => progress::all_are_ready(cluster),
            Story::Rollout => progress::is_rolled_out(cluster) && none_is_deleting(),
            Story::PodDeletion | Story::Drain => none_is_deleting(),
            Story::ScaleDown => progress::as_many_as_wanted(cluster) && none_is_deleting(),
            Story::NodeFailure | Story::Partition | Story::RuntimeHang => true,
        }
}

/// Its kubelet has done with it, and its finalizer keeps the object, for whoever is to remove it (DEL-14).
fn is_kept_by_its_finalizer_alone(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let object = cluster.pod(pod).api;
    object.finalizer()
        && object.deletion() == Deletion::Immediate
        && !cluster.containers_of(pod).iter().any(|container| container.is_running())
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::Environment;
    use podproof_vocabulary::observation::Process;
    use podproof_vocabulary::scenario::{BudgetAsk, DisruptionBudget, IntOrPercent};

    use super::*;
    use crate::test_cluster::{C0, N0, P0, TestCluster};

    /// Is the story of a workload that runs over before its event, right behind it, and when everything has come to rest?
    fn is_over(story: Story, nodes: usize, event: Environment, budget: Option<u32>) -> [bool; 3] {
        let mut cluster = TestCluster::running(2, nodes, |scenario| {
            scenario.story = story;
            scenario.budgets.extend(budget.map(|allowed| DisruptionBudget {
                name: "web".into(),
                ask: BudgetAsk::MaxUnavailable(IntOrPercent::Int(allowed)),
                always_allow_unhealthy: false,
            }));
        });
        let before = cluster.look(super::is_over);
        cluster.take(event);
        let behind = cluster.look(super::is_over);
        cluster.settle();
        [before, behind, cluster.look(super::is_over)]
    }

    #[test]
    fn a_story_is_over_once_what_it_asks_for_is_done() {
        let done = [false, false, true];
        assert_eq!(is_over(Story::PodDeletion, 1, Environment::DeletePod { pod: P0 }, None), done);
        assert_eq!(is_over(Story::Rollout, 2, Environment::ChangeTemplate, None), done);
        assert_eq!(is_over(Story::ScaleDown, 1, Environment::Scale, None), done);
        let crash = Environment::CrashNode { node: N0 };
        assert_eq!(is_over(Story::NodeFailure, 2, crash, None), [false, true, true]);
    }

    #[test]
    fn a_drain_is_over_unless_the_budget_keeps_refusing() {
        let drain = Environment::DrainNode { node: N0 };
        for (nodes, budget, ends) in
            [(1, None, true), (1, Some(2), true), (1, Some(1), false), (2, Some(1), true)]
        {
            let over = is_over(Story::Drain, nodes, drain, budget);
            assert_eq!(over, [false, false, ends], "{nodes} nodes, {budget:?}");
        }
    }

    /// DEL-14: nobody in the model removes a finalizer.
    #[test]
    fn a_pod_that_only_its_finalizer_keeps_is_done_with() {
        let mut cluster = TestCluster::running(1, 1, |scenario| {
            scenario.story = Story::PodDeletion;
            scenario.workload.template.finalizer = true;
        });
        cluster.take(Environment::DeletePod { pod: P0 });
        assert!(!cluster.look(super::is_over));
        cluster.settle();
        assert!(cluster.look(|cluster| cluster.pod(P0).api.exists()) && cluster.look(super::is_over));
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_process(Process::Running));
        assert!(!cluster.look(super::is_over), "it still runs");
    }

    #[test]
    fn a_workload_is_created_once_its_pods_are_ready() {
        let mut cluster = TestCluster::web(2, 1, |_| {});
        assert!(!cluster.look(super::is_over));
        cluster.settle();
        assert!(cluster.look(super::is_over));
    }
}
