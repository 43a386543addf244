//! The node lifecycle controller: NLC-1 to NLC-18.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use podproof_vocabulary::Release;

use super::super::node_lifecycle::zones::ZoneState;
use super::{bench, bench_at, put_taint, update};
use crate::api::constants::{is_ready, node_condition};
use crate::api::{Key, Patch, Preconditions, Request, Resource};
use crate::operation::{Component, Process};
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, pod};
use crate::{Operation, Step};

const OWN: Component = Component::NodeLifecycle;

fn ready_of(bench: &Bench, node: &str) -> String {
    node_condition(bench.node(node), "Ready").map_or_else(String::new, |ready| ready.status.clone())
}

/// Time passes; every 10 s these nodes send heartbeats.
fn pass(bench: &mut Bench, seconds: u64, alive: &[&str]) {
    for _ in 0..seconds / 5 {
        for node in alive {
            bench.heartbeat(node, "True");
        }
        bench.pass(5);
    }
}

fn with_pod(nodes: usize, slips: Slips) -> Bench {
    let mut bench = bench(nodes, slips);
    bench.create(bound(pod("web"), "node-0"));
    bench.run("web", true);
    bench.settle();
    bench
}

fn pod_is_ready(bench: &Bench, name: &str) -> bool {
    bench.pod(name).is_some_and(is_ready)
}

