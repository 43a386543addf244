//! The Deployment controller: rolling update, Recreate, scaling in between, progress.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, Deployment, Environment, Kubelet, Watch};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::Phase;
use podproof_vocabulary::scenario::{IntOrPercent, Strategy};

use crate::state::ReplicaSetColumn;
use crate::test_cluster::{P0, TestCluster, allow};

fn rolling(max_surge: u32, max_unavailable: u32) -> Strategy {
    Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(max_surge),
        max_unavailable: IntOrPercent::Int(max_unavailable),
    }
}

/// A Deployment that wants `replicas` of its newest template, with these ReplicaSets (wanted, available), oldest first,
/// that all carry `desired` as annotation.
fn with_sets(strategy: Strategy, replicas: u8, desired: u8, sets: &[(u8, u8)]) -> TestCluster {
    with_deadline(None, strategy, replicas, desired, sets)
}

fn with_deadline(
    deadline: Option<u32>,
    strategy: Strategy,
    replicas: u8,
    desired: u8,
    sets: &[(u8, u8)],
) -> TestCluster {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.strategy = strategy;
        s.workload.progress_deadline_seconds = deadline;
        allow(s, EventName::Rollout, 3);
    });
    cluster.change(|cluster| {
        for (column, &(wanted, available)) in cluster.replica_sets.iter_mut().zip(sets) {
            let made =
                ReplicaSetColumn::new().with_exists(true).with_replicas(wanted).with_available(available);
            *column = made.with_desired(desired).seen();
        }
        let newest = sets.len() as u8 - 1;
        cluster.shared.deployment = cluster.shared.deployment.with_replicas(replicas).with_revision(newest);
        cluster.shared.deployment_view = cluster.shared.deployment;
    });
    cluster
}

fn next_of(cluster: &TestCluster) -> Option<Deployment> {
    cluster.enabled().into_iter().find_map(|action| match action {
        Action::Deployment(step) => Some(step),
        _ => None,
    })
}

/// The next write.
fn next(strategy: Strategy, replicas: u8, sets: &[(u8, u8)]) -> Option<Deployment> {
    next_of(&with_sets(strategy, replicas, replicas, sets))
}

fn scale(revision: u8, replicas: u8) -> Option<Deployment> {
    Some(Deployment::ScaleReplicaSet { revision: Revision(revision), replicas })
}

/// DEP-2.
#[test]
fn the_new_replica_set_grows_into_the_room_that_the_surge_leaves() {
    for (replicas, surge, sets, write) in [
        (4, 1, [(4, 4), (0, 0)], scale(1, 1)),
        (4, 2, [(4, 4), (0, 0)], scale(1, 2)),
        (4, 9, [(4, 4), (0, 0)], scale(1, 4)),
        (4, 1, [(3, 3), (1, 1)], scale(1, 2)),
        (4, 1, [(0, 0), (3, 3)], scale(1, 4)),
    ] {
        assert_eq!(next(rolling(surge, 0), replicas, &sets), write, "{replicas} + {surge} {sets:?}");
    }
}

/// DEP-2, API-6.
#[test]
fn the_new_replica_set_is_created_with_what_there_is_room_for() {
    let mut cluster = with_sets(rolling(1, 0), 3, 3, &[(3, 3), (0, 0)]);
    cluster.change(|cluster| cluster.replica_sets[1] = ReplicaSetColumn::new());
    let create = Deployment::CreateReplicaSet { revision: Revision(1), replicas: 1 };
    cluster.take(create);
    assert_eq!(next_of(&cluster), None, "a second creation would find the name taken");
    cluster.take(Watch::DeliverReplicaSet { revision: Revision(1) });
    assert_eq!(next_of(&cluster), None);
    assert_eq!(cluster.seen().replica_sets[1].unwrap().replicas, 1);
}

