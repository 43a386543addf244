//! Tests of how copies lag and catch up, by the default and in an exact search.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{Action, EndpointSlice, Environment, Kubelet, ReplicaSet, Watch, Watcher};
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::{Deletion, Phase};

use crate::api_server::pods;
use crate::test_cluster::{N0, N1, P0, P1, TestCluster, allow};

const TO_CONTROLLERS: Watch = Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 };
const TO_SCHEDULER: Watch = Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 };
const TO_KUBELET: Watch = Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 };

fn running(exact: bool) -> TestCluster {
    TestCluster::running(1, 2, |s| {
        if exact {
            s.approximations = Approximations::NONE;
        }
    })
}

/// MOD-1, API-39: no order between consumers.
#[test]
fn each_consumer_hears_of_a_write_on_its_own() {
    for exact in [false, true] {
        let mut cluster = running(exact);
        cluster.delete(P0);
        for news in [TO_CONTROLLERS, TO_SCHEDULER, TO_KUBELET] {
            assert!(cluster.can(news), "{news:?}");
        }
        assert!(!cluster.can(Watch::DeliverPod { to: Watcher::Kubelet(N1), pod: P0 }), "not its pod (SRC-1)");
        cluster.take(TO_KUBELET);
        assert!(!cluster.can(TO_KUBELET) && cluster.can(TO_CONTROLLERS));
    }
}

/// A write that changes no field that a consumer reads is no event for it.
#[test]
fn a_consumer_hears_only_of_the_fields_that_it_reads() {
    for exact in [false, true] {
        let mut cluster = running(exact);
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
        assert!(cluster.can(TO_CONTROLLERS) && cluster.can(TO_KUBELET) && !cluster.can(TO_SCHEDULER));
        let mut cluster = running(exact);
        cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Pending));
        assert!(cluster.can(TO_CONTROLLERS) && !cluster.can(TO_KUBELET) && !cluster.can(TO_SCHEDULER));
    }
}

/// MOD-2, API-33: within one unbroken watch an exact search skips nothing.
#[test]
fn an_exact_search_delivers_every_event_in_order() {
    let flap = |exact| {
        let mut cluster = running(exact);
        for ready in [false, true] {
            cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(ready)));
        }
        cluster
    };
    assert!(!flap(false).can(TO_CONTROLLERS), "they coalesce to nothing");
    let mut exact = flap(true);
    for ready in [false, true] {
        exact.take(TO_CONTROLLERS);
        assert_eq!(exact.look(|cluster| cluster.pod(P0).controller.view().ready()), ready);
    }
    assert!(!exact.can(TO_CONTROLLERS));
}

/// MOD-1: one resource of one consumer is one queue.
#[test]
fn an_exact_search_delivers_the_events_of_two_pods_in_order() {
    let mut cluster = TestCluster::running(2, 1, |s| s.approximations = Approximations::NONE);
    cluster.delete(P1);
    cluster.delete(P0);
    let of = |pod| Watch::DeliverPod { to: Watcher::ControllerManager, pod };
    assert!(cluster.can(of(P1)) && !cluster.can(of(P0)));
    cluster.take(of(P1));
    cluster.take(of(P0));
}

/// More events than a ring holds end the search.
#[test]
fn a_ring_that_overflows_ends_the_search_there() {
    let mut cluster = running(true);
    for event in 0..podproof_vocabulary::scenario::RING_CAPACITY {
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(event % 2 == 1)));
    }
    assert!(!cluster.look(|cluster| cluster.shared.control_plane.ring_overflow()));
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(!object.ready())));
    assert!(cluster.look(|cluster| cluster.shared.control_plane.ring_overflow()));
    assert!(cluster.enabled().is_empty());
}

/// API-33, API-36: what lay between is lost.
#[test]
fn a_broken_watch_lists_and_jumps_to_the_head() {
    for exact in [false, true] {
        let mut cluster = running(exact);
        let watcher = Watcher::ControllerManager;
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
        cluster.befall(Environment::BreakWatches { watcher });
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(true)));
        cluster.delete(P0);
        assert!(!cluster.can(TO_CONTROLLERS), "nothing arrives before the list");
        cluster.take(Watch::List { watcher });
        let view = cluster.look(|cluster| cluster.pod(P0).controller.view());
        assert!(view.ready() && view.deleting());
        assert!(!cluster.can(TO_CONTROLLERS) && !cluster.can(Watch::List { watcher }));
    }
}

