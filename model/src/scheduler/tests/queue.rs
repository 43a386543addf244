//! The scheduler's cache, queue and bindings.

use podproof_vocabulary::Revision;
use podproof_vocabulary::action::{
    Action, Environment, Kubelet, LostWrite, NodeLifecycle, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{Scenario, SpreadConstraint};

use super::super::filters::{Filter, FilterSet};
use super::{HOST, ZONE, selector, term};
use crate::api_server::pods::{self, Grace};
use crate::test_cluster::{N0, N1, P0, P1, TestCluster, allow};

const FREES: Scheduler = Scheduler::FlushPod { pod: P1 };

fn is_scheduler(action: &Action) -> bool {
    matches!(action, Action::Scheduler(_))
}

fn assume(pod: podproof_vocabulary::PodId, node: podproof_vocabulary::NodeId) -> Scheduler {
    Scheduler::AssumePod { pod, node }
}

fn tries(cluster: &TestCluster, pod: podproof_vocabulary::PodId) -> bool {
    cluster.any(|action| {
        matches!(*action, Action::Scheduler(Scheduler::AssumePod { pod: p, .. } | Scheduler::ParkPod { pod: p }) if p == pod)
    })
}

/// Unbound pods that the scheduler has seen.
fn waiting(replicas: u8, nodes: usize, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::web(replicas, nodes, tweak);
    cluster.settle_but(is_scheduler);
    cluster
}

/// A cluster of one node with room for one pod, which has it, and another pod that is parked.
fn full() -> TestCluster {
    let mut cluster = waiting(2, 1, |s| s.nodes[0].allocatable.pods = 1);
    cluster.take(assume(P0, N0));
    cluster.take(Scheduler::ParkPod { pod: P1 });
    cluster.settle();
    cluster
}

/// SCH-3, 13.3: any node that passes every filter, and no other.
#[test]
fn every_feasible_node_is_a_choice() {
    let cluster = waiting(1, 3, |s| s.nodes[1].unschedulable = true);
    assert!(cluster.can(assume(P0, N0)) && !cluster.can(assume(P0, N1)));
    assert!(!cluster.can(Scheduler::ParkPod { pod: P0 }));
}

/// SCH-4.
#[test]
fn an_assumed_pod_takes_up_room_before_it_is_bound() {
    let mut cluster = waiting(2, 1, |s| s.nodes[0].allocatable.pods = 1);
    assert!(cluster.can(assume(P1, N0)));
    cluster.take(assume(P0, N0));
    assert_eq!(cluster.pod(P0).node, None);
    assert!(!cluster.can(assume(P1, N0)) && cluster.can(Scheduler::ParkPod { pod: P1 }));
}

/// SCH-5.
#[test]
fn a_binding_is_written_once_and_confirmed_by_the_informer() {
    let mut cluster = waiting(1, 1, |_| {});
    cluster.take(assume(P0, N0));
    cluster.take(Scheduler::BindPod { pod: P0 });
    assert!(!cluster.any(is_scheduler));
    assert!(cluster.look(|cluster| cluster.pod(P0).scheduler.assumed().is_some()));
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(cluster.look(|cluster| cluster.pod(P0).scheduler.assumed().is_none()));
    assert!(!tries(&cluster, P0), "a bound pod is never scheduled again (SCH-17)");
}

/// SCH-2.
#[test]
fn a_deleting_pod_is_not_scheduled() {
    let mut cluster = waiting(1, 1, |s| s.workload.template.finalizer = true);
    cluster.change(|cluster| pods::delete(cluster, P0, Grace::Own));
    assert!(tries(&cluster, P0), "until the scheduler has seen it");
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(!tries(&cluster, P0));
}

/// SCH-6, SCH-7.
#[test]
fn a_refused_binding_waits_for_the_news_that_say_why() {
    let mut cluster = waiting(1, 2, |_| {});
    cluster.take(assume(P0, N0));
    cluster.change(|cluster| crate::api_server::binding::bind(cluster, P0, N1));
    cluster.take(Scheduler::BindPod { pod: P0 });
    assert_eq!(cluster.pod(P0).node, Some(N1));
    assert!(!cluster.any(is_scheduler));
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(!cluster.any(is_scheduler));
    let held = cluster.look(|cluster| super::super::cache(cluster).occupants[0].node);
    assert_eq!(held, N1, "it counts where it is (SCH-5)");
}

/// SCH-6.
#[test]
fn a_refused_binding_frees_its_room_for_pods_that_wait() {
    let mut cluster = waiting(2, 1, |s| s.nodes[0].allocatable.pods = 1);
    cluster.take(assume(P0, N0));
    cluster.take(Scheduler::ParkPod { pod: P1 });
    cluster.change(|cluster| pods::delete(cluster, P0, Grace::Own));
    cluster.take(Scheduler::BindPod { pod: P0 });
    assert!(cluster.can(assume(P1, N0)));
}

/// SCH-6, MOD-3.
#[test]
fn a_binding_whose_answer_is_lost_is_tried_again() {
    for committed in [false, true] {
        let mut cluster = waiting(1, 1, |s| allow(s, EventName::LostResponse, 1));
        cluster.take(assume(P0, N0));
        cluster.take(Environment::LoseResponse { write: LostWrite::BindPod { pod: P0 }, committed });
        assert_eq!(cluster.pod(P0).node.is_some(), committed);
        assert_eq!(tries(&cluster, P0), !committed, "a retry of a written one would be refused");
        cluster.settle();
        assert!(cluster.pod(P0).ready);
    }
}

/// SCH-8: the cause of a rejection is kept, all nodes together.
#[test]
fn a_parked_pod_keeps_the_filters_that_rejected_it() {
    let cluster = full();
    let rejected = cluster.look(|cluster| cluster.pod(P1).scheduler.rejected_by());
    assert_eq!(FilterSet(rejected), FilterSet::of(&[Filter::NodeResourcesFit]));
    assert!(!tries(&cluster, P1));
}

/// SCH-8, SCH-1: the object, or its terminal phase, frees the room.
#[test]
fn a_pod_that_goes_wakes_the_pods_that_wait_for_its_room() {
    let mut cluster = full();
    let news = Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 };
    cluster.delete(P0);
    cluster.take(news);
    assert!(!tries(&cluster, P1), "a deleting pod still occupies its node (SCH-1)");
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::RemovePod { .. })));
    cluster.take(news);
    assert!(cluster.can(assume(P1, N0)), "a terminal pod does not");
}

