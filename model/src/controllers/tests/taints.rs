//! Which taints the node lifecycle controller sets and removes, and in how many patches.

use podproof_vocabulary::action::{Environment, NodeLifecycle, TaintEviction, Watch, Watcher};
use podproof_vocabulary::observation::{NodeReady, TaintsSeen};
use podproof_vocabulary::release::Release;

use crate::controllers::node_lifecycle::update;
use crate::state::NodeObject;
use crate::test_cluster::{N0, N1, P0, TestCluster};

const NO_SCHEDULE: NodeLifecycle = NodeLifecycle::TaintNoSchedule { node: N0 };
const NO_EXECUTE: NodeLifecycle = NodeLifecycle::TaintNoExecute { node: N0 };
const EVICT: TaintEviction = TaintEviction::DeletePod { pod: P0 };

/// The releases on both sides of 1.26, from which on a patch carries the version that it was made from.
const BOTH: [u8; 2] = [25, 26];

fn news(node: podproof_vocabulary::NodeId) -> Watch {
    Watch::DeliverNode { to: Watcher::ControllerManager, node }
}

/// Two nodes and a pod on the first.
fn running(minor: u8) -> TestCluster {
    TestCluster::running(1, 2, |s| s.release = Release { minor })
}

/// Something about the first node changes, and the controller sees it.
fn becomes(cluster: &mut TestCluster, change: impl FnOnce(NodeObject) -> NodeObject) {
    cluster.change(|cluster| update(cluster, N0, change));
    cluster.take(news(N0));
}

fn taints(cluster: &TestCluster) -> TaintsSeen {
    cluster.seen().nodes[0].taints
}

/// not-ready and unreachable, each with effect NoSchedule and NoExecute; the recordings name them in this order.
fn list(cluster: &TestCluster) -> Vec<&'static str> {
    let taints = taints(cluster);
    let all = [
        ("unreachable:NoSchedule", taints.unreachable_no_schedule),
        ("unreachable:NoExecute", taints.unreachable_no_execute),
        ("not-ready:NoSchedule", taints.not_ready_no_schedule),
        ("not-ready:NoExecute", taints.not_ready_no_execute),
    ];
    all.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect()
}

/// NLC-13.
#[test]
fn no_schedule_taints_mirror_what_the_controller_sees() {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    let mut taints_after = |change: fn(NodeObject) -> NodeObject| {
        cluster.change(|cluster| update(cluster, N0, change));
        assert!(!cluster.can(NO_SCHEDULE), "not before it is seen");
        cluster.take(news(N0));
        while cluster.can(NO_SCHEDULE) {
            cluster.take(NO_SCHEDULE);
            cluster.take(news(N0));
        }
        let taints = taints(&cluster);
        (taints.not_ready_no_schedule, taints.unreachable_no_schedule, taints.unschedulable_no_schedule)
    };
    assert_eq!(taints_after(|node| node.with_unschedulable(true)), (false, false, true));
    assert_eq!(taints_after(|node| node.with_ready(NodeReady::False)), (true, false, true));
    assert_eq!(taints_after(|node| node.with_ready(NodeReady::Unknown)), (false, true, true));
    assert_eq!(
        taints_after(|node| node.with_ready(NodeReady::True).with_unschedulable(false)),
        (false, false, false)
    );
}

/// NLC-9, NLC-10: the taint follows the condition that was seen.
#[test]
fn no_execute_taints_follow_the_condition_that_the_controller_sees() {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    let mut taints_after = |ready| {
        cluster.change(|cluster| update(cluster, N0, |node| node.with_ready(ready)));
        assert!(!cluster.can(NO_EXECUTE), "not before it is seen");
        cluster.take(news(N0));
        while cluster.can(NO_EXECUTE) {
            cluster.take(NO_EXECUTE);
            cluster.take(news(N0));
        }
        let taints = taints(&cluster);
        (taints.not_ready_no_execute, taints.unreachable_no_execute)
    };
    assert_eq!(taints_after(NodeReady::False), (true, false));
    assert_eq!(taints_after(NodeReady::Unknown), (false, true));
    assert_eq!(taints_after(NodeReady::True), (false, false));
}

