//! The EndpointSlice controller: EPS-1 to EPS-12.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use podproof_vocabulary::Release;

use super::{bench, bench_at, service, update};
use crate::api::{DeleteOptions, Kind, Patch, Request, Resource};
use crate::operation::{Component, Process};
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, delivers, key, pod};
use crate::{Operation, Step};

const OWN: Component = Component::EndpointSlice;

fn slices(bench: &Bench) -> Vec<&EndpointSlice> {
    bench.cluster.server().store().all::<EndpointSlice>().map(|(_, slice)| slice).collect()
}

fn endpoints(bench: &Bench) -> Vec<Endpoint> {
    slices(bench).into_iter().flat_map(|slice| slice.endpoints.clone().unwrap_or_default()).collect()
}

/// ready, serving, terminating of the only endpoint.
fn conditions(bench: &Bench) -> Option<(bool, bool, bool)> {
    let conditions = endpoints(bench).into_iter().next()?.conditions?;
    Some((conditions.ready?, conditions.serving?, conditions.terminating?))
}

fn with_pod(slips: Slips) -> Bench {
    let mut bench = bench(1, slips);
    bench.create(service());
    bench.create(bound(pod("web"), "node-0"));
    bench.run("web", true);
    bench.settle();
    bench
}

fn publish(bench: &mut Bench) {
    update::<Service>(bench, &key("web"), |service| {
        service.spec.get_or_insert_default().publish_not_ready_addresses = Some(true);
    });
    bench.settle();
}

#[test]
fn conditions_follow_readiness_and_deletion() {
    let mut bench = with_pod(Slips::NONE);
    assert_eq!(conditions(&bench), Some((true, true, false)), "EPS-1, EPS-2, EPS-3");
    bench.run("web", false);
    bench.settle();
    assert_eq!(conditions(&bench), Some((false, false, false)));
    bench.run("web", true);
    bench.delete_pod("web", None);
    bench.settle();
    assert_eq!(conditions(&bench), Some((false, true, true)), "EPS-3");
    bench.run("web", false);
    bench.settle();
    assert_eq!(conditions(&bench), Some((false, false, true)));
    bench.delete_pod("web", Some(0));
    bench.settle();
    assert!(endpoints(&bench).is_empty());
    assert_eq!(slices(&bench).len(), 1, "the last slice stays, empty");
}

#[test]
fn a_service_that_publishes_all_addresses_calls_them_ready() {
    let mut bench = with_pod(Slips::NONE);
    publish(&mut bench);
    bench.run("web", false);
    bench.delete_pod("web", None);
    bench.settle();
    assert_eq!(conditions(&bench), Some((true, false, true)), "EPS-3");
}

#[test]
fn before_1_22_a_deleting_pod_leaves_at_once() {
    let mut bench = bench_at(Release { minor: 21 }, 1, Slips::NONE);
    bench.create(service());
    bench.create(bound(pod("web"), "node-0"));
    bench.run("web", true);
    bench.settle();
    assert_eq!(endpoints(&bench).len(), 1);
    let told = |bench: &Bench| endpoints(bench)[0].conditions.clone().expect("it has some");
    assert_eq!((told(&bench).serving, told(&bench).terminating), (None, None), "EPS-6");
    bench.delete_pod("web", None);
    bench.settle();
    assert!(endpoints(&bench).is_empty(), "EPS-4");
    // But a Service that publishes what is not ready keeps it.
    publish(&mut bench);
    bench.settle();
    assert_eq!(told(&bench).ready, Some(true), "EPS-4");
}

#[test]
fn slip_terminating_stays_ready() {
    let mut bench = with_pod(Slips::only(Slip::TerminatingStaysReady));
    bench.delete_pod("web", None);
    bench.settle();
    assert_eq!(conditions(&bench), Some((true, true, true)));
}

#[test]
fn terminal_pods_and_pods_without_address_are_left_out() {
    let mut bench = with_pod(Slips::NONE);
    bench.create(bound(pod("young"), "node-0"));
    bench.settle();
    assert_eq!(endpoints(&bench).len(), 1, "EPS-4");
    bench.run("web", false);
    bench.set_phase("web", "Failed");
    bench.settle();
    bench.patch_pod("web", Patch::Label { name: "tier".to_owned(), value: Some("x".to_owned()) });
    bench.settle();
    assert!(endpoints(&bench).is_empty(), "EPS-4");
}

#[test]
fn a_change_of_the_phase_alone_is_not_noticed() {
    let mut bench = with_pod(Slips::NONE);
    bench.set_phase("web", "Failed");
    bench.settle();
    assert_eq!(endpoints(&bench).len(), 1, "EPS-7");
}

/// `podEndpointsChanged` compares pointers: every change of a pod that is being deleted counts.
#[test]
fn a_change_of_the_phase_of_a_deleting_pod_is_noticed() {
    let mut bench = with_pod(Slips::NONE);
    bench.run("web", false);
    bench.call(Request::Delete(Resource::Pod, key("web"), DeleteOptions::default())).expect("it is there");
    bench.settle();
    assert_eq!(conditions(&bench), Some((false, false, true)));
    bench.set_phase("web", "Failed");
    bench.settle();
    assert!(endpoints(&bench).is_empty(), "EPS-4, EPS-7");
}