/// SCH-8.
#[test]
fn a_node_that_joins_wakes_every_parked_pod() {
    let mut cluster = TestCluster::web(2, 2, |s| {
        s.spare_nodes = 1;
        s.nodes[0].allocatable.pods = 1;
        allow(s, EventName::AddNode, 1);
    });
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    assert!(cluster.look(|cluster| cluster.pod(P1).scheduler.rejected_by() != 0));
    cluster.take(Environment::AddNode { node: N1 });
    cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N1 });
    assert!(cluster.can(assume(P1, N1)) && !cluster.can(assume(P1, N0)));
}

/// SCH-8: a list of what is known already is no event.
#[test]
fn a_list_wakes_nobody_for_nodes_that_never_joined() {
    let mut cluster = TestCluster::web(2, 2, |s| {
        s.spare_nodes = 1;
        s.nodes[0].allocatable.pods = 1;
        allow(s, EventName::WatchBreak, 1);
    });
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    assert!(!tries(&cluster, P1));
    cluster.take(Environment::BreakWatches { watcher: Watcher::Scheduler });
    cluster.take(Watch::List { watcher: Watcher::Scheduler });
    assert!(!tries(&cluster, P1));
}

/// SCH-8: whichever filter rejected it.
#[test]
fn a_node_that_joins_wakes_a_pod_that_waits_for_its_labels() {
    let mut cluster = TestCluster::web(1, 2, |s| {
        s.spare_nodes = 1;
        s.workload.template.node_selector = super::labels(&[(HOST, "node-2")]);
        allow(s, EventName::AddNode, 1);
    });
    cluster.settle();
    assert!(!tries(&cluster, P0));
    cluster.take(Environment::AddNode { node: N1 });
    cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N1 });
    assert!(cluster.can(assume(P0, N1)));
}

