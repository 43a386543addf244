//! Node lifecycle but for the taints that it sets, taint eviction and pod garbage collection.

use podproof_vocabulary::action::{
    Action, Environment, NodeLifecycle, PodGarbageCollector, Process, ReplicaSet, TaintEviction, Watch,
    Watcher,
};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::observation::{Deletion, NodeReady, Phase};
use podproof_vocabulary::scenario::{
    CUSTOM_TAINT, Scenario, Taint, TaintEffect, Timing, Toleration, WorkloadKind,
};
use podproof_vocabulary::{NodeId, PodId, Property, Release};

use crate::api_server::pods;
use crate::controllers::node_lifecycle::update;
use crate::test_cluster::{N0, N1, P0, P1, TestCluster};

const UNKNOWN: NodeLifecycle = NodeLifecycle::MarkNodeUnknown { node: N0 };
const UNREADY: NodeLifecycle = NodeLifecycle::MarkPodNotReady { pod: P0 };
const EVICT: TaintEviction = TaintEviction::DeletePod { pod: P0 };

fn node_news(node: NodeId) -> Watch {
    Watch::DeliverNode { to: Watcher::ControllerManager, node }
}

fn pod_news(pod: PodId) -> Watch {
    Watch::DeliverPod { to: Watcher::ControllerManager, pod }
}

/// One pod on the first of two nodes, which has just gone silent.
fn silent(event: Environment) -> TestCluster {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    assert_eq!(cluster.pod(P0).node, Some(N0));
    cluster.befall(event);
    cluster.settle_but(|action| matches!(action, Action::Process(_)));
    cluster
}

/// NLC-2, NLC-3, NF-17: the control plane cannot tell why a node is silent.
#[test]
fn a_silent_node_becomes_unknown_whatever_silenced_it() {
    assert!(!TestCluster::running(1, 2, |_| {}).can(UNKNOWN));
    for event in [
        Environment::CrashNode { node: N0 },
        Environment::PartitionNode { node: N0 },
        Environment::StopKubelet { node: N0 },
    ] {
        let mut cluster = silent(event);
        cluster.take(UNKNOWN);
        assert_eq!(cluster.seen().nodes[0].ready, NodeReady::Unknown, "{event:?}");
        cluster.take(node_news(N0));
        assert!(!cluster.can(UNKNOWN));
    }
}

/// NLC-6, EPS-14, as the recording of a node failure shows.
#[test]
fn the_pods_of_a_node_that_becomes_unknown_become_unready() {
    let mut cluster = silent(Environment::CrashNode { node: N0 });
    cluster.take(UNKNOWN);
    assert!(cluster.pod(P0).ready);
    cluster.take(UNREADY);
    assert_eq!((cluster.pod(P0).ready, cluster.pod(P0).phase), (false, Phase::Running));
    cluster.settle();
    let endpoint = cluster.seen().slots[0].endpoint.unwrap();
    assert!(!endpoint.ready && !endpoint.serving && !endpoint.terminating);
}

/// NLC-6.
#[test]
fn the_pods_of_other_nodes_stay_ready() {
    let mut cluster = TestCluster::running(2, 2, |s| s.nodes[0].allocatable.pods = 1);
    assert_eq!(cluster.pod(P1).node, Some(N1));
    cluster.befall(Environment::CrashNode { node: N0 });
    cluster.settle();
    cluster.take(UNKNOWN);
    assert!(cluster.can(UNREADY) && !cluster.can(NodeLifecycle::MarkPodNotReady { pod: P1 }));
}

/// NLC-7, and the hazard `node-false-to-unknown-skips-podnotready`.
#[test]
fn the_pods_of_a_node_that_was_already_not_ready_stay_as_they_are() {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::False)));
    cluster.befall(Environment::CrashNode { node: N0 });
    cluster.settle();
    assert!(!cluster.can(UNREADY));
    cluster.take(UNKNOWN);
    assert!(!cluster.can(UNREADY));
    cluster.settle();
    assert!(cluster.pod(P0).ready);
}

/// The hazard `kcm-failover-skips-podnotready`.
#[test]
fn a_restart_between_node_and_pods_leaves_the_pods_ready() {
    let mut cluster = silent(Environment::CrashNode { node: N0 });
    cluster.take(UNKNOWN);
    cluster.befall(Environment::StopControllerManager);
    cluster.settle();
    assert!(cluster.pod(P0).ready);
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::Unknown);
}

/// API-1: a status update carries the resource version of the copy.
#[test]
fn a_node_whose_copy_is_stale_is_not_marked() {
    let mut cluster = silent(Environment::CrashNode { node: N0 });
    cluster.change(|cluster| update(cluster, N0, |node| node.with_unschedulable(true)));
    assert!(!cluster.can(UNKNOWN));
}

