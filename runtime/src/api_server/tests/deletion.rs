//! Graceful deletion: DEL-1 to DEL-18.

use super::{Bench, key, pod};
use crate::api::{ApiError, DeleteOptions, Patch, Preconditions, Request, Resource, Uid};
use crate::clock::Moment;
use crate::slip::Slip;

/// The deletion of a pod as it stands: when, and with which grace.
fn deletion(bench: &Bench, name: &str) -> Option<(Moment, Option<i64>)> {
    let meta = &bench.stored(name)?.metadata;
    let at = meta.deletion_timestamp.as_ref()?;
    Some((Moment::from_time(at), meta.deletion_grace_period_seconds))
}

/// A bound pod that is being deleted with its own grace of 30 s since second 10.
fn deleting() -> Bench {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    bench.delete("web", None).expect("it exists");
    bench
}

fn with_finalizer(bench: &mut Bench, name: &str) {
    let mut pod = pod(name, Some("node-0"));
    pod.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(pod);
}

fn remove_finalizer(bench: &mut Bench, name: &str) {
    bench.patch(name, Patch::RemoveFinalizer("example.com/keep".to_owned())).expect("it exists");
}

#[test]
fn the_timestamp_is_a_promise_for_the_future() {
    let bench = deleting();
    assert_eq!(deletion(&bench, "web"), Some((Moment(40_000), Some(30))), "DEL-6, DEL-16");
    assert_eq!(bench.stored("web").and_then(|pod| pod.metadata.generation), Some(2));
}

#[test]
fn the_callers_grace_counts_before_the_pods_own() {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    bench.delete("web", Some(5)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(15_000), Some(5))), "DEL-2");
}

#[test]
fn a_negative_grace_is_one_second() {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    bench.delete("web", Some(-7)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(11_000), Some(1))), "DEL-5");
}

/// Kubernetes: `registry/rest/delete.go` `BeforeDelete` reads it as one second before it looks at anything else.
#[test]
fn a_negative_grace_shortens_a_running_deletion_to_one_second() {
    let mut bench = deleting();
    bench.delete("web", Some(-1)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(11_000), Some(1))), "DEL-5, DEL-11");
}

#[test]
fn pods_that_never_ran_or_run_no_more_vanish_at_once() {
    let mut bench = Bench::new();
    bench.pod("unbound", None);
    bench.delete("unbound", None).expect("it exists");
    assert!(bench.stored("unbound").is_none(), "DEL-3");
    for phase in ["Succeeded", "Failed"] {
        bench.pod("done", Some("node-0"));
        bench.set_phase("done", phase);
        bench.delete("done", None).expect("it exists");
        assert!(bench.stored("done").is_none(), "DEL-4 {phase}");
    }
}

#[test]
fn a_pod_without_grace_of_its_own_is_always_force_deleted() {
    let mut bench = Bench::new();
    let mut hasty = pod("hasty", Some("node-0"));
    hasty.spec.as_mut().expect("it has one").termination_grace_period_seconds = Some(0);
    bench.create(hasty);
    bench.delete("hasty", None).expect("it exists");
    assert!(bench.stored("hasty").is_none(), "DEL-17");
}

#[test]
fn grace_is_never_extended_and_a_plain_delete_changes_nothing() {
    let mut bench = deleting();
    bench.now = Moment(15_000);
    let version = bench.server.store().version();
    for grace in [None, Some(30), Some(60)] {
        bench.delete("web", grace).expect("it exists");
        assert_eq!(deletion(&bench, "web"), Some((Moment(40_000), Some(30))), "DEL-9, DEL-10");
    }
    assert_eq!(bench.server.store().version(), version, "nothing was written");
}

#[test]
fn a_plain_delete_of_a_deleting_pod_that_became_terminal_does_nothing() {
    let mut bench = deleting();
    bench.set_phase("web", "Failed");
    bench.delete("web", None).expect("it exists");
    assert!(bench.stored("web").is_some(), "DEL-9");
}

#[test]
fn grace_is_shortened_from_the_moment_of_the_first_request() {
    let mut bench = deleting();
    bench.now = Moment(12_000);
    bench.delete("web", Some(5)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(15_000), Some(5))), "DEL-11");
    assert_eq!(bench.stored("web").and_then(|pod| pod.metadata.generation), Some(2), "one generation");
}

#[test]
fn a_shortened_grace_that_has_passed_leaves_one_second() {
    let mut bench = deleting();
    bench.now = Moment(20_000);
    bench.delete("web", Some(5)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(20_000), Some(1))), "DEL-11");
}

#[test]
fn force_deletion_removes_the_object_at_once() {
    let mut bench = deleting();
    bench.delete("web", Some(0)).expect("it exists");
    assert!(bench.stored("web").is_none(), "DEL-18");
}