#[test]
fn slip_ready_flip_not_noticed() {
    let mut bench = with_pod(Slips::only(Slip::ReadyFlipNotNoticed));
    bench.run("web", false);
    bench.settle();
    assert_eq!(conditions(&bench), Some((true, true, false)));
}

#[test]
fn a_pod_whose_node_is_missing_is_left_out_and_looked_at_again() {
    let mut bench = with_pod(Slips::NONE);
    let mut lost = bound(pod("lost"), "nowhere");
    lost.metadata.labels = Some(crate::testing::labels(&[("app", "web")]));
    bench.create(lost);
    bench.run("lost", true);
    bench.settle();
    assert_eq!(endpoints(&bench).len(), 1, "EPS-5");
    bench.create_node("nowhere", &[]);
    bench.pass(2);
    assert_eq!(endpoints(&bench).len(), 2, "EPS-5, EPS-8: tried again after 1 s");
    publish(&mut bench);
    let delete =
        Request::Delete(Resource::Node, crate::api::Key::global("nowhere"), DeleteOptions::default());
    bench.call(delete).expect("it exists");
    bench.settle();
    bench.run("lost", false);
    bench.settle();
    assert_eq!(endpoints(&bench).len(), 2, "EPS-5: unless all addresses are published");
}

#[test]
fn an_endpoint_names_its_pod_node_and_zone() {
    let bench = with_pod(Slips::NONE);
    let endpoint = endpoints(&bench).remove(0);
    let pod = bench.pod("web").expect("it exists");
    assert_eq!(endpoint.node_name.as_deref(), Some("node-0"));
    assert_eq!(endpoint.zone.as_deref(), Some("zone-0"));
    assert_eq!(endpoint.target_ref.and_then(|target| target.uid), pod.metadata.uid);
    assert_eq!(Some(&endpoint.addresses[0]), pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()));
}

#[test]
fn a_pod_that_no_longer_matches_leaves() {
    let mut bench = with_pod(Slips::NONE);
    bench.patch_pod("web", Patch::Label { name: "app".to_owned(), value: Some("debug".to_owned()) });
    bench.settle();
    assert!(endpoints(&bench).is_empty(), "EPS-7");
}

#[test]
fn a_service_without_a_selector_is_left_alone() {
    let mut bench = bench(1, Slips::NONE);
    let mut plain = service();
    plain.spec.get_or_insert_default().selector = None;
    bench.create(plain);
    bench.create(bound(pod("web"), "node-0"));
    bench.run("web", true);
    bench.settle();
    assert!(slices(&bench).is_empty(), "EPS-17");
}

fn is_own_arrival(bench: &Bench, operation: &Operation) -> bool {
    operation.component == OWN
        && matches!(operation.step, Step::Arrive(_))
        && bench.request(operation).is_some()
}

#[test]
fn a_cache_older_than_what_was_written_is_waited_for() {
    let written = |slips| {
        let mut bench = bench(1, slips);
        bench.create(service());
        let held = |_: &Bench, operation: &Operation| delivers(operation, Resource::EndpointSlice);
        bench.settle_but(held);
        assert_eq!(slices(&bench).len(), 1);
        // The cache does not show the slice yet; a pod brings the Service back.
        bench.create(bound(pod("web"), "node-0"));
        bench.run("web", true);
        bench.settle_but(held);
        let count = slices(&bench).len();
        bench.settle();
        bench.pass(2);
        assert_eq!(endpoints(&bench).len(), 1);
        count
    };
    assert_eq!(written(Slips::NONE), 1, "EPS-9");
    assert_eq!(written(Slips::only(Slip::StaleSlicesTrusted)), 2);
}

#[test]
fn a_slice_that_somebody_removes_is_written_again() {
    let mut bench = with_pod(Slips::NONE);
    let slice = slices(&bench)[0].key();
    bench.call(Request::Delete(Resource::EndpointSlice, slice, DeleteOptions::default())).expect("it exists");
    bench.pass(3);
    assert_eq!(endpoints(&bench).len(), 1);
}

/// S28 `endpointslice_controller.go` `onEndpointSliceDelete`: only a slice that this process wrote is missed.
#[test]
fn a_slice_that_the_process_before_wrote_is_not_missed() {
    let mut bench = with_pod(Slips::NONE);
    bench.cluster.stop(Process::ControllerManager);
    bench.cluster.start(Process::ControllerManager);
    bench.settle();
    let slice = slices(&bench)[0].key();
    bench.call(Request::Delete(Resource::EndpointSlice, slice, DeleteOptions::default())).expect("it exists");
    bench.pass(3);
    assert!(slices(&bench).is_empty());
    // Until something else brings the Service back.
    bench.run("web", false);
    bench.pass(3);
    assert_eq!(conditions(&bench), Some((false, false, false)));
}