/// DEP-3.
#[test]
fn old_replica_sets_shrink_as_far_as_enough_pods_stay_available() {
    for (unavailable, sets, write) in [
        (0, [(4, 4), (1, 0)], None),
        (0, [(4, 4), (1, 1)], scale(0, 3)),
        (1, [(4, 4), (1, 0)], scale(0, 3)),
        (1, [(4, 4), (1, 1)], scale(0, 2)),
        (0, [(1, 1), (4, 4)], scale(0, 0)),
        (0, [(1, 1), (4, 3)], None),
    ] {
        assert_eq!(next(rolling(1, unavailable), 4, &sets), write, "{unavailable} unavailable {sets:?}");
    }
}

/// DEP-3: `cleanupUnhealthyReplicas`.
#[test]
fn unhealthy_old_pods_go_first_and_cost_no_availability() {
    assert_eq!(next(rolling(1, 0), 4, &[(1, 0), (3, 3), (1, 1)]), scale(0, 0));
    assert_eq!(
        next(rolling(1, 1), 4, &[(4, 2), (1, 1)]),
        scale(0, 2),
        "at most what may be scaled down in all"
    );
    assert_eq!(next(rolling(1, 0), 4, &[(2, 2), (2, 1), (1, 1)]), scale(1, 1), "also of a newer one");
    assert_eq!(
        next(rolling(1, 1), 4, &[(4, 2), (1, 0)]),
        scale(0, 3),
        "a new pod that is not available counts"
    );
}

/// DEP-1, DEP-6.
#[test]
fn with_no_surge_one_pod_becomes_unavailable_first() {
    assert_eq!(next(rolling(0, 0), 2, &[(2, 2), (0, 0)]), scale(0, 1));
    assert_eq!(next(rolling(0, 0), 2, &[(1, 1), (0, 0)]), scale(1, 1));
}

/// DEP-6.
#[test]
fn one_sync_scales_up_or_down_and_up_comes_first() {
    assert_eq!(next(rolling(1, 1), 4, &[(4, 4), (0, 0)]), scale(1, 1));
    assert_eq!(next(rolling(1, 1), 4, &[(4, 4), (1, 0)]), scale(0, 3));
}

/// API-1: an update with a stale copy meets a conflict.
#[test]
fn a_replica_set_whose_copy_is_stale_is_not_scaled() {
    let mut cluster = with_sets(rolling(1, 0), 4, 4, &[(4, 4), (0, 0)]);
    cluster.change(|cluster| cluster.replica_sets[1].set_available_seen(1));
    assert_eq!(next_of(&cluster), None);
}

/// DEP-7.
#[test]
fn recreate_waits_until_no_old_pod_is_left_running() {
    assert_eq!(next(Strategy::Recreate, 2, &[(2, 2), (0, 0)]), scale(0, 0));

    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.strategy = Strategy::Recreate;
        allow(s, EventName::Rollout, 1);
    });
    cluster.take(Environment::ChangeTemplate);
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
    assert!(cluster.pod(P0).deletion != podproof_vocabulary::observation::Deletion::None);
    assert_eq!(next_of(&cluster), None, "a terminating pod counts");
    let created = |action: &Action| matches!(action, Action::Deployment(Deployment::CreateReplicaSet { .. }));
    cluster.settle_until(created);
    assert!(!cluster.exists(P0) || cluster.pod(P0).phase == Phase::Succeeded, "a terminal one does not");
    cluster.settle();
    assert_eq!(cluster.seen().replica_sets[1].unwrap().replicas, 1);
}