/// SCH-8: without a node there is no plugin to blame.
#[test]
fn a_pod_that_found_no_node_at_all_is_woken_by_the_first() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.spare_nodes = 1;
        allow(s, EventName::AddNode, 1);
    });
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    assert!(cluster.look(|cluster| cluster.pod(P0).scheduler.rejected_by() != 0));
    cluster.take(Environment::AddNode { node: N0 });
    cluster.settle();
    assert_eq!(cluster.pod(P0).node, Some(N0));
}

/// SCH-8: while there is none, a pod that is bound to one that was removed helps as little (S28 `getUnschedulablePodsWithCrossTopologyTerm`).
#[test]
fn a_pod_that_found_no_node_at_all_is_woken_by_no_pod() {
    let mut cluster = waiting(2, 1, |s| allow(s, EventName::RemoveNode, 1));
    cluster.take(assume(P0, N0));
    cluster.befall(Environment::RemoveNode { node: N0 });
    cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    cluster.take(Scheduler::ParkPod { pod: P1 });
    cluster.take(Scheduler::BindPod { pod: P0 });
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(!tries(&cluster, P1));
}

/// SCH-8, SCH-11, as the recording of unschedulable pods shows: uncordoning binds the pod, two writes apart.
#[test]
fn a_node_whose_taints_change_wakes_only_pods_that_these_rejected() {
    let mut cordoned = waiting(1, 1, |s| s.nodes[0].unschedulable = true);
    cordoned.take(Scheduler::ParkPod { pod: P0 });
    let lift = |cluster: &mut TestCluster| {
        cluster.change(|c| {
            crate::controllers::node_lifecycle::update(c, N0, |node| node.with_unschedulable(false));
        });
        cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    };
    lift(&mut cordoned);
    cordoned.take(Scheduler::ParkPod { pod: P0 });
    cordoned.take(Watch::DeliverNode { to: Watcher::ControllerManager, node: N0 });
    cordoned.take(NodeLifecycle::TaintNoSchedule { node: N0 });
    cordoned.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    assert!(cordoned.can(assume(P0, N0)));

    let mut full = full();
    full.change(|c| crate::controllers::node_lifecycle::update(c, N0, |node| node.with_unschedulable(true)));
    full.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    assert!(!tries(&full, P1));
}

/// SCH-8: a node that goes makes room for nobody, but there may be one domain fewer to spread over.
#[test]
fn a_node_that_goes_wakes_only_pods_that_spread() {
    let rejected = |by: Filter| {
        let mut cluster = full();
        cluster.change(|c| c.pod_mut(P1).scheduler.set_rejected_by(FilterSet::of(&[by]).0));
        cluster.befall(Environment::RemoveNode { node: N0 });
        cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
        cluster.look(|cluster| cluster.pod(P1).scheduler.rejected_by() != 0)
    };
    assert!(rejected(Filter::NodeResourcesFit) && rejected(Filter::TaintToleration));
    assert!(!rejected(Filter::PodTopologySpread));
}