/// The same, of whose slices it hears: those of other managers are not its own.
#[test]
fn a_slice_of_another_manager_brings_nobody_back() {
    let mut bench = with_pod(Slips::NONE);
    let mut other = slices(&bench)[0].clone();
    other.metadata = super::meta("other");
    let labels = [("kubernetes.io/service-name", "web"), ("endpointslice.kubernetes.io/managed-by", "me")];
    other.metadata.labels = Some(crate::testing::labels(&labels));
    bench.create(other);
    let mut served = false;
    while let Some(next) = bench.pending().into_iter().next() {
        served |= next.component == OWN && !matches!(next.step, Step::Notify(_));
        bench.cluster.complete(&next).expect("it is pending");
    }
    assert!(!served);
}

fn delete_service(bench: &mut Bench) {
    bench.call(Request::Delete(Resource::Service, key("web"), DeleteOptions::default())).expect("it exists");
}

/// S28 `reconciler.go` `ownedBy`: the next of the name makes its own slice, and the old one goes.
#[test]
fn a_slice_of_an_earlier_service_of_the_name_is_not_taken_over() {
    let mut bench = with_pod(Slips::NONE);
    delete_service(&mut bench);
    bench.settle();
    assert_eq!(slices(&bench).len(), 1, "nobody collects it here");
    bench.create(service());
    bench.settle();
    let owners: Vec<_> =
        slices(&bench).iter().filter_map(|slice| slice.metadata.owner_references.clone()).flatten().collect();
    let uid = bench.get::<Service>("web").and_then(|service| service.metadata.uid.clone());
    assert_eq!(owners.into_iter().map(|owner| Some(owner.uid)).collect::<Vec<_>>(), [uid]);
    assert_eq!(endpoints(&bench).len(), 1);
}

/// S28 `reconciler.go` `finalize`, `endpointslice_controller.go` `syncService`.
#[test]
fn a_service_that_is_being_deleted_or_is_a_name_gets_no_slices() {
    let mut going = service();
    going.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    let mut name = service();
    name.spec.get_or_insert_default().type_ = Some("ExternalName".to_owned());
    for (service, deletes) in [(going, true), (name, false)] {
        let mut bench = bench(1, Slips::NONE);
        bench.create(service);
        if deletes {
            delete_service(&mut bench);
        }
        bench.settle();
        assert!(slices(&bench).is_empty(), "deletes: {deletes}");
    }
}

#[test]
fn a_slice_holds_a_hundred_and_a_second_one_the_rest() {
    let mut bench = bench(1, Slips::NONE);
    for index in 0..103 {
        let name = format!("web-{index:03}");
        bench.create(bound(pod(&name), "node-0"));
        bench.run(&name, true);
    }
    bench.create(service());
    bench.settle();
    let mut sizes: Vec<_> =
        slices(&bench).iter().map(|slice| slice.endpoints.as_ref().map_or(0, Vec::len)).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 100], "C-30");
    for index in 0..100 {
        bench.delete_pod(&format!("web-{index:03}"), Some(0));
    }
    bench.settle();
    bench.pass(3);
    assert_eq!(endpoints(&bench).len(), 3);
    assert_eq!(slices(&bench).len(), 1, "an empty slice goes");
}

#[test]
fn a_write_that_fails_is_tried_again_after_a_second() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(service());
    bench.settle_but(is_own_arrival);
    let call = bench.writes(OWN).remove(0);
    bench.lose(OWN, call.id);
    bench.settle();
    assert!(slices(&bench).is_empty());
    bench.pass(1);
    assert_eq!(slices(&bench).len(), 1, "EPS-8");
}

#[test]
fn what_changes_while_a_worker_waits_is_not_missed() {
    let seen = |slips| {
        let mut bench = bench(1, slips);
        bench.create(service());
        bench.create(bound(pod("web"), "node-0"));
        bench.run("web", false);
        bench.settle_but(is_own_arrival);
        // The worker waits for the answer to its write while the pod becomes ready.
        bench.run("web", true);
        bench.settle_but(is_own_arrival);
        bench.settle();
        conditions(&bench)
    };
    assert_eq!(seen(Slips::NONE), Some((true, true, false)), "CTL-2");
    assert_eq!(seen(Slips::only(Slip::AddedWhileProcessingLost)), Some((false, false, false)));
}

#[test]
fn failures_in_a_row_make_a_service_wait_although_nothing_is_wrong_any_more() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(service());
    bench.create(bound(pod("web"), "node-0"));
    let held = |_: &Bench, operation: &Operation| delivers(operation, Resource::EndpointSlice);
    bench.settle_but(held);
    // While the cache does not show what was written, every change of the pod is one more failure.
    for flip in 0..8 {
        bench.run("web", flip % 2 == 1);
        bench.settle_but(held);
        bench.pass_but(1, held);
    }
    // It shows it now, and nobody tells the worker.
    bench.settle();
    assert_eq!(conditions(&bench), None, "EPS-9: the slice is as it was when the Service came");
    let waits = bench.cluster.next_deadline().is_some();
    assert!(waits, "EPS-8: it is tried again");
    bench.pass_but(1_000, |_, operation| operation.component == Component::NodeLifecycle);
    assert_eq!(conditions(&bench), Some((true, true, false)), "EPS-8: in the end");
}