/// NF-14, NLC-10, TEC-1: a cut that heals in time leaves no trace.
#[test]
fn a_node_that_comes_back_loses_its_taints_and_its_pods_are_ready_again() {
    let mut cluster = silent(Environment::PartitionNode { node: N0 });
    cluster.take(UNKNOWN);
    cluster.settle();
    assert!(cluster.seen().nodes[0].taints.unreachable_no_execute);
    assert!(cluster.can(EVICT), "in 300 s");
    cluster.befall(Environment::HealPartition { node: N0 });
    cluster.settle();
    assert_eq!(cluster.seen().nodes[0].taints, Default::default());
    assert_eq!((cluster.pod(P0).ready, cluster.pod(P0).deletion), (true, Deletion::None));
    assert!(!cluster.can(EVICT));
}

fn tolerates(seconds: &[Option<u32>]) -> impl FnOnce(&mut Scenario) {
    move |s| {
        for &seconds in seconds {
            s.workload.template.tolerations.push(Toleration {
                key: CUSTOM_TAINT.into(),
                exists: true,
                value: String::new(),
                effect: Some(TaintEffect::NoExecute),
                seconds,
            });
        }
    }
}

/// A pod on a node that has just got a NoExecute taint of an operator, which the controller has seen.
fn tainted(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, tweak);
    cluster.befall(Environment::TaintNode { node: N0 });
    assert!(!cluster.can(EVICT), "not before it is seen");
    cluster.take(node_news(N0));
    cluster
}

/// TEC-2, TEC-3, TEC-7, as the recording of a NoExecute taint shows: at once, after its time, or never.
#[test]
fn a_pod_leaves_a_tainted_node_at_once_or_after_its_toleration_or_never() {
    let slow =
        |cluster: &TestCluster| cluster.look(|c| crate::time::is_slow(c, &Action::TaintEviction(EVICT)));
    let mut now = tainted(|_| {});
    assert!(!slow(&now));
    now.take(EVICT);
    assert_eq!(now.pod(P0).deletion, Deletion::Graceful, "with its own grace");
    assert!(!now.can(EVICT));

    assert!(!slow(&tainted(tolerates(&[Some(0)]))), "no time is now (TEC-3)");
    let mut later = tainted(tolerates(&[Some(8)]));
    assert!(slow(&later));
    later.settle();
    later.take(EVICT);

    let mut never = tainted(tolerates(&[None]));
    never.settle();
    assert!(!never.can(EVICT));
}

/// TEC-3, `GetMatchingTolerations`: one toleration is used for a taint, the first that matches.
#[test]
fn the_first_toleration_that_matches_a_taint_counts() {
    let mut never = tainted(tolerates(&[None, Some(8)]));
    never.settle();
    assert!(!never.can(EVICT));
    let mut later = tainted(tolerates(&[Some(8), None]));
    later.settle();
    assert!(later.can(EVICT));
}

/// TEC-4: a taint that is not tolerated does not wait for the timer of one that is.
#[test]
fn an_untolerated_taint_cancels_the_timer_of_a_tolerated_one() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.timing = Timing::Timed;
        s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
    });
    cluster.change(|cluster| {
        update(cluster, N0, |node| node.with_not_ready_no_execute(true));
    });
    cluster.run_until(|cluster| cluster.can(node_news(N0)));
    cluster.take(node_news(N0));
    assert!(!cluster.can(EVICT), "not before 300 s have passed (TEC-6)");
    cluster.befall(Environment::TaintNode { node: N0 });
    cluster.run_until(|cluster| cluster.can(node_news(N0)));
    cluster.take(node_news(N0));
    assert!(cluster.can(EVICT), "at once");
}

/// TEC-2, TEC-3: of several taints the least toleration counts; an untolerated one leaves none.
#[test]
fn of_several_taints_the_least_tolerated_counts() {
    use crate::rules::Tolerated;
    let cluster = TestCluster::web(1, 1, tolerates(&[Some(8)]));
    let on = |not_ready: bool, custom: bool| {
        let taints = podproof_vocabulary::observation::TaintsSeen {
            not_ready_no_execute: not_ready,
            custom,
            ..Default::default()
        };
        cluster.look(|cluster| cluster.rules.tolerations.on(N0, taints))
    };
    assert_eq!(on(false, false), Tolerated::Always);
    assert_eq!(on(true, false), Tolerated::For(300), "which admission adds (TEC-6)");
    assert_eq!(on(true, true), Tolerated::For(8));
    let strict = TestCluster::web(1, 1, |_| {});
    let both = podproof_vocabulary::observation::TaintsSeen {
        not_ready_no_execute: true,
        custom: true,
        ..Default::default()
    };
    assert_eq!(strict.look(|cluster| cluster.rules.tolerations.on(N0, both)), Tolerated::No);
}

