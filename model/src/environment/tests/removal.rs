//! Tests of what follows where somebody deletes a Node object: its machine goes on, and all others go by what is not there (NF-2, PGC-6).

use podproof_vocabulary::action::{
    EndpointSlice, Environment, Kubelet, PodGarbageCollector, Process, Scheduler, TaintEviction, Watch,
    Watcher,
};
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{Deletion, NodeReady, Phase, Process as Runs};
use podproof_vocabulary::scenario::{CUSTOM_TAINT, Scenario, Taint, TaintEffect, Toleration};
use podproof_vocabulary::{Property, Revision, catalogue};

use super::events;
use crate::api_server::pods;
use crate::cluster::Cluster;
use crate::controllers::taint_eviction;
use crate::endpoints;
use crate::reduced::fusion::{Fusion, Fusions};
use crate::rules::{Rules, Tolerated};
use crate::state::Endpoint;
use crate::test_cluster::{C0, IntoAction, N0, N1, P0, P1, TestCluster, allow};

const REMOVE: Environment = Environment::RemoveNode { node: N0 };
const START: Process = Process::StartKubelet { node: N0 };
const REGISTER: Kubelet = Kubelet::ReportNodeStatus { node: N0 };
const FAIL: PodGarbageCollector = PodGarbageCollector::FailPod { pod: P0 };
const EVICT: TaintEviction = TaintEviction::DeletePod { pod: P0 };
const SEEN: Watch = Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 };
const COLLECT: PodGarbageCollector = PodGarbageCollector::DeletePod { pod: P0 };

fn news(to: Watcher) -> Watch {
    Watch::DeliverNode { to, node: N0 }
}

/// A quiet cluster whose first pod is on the first of `nodes` nodes.
fn quiet(replicas: u8, nodes: usize, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let cluster = TestCluster::running(replicas, nodes, |s| {
        allow(s, EventName::RemoveNode, 1);
        tweak(s);
    });
    assert_eq!(cluster.pod(P0).node, Some(N0));
    cluster
}

/// The same, whose first node's object is gone, and nobody has seen that.
fn removed(replicas: u8, nodes: usize, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = quiet(replicas, nodes, tweak);
    cluster.take(REMOVE);
    cluster
}

#[test]
fn the_object_of_a_node_goes_and_its_machine_goes_on() {
    let mut cluster = quiet(1, 2, |s| allow(s, EventName::RemoveNode, 2));
    assert_eq!(events(&cluster), [REMOVE, Environment::RemoveNode { node: N1 }]);
    let mut unanswered = quiet(1, 2, |_| {});
    unanswered.befall(Environment::StopApiServer);
    assert!(!unanswered.can(REMOVE));
    cluster.take(REMOVE);
    assert_eq!(events(&cluster), [Environment::RemoveNode { node: N1 }], "it is gone");
    let seen = cluster.seen();
    let node = seen.nodes[0];
    assert!(!node.exists && node.powered && node.connected && node.kubelet_runs && node.proxy_runs);
    assert!(cluster.pod(P0).ready && seen.slots[0].containers[0].process == Runs::Running);
}

/// NOD-5, kubernetes/kubernetes#71398.
#[test]
fn a_running_kubelet_registers_no_node_and_one_that_starts_does() {
    let mut cluster = quiet(1, 2, |s| allow(s, EventName::AddNode, 1));
    for event in [Environment::CordonNode { node: N0 }, Environment::TaintNode { node: N0 }, REMOVE] {
        cluster.befall(event);
    }
    assert!(!cluster.can(REGISTER));
    cluster.settle();
    assert!(!cluster.seen().nodes[0].exists, "the one that runs goes on without");
    assert!(!cluster.can(Environment::AddNode { node: N0 }), "its machine is there");
    cluster.befall(Environment::StopKubelet { node: N0 });
    assert!(!cluster.can(REGISTER));
    cluster.take(START);
    cluster.befall(Environment::PartitionNode { node: N0 });
    assert!(!cluster.can(REGISTER), "it reaches nobody");
    cluster.befall(Environment::HealPartition { node: N0 });
    cluster.take(REGISTER);
    let node = cluster.seen().nodes[0];
    // A new object: nobody's cordon and taint, but the one that admission gives it until it has been Ready.
    assert!(node.exists && !node.unschedulable && !node.taints.custom && node.taints.not_ready_no_schedule);
    assert_eq!(node.ready, NodeReady::False, "it has not relisted yet");
    cluster.settle();
    let node = cluster.seen().nodes[0];
    assert!(node.ready == NodeReady::True && !node.taints.not_ready_no_schedule && !cluster.can(REGISTER));
}

