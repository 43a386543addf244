//! The PLEG: what a relist shows, what makes it stuck, and what a stuck one does to node and pods.

use podproof_vocabulary::action::{
    Action, Environment, Kubelet, NodeLifecycle, TaintEviction, Watch, Watcher,
};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::observation::{NodeReady, Phase, Process, Sandbox};
use podproof_vocabulary::scenario::{Hang, Scenario};

use crate::kubelet::pleg::{is_stuck, runtime_answers};
use crate::test_cluster::{C0, N0, N1, P0, P1, TestCluster};

const RELIST: Kubelet = Kubelet::Relist { node: N0 };
const NOTICE: Kubelet = Kubelet::NoticeHang { node: N0 };

fn cached(cluster: &TestCluster) -> (Process, Sandbox) {
    cluster.look(|cluster| (cluster.container(P0, C0).cached(), cluster.pod(P0).kubelet.sandbox_cached()))
}

/// PLEG-2, PLEG-9.
#[test]
fn a_relist_is_due_exactly_while_the_cache_is_behind_the_runtime() {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    assert!(!cluster.can(RELIST));
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert!(cluster.can(RELIST) && !cluster.can(Kubelet::Relist { node: N1 }));
    assert_eq!(cached(&cluster).0, Process::Running);
    cluster.take(RELIST);
    assert_eq!(cached(&cluster).0, Process::ExitedError);
    assert!(!cluster.can(RELIST));
}

/// PLEG-5: what happens between two relists is seen as one change, of every pod of the node.
#[test]
fn changes_between_two_relists_coalesce() {
    let mut cluster = TestCluster::running(2, 1, |_| {});
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.befall(Environment::CrashContainer { pod: P1, container: C0 });
    cluster.take(RELIST);
    assert_eq!(cached(&cluster), (Process::ExitedError, Sandbox::Dead));
    assert_eq!(cluster.look(|cluster| cluster.container(P1, C0).cached()), Process::ExitedError);
}

/// STM-9, 5.5: a life between two relists is never shown.
#[test]
fn a_container_that_lives_and_dies_between_two_relists_was_never_seen_running() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. })));
    cluster.take(Kubelet::StartContainer { pod: P0, container: C0 });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    let told = cluster.look(|cluster| crate::kubelet::status::status(cluster, P0));
    assert_eq!((told.0, told.1), (Phase::Pending, false), "nothing is said of it before the relist");
    cluster.take(RELIST);
    cluster.take(Kubelet::ReportStatus { pod: P0 });
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Running, false));
}

fn hung(hang: Hang, replicas: u8, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::running(replicas, 2, |s| {
        s.hang = hang;
        tweak(s);
    });
    cluster.befall(Environment::HangRuntime { node: N0 });
    cluster
}

/// F-7, PLEG-22.
#[test]
fn each_cause_stops_the_relist_and_only_a_time_out_stops_the_runtime() {
    for (hang, answers) in [
        (Hang::RpcTimeout, false),
        (Hang::StuckInspect, true),
        (Hang::TooManyPods { limit: 0 }, true),
        (Hang::CniStatus, true),
    ] {
        let mut cluster = hung(hang, 1, |_| {});
        assert!(cluster.look(|cluster| is_stuck(cluster, N0) && !is_stuck(cluster, N1)), "{hang:?}");
        assert_eq!(cluster.look(|cluster| runtime_answers(cluster, N0)), answers, "{hang:?}");
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        assert!(!cluster.can(RELIST));
    }
}

/// F-7.
#[test]
fn too_many_pods_are_no_problem_once_there_are_fewer() {
    let mut cluster = hung(Hang::TooManyPods { limit: 1 }, 2, |_| {});
    assert!(cluster.look(|cluster| is_stuck(cluster, N0)));
    cluster.change(|cluster| crate::kubelet::sandbox::stop(cluster, P1));
    assert!(cluster.look(|cluster| !is_stuck(cluster, N0)));
}

/// F-7: the status of a sandbox includes its network.
#[test]
fn a_failed_network_plugin_sticks_the_relist_only_where_its_cause_is_that() {
    let mut cluster = TestCluster::running(1, 1, |s| s.hang = Hang::CniStatus);
    cluster.befall(Environment::FailCni { node: N0 });
    assert!(cluster.look(|cluster| is_stuck(cluster, N0)));
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.befall(Environment::FailCni { node: N0 });
    assert!(cluster.look(|cluster| !is_stuck(cluster, N0)));
}

