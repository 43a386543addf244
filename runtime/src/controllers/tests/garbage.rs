//! The pod garbage collector: PGC-1 to PGC-8.

use podproof_vocabulary::Release;

use super::{bench, bench_at, put_taint};
use crate::api::constants::{phase_of, pod_condition};
use crate::api::{DeleteOptions, Key, Kind, Patch, Preconditions, Request, Resource};
use crate::operation::Component;
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, delivers, key, pod};
use crate::{Operation, Step};

const OWN: Component = Component::PodGarbageCollector;

fn delete_node(bench: &mut Bench, name: &str) {
    bench
        .call(Request::Delete(Resource::Node, Key::global(name), DeleteOptions::default()))
        .expect("it exists");
    bench.settle();
}

/// The other controllers are held back: the nodes of these tests send no heartbeats.
fn pass(bench: &mut Bench, seconds: u64) {
    bench.pass_but(seconds, |_, operation| operation.component == Component::NodeLifecycle);
}

/// The arrival of one of its writes.
fn writes(bench: &Bench, operation: &Operation) -> bool {
    operation.component == OWN
        && matches!(operation.step, Step::Arrive(_))
        && bench.request(operation).is_some_and(Request::is_write)
        || operation.component == Component::NodeLifecycle
}

#[test]
fn pods_of_a_missing_node_go_after_quarantine() {
    let mut bench = bench(2, Slips::NONE);
    bench.create(bound(pod("web"), "node-1"));
    bench.run("web", true);
    bench.settle();
    delete_node(&mut bench, "node-1");
    pass(&mut bench, 39);
    assert!(bench.pod("web").is_some(), "PGC-3: 40 s of quarantine");
    pass(&mut bench, 41);
    assert!(bench.pod("web").is_none(), "PGC-3, PGC-6");
}

#[test]
fn slip_orphans_not_quarantined() {
    let mut bench = bench(2, Slips::only(Slip::OrphansNotQuarantined));
    bench.create(bound(pod("web"), "node-1"));
    bench.settle();
    delete_node(&mut bench, "node-1");
    pass(&mut bench, 20);
    assert!(bench.pod("web").is_none());
}

/// The pods that the collector finds there go; whoever is bound to it afterwards stays for ever.
#[test]
fn slip_missing_node_looked_at_once() {
    let stays = |slips| {
        let mut bench = bench(2, slips);
        bench.create(bound(pod("web"), "node-1"));
        bench.settle();
        delete_node(&mut bench, "node-1");
        pass(&mut bench, 100);
        assert!(bench.pod("web").is_none(), "the first goes in any case");
        bench.create(bound(pod("late"), "node-1"));
        pass(&mut bench, 1_000);
        bench.pod("late").is_some()
    };
    assert!(!stays(Slips::NONE), "PGC-3: the collector looks again and again");
    assert!(stays(Slips::only(Slip::MissingNodeLookedAtOnce)));
}

#[test]
fn a_node_that_is_there_after_all_keeps_its_pods() {
    let mut bench = bench(2, Slips::NONE);
    // A pod is bound to a node that the cache does not show yet.
    let held = |_: &Bench, operation: &Operation| {
        delivers(operation, Resource::Node) || operation.component == Component::NodeLifecycle
    };
    bench.create(bound(pod("web"), "node-9"));
    bench.create_node("node-9", &[]);
    bench.pass_but(100, held);
    assert!(bench.pod("web").is_some(), "PGC-3: a live look finds it");
}

#[test]
fn a_live_pod_gets_a_terminal_phase_and_a_reason_before_it_goes() {
    let mut bench = bench(2, Slips::NONE);
    bench.create(bound(pod("web"), "node-1"));
    bench.run("web", true);
    bench.settle();
    delete_node(&mut bench, "node-1");
    bench.pass_but(80, writes);
    let first = bench.writes(OWN).remove(0);
    bench.arrive(&first);
    let stored = bench.pod("web").expect("PGC-5: first the phase");
    assert_eq!(phase_of(stored), "Failed", "PGC-8");
    let target = pod_condition(stored, "DisruptionTarget").and_then(|target| target.reason.clone());
    assert_eq!(target.as_deref(), Some("DeletionByPodGC"), "PGC-3");
}

#[test]
fn the_deletion_may_hit_the_successor_of_the_name() {
    let mut bench = bench(2, Slips::NONE);
    bench.create(bound(pod("web"), "node-1"));
    bench.settle();
    delete_node(&mut bench, "node-1");
    bench.pass_but(80, writes);
    let first = bench.writes(OWN).remove(0);
    bench.arrive(&first);
    bench.settle_but(writes);
    // Another pod of the name comes between patch and delete.
    bench.delete_pod("web", Some(0));
    bench.create(bound(pod("web"), "node-0"));
    bench.settle();
    assert!(bench.pod("web").is_none(), "PGC-7");
}

#[test]
fn before_1_26_pods_are_deleted_without_a_phase() {
    let mut bench = bench_at(Release { minor: 25 }, 2, Slips::NONE);
    bench.create(bound(pod("web"), "node-1"));
    bench.run("web", true);
    bench.settle();
    delete_node(&mut bench, "node-1");
    bench.pass_but(80, writes);
    let calls = bench.writes(OWN);
    assert!(matches!(calls.as_slice(), [call] if matches!(call.request, Request::Delete(..))), "PGC-5");
}

#[test]
fn deleting_pods_of_a_node_that_is_out_of_service_go() {
    let removed = |minor: u8, ready: &str, deleting: bool| {
        let mut bench = bench_at(Release { minor }, 2, Slips::NONE);
        bench.create(bound(pod("web"), "node-1"));
        bench.run("web", true);
        put_taint(&mut bench, "node-1", "node.kubernetes.io/out-of-service", "X");
        bench.heartbeat("node-1", ready);
        if deleting {
            bench.delete_pod("web", None);
        }
        pass(&mut bench, 20);
        bench.pod("web").is_none()
    };
    assert!(removed(36, "Unknown", true) && removed(26, "Unknown", true), "PGC-2");
    assert!(!removed(25, "Unknown", true), "PGC-2 is from 1.26 on");
    assert!(!removed(36, "True", true), "PGC-2: the node is Ready");
    assert!(!removed(36, "False", false), "PGC-2: only pods that are being deleted");
}

#[test]
fn deleting_pods_without_a_node_go() {
    let mut bench = bench(1, Slips::NONE);
    let mut kept = pod("web");
    kept.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(kept);
    bench.delete_pod("web", None);
    bench.settle();
    pass(&mut bench, 20);
    let stored = bench.pod("web").expect("the finalizer keeps it");
    assert_eq!(phase_of(stored), "Failed", "PGC-4");
    bench
        .call(Request::Patch(
            Resource::Pod,
            key("web"),
            Preconditions::NONE,
            Patch::RemoveFinalizer("example.com/keep".to_owned()),
        ))
        .expect("it exists");
    assert!(bench.pod("web").is_none());
}

#[test]
fn terminal_pods_stay_while_there_are_few() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(bound(pod("done"), "node-0"));
    bench.set_phase("done", "Failed");
    bench.settle();
    pass(&mut bench, 100);
    assert!(bench.pod("done").is_some_and(|pod| !pod.is_deleting()), "PGC-1, RS-4");
}