#[test]
fn a_kubelet_that_did_not_run_registers_its_node_when_it_starts() {
    let mut stopped = quiet(1, 1, |_| {});
    stopped.befall(Environment::StopKubelet { node: N0 });
    stopped.take(REMOVE);
    stopped.take(START);
    assert!(stopped.can(REGISTER));
    // Removed before it lost power, or after.
    for order in
        [[REMOVE, Environment::CrashNode { node: N0 }], [Environment::CrashNode { node: N0 }, REMOVE]]
    {
        let mut cluster = quiet(1, 1, |s| {
            allow(s, EventName::NodeReturn, 1);
            allow(s, EventName::AddNode, 1);
        });
        for event in order {
            cluster.befall(event);
        }
        assert!(!cluster.can(Environment::AddNode { node: N0 }), "{order:?}");
        cluster.take(Environment::ReturnNode { node: N0 });
        cluster.take(START);
        assert!(cluster.can(REGISTER), "{order:?}");
    }
}

/// API-20: the scheduler's cache loses the node, and what it had placed there is bound all the same.
#[test]
fn a_pod_is_bound_to_a_node_that_has_gone_since_it_was_placed_and_none_is_placed_there() {
    let place = Scheduler::AssumePod { pod: P0, node: N0 };
    let new = || {
        let mut cluster = TestCluster::web(1, 1, |_| {});
        cluster.settle_until(|action| *action == place.into_action());
        cluster
    };
    let mut placed = new();
    placed.take(place);
    placed.befall(REMOVE);
    placed.take(news(Watcher::Scheduler));
    placed.take(Scheduler::BindPod { pod: P0 });
    assert_eq!(placed.pod(P0).node, Some(N0));

    let mut waits = new();
    waits.befall(REMOVE);
    assert!(waits.can(place), "it has not heard of it");
    waits.take(news(Watcher::Scheduler));
    assert!(!waits.can(place));
    waits.take(Scheduler::ParkPod { pod: P0 });
}

/// PGC-3, kubernetes/kubernetes#12545: whoever comes to a node that is gone is collected, too, and not only who was seen there when
/// it went.
#[test]
fn a_pod_that_is_bound_to_a_node_which_has_gone_is_collected_unless_the_collector_looks_once() {
    for mutant in [None, Some(Mutant::PodgcLooksOnce)] {
        let mut cluster = TestCluster::web(1, 1, |s| s.mutant = mutant);
        cluster.settle_until(|action| *action == Scheduler::BindPod { pod: P0 }.into_action());
        cluster.befall(Environment::CrashNode { node: N0 });
        cluster.befall(REMOVE);
        cluster.take(news(Watcher::ControllerManager));
        assert!(!cluster.can(FAIL) && !cluster.can(COLLECT), "{mutant:?}: it is on no node yet");
        cluster.settle();
        assert_eq!((cluster.pod(P0).node, cluster.pod(P0).phase), (Some(N0), Phase::Pending));
        assert_eq!(cluster.can(FAIL), mutant.is_none(), "{mutant:?}");
        assert!(!cluster.can(COLLECT), "{mutant:?}");
    }
    let mut seen = removed(1, 1, |s| s.mutant = Some(Mutant::PodgcLooksOnce));
    assert!(!seen.can(COLLECT));
    seen.take(news(Watcher::ControllerManager));
    assert!(seen.can(COLLECT), "what it sees there when the node goes it collects");
}