/// PLEG-4.
#[test]
fn a_hang_is_noticed_only_while_the_relist_is_stuck() {
    let cluster = TestCluster::running(1, 2, |_| {});
    assert!(!cluster.can(NOTICE));
    let cluster = hung(Hang::RpcTimeout, 1, |_| {});
    assert!(cluster.can(NOTICE) && !cluster.can(Kubelet::NoticeHang { node: N1 }));
    let cluster = hung(Hang::RpcTimeout, 1, |s| s.mutant = Some(Mutant::PlegAlwaysHealthy));
    assert!(!cluster.can(NOTICE));
}

/// An assumption that can be switched off.
#[test]
fn an_inaccurate_detector_may_fire_without_a_cause() {
    let cluster = TestCluster::running(1, 1, |s| {
        s.inaccurate_detectors = true;
        s.events.set(podproof_vocabulary::event::EventName::RuntimeHang, 1);
    });
    assert!(cluster.can(NOTICE));
    assert!(cluster.can(NodeLifecycle::MarkNodeUnknown { node: N0 }));
}

/// PLEG-20, NLC-7, SRC-5, SRC-5b, NF-18, as the recording of a hung runtime shows: the node becomes NotReady, its pods
/// stay Ready and get traffic until they are deleted, and that deletion is not executed.
#[test]
fn a_hung_runtime_makes_the_node_not_ready_and_leaves_its_pods_as_they_are() {
    let mut cluster = hung(Hang::RpcTimeout, 1, |_| {});
    assert_eq!(cluster.pod(P0).node, Some(N0));
    cluster.take(NOTICE);
    cluster.take(Kubelet::ReportNodeStatus { node: N0 });
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::False);
    cluster.settle();
    assert!(cluster.seen().nodes[0].taints.not_ready_no_execute);
    assert!(!cluster.can(NodeLifecycle::MarkNodeUnknown { node: N0 }), "the lease is renewed (NOD-4)");
    assert!(cluster.pod(P0).ready);
    assert!(cluster.seen().slots[0].endpoint.unwrap().ready);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);

    cluster.take(TaintEviction::DeletePod { pod: P0 });
    assert!(!cluster.can(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 }), "nobody takes the news");
    cluster.settle();
    assert!(!cluster.seen().slots[0].endpoint.unwrap().ready);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
    assert!(cluster.exists(P0));
    assert_eq!((cluster.pod(P1).node, cluster.pod(P1).ready), (Some(N1), true), "the replacement");
}

/// PLEG-24.
#[test]
fn the_first_relist_after_a_hang_makes_the_kubelet_work_again() {
    let mut cluster = hung(Hang::RpcTimeout, 1, |_| {});
    cluster.take(NOTICE);
    cluster.delete(P0);
    cluster.change(|cluster| cluster.nodes[0].machine.set_hung(false));
    cluster.take(RELIST);
    assert!(cluster.can(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 }));
    cluster.settle();
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::True);
    assert!(!cluster.seen().nodes[0].taints.not_ready_no_execute);
}

/// F-7: without a sandbox there is no status to read.
#[test]
fn a_failed_network_plugin_sticks_no_relist_of_a_node_without_sandboxes() {
    let mut cluster = TestCluster::running(1, 1, |s| s.hang = Hang::CniStatus);
    cluster.befall(Environment::FailCni { node: N0 });
    assert!(cluster.look(|cluster| is_stuck(cluster, N0)));
    cluster.change(|cluster| crate::kubelet::sandbox::stop(cluster, P0));
    assert!(cluster.look(|cluster| !is_stuck(cluster, N0)));
}

/// Where no runtime may hang there is no detector to err.
#[test]
fn an_inaccurate_detector_of_hangs_is_silent_where_nothing_may_hang() {
    let cluster = TestCluster::running(1, 1, |s| s.inaccurate_detectors = true);
    assert!(!cluster.can(NOTICE));
    assert!(cluster.can(NodeLifecycle::MarkNodeUnknown { node: N0 }), "others err all the same");
}
