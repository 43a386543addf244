//! The ReplicaSet controller: expectations, the pods that count, the ranking of deletions, status.

use podproof_vocabulary::action::{Action, Environment, LostWrite, ReplicaSet, Watch, Watcher};
use podproof_vocabulary::event::{EventName, ScaleTarget};
use podproof_vocabulary::observation::Phase;
use podproof_vocabulary::scenario::{Scenario, WorkloadKind};
use podproof_vocabulary::{NodeId, PodId, Revision};

use crate::api_server::pods;
use crate::state::ControllerView;
use crate::test_cluster::{N0, P0, P1, TestCluster, allow};

const PLAN: ReplicaSet = ReplicaSet::PlanReplicas { revision: Revision(0) };
const CREATE: ReplicaSet = ReplicaSet::CreatePod { revision: Revision(0) };
const STATUS: ReplicaSet = ReplicaSet::UpdateStatus { revision: Revision(0) };

fn news(pod: PodId) -> Watch {
    Watch::DeliverPod { to: Watcher::ControllerManager, pod }
}

/// A bare ReplicaSet.
fn replica_set(replicas: u8, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    TestCluster::running(replicas, 1, |s| {
        s.workload.kind = WorkloadKind::ReplicaSet;
        tweak(s);
    })
}

fn wants(cluster: &mut TestCluster, replicas: u8) {
    cluster.change(|cluster| {
        let column = cluster.replica_set_mut(Revision(0));
        *column = column.with_replicas(replicas).seen();
    });
}

fn planned(cluster: &TestCluster) -> Vec<PodId> {
    let victim = |action: &Action| match action {
        Action::ReplicaSet(ReplicaSet::ChooseVictim { pod }) => Some(*pod),
        _ => None,
    };
    cluster.enabled().iter().filter_map(victim).collect()
}

/// RS-1, RS-2.
#[test]
fn a_replacement_is_created_when_the_deletion_is_seen() {
    let mut cluster = replica_set(1, |_| {});
    cluster.delete(P0);
    assert!(!cluster.can(PLAN));
    cluster.take(news(P0));
    cluster.take(PLAN);
    cluster.take(CREATE);
    assert!(cluster.exists(P0) && cluster.exists(P1), "the old pod is still there");
    assert!(!cluster.can(CREATE));
}

/// RS-1, RS-4.
#[test]
fn terminal_pods_do_not_count_and_stay() {
    for phase in [Phase::Succeeded, Phase::Failed] {
        let mut cluster = replica_set(1, |_| {});
        cluster.change(|cluster| pods::set_phase(cluster, P0, phase));
        cluster.settle();
        assert_eq!(cluster.pod(P0).phase, phase);
        assert!(cluster.pod(P1).ready);
    }
}

/// CTL-3.
#[test]
fn no_sync_plans_before_all_creations_are_seen() {
    let mut cluster = replica_set(1, |_| {});
    wants(&mut cluster, 3);
    cluster.take(PLAN);
    cluster.take(CREATE);
    assert!(!cluster.can(PLAN), "one is left to create");
    cluster.take(CREATE);
    assert!(!cluster.can(PLAN) && !cluster.can(CREATE));
    cluster.take(news(P1));
    assert!(!cluster.can(PLAN), "one is not seen");
    cluster.take(news(PodId(2)));
    assert!(!cluster.can(PLAN), "nothing is missing");
    wants(&mut cluster, 4);
    assert!(cluster.can(PLAN));
}

/// CTL-3: an update that shows deletionTimestamp counts as the deletion.
#[test]
fn no_sync_plans_before_all_deletions_are_seen() {
    let mut cluster = replica_set(2, |_| {});
    wants(&mut cluster, 1);
    cluster.take(PLAN);
    cluster.take(ReplicaSet::ChooseVictim { pod: P0 });
    wants(&mut cluster, 0);
    assert!(!cluster.can(PLAN));
    cluster.take(ReplicaSet::DeletePod { pod: P0 });
    assert!(!cluster.can(PLAN));
    cluster.take(news(P0));
    assert!(cluster.can(PLAN));
}