/// PGC-6, PGC-8, kubernetes/kubernetes#95175: the collector asks no machine, so the object may go while the pod runs; where the node
/// has no power nothing does.
#[test]
fn a_pod_of_a_removed_node_is_collected_while_it_runs_and_that_breaks_stopped_before_gone() {
    for is_off in [false, true] {
        let mut cluster = removed(1, 2, |s| allow(s, EventName::NodeCrash, 1));
        assert!(!cluster.can(FAIL), "nobody has seen it");
        if is_off {
            cluster.take(Environment::CrashNode { node: N0 });
        }
        cluster.take(news(Watcher::ControllerManager));
        cluster.take(FAIL);
        let judged = cluster.judge(COLLECT);
        assert!(!cluster.exists(P0));
        assert_eq!(judged.broken.contains(Property::StoppedBeforeGone), !is_off);
        assert_eq!(judged.reached.contains(Property::StoppedBeforeGone), !is_off);
        let runs = cluster.seen().slots[0].containers[0].process == Runs::Running;
        assert_eq!(runs, !is_off);
        cluster.settle();
        let stays = |cluster: &Cluster<'_>| {
            cluster.pod(P0).kubelet.node() == Some(N0) && cluster.container(P0, C0).is_running()
        };
        assert!(!cluster.look(stays), "its kubelet has heard of it");
    }
}

/// PGC-3: a node that is registered again in time keeps its pods.
#[test]
fn pods_of_a_node_that_is_there_again_are_left_alone() {
    let mut cluster = removed(1, 1, |_| {});
    cluster.take(news(Watcher::ControllerManager));
    assert!(cluster.can(FAIL));
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.take(START);
    cluster.take(REGISTER);
    assert!(!cluster.can(FAIL), "a live read finds it");
    cluster.settle();
    assert!(!cluster.can(FAIL) && cluster.pod(P0).ready);
}

fn tolerates_for_300(scenario: &mut Scenario) {
    scenario.workload.template.tolerations.push(Toleration {
        key: CUSTOM_TAINT.into(),
        exists: true,
        value: String::new(),
        effect: None,
        seconds: Some(300),
    });
}

/// A pod on a node that somebody taints.
fn tainted(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = quiet(1, 1, |s| {
        allow(s, EventName::TaintNode, 1);
        tweak(s);
    });
    cluster.take(Environment::TaintNode { node: N0 });
    cluster
}

/// The same; the controllers have seen the taint, and then that the node is gone.
fn tainted_and_removed(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = tainted(tweak);
    cluster.take(news(Watcher::ControllerManager));
    cluster.take(REMOVE);
    cluster.take(news(Watcher::ControllerManager));
    cluster
}

fn tolerated(cluster: &TestCluster) -> Tolerated {
    cluster.look(|cluster| taint_eviction::tolerated(cluster, P0))
}

/// TEC-1, TEC-4 (S28 `handleNodeUpdate`): of a node that is gone the taints are forgotten, and no timer of its pods is cancelled.
#[test]
fn a_pod_whose_timer_runs_is_deleted_although_its_node_is_gone() {
    let mut cluster = tainted_and_removed(tolerates_for_300);
    assert_eq!(tolerated(&cluster), Tolerated::For(300));
    cluster.take(EVICT);
    assert_eq!(cluster.pod(P0).deletion, Deletion::Graceful, "the collector would give it no time");
    let timer = |cluster: &TestCluster| cluster.look(|cluster| cluster.pod(P0).controller.timer_left());
    assert!(timer(&cluster));
    cluster.take(SEEN);
    assert!(!timer(&cluster) && tolerated(&cluster) == Tolerated::Always);
}