/// DEL-7, as the recordings of deletions show: MODIFIED with grace period 0, then DELETED. Who reads only that a pod is being deleted,
/// and has seen that, hears of one.
#[test]
fn a_removal_is_two_events_in_an_exact_search() {
    let removed = |exact, graceful| {
        let mut cluster = running(exact);
        if graceful {
            cluster.delete(P0);
            for news in [TO_CONTROLLERS, TO_SCHEDULER, TO_KUBELET] {
                cluster.take(news);
            }
        }
        cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
        assert!(!cluster.exists(P0));
        cluster
    };
    for (exact, graceful, of_others) in
        [(true, false, 2), (true, true, 1), (false, false, 1), (false, true, 1)]
    {
        let mut cluster = removed(exact, graceful);
        for (news, events) in
            [(TO_CONTROLLERS, of_others), (TO_SCHEDULER, of_others), (TO_KUBELET, 1 + usize::from(exact))]
        {
            for event in 0..events {
                assert!(cluster.can(news), "{news:?} {event}, exact: {exact}, graceful: {graceful}");
                cluster.take(news);
            }
            assert!(!cluster.can(news), "{news:?}, exact: {exact}, graceful: {graceful}");
        }
    }
    let mut cluster = removed(true, false);
    cluster.take(TO_KUBELET);
    let view = cluster.look(|cluster| cluster.pod(P0).kubelet.view());
    assert_eq!((view.present(), view.deletion()), (true, Deletion::Immediate));
    cluster.take(TO_KUBELET);
    assert!(!cluster.look(|cluster| cluster.pod(P0).kubelet.view().present()));
}

/// DEL-12: where a finalizer keeps the object there is only the first.
#[test]
fn a_removal_that_a_finalizer_holds_up_is_one_event() {
    let mut cluster = TestCluster::running(1, 2, |s| {
        s.approximations = Approximations::NONE;
        s.workload.template.finalizer = true;
    });
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    for news in [TO_CONTROLLERS, TO_SCHEDULER, TO_KUBELET] {
        cluster.take(news);
        assert!(!cluster.can(news), "{news:?}");
    }
}

/// API-33: a deletion that was missed is seen with the list.
#[test]
fn a_list_shows_that_a_pod_is_gone() {
    let mut cluster = running(false);
    cluster.befall(Environment::BreakWatches { watcher: Watcher::Kubelet(N0) });
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    cluster.take(Watch::List { watcher: Watcher::Kubelet(N0) });
    assert!(cluster.can(Kubelet::BeginTermination { pod: P0 }));
}

/// CTL-3: an expectation is lowered also if creation and removal coalesce to nothing.
#[test]
fn a_pod_that_was_created_and_removed_unseen_still_lowers_the_expectation() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. })));
    cluster.take(ReplicaSet::CreatePod { revision: Revision(0) });
    cluster.delete(P0);
    assert!(!cluster.exists(P0));
    cluster.take(TO_CONTROLLERS);
    assert!(cluster.can(ReplicaSet::PlanReplicas { revision: Revision(0) }));
}

/// API-36, as the recording of an API server's restart shows: every client lists again.
#[test]
fn after_a_restart_of_the_api_server_everybody_lists() {
    let mut cluster = running(false);
    cluster.befall(Environment::StopApiServer);
    assert!(!cluster.any(|action| matches!(action, Action::Watch(_))), "nobody answers");
    cluster.take(podproof_vocabulary::action::Process::StartApiServer);
    let nodes = [N0, N1].into_iter().flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
    for watcher in [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(nodes) {
        assert!(cluster.can(Watch::List { watcher }), "{watcher:?}");
    }
}

/// API-36: also who was cut off while it restarted, once the link works again.
#[test]
fn who_was_cut_off_while_the_api_server_restarted_lists() {
    for exact in [false, true] {
        let mut cluster = running(exact);
        cluster.befall(Environment::PartitionNode { node: N0 });
        cluster.delete(P0);
        cluster.befall(Environment::StopApiServer);
        cluster.take(podproof_vocabulary::action::Process::StartApiServer);
        let lists = [Watcher::Kubelet(N0), Watcher::Proxy(N0)].map(|watcher| Watch::List { watcher });
        assert!(!lists.iter().any(|&list| cluster.can(list)), "not before");
        cluster.befall(Environment::HealPartition { node: N0 });
        assert!(lists.iter().all(|&list| cluster.can(list)) && !cluster.can(TO_KUBELET));
        cluster.take(lists[0]);
        assert!(cluster.can(Kubelet::BeginTermination { pod: P0 }) && !cluster.can(TO_KUBELET));
    }
}

/// MOD-1, NF-13, API-33, as the recording of a partition shows: there the kube-proxy of the node that was cut off programs first that
/// one address is gone, and then that another has come.
#[test]
fn a_watch_goes_on_where_it_was_before_the_link_was_cut() {
    for (exact, between) in [(true, 2), (false, 1)] {
        let mut cluster = running(exact);
        cluster.befall(Environment::PartitionNode { node: N0 });
        let slice = Watch::DeliverSlice { node: N0 };
        for ready in [false, true] {
            cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(ready)));
            cluster.take(TO_CONTROLLERS);
            cluster.take(EndpointSlice::WriteSlice);
        }
        cluster.delete(P0);
        assert!(!cluster.can(TO_KUBELET) && !cluster.can(slice), "not while it is cut off");
        assert!(cluster.can(TO_CONTROLLERS), "which concerns nobody else");
        cluster.befall(Environment::HealPartition { node: N0 });
        assert!(!cluster.any(|action| matches!(action, Action::Watch(Watch::List { .. }))));
        let kubelet = |cluster: &TestCluster| cluster.look(|cluster| cluster.pod(P0).kubelet.view());
        if exact {
            let rule = |cluster: &TestCluster| cluster.look(|cluster| cluster.proxy(N0, P0).view.ready());
            for ready in [false, true] {
                cluster.take(TO_KUBELET);
                assert_eq!(
                    (kubelet(&cluster).ready(), kubelet(&cluster).deletion()),
                    (ready, Deletion::None)
                );
                cluster.take(slice);
                assert_eq!(rule(&cluster), ready);
            }
        }
        assert!(!cluster.can(slice), "{between} of the slice");
        cluster.take(TO_KUBELET);
        assert_eq!(kubelet(&cluster).deletion(), Deletion::Graceful);
        assert!(!cluster.can(TO_KUBELET));
    }
}