/// NLC-10, NLC-13, `SwapNodeControllerTaint`, as the recordings of nodes that come back show: first what is new is set, then what is
/// over is removed. A patch that is made from the copy waits for the news of the one before it.
#[test]
fn one_taint_is_swapped_for_another_in_two_patches() {
    for minor in BOTH {
        for (step, new, old) in [
            (NO_SCHEDULE, "not-ready:NoSchedule", "unreachable:NoSchedule"),
            (NO_EXECUTE, "not-ready:NoExecute", "unreachable:NoExecute"),
        ] {
            let mut cluster = running(minor);
            becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
            cluster.take(step);
            cluster.take(news(N0));
            assert_eq!((list(&cluster), cluster.can(step)), (vec![old], false), "one patch sets it");
            becomes(&mut cluster, |node| node.with_ready(NodeReady::False));
            cluster.take(step);
            assert_eq!(list(&cluster), [old, new], "1.{minor}: both, between the two patches");
            assert_eq!(cluster.can(step), minor >= 26, "1.{minor}");
            if minor < 26 {
                cluster.take(news(N0));
            }
            cluster.take(step);
            assert_eq!(list(&cluster), [new], "1.{minor}");
            becomes(&mut cluster, |node| node.with_ready(NodeReady::True));
            cluster.take(step);
            assert!(list(&cluster).is_empty() && !cluster.can(step), "1.{minor}: one patch removes it");
        }
    }
}

/// NLC-10, `markNodeAsReachable`: both taints, as they are between the two patches of a swap, come off one after the other.
#[test]
fn both_no_execute_taints_come_off_one_after_the_other() {
    for minor in BOTH {
        let mut cluster = running(minor);
        becomes(&mut cluster, |node| node.with_not_ready_no_execute(true).with_unreachable_no_execute(true));
        cluster.take(NO_EXECUTE);
        assert_eq!(list(&cluster), ["not-ready:NoExecute"], "1.{minor}");
        assert_eq!(cluster.can(NO_EXECUTE), minor >= 26, "1.{minor}");
        if minor < 26 {
            cluster.take(news(N0));
        }
        cluster.take(NO_EXECUTE);
        assert!(list(&cluster).is_empty() && !cluster.can(NO_EXECUTE), "1.{minor}");
    }
}

/// NLC-13, `TaintSetDiff`: what a worker sets and removes is read from its copy, whatever the node has by now.
#[test]
fn a_patch_removes_only_taints_that_the_copy_has() {
    let mut cluster = running(36);
    becomes(&mut cluster, |node| node.with_unschedulable_no_schedule(true));
    cluster.change(|cluster| update(cluster, N0, |node| node.with_not_ready_no_schedule(true)));
    cluster.take(NO_SCHEDULE);
    assert!(taints(&cluster).not_ready_no_schedule && !taints(&cluster).unschedulable_no_schedule);
    assert!(!cluster.can(NO_SCHEDULE));
    cluster.take(news(N0));
    cluster.take(NO_SCHEDULE);
    assert!(!taints(&cluster).not_ready_no_schedule);
}

/// kubernetes/kubernetes#113136: the lists that the node of the recording of a node that fails and returns had one after the other, in
/// release 1.20, from the moment when its kubelet is back.
#[test]
fn before_1_26_a_patch_brings_back_what_was_removed_since_its_copy() {
    let mut cluster = running(20);
    becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
    for step in [NO_SCHEDULE, NO_EXECUTE] {
        cluster.take(step);
        cluster.take(news(N0));
    }
    assert_eq!(list(&cluster), ["unreachable:NoSchedule", "unreachable:NoExecute"]);
    becomes(&mut cluster, |node| node.with_ready(NodeReady::False));
    cluster.take(NO_SCHEDULE);
    cluster.take(news(N0));
    assert_eq!(list(&cluster), ["unreachable:NoSchedule", "unreachable:NoExecute", "not-ready:NoSchedule"]);
    cluster.take(NO_SCHEDULE);
    assert_eq!(list(&cluster), ["unreachable:NoExecute", "not-ready:NoSchedule"]);
    // Of the copy that the controller has still.
    cluster.take(NO_EXECUTE);
    assert_eq!(
        list(&cluster),
        ["unreachable:NoSchedule", "unreachable:NoExecute", "not-ready:NoSchedule", "not-ready:NoExecute"]
    );
    cluster.take(news(N0));
    cluster.take(NO_SCHEDULE);
    assert_eq!(list(&cluster), ["unreachable:NoExecute", "not-ready:NoSchedule", "not-ready:NoExecute"]);
    cluster.take(NO_EXECUTE);
    assert_eq!(list(&cluster), ["unreachable:NoSchedule", "not-ready:NoSchedule", "not-ready:NoExecute"]);
    cluster.take(news(N0));
    cluster.take(NO_SCHEDULE);
    assert_eq!(list(&cluster), ["not-ready:NoSchedule", "not-ready:NoExecute"]);
}