/// TEC-2: whom the taint drives away at once does not wait since its node is gone, either.
#[test]
fn a_pod_that_is_deleted_at_once_is_so_although_its_node_is_gone() {
    let cluster = tainted_and_removed(|_| {});
    assert!(tolerated(&cluster) == Tolerated::No && cluster.can(EVICT));
}

/// TEC-1: a node that is registered anew has no taint of before, and whoever sees that cancels the timers.
#[test]
fn the_timers_of_a_node_that_is_back_are_cancelled() {
    let mut cluster = tainted_and_removed(tolerates_for_300);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.take(START);
    cluster.take(REGISTER);
    assert_eq!(tolerated(&cluster), Tolerated::For(300), "nobody has seen it");
    cluster.take(news(Watcher::ControllerManager));
    assert_eq!(tolerated(&cluster), Tolerated::Always);
}

/// TEC-5: the next controller manager knows of no timer.
#[test]
fn a_timer_of_a_removed_node_goes_with_the_controller_manager() {
    let mut cluster = tainted_and_removed(tolerates_for_300);
    cluster.befall(Environment::StopControllerManager);
    cluster.take(Process::StartControllerManager);
    assert_eq!(tolerated(&cluster), Tolerated::Always);
}

/// The controller has not seen the taint before the node was gone, or not that the pod is there (S28 `handlePodUpdate`).
#[test]
fn no_timer_begins_when_a_node_is_gone() {
    let mut unseen = tainted(tolerates_for_300);
    unseen.take(REMOVE);
    unseen.take(news(Watcher::ControllerManager));
    assert_eq!(tolerated(&unseen), Tolerated::Always);

    let place = Scheduler::BindPod { pod: P0 };
    for is_late in [false, true] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            let (key, effect) = (CUSTOM_TAINT.into(), TaintEffect::NoExecute);
            s.nodes[0].taints.push(Taint { key, value: String::new(), effect });
            tolerates_for_300(s);
            allow(s, EventName::RemoveNode, 1);
        });
        cluster.settle_until(|action| *action == place.into_action());
        cluster.take(place);
        if !is_late {
            cluster.take(SEEN);
        }
        cluster.take(REMOVE);
        cluster.take(news(Watcher::ControllerManager));
        if is_late {
            cluster.take(SEEN);
        }
        let expected = if is_late { Tolerated::Always } else { Tolerated::For(300) };
        assert_eq!(tolerated(&cluster), expected, "late: {is_late}");
    }
}

/// EPS-5: a pod without its Node object has no endpoint; but nobody looks for that until something happens to a pod of the Service.
#[test]
fn an_endpoint_of_a_removed_node_goes_with_the_next_news_of_a_pod() {
    let mut cluster = removed(2, 1, |_| {});
    cluster.take(news(Watcher::ControllerManager));
    assert!(!cluster.can(EndpointSlice::WriteSlice));
    assert!(cluster.seen().slots[..2].iter().all(|slot| slot.endpoint.is_some_and(|entry| entry.ready)));
    cluster.delete(P1);
    cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P1 });
    cluster.take(EndpointSlice::WriteSlice);
    assert!(cluster.seen().slots[..2].iter().all(|slot| slot.endpoint.is_none()));
    // It is there again, and a retry finds it (EPS-8).
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.take(START);
    cluster.take(REGISTER);
    cluster.take(news(Watcher::ControllerManager));
    assert!(cluster.can(EndpointSlice::WriteSlice));
}

/// EPS-5, EPS-7: it goes with the news of a new pod, too, but not with news that endpoints tell nothing of.
#[test]
fn an_endpoint_of_a_removed_node_goes_with_a_pod_that_is_created() {
    let mut cluster = removed(2, 1, |_| {});
    cluster.take(news(Watcher::ControllerManager));
    cluster.change(|cluster| pods::set_phase(cluster, P1, Phase::Failed));
    cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P1 });
    let stays = |cluster: &TestCluster| cluster.seen().slots[0].endpoint.is_some();
    assert!(stays(&cluster) && !cluster.look(|cluster| endpoints::is_stale(cluster, P0)));
    let created = cluster.change(|cluster| pods::create(cluster, Revision(0))).expect("there is a slot");
    cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: created });
    cluster.take(EndpointSlice::WriteSlice);
    assert!(!stays(&cluster));
    let settled = |cluster: &Cluster<'_>| cluster.pods.iter().all(|pod| !pod.controller.left_out_next());
    assert!(cluster.look(settled), "nothing is left of it");
}

