//! The taint eviction controller: TEC-1 to TEC-11.

use k8s_openapi::api::core::v1::{Taint, Toleration};
use podproof_vocabulary::Release;

use super::{bench, bench_at, put_taint};
use crate::api::constants::pod_condition;
use crate::api::{Key, Kind, Patch, Preconditions, Request, Resource};
use crate::operation::{Component, Process};
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, delivers, pod};
use crate::{Operation, Step};

const OWN: Component = Component::TaintEviction;

fn taint(bench: &mut Bench, keys: &[&str], remove: &[&str]) {
    let taint =
        |key: &&str| Taint { key: (*key).to_owned(), effect: "NoExecute".to_owned(), ..Taint::default() };
    let patch = Patch::NodeTaints {
        add: keys.iter().map(taint).collect(),
        remove: remove.iter().map(taint).collect(),
    };
    let patch = Request::Patch(Resource::Node, Key::global("node-0"), Preconditions::NONE, patch);
    bench.call(patch).expect("it exists");
    bench.settle();
}

/// A pod on node-0 that tolerates each of these for so long, or for ever.
fn with_pod(tolerations: &[(&str, Option<i64>)], slips: Slips) -> Bench {
    let mut bench = bench(2, slips);
    let mut web = bound(pod("web"), "node-0");
    let toleration = |(key, seconds): &(&str, Option<i64>)| Toleration {
        key: Some((*key).to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: *seconds,
        ..Toleration::default()
    };
    web.spec.get_or_insert_default().tolerations = Some(tolerations.iter().map(toleration).collect());
    bench.create(web);
    bench.run("web", true);
    bench.settle();
    bench
}

fn is_deleting(bench: &Bench) -> bool {
    bench.pod("web").is_none_or(|pod| pod.is_deleting())
}

/// Time passes; the nodes send no heartbeats, so what their controller does is held back.
fn pass(bench: &mut Bench, seconds: u64) {
    bench.pass_but(seconds, |_, operation| operation.component == Component::NodeLifecycle);
}

#[test]
fn a_pod_that_does_not_tolerate_is_deleted_at_once() {
    let mut bench = with_pod(&[], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    assert!(is_deleting(&bench), "TEC-2");
    let pod = bench.pod("web").expect("TEC-7: it has its grace");
    let target = pod_condition(pod, "DisruptionTarget").and_then(|target| target.reason.clone());
    assert_eq!(target.as_deref(), Some("DeletionByTaintManager"), "TEC-7");
}

#[test]
fn before_1_26_no_condition_is_set() {
    let mut bench = bench_at(Release { minor: 25 }, 2, Slips::NONE);
    bench.create(bound(pod("web"), "node-0"));
    bench.settle();
    taint(&mut bench, &["custom"], &[]);
    let pod = bench.pod("web").expect("it has its grace");
    assert!(pod.is_deleting() && pod_condition(pod, "DisruptionTarget").is_none(), "TEC-7");
}

#[test]
fn a_toleration_lasts_as_long_as_it_says() {
    let mut bench = with_pod(&[("custom", Some(30))], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 29);
    assert!(!is_deleting(&bench), "TEC-3");
    pass(&mut bench, 1);
    assert!(is_deleting(&bench), "TEC-3");
}

#[test]
fn the_shortest_of_the_tolerations_in_use_counts() {
    let mut bench = with_pod(&[("one", Some(60)), ("two", Some(20)), ("unused", Some(1))], Slips::NONE);
    taint(&mut bench, &["one", "two"], &[]);
    pass(&mut bench, 19);
    assert!(!is_deleting(&bench), "TEC-3");
    pass(&mut bench, 1);
    assert!(is_deleting(&bench), "TEC-3");
}

#[test]
fn a_toleration_without_seconds_lasts_for_ever() {
    let mut bench = with_pod(&[("custom", None)], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 3_000);
    assert!(!is_deleting(&bench), "TEC-3");
}

#[test]
fn taints_that_go_cancel_the_timer() {
    let mut bench = with_pod(&[("custom", Some(30))], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 20);
    taint(&mut bench, &[], &["custom"]);
    pass(&mut bench, 100);
    assert!(!is_deleting(&bench), "TEC-1");
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 29);
    assert!(!is_deleting(&bench), "TEC-4: it starts anew");
}

#[test]
fn another_tolerated_taint_neither_restarts_nor_shortens_the_timer() {
    let after = |slips| {
        let mut bench = with_pod(&[("one", Some(60)), ("two", Some(50))], slips);
        taint(&mut bench, &["one"], &[]);
        pass(&mut bench, 40);
        taint(&mut bench, &["two"], &["one"]);
        pass(&mut bench, 19);
        assert!(!is_deleting(&bench));
        pass(&mut bench, 2);
        is_deleting(&bench)
    };
    assert!(after(Slips::NONE), "TEC-4: 60 s from the first");
    assert!(!after(Slips::only(Slip::TolerationRestarts)));
}

#[test]
fn an_untolerated_taint_deletes_at_once_although_a_timer_runs() {
    let mut bench = with_pod(&[("custom", Some(300))], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 5);
    taint(&mut bench, &["worse"], &[]);
    assert!(is_deleting(&bench), "TEC-4");
}

#[test]
fn what_is_left_tolerated_for_ever_cancels_the_timer() {
    let deleted = |slips| {
        let mut bench = with_pod(&[("short", Some(10)), ("ever", None)], slips);
        taint(&mut bench, &["short", "ever"], &[]);
        taint(&mut bench, &[], &["short"]);
        pass(&mut bench, 60);
        is_deleting(&bench)
    };
    assert!(!deleted(Slips::NONE), "TEC-3");
    assert!(deleted(Slips::only(Slip::ForeverDoesNotCancel)));
}

#[test]
fn a_restart_starts_every_timer_anew() {
    let mut bench = with_pod(&[("custom", Some(30))], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    pass(&mut bench, 20);
    bench.cluster.stop(Process::ControllerManager);
    bench.cluster.start(Process::ControllerManager);
    pass(&mut bench, 25);
    assert!(!is_deleting(&bench), "TEC-5");
    pass(&mut bench, 10);
    assert!(is_deleting(&bench), "TEC-5");
}

#[test]
fn a_pod_that_comes_to_a_tainted_node_is_judged_too() {
    let mut bench = with_pod(&[("custom", None)], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    bench.create(bound(pod("late"), "node-0"));
    bench.settle();
    assert!(bench.pod("late").is_none_or(Kind::is_deleting), "TEC-2");
}

#[test]
fn a_stale_timer_may_hit_the_successor_of_the_name() {
    let mut bench = with_pod(&[("custom", Some(10))], Slips::NONE);
    taint(&mut bench, &["custom"], &[]);
    // The pod goes and another of its name comes to another node; the controller is not told.
    let held = |_: &Bench, operation: &Operation| {
        delivers(operation, Resource::Pod) || operation.component == Component::NodeLifecycle
    };
    bench.delete_pod("web", Some(0));
    bench.create(bound(pod("web"), "node-1"));
    bench.pass_but(10, held);
    assert!(is_deleting(&bench), "TEC-9");
}

#[test]
fn a_deletion_that_fails_is_tried_five_times() {
    let mut bench = with_pod(&[], Slips::NONE);
    let held = |bench: &Bench, operation: &Operation| {
        operation.component == OWN
            && matches!(operation.step, Step::Arrive(_))
            && bench.request(operation).is_some()
    };
    put_taint(&mut bench, "node-0", "custom", "NoExecute");
    let mut tries = 0;
    for _ in 0..8 {
        bench.settle_but(held);
        let calls: Vec<_> = bench.cluster.calls().iter().filter(|call| call.caller == OWN).cloned().collect();
        for call in calls {
            bench.lose(OWN, call.id);
            tries += 1;
        }
        let next = crate::clock::Moment(bench.now().0 + 10);
        bench.cluster.pass_until(next);
    }
    assert_eq!(tries, 5, "TEC-10");
    assert!(!is_deleting(&bench));
}

/// S28 `timed_workers.go`: what did not succeed is forgotten, so the next pod of the name has a timer of its own.
#[test]
fn the_next_of_the_name_is_evicted_although_the_one_before_was_gone() {
    let mut bench = with_pod(&[("custom", Some(30))], Slips::NONE);
    let mut next = bench.pod("web").expect("it exists").clone();
    let labels = next.metadata.labels.take();
    next.metadata = super::meta("web");
    next.metadata.labels = labels;
    taint(&mut bench, &["custom"], &[]);
    bench.pass_but(30, |_, operation| {
        let arrives = operation.component == OWN && matches!(operation.step, Step::Arrive(_));
        arrives || operation.component == Component::NodeLifecycle
    });
    bench.delete_pod("web", Some(0));
    // Its worker hears of the deletion and of the next one at once.
    bench.pass_but(1, |_, operation| {
        let works = operation.component == OWN && matches!(operation.step, Step::Work(..));
        works || operation.component == Component::NodeLifecycle
    });
    bench.create(next);
    bench.settle_but(|_, operation| {
        let works = operation.component == OWN && matches!(operation.step, Step::Work(..));
        works || operation.component == Component::NodeLifecycle
    });
    pass(&mut bench, 29);
    assert!(!is_deleting(&bench), "TEC-3");
    pass(&mut bench, 2);
    assert!(is_deleting(&bench), "TEC-3");
}