/// CTL-3: NotFound lowers the expectation at once.
#[test]
fn a_deletion_that_finds_nothing_lowers_the_expectation() {
    let mut cluster = replica_set(2, |_| {});
    wants(&mut cluster, 1);
    cluster.take(PLAN);
    cluster.take(ReplicaSet::ChooseVictim { pod: P0 });
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    cluster.take(ReplicaSet::DeletePod { pod: P0 });
    assert!(cluster.look(|cluster| !cluster.pod(P0).controller.expects_deletion()));
}

/// RS-3: choosing is one computation; nothing happens in between.
#[test]
fn while_victims_are_chosen_nothing_else_happens() {
    let mut cluster = replica_set(2, |_| {});
    wants(&mut cluster, 0);
    cluster.take(PLAN);
    assert_eq!(cluster.enabled().len(), 2);
    assert_eq!(planned(&cluster), [P0, P1]);
    cluster.take(ReplicaSet::ChooseVictim { pod: P1 });
    assert_eq!(planned(&cluster), [P0]);
    cluster.take(ReplicaSet::ChooseVictim { pod: P0 });
    assert!(cluster.can(ReplicaSet::DeletePod { pod: P0 }) && cluster.can(ReplicaSet::DeletePod { pod: P1 }));
}

/// Four pods as the controller sees them, of which one is too many; which may be chosen?
fn chosen(views: [(Option<NodeId>, Phase, bool); 4]) -> Vec<u8> {
    chosen_of(WorkloadKind::Deployment, views)
}

fn chosen_of(kind: WorkloadKind, views: [(Option<NodeId>, Phase, bool); 4]) -> Vec<u8> {
    let mut cluster = TestCluster::running(4, 3, |s| s.workload.kind = kind);
    cluster.change(|cluster| {
        for (column, (node, phase, ready)) in cluster.pods.iter_mut().zip(views) {
            let view =
                ControllerView::new().with_present(true).with_node(node).with_phase(phase).with_ready(ready);
            column.controller.set_view(view);
        }
    });
    wants(&mut cluster, 3);
    cluster.take(PLAN);
    planned(&cluster).into_iter().map(|pod| pod.0).collect()
}

/// RS-5: unassigned, then pending, then not ready, then the more crowded node.
#[test]
fn the_least_valuable_pod_is_deleted_first() {
    use Phase::{Pending, Running};
    let on = |node| Some(NodeId(node));
    let ready = (on(0), Running, true);
    assert_eq!(chosen([ready, (None, Pending, false), (on(1), Pending, false), ready]), [1]);
    assert_eq!(chosen([ready, (on(1), Running, false), (on(2), Pending, false), ready]), [2]);
    assert_eq!(chosen([ready, (on(1), Running, false), (on(2), Running, true), ready]), [1]);
    assert_eq!(chosen([ready, (on(1), Running, true), ready, (on(1), Running, true)]), [0, 1, 2, 3], "ties");
    assert_eq!(
        chosen([ready, (on(1), Running, true), ready, (on(2), Running, true)]),
        [0, 2],
        "the crowded node"
    );
}

/// RS-5 (S28 `replica_set.go` `getReplicaSetsWithSameController`).
#[test]
fn without_a_deployment_no_node_is_crowded() {
    let on = |node| (Some(NodeId(node)), Phase::Running, true);
    assert_eq!(chosen_of(WorkloadKind::ReplicaSet, [on(0), on(1), on(0), on(2)]), [0, 1, 2, 3]);
}

/// RS-7.
#[test]
fn a_pod_is_available_when_it_has_been_ready_long_enough() {
    let mut cluster = replica_set(1, |s| s.workload.min_ready_seconds = 10);
    let count = ReplicaSet::CountAvailable { pod: P0 };
    assert!(cluster.pod(P0).ready);
    assert_eq!(cluster.seen().replica_sets[0].unwrap().available, 1);
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
    cluster.take(news(P0));
    cluster.take(STATUS);
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(true)));
    cluster.take(news(P0));
    assert!(!cluster.can(STATUS), "the time starts anew");
    cluster.take(count);
    cluster.take(Watch::DeliverReplicaSet { revision: Revision(0) });
    cluster.take(STATUS);
    assert_eq!(cluster.seen().replica_sets[0].unwrap().available, 1);

    let cluster = replica_set(1, |_| {});
    assert_eq!(cluster.seen().replica_sets[0].unwrap().available, 1);
}