/// API-36: a watch that was cut off for too much is too old.
#[test]
fn who_missed_more_than_is_kept_lists_after_the_cut() {
    let mut cluster = running(true);
    let list = Watch::List { watcher: Watcher::Kubelet(N0) };
    cluster.befall(Environment::PartitionNode { node: N0 });
    let flip = |cluster: &mut TestCluster| {
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(!object.ready())));
        cluster.take(TO_CONTROLLERS);
    };
    for _ in 0..podproof_vocabulary::scenario::RING_CAPACITY {
        flip(&mut cluster);
    }
    flip(&mut cluster);
    assert!(!cluster.look(|cluster| cluster.shared.control_plane.ring_overflow()), "no search ends here");
    flip(&mut cluster);
    assert!(!cluster.can(list), "it cannot yet");
    cluster.befall(Environment::HealPartition { node: N0 });
    assert!(!cluster.can(TO_KUBELET));
    cluster.take(list);
    assert!(!cluster.can(TO_KUBELET) && cluster.look(|cluster| cluster.pod(P0).kubelet.view().ready()));
}

/// A ring is as long as the scenario says.
#[test]
fn a_scenario_says_how_many_events_are_kept() {
    for capacity in [1, 3] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.approximations = Approximations::NONE;
            s.ring_capacity = capacity + 8;
        });
        for event in 0..capacity + 8 {
            cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(event % 2 == 1)));
        }
        assert!(!cluster.look(|cluster| cluster.shared.control_plane.ring_overflow()));
        cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(!object.ready())));
        assert!(cluster.look(|cluster| cluster.shared.control_plane.ring_overflow()));
    }
}

/// SRC-5.
#[test]
fn a_frozen_kubelet_takes_no_news() {
    let mut cluster = running(false);
    cluster.delete(P0);
    cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
    assert!(!cluster.can(TO_KUBELET));
}

/// A node that joins late begins with a list, in an exact search too.
#[test]
fn the_kube_proxy_of_a_node_that_joins_sees_the_slice_that_is_there() {
    for approximations in [Approximations::ALL, Approximations::NONE] {
        let mut cluster = TestCluster::web(1, 2, |s| {
            s.spare_nodes = 1;
            s.approximations = approximations;
            allow(s, EventName::AddNode, 1);
        });
        cluster.settle();
        cluster.take(Environment::AddNode { node: N1 });
        cluster.settle();
        assert!(cluster.seen().slots[0].rules[1].is_some_and(|rule| rule.ready), "{approximations:?}");
    }
}

/// Node objects: the scheduler reads no condition.
#[test]
fn a_node_condition_is_news_for_the_controllers_and_not_for_the_scheduler() {
    for exact in [false, true] {
        let mut cluster = running(exact);
        let of = |to| Watch::DeliverNode { to, node: N0 };
        cluster.change(|cluster| {
            let unknown = podproof_vocabulary::observation::NodeReady::Unknown;
            crate::controllers::node_lifecycle::update(cluster, N0, |node| node.with_ready(unknown));
        });
        assert!(cluster.can(of(Watcher::ControllerManager)) && !cluster.can(of(Watcher::Scheduler)));
        cluster.change(|cluster| {
            crate::controllers::node_lifecycle::update(cluster, N0, |node| node.with_unschedulable(true));
        });
        assert!(cluster.can(of(Watcher::Scheduler)));
    }
}

/// What a kubelet sees of a deletion with grace period 0 that a finalizer keeps.
#[test]
fn a_shortened_grace_is_news_for_the_kubelet() {
    let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.finalizer = true);
    cluster.delete(P0);
    cluster.take(TO_KUBELET);
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    cluster.take(TO_KUBELET);
    assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.view().deletion()), Deletion::Immediate);
}