#[test]
fn a_name_is_taken_until_the_object_is_gone() {
    let mut bench = deleting();
    let again = Request::Create(pod("web", None).into());
    assert_eq!(bench.call(&again), Err(ApiError::AlreadyExists), "API-6");
    bench.delete("web", Some(0)).expect("it exists");
    assert!(bench.call(&again).is_ok());
}

#[test]
fn a_finalizer_keeps_the_object_until_it_is_removed() {
    let mut bench = Bench::new();
    with_finalizer(&mut bench, "web");
    bench.delete("web", Some(0)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(10_000), Some(0))), "DEL-7 with finalizer, DEL-14");
    bench.delete("web", Some(0)).expect("it exists");
    assert!(bench.stored("web").is_some(), "DEL-12: no DELETE removes it");
    remove_finalizer(&mut bench, "web");
    assert!(bench.stored("web").is_none(), "DEL-12: the update does");
}

#[test]
fn a_finalizer_that_goes_before_the_grace_leaves_the_object_to_the_kubelet() {
    let mut bench = Bench::new();
    with_finalizer(&mut bench, "web");
    bench.delete("web", None).expect("it exists");
    remove_finalizer(&mut bench, "web");
    assert_eq!(deletion(&bench, "web"), Some((Moment(40_000), Some(30))), "DEL-13");
    bench.delete("web", Some(0)).expect("it exists");
    assert!(bench.stored("web").is_none());
}

#[test]
fn no_finalizer_is_added_to_a_deleting_object() {
    let mut bench = deleting();
    let mut pod = bench.stored("web").expect("it exists").clone();
    pod.metadata.finalizers = Some(vec!["example.com/late".to_owned()]);
    assert_eq!(bench.call(&Request::Update(pod.into())), Err(ApiError::Invalid), "API-11");
}

#[test]
fn nothing_takes_a_deletion_back() {
    let mut bench = deleting();
    let mut pod = bench.stored("web").expect("it exists").clone();
    pod.metadata.deletion_timestamp = None;
    pod.metadata.labels = None;
    bench.call(&Request::Update(pod.into())).expect("labels may change");
    assert_eq!(deletion(&bench, "web"), Some((Moment(40_000), Some(30))), "API-12");
}

#[test]
fn a_delete_with_another_uid_or_version_is_refused() {
    let mut bench = Bench::new();
    let created = bench.pod("web", Some("node-0"));
    let of = |preconditions| {
        let options = DeleteOptions { grace_seconds: Some(0), preconditions };
        Request::Delete(Resource::Pod, key("web"), options)
    };
    let refused = of(Preconditions::uid(Uid::from("another")));
    assert_eq!(bench.call(&refused), Err(ApiError::Conflict), "DEL-1, API-7");
    let old = of(Preconditions::version(crate::api::Version(999)));
    assert_eq!(bench.call(&old), Err(ApiError::Conflict), "DEL-1, API-7");
    assert!(bench.call(&of(Preconditions::uid(Uid::of(&created.metadata)))).is_ok());
}

#[test]
fn slip_uid_ignored_deletes_the_successor() {
    let mut bench = Bench::with(Slip::UidIgnored);
    bench.pod("web", Some("node-0"));
    let options =
        DeleteOptions { grace_seconds: Some(0), preconditions: Preconditions::uid("another".into()) };
    assert!(bench.call(&Request::Delete(Resource::Pod, key("web"), options)).is_ok());
}

#[test]
fn slip_grace_extended_moves_the_promise() {
    let mut bench = Bench::with(Slip::GraceExtended);
    bench.pod("web", Some("node-0"));
    bench.delete("web", Some(5)).expect("it exists");
    bench.delete("web", Some(60)).expect("it exists");
    assert_eq!(deletion(&bench, "web"), Some((Moment(70_000), Some(60))));
}

#[test]
fn what_is_no_pod_goes_at_once() {
    let mut bench = Bench::new();
    let mut node = k8s_openapi::api::core::v1::Node::default();
    node.metadata.name = Some("node-0".to_owned());
    bench.create(node);
    let delete = Request::Delete(
        Resource::Node,
        crate::api::Key::global("node-0"),
        DeleteOptions { grace_seconds: Some(30), ..DeleteOptions::default() },
    );
    assert!(bench.call(&delete).is_ok());
    assert_eq!(bench.call(&delete), Err(ApiError::NotFound));
}

#[test]
fn slip_finalizers_ignored_removes_what_is_kept() {
    for (mut bench, kept) in [(Bench::new(), true), (Bench::with(Slip::FinalizersIgnored), false)] {
        with_finalizer(&mut bench, "web");
        bench.delete("web", Some(0)).expect("it exists");
        assert_eq!(bench.stored("web").is_some(), kept);
    }
}