/// RS-7: how long a pod has been Ready its object says, also to a controller manager that was not there.
#[test]
fn what_has_been_ready_long_enough_is_so_for_the_next_controller_manager() {
    for (blinks, available) in [(false, 1), (true, 0)] {
        let mut cluster = replica_set(1, |s| s.workload.min_ready_seconds = 10);
        cluster.befall(Environment::StopControllerManager);
        if blinks {
            cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
            cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(true)));
        }
        let count = Action::ReplicaSet(ReplicaSet::CountAvailable { pod: P0 });
        cluster.settle_but(|action| *action == count);
        assert_eq!(cluster.can(count), blinks);
        assert_eq!(cluster.seen().replica_sets[0].unwrap().available, available);
    }
}

/// RS-7, API-1.
#[test]
fn the_status_is_written_from_the_copies_and_not_over_a_newer_version() {
    let mut cluster = replica_set(1, |_| {});
    cluster.delete(P0);
    assert!(!cluster.can(STATUS));
    cluster.take(news(P0));
    assert!(cluster.can(STATUS));
    cluster.change(|cluster| cluster.replica_set_mut(Revision(0)).set_replicas(2));
    assert!(!cluster.can(STATUS), "conflict");
    cluster.take(Watch::DeliverReplicaSet { revision: Revision(0) });
    cluster.take(STATUS);
    assert_eq!(cluster.seen().replica_sets[0].unwrap().available, 0);
}

/// MOD-3, CTL-3: the hazard of duplicates.
#[test]
fn a_creation_whose_answer_is_lost_may_be_done_twice() {
    for (committed, pods) in [(false, 1), (true, 2)] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.workload.kind = WorkloadKind::ReplicaSet;
            allow(s, EventName::LostResponse, 1);
        });
        cluster.settle_until(|action| *action == Action::ReplicaSet(CREATE));
        cluster.take(Environment::LoseResponse {
            write: LostWrite::CreatePod { revision: Revision(0) },
            committed,
        });
        cluster.take(PLAN);
        cluster.take(CREATE);
        let made = cluster.seen().slots.iter().filter(|slot| slot.pod.is_some()).count();
        assert_eq!(made, pods, "committed {committed}");
        cluster.settle();
        let left = cluster.look(|c| c.pods.iter().filter(|column| column.api.is_active()).count());
        assert_eq!(left, 1, "the surplus is deleted");
    }
}

/// MOD-3.
#[test]
fn a_deletion_whose_answer_is_lost_is_planned_anew() {
    for committed in [false, true] {
        let mut cluster = replica_set(2, |s| {
            allow(s, EventName::LostResponse, 1);
            allow(s, EventName::Scale, 1);
            s.scale = Some(ScaleTarget::To(1));
        });
        cluster.take(Environment::Scale);
        cluster.settle_until(|action| matches!(action, Action::ReplicaSet(ReplicaSet::ChooseVictim { .. })));
        cluster.take(ReplicaSet::ChooseVictim { pod: P0 });
        cluster.take(Environment::LoseResponse { write: LostWrite::DeletePod { pod: P0 }, committed });
        assert_eq!(cluster.look(|c| c.pod(P0).api.is_deleting()), committed);
        assert!(!cluster.can(ReplicaSet::DeletePod { pod: P0 }));
        assert!(cluster.can(PLAN), "by its copy one is still too many");
    }
}

/// MOD-4.
#[test]
fn a_restarted_controller_manager_has_lost_its_plans_and_lists() {
    let mut cluster = replica_set(1, |_| {});
    wants(&mut cluster, 2);
    cluster.take(PLAN);
    cluster.befall(Environment::StopControllerManager);
    assert!(!cluster.any(|action| matches!(action, Action::ReplicaSet(_))));
    cluster.take(podproof_vocabulary::action::Process::StartControllerManager);
    assert!(!cluster.can(CREATE) && cluster.can(PLAN));
    assert_eq!(cluster.look(|cluster| cluster.pod(P0).controller.view().node()), Some(N0));
}

/// A bare pod has no controller.
#[test]
fn a_bare_pod_is_not_replaced() {
    let mut cluster = TestCluster::running(1, 1, |s| s.workload.kind = WorkloadKind::Pod);
    assert!(cluster.pod(P0).ready);
    cluster.delete(P0);
    cluster.settle();
    assert!(cluster.seen().slots.iter().all(|slot| slot.pod.is_none()));
}