/// DEP-4: the arithmetic never sees a terminating pod.
#[test]
fn a_rolling_update_goes_on_while_old_pods_terminate() {
    let mut cluster = TestCluster::running(1, 1, |s| allow(s, EventName::Rollout, 1));
    cluster.take(Environment::ChangeTemplate);
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    cluster.settle_but(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    let [old, new] = [0, 1].map(|revision| cluster.seen().replica_sets[revision].unwrap());
    assert_eq!((old.replicas, new.replicas, new.available), (0, 1, 1));
    assert!(
        cluster.seen().slots[0].containers[0].process == podproof_vocabulary::observation::Process::Running
    );
}

/// DEP-2: too many of the newest are taken back.
#[test]
fn a_new_replica_set_that_wants_too_many_is_scaled_down_first() {
    assert_eq!(next(rolling(1, 0), 2, &[(1, 1), (3, 3)]), scale(1, 2));
}

/// The first writes, until there is none, with every copy current.
fn writes(cluster: &mut TestCluster) -> Vec<(u8, u8)> {
    let mut writes = Vec::new();
    while let (Some(step), 0..10) = (next_of(cluster), writes.len()) {
        let Deployment::ScaleReplicaSet { revision, replicas } = step else { break };
        writes.push((revision.0, replicas));
        cluster.take(step);
        cluster.change(|cluster| {
            for column in cluster.replica_sets.iter_mut() {
                *column = column.seen();
            }
        });
    }
    writes
}

/// DEP-10.
#[test]
fn the_only_active_replica_set_takes_the_whole_change() {
    assert_eq!(writes(&mut with_sets(rolling(1, 0), 5, 2, &[(0, 0), (2, 2)])), [(1, 5)]);
    assert_eq!(writes(&mut with_sets(rolling(1, 0), 1, 2, &[(2, 2)])), [(0, 1)]);
}

/// DEP-10, kubernetes/kubernetes#138036: the only active one has the new size already. It is not told so, each later sync is one that
/// scales, and the rollout is stuck.
#[test]
fn a_replica_set_that_has_the_new_size_already_is_not_written_and_nothing_else_is() {
    assert_eq!(next_of(&with_sets(rolling(0, 1), 1, 2, &[(1, 1), (0, 0)])), None);
    assert_eq!(next_of(&with_sets(rolling(1, 1), 3, 4, &[(0, 0), (3, 3), (0, 0)])), None);
    assert_eq!(next_of(&with_sets(rolling(0, 1), 1, 1, &[(1, 1), (0, 0)])), scale(0, 0), "nobody has scaled");
}

/// DEP-10: of a Deployment that recreates several active ones get no share (S28 `sync.go` `scale`: `IsRollingUpdate`).
#[test]
fn a_deployment_that_recreates_shares_nothing_out() {
    assert_eq!(next_of(&with_sets(Strategy::Recreate, 3, 2, &[(1, 1), (2, 1)])), None);
    assert!(next_of(&with_sets(rolling(1, 0), 3, 2, &[(1, 1), (2, 1)])).is_some());
}

/// DEP-10: proportional scaling in the middle of a rolling update.
#[test]
fn in_a_rollout_each_replica_set_takes_its_share() {
    for (replicas, desired, sets, expected) in [
        // The example of the documentation: 10 with surge 3 at 8 and 5, scaled to 15.
        (15, 10, [(8, 8), (5, 0)], vec![(0, 11), (1, 7)]),
        (5, 10, [(8, 8), (5, 0)], vec![(0, 5), (1, 3)]),
        (0, 10, [(8, 8), (5, 0)], vec![(0, 0), (1, 0)]),
        // 2 and 2 with one more in all: the newer grows, and rounding leaves nothing for the other.
        (2, 1, [(2, 2), (2, 0)], vec![(1, 3), (0, 2)]),
    ] {
        let mut cluster = with_sets(rolling(3, 0), replicas, desired, &sets);
        let mut writes = writes(&mut cluster);
        writes.truncate(2);
        assert_eq!(writes, expected, "{desired} to {replicas}");
    }
}

/// DEP-10.
#[test]
fn what_rounding_leaves_goes_to_the_largest() {
    // 4 with surge 3 at 3, 2 and 2, scaled to 5: 3.43, 2.29 and 2.29 round to 3, 2 and 2, and one is left.
    let mut cluster = with_sets(rolling(3, 0), 5, 4, &[(3, 3), (2, 2), (2, 0)]);
    assert_eq!(writes(&mut cluster)[..3], [(0, 4), (1, 2), (2, 2)]);
}

/// DEP-10, S28 `sync.go` `scale`: where the sum is right already only annotations are written, and the newest ReplicaSet comes last,
/// whichever is larger; where the sum changes, the larger comes first.
#[test]
fn of_annotations_alone_the_newest_is_written_last() {
    for (sets, expected) in [([(4, 4), (1, 0)], [(0, 4), (1, 1)]), ([(1, 1), (4, 0)], [(0, 1), (1, 4)])] {
        assert_eq!(writes(&mut with_sets(rolling(1, 0), 4, 3, &sets))[..2], expected, "{sets:?}");
    }
    assert_eq!(writes(&mut with_sets(rolling(1, 0), 7, 3, &[(1, 1), (4, 0)]))[0].0, 1);
}

/// DEP-10.
#[test]
fn a_saturated_new_replica_set_empties_the_old_ones() {
    let mut cluster = with_sets(rolling(1, 0), 3, 3, &[(1, 1), (3, 3)]);
    cluster.change(|cluster| {
        let old = &mut cluster.replica_sets[0];
        *old = old.with_desired(2).seen();
    });
    assert_eq!(next_of(&cluster), scale(0, 0));
}

/// DEP-8.
#[test]
fn an_exceeded_deadline_is_a_condition_and_no_more() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.progress_deadline_seconds = Some(600);
    });
    cluster.take(Deployment::ExceedProgressDeadline);
    assert!(cluster.seen().deployment.unwrap().deadline_exceeded);
    assert!(!cluster.can(Deployment::ExceedProgressDeadline));
    cluster.settle();
    assert!(cluster.pod(P0).ready, "it keeps trying");
    assert!(!cluster.seen().deployment.unwrap().deadline_exceeded, "and progress is reported again");
    assert!(!cluster.can(Deployment::ExceedProgressDeadline), "a complete rollout has no deadline");
}