/// EPS-5, EPS-7: who is about to look at the Service finds the node gone, although what brought him is then as it was.
#[test]
fn an_endpoint_of_a_removed_node_goes_with_a_write_that_was_due() {
    for is_due in [true, false] {
        let mut cluster = removed(2, 1, |_| {});
        let hidden = |cluster: &mut Cluster<'_>| cluster.pods[1].slice = Endpoint::new();
        if is_due {
            cluster.change(hidden);
        }
        cluster.take(news(Watcher::ControllerManager));
        assert_eq!(cluster.can(EndpointSlice::WriteSlice), is_due);
        if is_due {
            cluster.take(EndpointSlice::WriteSlice);
            assert!(cluster.seen().slots[..2].iter().all(|slot| slot.endpoint.is_none()));
        }
    }
}

/// EPS-5: a list brings somebody to the Service, too.
#[test]
fn an_endpoint_of_a_removed_node_goes_with_a_list() {
    let mut cluster = removed(1, 1, |_| {});
    cluster.befall(Environment::BreakWatches { watcher: Watcher::ControllerManager });
    cluster.take(Watch::List { watcher: Watcher::ControllerManager });
    cluster.take(EndpointSlice::WriteSlice);
    assert_eq!(cluster.seen().slots[0].endpoint, None);
}

/// A node that is off has failed, and one that is cut off is cut off, whoever has deleted its object since.
#[test]
fn who_removes_a_node_that_failed_takes_no_promise_with_it() {
    for (event, property) in [
        (Environment::CrashNode { node: N0 }, Property::ReplacedAfterNodeFailure),
        (Environment::CrashNode { node: N0 }, Property::UnreachableEndpointsLeave),
        (Environment::PartitionNode { node: N0 }, Property::UnreachableEndpointsLeave),
    ] {
        for order in [[event, REMOVE], [REMOVE, event]] {
            let mut cluster = quiet(1, 2, |_| {});
            for event in order {
                cluster.befall(event);
            }
            assert!(cluster.reaches(property) && cluster.owes(property), "{property} {order:?}");
        }
    }
    let spare = TestCluster::running(1, 2, |s| s.spare_nodes = 1);
    assert!(!spare.reaches(Property::ReplacedAfterNodeFailure), "one that never joined has not failed");
}

/// What was decided before the node went is written after that, or a search would never see a pod bound to it.
#[test]
fn what_is_decided_is_not_written_at_once_where_a_node_may_be_removed() {
    let written_at_once = |count| {
        let mut scenario = catalogue::web("test", Story::Create, 1, 2);
        scenario.approximations = Approximations::ALL;
        allow(&mut scenario, EventName::RemoveNode, count);
        Fusions::of(&Rules::compile(scenario).expect("it fits")).has(Fusion::DecisionsWrittenAtOnce)
    };
    assert!(written_at_once(0) && !written_at_once(1));
}

/// An exact search tells of the removal as an event of its own, which comes before a new object's.
#[test]
fn in_exact_views_a_node_is_seen_to_go_before_it_is_seen_to_come_back() {
    let mut cluster = removed(1, 1, |s| s.approximations = Approximations::NONE);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.take(START);
    cluster.take(REGISTER);
    let exists = |cluster: &TestCluster| cluster.look(|cluster| cluster.node(N0).controller.exists());
    cluster.take(news(Watcher::ControllerManager));
    assert!(!exists(&cluster));
    cluster.take(news(Watcher::ControllerManager));
    assert!(exists(&cluster));
}