#[test]
fn a_silent_node_becomes_unknown_after_grace_and_its_pods_not_ready() {
    let mut bench = with_pod(2, Slips::NONE);
    pass(&mut bench, 50, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "True", "NLC-3: grace is 50 s");
    assert!(pod_is_ready(&bench, "web"));
    pass(&mut bench, 10, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown", "NLC-1, NLC-3");
    assert_eq!(ready_of(&bench, "node-1"), "True", "NLC-2");
    assert!(!pod_is_ready(&bench, "web"), "NLC-6");
    let memory = node_condition(bench.node("node-0"), "MemoryPressure").map(|memory| memory.status.clone());
    assert_eq!(memory.as_deref(), Some("Unknown"), "NLC-3");
}

#[test]
fn before_1_32_grace_was_shorter() {
    let mut bench = bench_at(Release { minor: 31 }, 2, Slips::NONE);
    pass(&mut bench, 50, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown", "NLC-3");
}

#[test]
fn a_lease_alone_keeps_a_node_alive() {
    let alive = |slips| {
        let mut bench = bench(2, slips);
        let mut lease = Lease::default();
        lease.metadata.name = Some("node-0".to_owned());
        lease.metadata.namespace = Some("kube-node-lease".to_owned());
        bench.create(lease);
        for _ in 0..30 {
            let now = bench.now();
            update::<Lease>(&mut bench, &Key::new("kube-node-lease", "node-0"), |lease| {
                let renewed = Some(now.to_micro_time());
                lease.spec = Some(LeaseSpec { renew_time: renewed, ..LeaseSpec::default() });
            });
            bench.heartbeat("node-1", "True");
            bench.pass(5);
        }
        ready_of(&bench, "node-0") == "True"
    };
    assert!(alive(Slips::NONE), "NLC-5");
    assert!(!alive(Slips::only(Slip::LeaseIgnored)));
}

/// S28 `node_lifecycle_controller.go` `tryUpdateNodeHealth`: with a new heartbeat the lease is forgotten, and counts once more.
#[test]
fn a_new_heartbeat_lets_the_lease_count_once_more() {
    let mut bench = bench(2, Slips::NONE);
    let mut lease = Lease::default();
    lease.metadata.name = Some("node-0".to_owned());
    lease.metadata.namespace = Some("kube-node-lease".to_owned());
    let renewed = Some(bench.now().to_micro_time());
    lease.spec = Some(LeaseSpec { renew_time: renewed, ..LeaseSpec::default() });
    bench.create(lease);
    pass(&mut bench, 5, &["node-1"]);
    bench.heartbeat("node-0", "True");
    pass(&mut bench, 60, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "True", "NLC-5: 15 s and 50 s");
    pass(&mut bench, 5, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown", "NLC-3");
}

/// S28 `tryUpdateNodeHealth`: only a change of condition Ready is written.
#[test]
fn a_node_that_is_unknown_is_not_written_for_its_other_conditions() {
    let mut bench = bench(2, Slips::NONE);
    pass(&mut bench, 60, &["node-1"]);
    let memory = crate::api::patch::new_node_condition("MemoryPressure", "False", "", bench.now());
    let patch = Patch::NodeConditions(vec![memory]);
    let patch = Request::Patch(Resource::Node, Key::global("node-0"), Preconditions::NONE, patch);
    bench.call(patch).expect("it exists");
    pass(&mut bench, 10, &["node-1"]);
    let memory = node_condition(bench.node("node-0"), "MemoryPressure").map(|memory| memory.status.clone());
    assert_eq!((ready_of(&bench, "node-0").as_str(), memory.as_deref()), ("Unknown", Some("False")), "NLC-3");
}

#[test]
fn a_node_that_never_was_ready_has_a_minute() {
    let mut bench = bench(1, Slips::NONE);
    let mut node = k8s_openapi::api::core::v1::Node::default();
    node.metadata.name = Some("new".to_owned());
    bench.create(node);
    pass(&mut bench, 60, &["node-0"]);
    assert_eq!(ready_of(&bench, "new"), "", "NLC-3");
    pass(&mut bench, 10, &["node-0"]);
    assert_eq!(ready_of(&bench, "new"), "Unknown", "NLC-3");
}

#[test]
fn a_restart_gives_every_node_a_whole_new_grace() {
    let mut bench = bench(2, Slips::NONE);
    pass(&mut bench, 40, &["node-1"]);
    bench.cluster.stop(Process::ControllerManager);
    bench.cluster.start(Process::ControllerManager);
    pass(&mut bench, 50, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "True", "NLC-4");
    pass(&mut bench, 10, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown", "NLC-4");
}

#[test]
fn taints_follow_the_pass_after() {
    let mut bench = bench(2, Slips::NONE);
    pass(&mut bench, 55, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown");
    assert_eq!(bench.taints("node-0"), ["unreachable:NoSchedule"], "NLC-9, NLC-13");
    pass(&mut bench, 5, &["node-1"]);
    assert_eq!(bench.taints("node-0"), ["unreachable:NoExecute", "unreachable:NoSchedule"], "NLC-9, NLC-10");
    bench.heartbeat("node-0", "True");
    pass(&mut bench, 5, &["node-1"]);
    assert!(bench.taints("node-0").is_empty(), "NLC-10");
}

/// Is it the arrival of a patch of a node's taints?
fn patches_taints(bench: &Bench, operation: &Operation) -> bool {
    matches!(operation.step, Step::Arrive(_))
        && bench
            .request(operation)
            .is_some_and(|request| matches!(request, Request::Patch(_, _, _, Patch::NodeTaints { .. })))
}

/// Lets one patch of taints arrive, and all else that happens then but the next one.
fn patch_once(bench: &mut Bench, component: Component) {
    let call = bench.writes(component).remove(0);
    bench.arrive(&call);
    bench.settle_but(patches_taints);
}

#[test]
fn a_taint_is_swapped_for_another_in_two_patches() {
    let mut bench = bench(2, Slips::NONE);
    bench.heartbeat("node-0", "False");
    pass(&mut bench, 5, &["node-1"]);
    assert_eq!(bench.taints("node-0"), ["not-ready:NoExecute", "not-ready:NoSchedule"]);
    for _ in 0..12 {
        bench.heartbeat("node-1", "True");
        bench.pass_but(5, patches_taints);
    }
    assert_eq!(ready_of(&bench, "node-0"), "Unknown");
    // `SwapNodeControllerTaint`: of each effect first the new taint, then the old one.
    for taints in [
        &["not-ready:NoExecute", "not-ready:NoSchedule", "unreachable:NoSchedule"][..],
        &["not-ready:NoExecute", "not-ready:NoSchedule", "unreachable:NoExecute", "unreachable:NoSchedule"],
        &["not-ready:NoExecute", "unreachable:NoExecute", "unreachable:NoSchedule"],
        &["unreachable:NoExecute", "unreachable:NoSchedule"],
    ] {
        patch_once(&mut bench, OWN);
        assert_eq!(bench.taints("node-0"), taints);
    }
    assert!(bench.writes(OWN).is_empty());
}

#[test]
fn both_taints_come_off_one_after_the_other() {
    let mut bench = bench(2, Slips::NONE);
    bench.heartbeat("node-0", "False");
    pass(&mut bench, 5, &["node-1"]);
    put_taint(&mut bench, "node-0", crate::api::constants::taint::UNREACHABLE, "NoExecute");
    bench.heartbeat("node-0", "True");
    bench.pass_but(5, patches_taints);
    let no_execute = |bench: &Bench| {
        let taints = bench.taints("node-0").into_iter();
        taints.filter(|taint| taint.ends_with("NoExecute")).collect::<Vec<_>>()
    };
    let of_execute = |bench: &Bench| {
        let calls = bench.writes(OWN).into_iter();
        let removes = |request: &Request| {
            matches!(request, Request::Patch(_, _, _, Patch::NodeTaints { remove, .. })
                if remove.iter().any(|taint| taint.effect == "NoExecute"))
        };
        calls.filter(|call| removes(&call.request)).collect::<Vec<_>>()
    };
    for left in [&["not-ready:NoExecute"][..], &[]] {
        let call = of_execute(&bench).remove(0);
        bench.arrive(&call);
        bench.settle_but(patches_taints);
        assert_eq!(no_execute(&bench), left, "markNodeAsReachable");
    }
}

#[test]
fn a_node_that_says_itself_that_it_is_not_ready_keeps_its_pods_ready() {
    let mut bench = with_pod(2, Slips::NONE);
    for _ in 0..4 {
        bench.heartbeat("node-0", "False");
        pass(&mut bench, 5, &["node-1"]);
    }
    assert!(pod_is_ready(&bench, "web"), "NLC-7");
    assert_eq!(bench.taints("node-0"), ["not-ready:NoExecute", "not-ready:NoSchedule"], "NLC-10");
    // It falls silent: the taint is swapped at once, and the pods stay as they are.
    pass(&mut bench, 65, &["node-1"]);
    assert_eq!(bench.taints("node-0"), ["unreachable:NoExecute", "unreachable:NoSchedule"], "NLC-10");
    assert!(pod_is_ready(&bench, "web"), "NLC-7");
    // A pod that comes to it now is marked.
    bench.create(bound(pod("late"), "node-0"));
    bench.run("late", true);
    bench.settle();
    bench.pass(1);
    assert!(bench.pod("late").is_some());
}

#[test]
fn a_pod_that_is_bound_to_a_silent_node_is_marked() {
    let mut bench = with_pod(2, Slips::NONE);
    pass(&mut bench, 60, &["node-1"]);
    bench.create(pod("late"));
    bench.run("late", true);
    bench.settle();
    let bind = Request::Bind {
        pod: crate::testing::key("late"),
        preconditions: Preconditions::NONE,
        node: "node-0".into(),
    };
    bench.call(bind).expect("it is not bound");
    bench.settle();
    assert!(!pod_is_ready(&bench, "late"), "NLC-7");
}

/// Is it the arrival of a patch of a pod's status?
fn marks(bench: &Bench, operation: &Operation) -> bool {
    operation.component == OWN
        && matches!(operation.step, Step::Arrive(_))
        && bench
            .request(operation)
            .is_some_and(|request| matches!(request, Request::Patch(Resource::Pod, ..)))
}

#[test]
fn a_mark_that_failed_is_tried_in_the_next_pass() {
    let marked = |slips| {
        let mut bench = with_pod(2, slips);
        for _ in 0..11 {
            bench.heartbeat("node-1", "True");
            bench.pass_but(5, marks);
        }
        assert_eq!(ready_of(&bench, "node-0"), "Unknown");
        let call = bench.writes(OWN).remove(0);
        bench.lose(OWN, call.id);
        pass(&mut bench, 10, &["node-1"]);
        !pod_is_ready(&bench, "web")
    };
    assert!(marked(Slips::NONE), "NLC-8");
    assert!(!marked(Slips::only(Slip::NotReadyMarkNotRetried)));
}

#[test]
fn nodes_of_one_zone_are_tainted_one_in_ten_seconds() {
    let mut bench = bench(0, Slips::NONE);
    for index in 0..5 {
        bench.create_node(&format!("node-{index}"), &[("topology.kubernetes.io/zone", "a")]);
    }
    bench.settle();
    let tainted = |bench: &Bench| {
        let has =
            |index: &u32| bench.taints(&format!("node-{index}")).iter().any(|t| t == "unreachable:NoExecute");
        (0..5).filter(has).count()
    };
    // Two of five fall silent: the zone is normal.
    let alive = ["node-2", "node-3", "node-4"];
    pass(&mut bench, 65, &alive);
    assert_eq!(tainted(&bench), 1, "NLC-11: the first at once");
    pass(&mut bench, 5, &alive);
    assert_eq!(tainted(&bench), 1, "NLC-11");
    pass(&mut bench, 10, &alive);
    assert_eq!(tainted(&bench), 2, "NLC-11: the next ten seconds later");
}

#[test]
fn a_node_that_is_ready_by_now_is_not_tainted() {
    let tainted = |slips| {
        let mut bench = bench(0, slips);
        for index in 0..5 {
            bench.create_node(&format!("node-{index}"), &[("topology.kubernetes.io/zone", "a")]);
        }
        bench.settle();
        let alive = ["node-2", "node-3", "node-4"];
        pass(&mut bench, 65, &alive);
        let waits = if bench.taints("node-0").len() == 1 { "node-0" } else { "node-1" };
        // The second node comes back while it waits for its taint; the passes are held back.
        bench.heartbeat(waits, "True");
        bench.pass_but(20, |_, operation| operation.step == Step::Wake(crate::operation::Timer::NodeMonitor));
        bench.taints(waits).iter().any(|taint| taint == "unreachable:NoExecute")
    };
    assert!(!tainted(Slips::NONE), "NLC-12");
    assert!(tainted(Slips::only(Slip::TaintWithoutRecheck)));
}

#[test]
fn conditions_are_mirrored_as_taints_at_once() {
    let mut bench = bench(2, Slips::NONE);
    bench.heartbeat("node-0", "False");
    bench.settle();
    assert_eq!(bench.taints("node-0"), ["not-ready:NoSchedule"], "NLC-13");
    let cordon = |on| {
        Request::Patch(
            Resource::Node,
            Key::global("node-0"),
            Preconditions::NONE,
            Patch::NodeUnschedulable(on),
        )
    };
    bench.heartbeat("node-0", "True");
    bench.call(cordon(true)).expect("it exists");
    bench.settle();
    assert_eq!(bench.taints("node-0"), ["unschedulable:NoSchedule"], "NLC-13");
    bench.call(cordon(false)).expect("it exists");
    bench.settle();
    assert!(bench.taints("node-0").is_empty(), "NLC-13");
    let pressure = crate::api::patch::new_node_condition("MemoryPressure", "True", "", bench.now());
    let patch = Patch::NodeConditions(vec![pressure]);
    bench
        .call(Request::Patch(Resource::Node, Key::global("node-0"), Preconditions::NONE, patch))
        .expect("it exists");
    bench.settle();
    assert_eq!(bench.taints("node-0"), ["memory-pressure:NoSchedule"], "NLC-13");
}

#[test]
fn a_taint_of_somebody_else_stays() {
    let mut bench = bench(2, Slips::NONE);
    put_taint(&mut bench, "node-0", "mine", "NoSchedule");
    bench.heartbeat("node-0", "False");
    bench.settle();
    bench.heartbeat("node-0", "True");
    bench.settle();
    assert_eq!(bench.taints("node-0"), ["mine:NoSchedule"]);
}

#[test]
fn zones_are_judged_by_how_many_of_their_nodes_are_ready() {
    let cases = [
        (0, 1, ZoneState::FullDisruption),
        (0, 5, ZoneState::FullDisruption),
        (1, 3, ZoneState::Normal),
        (1, 4, ZoneState::PartialDisruption),
        (3, 6, ZoneState::Normal),
        (4, 9, ZoneState::PartialDisruption),
        (9, 20, ZoneState::PartialDisruption),
        (10, 20, ZoneState::Normal),
    ];
    for (ready, total, state) in cases {
        assert_eq!(ZoneState::of(ready, total), state, "NLC-14: {ready} of {total}");
    }
}

#[test]
fn a_small_zone_that_is_mostly_dark_is_not_tainted() {
    let mut bench = bench(0, Slips::NONE);
    for index in 0..5 {
        bench.create_node(&format!("node-{index}"), &[("topology.kubernetes.io/zone", "a")]);
    }
    bench.settle();
    // Three of five: more than 55 %, and the zone is small.
    pass(&mut bench, 120, &["node-0", "node-1"]);
    let tainted = (2..5)
        .filter(|index| bench.taints(&format!("node-{index}")).contains(&"unreachable:NoExecute".to_owned()));
    assert!(tainted.count() <= 1, "NLC-15: the first may have gone before the zone was judged");
}

#[test]
fn when_everything_is_dark_taints_come_off_and_no_more_are_set() {
    let tainted = |slips| {
        let mut bench = bench(2, slips);
        pass(&mut bench, 65, &["node-1"]);
        assert!(bench.taints("node-0").contains(&"unreachable:NoExecute".to_owned()));
        // The other one falls silent too.
        pass(&mut bench, 200, &[]);
        assert_eq!(ready_of(&bench, "node-1"), "Unknown");
        ["node-0", "node-1"]
            .iter()
            .any(|node| bench.taints(node).contains(&"unreachable:NoExecute".to_owned()))
    };
    assert!(!tainted(Slips::NONE), "NLC-16");
    assert!(tainted(Slips::only(Slip::FullDisruptionTaints)));
}

#[test]
fn after_total_darkness_a_node_that_is_unknown_is_tainted_again() {
    let mut bench = bench(2, Slips::NONE);
    pass(&mut bench, 120, &[]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown");
    pass(&mut bench, 5, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-1"), "True");
    pass(&mut bench, 20, &["node-1"]);
    assert!(
        bench.taints("node-0").contains(&"unreachable:NoExecute".to_owned()),
        "NLC-10: its condition is Unknown"
    );
}

#[test]
fn a_restarted_controller_takes_a_node_to_be_reachable_first() {
    let mut bench = bench(2, Slips::NONE);
    pass(&mut bench, 65, &["node-1"]);
    assert!(bench.taints("node-0").contains(&"unreachable:NoExecute".to_owned()));
    bench.cluster.stop(Process::ControllerManager);
    bench.cluster.start(Process::ControllerManager);
    bench.heartbeat("node-1", "True");
    let turn = Step::Wake(crate::operation::Timer::TaintPass);
    // None is tainted before the taints are off.
    bench.settle_but(patches_taints);
    assert!(bench.pending().iter().all(|operation| operation.step != turn), "evictorLock");
    bench.settle_but(|_, operation| operation.step == turn);
    assert!(!bench.taints("node-0").contains(&"unreachable:NoExecute".to_owned()), "monitorNodeHealth");
    // The pass that takes the taint off queues the node by the copy of before.
    bench.settle();
    assert!(bench.taints("node-0").contains(&"unreachable:NoExecute".to_owned()), "markNodeForTainting");
}

/// NLC-17: a node that says itself that it is not ready, and falls silent, is not Unknown before a whole grace since the darkness ended.
#[test]
fn after_total_darkness_a_silent_node_has_a_whole_grace_again() {
    let mut bench = bench(2, Slips::NONE);
    for node in ["node-0", "node-1"] {
        bench.heartbeat(node, "False");
    }
    bench.pass(40);
    assert_eq!(ready_of(&bench, "node-0"), "False", "50 s are not over");
    pass(&mut bench, 30, &["node-1"]);
    assert_eq!(
        ready_of(&bench, "node-0"),
        "False",
        "NLC-17: 70 s of silence, 30 s since somebody is Ready again"
    );
    pass(&mut bench, 40, &["node-1"]);
    assert_eq!(ready_of(&bench, "node-0"), "Unknown", "NLC-3");
}