/// TEC-1, FLT-6: only NoExecute taints of a node's manifest drive pods away.
#[test]
fn a_taint_of_the_manifest_evicts_only_if_it_is_no_execute() {
    for (effect, evicts) in [
        (TaintEffect::NoExecute, true),
        (TaintEffect::NoSchedule, false),
        (TaintEffect::PreferNoSchedule, false),
    ] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.workload.kind = WorkloadKind::Pod;
            s.workload.template.node_name = Some("node-1".into());
            s.nodes[0].taints.push(Taint { key: "gpu".into(), value: String::new(), effect });
        });
        cluster.take(pod_news(P0));
        assert_eq!(cluster.can(EVICT), evicts, "{effect:?}");
    }
}

/// TEC-1, RS-1, kubernetes/kubernetes#72593: no scheduler keeps a pod with `nodeName` from a node that drives it away, and nothing slows down
/// who replaces it. Whatever was before is so again after each round.
#[test]
fn a_replica_set_makes_pods_for_ever_for_a_node_that_drives_them_away() {
    let is_creation = |action: &Action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. }));
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.template.node_name = Some("node-1".into());
        let effect = TaintEffect::NoExecute;
        s.nodes[0].taints.push(Taint { key: "gpu".into(), value: String::new(), effect });
    });
    let rounds = [(); 3].map(|()| {
        cluster.settle_but(is_creation);
        assert!(
            !cluster.owes(Property::NoexecuteEvicts),
            "each pod leaves, and no promise asks for an end of that"
        );
        let state = cluster.state();
        cluster.take_one(is_creation);
        state
    });
    assert!(rounds[1] == rounds[2], "the next one is made for the same node");
}

fn out_of_service(s: &mut Scenario) {
    let taint = Taint {
        key: "node.kubernetes.io/out-of-service".into(),
        value: String::new(),
        effect: TaintEffect::NoExecute,
    };
    s.nodes[0].taints.push(taint);
    s.workload.template.tolerations.push(Toleration {
        key: String::new(),
        exists: true,
        value: String::new(),
        effect: None,
        seconds: None,
    });
}

const FAIL: PodGarbageCollector = PodGarbageCollector::FailPod { pod: P0 };
const COLLECT: PodGarbageCollector = PodGarbageCollector::DeletePod { pod: P0 };

/// PGC-2, PGC-8.
#[test]
fn a_deleting_pod_on_a_dead_node_that_is_out_of_service_is_collected() {
    let mut cluster = TestCluster::running(1, 2, out_of_service);
    cluster.delete(P0);
    cluster.take(pod_news(P0));
    assert!(!cluster.can(FAIL), "the node is ready");
    cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::Unknown)));
    cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
    cluster.take(FAIL);
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
    assert!(
        cluster.seen().slots[0].containers[0].process == podproof_vocabulary::observation::Process::Running
    );
    cluster.take(COLLECT);
    assert!(!cluster.exists(P0));

    let mut without_taint = TestCluster::running(1, 2, |_| {});
    without_taint.delete(P0);
    without_taint.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::Unknown)));
    without_taint.settle_but(|action| matches!(action, Action::Kubelet(_)));
    assert!(!without_taint.can(FAIL), "it waits for ever (NF-5)");
}

/// PGC-2: the collector asks for nodes that are out of service from 1.26 on.
#[test]
fn before_1_26_no_pod_is_collected_from_a_node_that_is_out_of_service() {
    for (minor, collects) in [(25, false), (26, true)] {
        let mut cluster = TestCluster::running(1, 2, |s| {
            out_of_service(s);
            s.release = Release { minor };
        });
        cluster.delete(P0);
        cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::Unknown)));
        cluster.settle_but(|action| {
            matches!(action, Action::Kubelet(_)) || *action == Action::PodGarbageCollector(FAIL)
        });
        assert_eq!(cluster.can(FAIL), collects, "1.{minor}");
    }
}

/// PGC-2: an operator says of a dead node that it is out of service, and takes it back.
#[test]
fn a_taint_of_an_event_may_say_that_a_node_is_out_of_service() {
    let mut cluster = TestCluster::running(1, 2, |s| {
        out_of_service(s);
        s.event_taint = s.nodes[0].taints.pop();
    });
    cluster.delete(P0);
    cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::Unknown)));
    cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
    assert!(!cluster.can(FAIL));
    cluster.befall(Environment::TaintNode { node: N0 });
    assert!(!cluster.can(FAIL), "not before it is seen");
    cluster.take(node_news(N0));
    assert!(cluster.can(FAIL));
    cluster.befall(Environment::UntaintNode { node: N0 });
    cluster.take(node_news(N0));
    assert!(!cluster.can(FAIL));
}