/// The same moments from 1.26 on: what was removed stays away.
#[test]
fn from_1_26_on_a_patch_changes_only_the_taints_that_it_is_about() {
    let mut cluster = running(26);
    becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
    for step in [NO_SCHEDULE, NO_EXECUTE] {
        cluster.take(step);
        cluster.take(news(N0));
    }
    becomes(&mut cluster, |node| node.with_ready(NodeReady::False));
    cluster.take(NO_SCHEDULE);
    cluster.take(NO_SCHEDULE);
    assert_eq!(list(&cluster), ["unreachable:NoExecute", "not-ready:NoSchedule"]);
    cluster.take(NO_EXECUTE);
    cluster.take(NO_EXECUTE);
    assert_eq!(list(&cluster), ["not-ready:NoSchedule", "not-ready:NoExecute"]);
}

/// kubernetes/kubernetes#113136: whoever else taints the node may lose it, or get it back.
#[test]
fn before_1_26_a_patch_undoes_what_an_operator_did_since_its_copy() {
    for (minor, step) in BOTH.into_iter().flat_map(|minor| [(minor, NO_SCHEDULE), (minor, NO_EXECUTE)]) {
        for (first, then) in [
            (None, Environment::TaintNode { node: N0 }),
            (Some(Environment::TaintNode { node: N0 }), Environment::UntaintNode { node: N0 }),
        ] {
            let mut cluster = running(minor);
            if let Some(first) = first {
                cluster.befall(first);
                cluster.take(news(N0));
            }
            becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
            cluster.befall(then);
            let wanted = taints(&cluster).custom;
            assert_eq!(wanted, first.is_none());
            cluster.take(step);
            assert_eq!(taints(&cluster).custom == wanted, minor >= 26, "1.{minor} {step:?} {then:?}");
        }
    }
}

/// API-5: before 1.26 a patch that was sent is not sent again before its news arrive, and one that another has overwritten is.
#[test]
fn a_patch_that_changes_nothing_is_none() {
    for step in [NO_SCHEDULE, NO_EXECUTE] {
        let mut cluster = running(25);
        becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
        cluster.take(step);
        assert!(!cluster.can(step), "{step:?}");
        cluster.change(|cluster| {
            update(cluster, N0, |node| {
                node.with_unreachable_no_schedule(false).with_unreachable_no_execute(false)
            });
        });
        assert!(cluster.can(step), "{step:?}");
    }
}

/// NLC-16, NLC-18: with no ready node left nobody is evicted, and the taints that were set are taken back.
#[test]
fn with_all_nodes_down_the_no_execute_taints_go() {
    let mut alone = TestCluster::running(1, 1, |_| {});
    becomes(&mut alone, |node| node.with_ready(NodeReady::Unknown));
    assert!(alone.can(NO_SCHEDULE) && !alone.can(NO_EXECUTE));

    let mut cluster = TestCluster::running(1, 2, |_| {});
    becomes(&mut cluster, |node| node.with_ready(NodeReady::Unknown));
    cluster.take(NO_EXECUTE);
    cluster.take(news(N0));
    assert!(cluster.can(EVICT), "in 300 s");
    cluster.change(|cluster| update(cluster, N1, |node| node.with_ready(NodeReady::Unknown)));
    cluster.take(news(N1));
    cluster.take(NO_EXECUTE);
    assert!(!taints(&cluster).unreachable_no_execute);
    cluster.take(news(N0));
    assert!(!cluster.can(EVICT), "nobody is evicted");
}