/// DEP-8, `isCompleteDeployment`: what happens to the pods later has no deadline either, but the next rollout has one.
#[test]
fn a_rollout_that_was_complete_once_is_never_late() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.progress_deadline_seconds = Some(600);
        allow(s, EventName::Rollout, 1);
    });
    cluster.settle();
    cluster.change(|cluster| cluster.replica_sets[0].set_available(0));
    assert!(!cluster.look(super::super::deployment::is_complete));
    assert!(!cluster.can(Deployment::ExceedProgressDeadline), "no pod is available, and none was to come");
    cluster.take(Environment::ChangeTemplate);
    assert!(cluster.can(Deployment::ExceedProgressDeadline));
}

/// DEP-8: a rollout ends when the last old pod is not wanted any more, also one that was never available.
#[test]
fn a_rollout_is_complete_with_the_last_old_replica_set() {
    for deadline in [None, Some(600)] {
        let mut cluster = with_deadline(deadline, rolling(1, 0), 2, 2, &[(1, 0), (2, 2)]);
        assert_eq!(cluster.can(Deployment::ExceedProgressDeadline), deadline.is_some());
        cluster.take(Deployment::ScaleReplicaSet { revision: Revision(0), replicas: 0 });
        let completed = cluster.look(|cluster| cluster.shared.deployment.completed());
        assert_eq!(completed, deadline.is_some(), "no deadline, no condition");
        assert!(!cluster.can(Deployment::ExceedProgressDeadline));
    }
}

/// DEP-8, `DeploymentComplete`.
#[test]
fn a_rollout_is_complete_when_all_wanted_pods_are_available() {
    for (wanted, available, complete) in [(2, 2, true), (2, 1, false), (1, 1, false), (3, 3, false)] {
        let cluster = with_sets(rolling(1, 0), 2, 2, &[(0, 0), (wanted, available)]);
        assert_eq!(cluster.look(super::super::deployment::is_complete), complete, "{wanted} {available}");
    }
    let old_left = with_sets(rolling(1, 0), 2, 2, &[(1, 1), (2, 2)]);
    assert!(!old_left.look(super::super::deployment::is_complete));
}

/// DEP-8: no deadline, no condition.
#[test]
fn without_a_deadline_none_is_exceeded() {
    let cluster = TestCluster::web(1, 1, |_| {});
    assert!(!cluster.can(Deployment::ExceedProgressDeadline));
}