/// PGC-2.
#[test]
fn a_pod_that_nobody_deleted_is_not_collected_from_a_dead_node() {
    let mut cluster = TestCluster::running(1, 2, out_of_service);
    cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(NodeReady::Unknown)));
    cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
    assert!(!cluster.can(FAIL));
}

/// A pod that says it is on a node which does not exist.
fn of_a_missing_node(release: Release) -> TestCluster {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.release = release;
        s.workload.kind = WorkloadKind::Pod;
        s.workload.template.node_name = Some("node-9".into());
    });
    cluster.settle();
    cluster
}

/// PGC-3, PGC-5.
#[test]
fn a_pod_whose_node_does_not_exist_is_collected() {
    let mut cluster = of_a_missing_node(Release::NEWEST);
    cluster.take(FAIL);
    assert!(!cluster.can(FAIL));
    cluster.take(COLLECT);
    assert!(!cluster.exists(P0));
}

/// PGC-3: a live read confirms that the node is not there.
#[test]
fn a_pod_is_not_collected_because_the_controller_has_not_seen_its_node() {
    let mut cluster = TestCluster::web(1, 2, |s| {
        s.spare_nodes = 1;
        s.workload.kind = WorkloadKind::Pod;
        s.workload.template.node_name = Some("node-2".into());
    });
    cluster.take(pod_news(P0));
    assert!(cluster.can(FAIL));
    cluster.befall(Environment::AddNode { node: N1 });
    assert!(cluster.can(node_news(N1)) && !cluster.can(FAIL));
}

/// PGC-4, DEL-3.
#[test]
fn a_deleting_pod_that_was_never_bound_is_collected() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| {
        pods::update(cluster, P0, |object| object.with_node(None).with_deletion(Deletion::Graceful));
    });
    assert!(!cluster.can(FAIL));
    cluster.take(pod_news(P0));
    cluster.settle();
    assert!(cluster.can(FAIL));
}

/// PGC-4, DEL-3: the phase is written although the object can only wait for its finalizer, and once.
#[test]
fn a_deleting_pod_that_was_never_bound_fails_while_a_finalizer_keeps_it() {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.template.node_selector = [("nowhere".into(), "1".into())].into();
        s.workload.template.finalizer = true;
    });
    cluster.settle();
    cluster.delete(P0);
    assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);
    cluster.settle();
    cluster.take(FAIL);
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
    cluster.settle();
    assert!(!cluster.can(FAIL) && !cluster.can(COLLECT) && cluster.exists(P0));
}

/// PGC-5: before 1.26 it deleted and wrote no phase.
#[test]
fn old_collectors_write_no_phase() {
    let mut cluster = of_a_missing_node("1.25".parse().expect("it is one"));
    cluster.take(FAIL);
    assert_eq!(cluster.pod(P0).phase, Phase::Pending);
    cluster.take(COLLECT);
    assert!(!cluster.exists(P0));
}

/// PGC-5, API-13: the collector goes by its copy, and its patch carries no version.
#[test]
fn an_end_that_the_collector_has_not_seen_is_overwritten() {
    let mut cluster = of_a_missing_node(Release::NEWEST);
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Succeeded));
    cluster.take(FAIL);
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
}

/// PGC-5.
#[test]
fn the_phase_of_a_terminal_pod_is_not_overwritten() {
    let mut cluster = of_a_missing_node(Release::NEWEST);
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Succeeded));
    cluster.settle();
    cluster.take(FAIL);
    assert_eq!(cluster.pod(P0).phase, Phase::Succeeded);
}

/// MOD-4, TEC-5: without the controller manager nothing is marked, tainted or evicted.
#[test]
fn without_a_controller_manager_a_failed_node_goes_unnoticed() {
    let mut cluster = silent(Environment::CrashNode { node: N0 });
    cluster.befall(Environment::StopControllerManager);
    assert!(!cluster.can(UNKNOWN));
    cluster.take(Process::StartControllerManager);
    assert!(cluster.can(UNKNOWN));
    assert!(!cluster.exists(P1));
}

/// NLC-6 (S28 `MarkPodsNotReady`): a pod that already has Ready=False is passed over.
#[test]
fn a_pod_that_is_unready_already_is_not_marked() {
    let mut cluster = TestCluster::running(2, 2, |_| {});
    assert_eq!([cluster.pod(P0).node, cluster.pod(P1).node], [Some(N0); 2]);
    cluster.befall(Environment::CrashNode { node: N0 });
    cluster.change(|cluster| pods::update(cluster, P1, |object| object.with_ready(false)));
    cluster.settle();
    cluster.take(UNKNOWN);
    assert!(cluster.can(UNREADY) && !cluster.can(NodeLifecycle::MarkPodNotReady { pod: P1 }));
}