/// SCH-8, SCH-11, as the recording of unschedulable pods shows: the label that a pod waits for binds it at once. NodeAffinity
/// registers for labels, and no filter of taints does.
#[test]
fn a_node_whose_labels_change_wakes_only_pods_that_these_rejected() {
    let label = |cluster: &mut TestCluster| {
        cluster.befall(Environment::RelabelNode { node: N0 });
        cluster.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    };
    let mut waits = waiting(1, 1, |s| {
        s.nodes[0].later_labels = Some(super::labels(&[("disk", "ssd")]));
        s.workload.template.node_selector = super::labels(&[("disk", "ssd")]);
    });
    waits.take(Scheduler::ParkPod { pod: P0 });
    waits.change(|c| crate::controllers::node_lifecycle::update(c, N0, |node| node.with_custom(true)));
    waits.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    assert!(!tries(&waits, P0), "a taint is no label");
    waits.change(|c| crate::controllers::node_lifecycle::update(c, N0, |node| node.with_custom(false)));
    waits.take(Watch::DeliverNode { to: Watcher::Scheduler, node: N0 });
    label(&mut waits);
    assert!(waits.can(assume(P0, N0)));

    let mut cordoned = waiting(1, 1, |s| {
        s.nodes[0].unschedulable = true;
        s.nodes[0].later_labels = Some(super::labels(&[]));
    });
    cordoned.take(Scheduler::ParkPod { pod: P0 });
    label(&mut cordoned);
    assert!(!tries(&cordoned, P0));
}

/// SCH-8, as the recording of unschedulable pods shows: the follower is bound when its leader is.
#[test]
fn a_pod_that_is_bound_wakes_pods_that_wait_for_affinity() {
    let mut cluster =
        waiting(2, 1, |s| s.workload.template.pod_affinity = vec![term(HOST, &[("app", "web")])]);
    cluster.change(|c| c.pod_mut(P1).scheduler.set_rejected_by(FilterSet::of(&[Filter::InterPodAffinity]).0));
    cluster.take(assume(P0, N0));
    cluster.take(Scheduler::BindPod { pod: P0 });
    assert!(!tries(&cluster, P1));
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(cluster.can(assume(P1, N0)));
}

/// SCH-8, FLT-18: a deletion that begins changes the skew.
#[test]
fn a_pod_that_begins_to_go_wakes_pods_that_wait_for_the_spread() {
    let mut cluster = TestCluster::running(2, 2, |s| {
        s.workload.template.spread = vec![SpreadConstraint {
            max_skew: 1,
            topology_key: ZONE.into(),
            selector: selector(&[("app", "web")]),
            min_domains: 2,
            honour_node_affinity: true,
            honour_node_taints: false,
            same_revision: false,
        }];
    });
    assert_eq!((cluster.pod(P0).node, cluster.pod(P1).node), (Some(N0), None), "one zone, two wanted");
    assert!(!tries(&cluster, P1));
    cluster.delete(P0);
    cluster.take(Watch::DeliverPod { to: Watcher::Scheduler, pod: P0 });
    assert!(cluster.can(assume(P1, N1)));
}

/// SCH-10.
#[test]
fn a_pod_that_no_event_woke_is_tried_again_when_there_is_something_to_find() {
    let mut cluster = full();
    assert!(!cluster.can(FREES));
    cluster.change(|cluster| cluster.pod_mut(P0).scheduler = crate::state::SchedulerPod::new());
    cluster.take(FREES);
    assert!(cluster.can(assume(P1, N0)));
}

/// MOD-4.
#[test]
fn a_restarted_scheduler_knows_what_it_lists() {
    let mut cluster = waiting(2, 1, |s| {
        s.nodes[0].allocatable.pods = 1;
        allow(s, EventName::SchedulerRestart, 1);
    });
    cluster.take(assume(P0, N0));
    cluster.take(Environment::StopScheduler);
    assert!(!cluster.any(is_scheduler));
    cluster.take(podproof_vocabulary::action::Process::StartScheduler);
    assert!(cluster.can(assume(P1, N0)), "the assumed pod is forgotten (2.7)");
    assert_eq!(cluster.look(|cluster| cluster.revision_of(P1)), Revision(0));
}
