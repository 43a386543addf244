//! Optimistic concurrency, status, patches, scale and binding.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Node, PodSchedulingGate, Toleration};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::{Bench, key, pod, pod_of};
use crate::api::constants::{node_of, phase_of, pod_condition};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{ApiError, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response, Uid};
use crate::slip::Slip;

fn bind(name: &str, node: &str, preconditions: Preconditions) -> Request {
    Request::Bind { pod: key(name), preconditions, node: node.into() }
}

#[test]
fn one_counter_counts_every_write_of_every_kind() {
    let mut bench = Bench::new();
    let pod = bench.pod("web", None);
    let mut node = Node::default();
    node.metadata.name = Some("node-0".to_owned());
    let node = bench.create(node);
    assert_eq!((pod.version().0, node.version().0), (1, 2));
}

#[test]
fn an_update_from_an_older_version_conflicts_and_writes_nothing() {
    let mut bench = Bench::new();
    let mut stale = bench.pod("web", None);
    bench.set_phase("web", "Running");
    stale.metadata.labels = None;
    assert_eq!(bench.call(&Request::Update(stale.clone().into())), Err(ApiError::Conflict), "API-1, API-8");
    assert!(bench.stored("web").is_some_and(|pod| pod.metadata.labels.is_some()));
    stale.metadata.resource_version = None;
    assert!(bench.call(&Request::Update(stale.into())).is_ok(), "API-2: pods may be updated unconditionally");
}

#[test]
fn slip_version_ignored_loses_a_write() {
    let mut bench = Bench::with(Slip::VersionIgnored);
    let stale = bench.pod("web", None);
    bench
        .patch("web", Patch::Label { name: "new".to_owned(), value: Some("yes".to_owned()) })
        .expect("it exists");
    bench.call(&Request::Update(stale.into())).expect("the slip lets it through");
    assert!(bench.stored("web").is_some_and(|pod| pod.label("new").is_none()));
}

#[test]
fn a_budget_must_be_updated_with_a_version() {
    let mut bench = Bench::new();
    let mut budget = k8s_openapi::api::policy::v1::PodDisruptionBudget::default();
    budget.metadata.name = Some("web".to_owned());
    budget.metadata.namespace = Some("default".to_owned());
    let mut budget = bench.create(budget);
    budget.metadata.resource_version = None;
    assert_eq!(bench.call(&Request::Update(budget.into())), Err(ApiError::Invalid), "API-2");
}

#[test]
fn an_update_that_changes_nothing_is_no_write() {
    let mut bench = Bench::new();
    let created = bench.pod("web", None);
    let version = bench.server.store().version();
    bench.call(&Request::Update(created.into())).expect("nothing is wrong with it");
    bench.set_phase("web", "Pending");
    assert_eq!(bench.server.store().version(), version, "API-5");
}

#[test]
fn a_patch_that_takes_away_what_is_not_there_is_no_write() {
    let mut bench = Bench::new();
    let mut bare = pod("web", None);
    bare.metadata.labels = None;
    bench.create(bare);
    let version = bench.server.store().version();
    for patch in [
        Patch::RemoveFinalizer("example.com/keep".to_owned()),
        Patch::RemoveOwner(Uid::from("nobody")),
        Patch::Label { name: "app".to_owned(), value: None },
    ] {
        bench.patch("web", patch.clone()).expect("it exists");
        assert_eq!(bench.server.store().version(), version, "API-5: {patch:?}");
    }
}

#[test]
fn spec_and_status_are_written_apart() {
    let mut bench = Bench::new();
    let mut pod = bench.pod("web", None);
    pod.status.get_or_insert_default().phase = Some("Running".to_owned());
    pod.metadata.labels = None;
    let updated = pod_of(bench.call(&Request::Update(pod.clone().into())));
    assert_eq!(phase_of(&updated), "Pending", "API-8: PUT ignores the status");
    assert!(updated.metadata.labels.is_none());
    pod.metadata.resource_version.clone_from(&updated.metadata.resource_version);
    pod.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let updated = pod_of(bench.call(&Request::UpdateStatus(pod.into())));
    assert_eq!(phase_of(&updated), "Running");
    assert!(updated.metadata.labels.is_none(), "API-8: PUT of the status ignores all else");
}

/// EPS: the generation of a slice counts every change of what it tells, and of its labels.
#[test]
fn a_slice_has_a_new_generation_with_all_but_its_metadata() {
    let mut bench = Bench::new();
    let mut slice = EndpointSlice::default();
    slice.metadata.name = Some("web".to_owned());
    slice.metadata.namespace = Some("default".to_owned());
    let mut slice = bench.create(slice);
    let mut generation = |change: &dyn Fn(&mut EndpointSlice)| {
        change(&mut slice);
        match bench.call(&Request::Update(slice.clone().into())) {
            Ok(Response::Object(Object::EndpointSlice(new))) => slice = EndpointSlice::clone(&new),
            other => panic!("{other:?}"),
        }
        slice.metadata.generation
    };
    let one = |text: &str| [(text.to_owned(), text.to_owned())].into();
    assert_eq!(generation(&|slice| slice.metadata.annotations = Some(one("a"))), Some(1));
    assert_eq!(generation(&|slice| slice.ports = Some(vec![EndpointPort::default()])), Some(2));
    assert_eq!(generation(&|slice| slice.metadata.labels = Some(one("a"))), Some(3));
    assert_eq!(generation(&|slice| slice.endpoints = Some(vec![Endpoint::default()])), Some(4));
}

#[test]
fn a_patch_needs_no_version_and_keeps_what_it_does_not_name() {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    bench.set_ready("web", true);
    let target = new_pod_condition("DisruptionTarget", "True", "Test", bench.now);
    let patch = PodStatusPatch { conditions: vec![target], ..PodStatusPatch::default() };
    let patched = pod_of(bench.patch("web", Patch::PodStatus(patch)));
    assert!(pod_condition(&patched, "Ready").is_some_and(|ready| ready.status == "True"), "API-3");
    assert!(pod_condition(&patched, "DisruptionTarget").is_some());
}

#[test]
fn a_kubelets_whole_status_keeps_the_conditions_of_others() {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    let target = new_pod_condition("DisruptionTarget", "True", "Test", bench.now);
    let patch = PodStatusPatch { conditions: vec![target], ..PodStatusPatch::default() };
    bench.patch("web", Patch::PodStatus(patch)).expect("it exists");
    let mut status = bench.stored("web").and_then(|pod| pod.status.clone()).expect("it has one");
    status.phase = Some("Running".to_owned());
    status.conditions = Some(vec![new_pod_condition("Ready", "True", "", bench.now)]);
    let patched = pod_of(bench.patch("web", Patch::PodStatusWhole(status.into())));
    assert!(pod_condition(&patched, "DisruptionTarget").is_some(), "STM-3");
    assert_eq!(phase_of(&patched), "Running");
}

/// STM-2: what others wrote between a kubelet's read and its patch stays.
#[test]
fn a_kubelets_changes_leave_what_it_did_not_change() {
    let mut bench = Bench::new();
    bench.pod("web", Some("node-0"));
    bench.set_ready("web", true);
    let from = bench.stored("web").and_then(|pod| pod.status.clone()).expect("it has one");
    let mut to = from.clone();
    to.pod_ip = Some("10.0.0.1".to_owned());
    let target = new_pod_condition("DisruptionTarget", "False", "Test", bench.now);
    let unready = new_pod_condition("Ready", "False", "Test", bench.now);
    let failed = PodStatusPatch {
        phase: Some("Failed".to_owned()),
        conditions: vec![target, unready],
        ..PodStatusPatch::default()
    };
    bench.patch("web", Patch::PodStatus(failed)).expect("it exists");
    let patched = pod_of(bench.patch("web", Patch::PodStatusChanges { from: from.into(), to: to.into() }));
    assert_eq!(phase_of(&patched), "Failed");
    let says = |type_| pod_condition(&patched, type_).map(|condition| condition.status.as_str());
    assert_eq!((says("Ready"), says("DisruptionTarget")), (Some("False"), Some("False")));
    let ip = patched.status.as_ref().and_then(|status| status.pod_ip.as_deref());
    assert_eq!(ip, Some("10.0.0.1"));
}

#[test]
fn a_patch_with_the_uid_of_a_predecessor_is_refused() {
    let mut bench = Bench::new();
    let first = bench.pod("web", None);
    bench.delete("web", Some(0)).expect("it exists");
    let second = bench.pod("web", None);
    let patch = |uid| {
        let change = Patch::Label { name: "a".to_owned(), value: Some("b".to_owned()) };
        Request::Patch(Resource::Pod, key("web"), Preconditions::uid(uid), change)
    };
    assert_eq!(bench.call(&patch(Uid::of(&first.metadata))), Err(ApiError::Conflict), "API-7");
    assert!(bench.call(&patch(Uid::of(&second.metadata))).is_ok());
}

#[test]
fn an_object_has_one_controller() {
    let mut bench = Bench::new();
    bench.pod("web", None);
    let owner =
        |uid: &str| OwnerReference { uid: uid.to_owned(), controller: Some(true), ..Default::default() };
    bench.patch("web", Patch::AddOwner(owner("one"))).expect("it has none");
    assert_eq!(bench.patch("web", Patch::AddOwner(owner("two"))), Err(ApiError::Invalid), "GC-1");
    bench.patch("web", Patch::RemoveOwner("one".into())).expect("GC-2");
    bench.patch("web", Patch::AddOwner(owner("two"))).expect("it has none again");
}

#[test]
fn binding_sets_node_and_condition_in_one_write() {
    let mut bench = Bench::new();
    bench.pod("web", None);
    let version = bench.server.store().version();
    bench
        .call(&bind("web", "nowhere", Preconditions::NONE))
        .expect("API-20: nobody asks whether the node exists");
    let pod = bench.stored("web").expect("it exists");
    assert_eq!(node_of(pod), Some("nowhere"));
    assert!(pod_condition(pod, "PodScheduled").is_some_and(|condition| condition.status == "True"));
    assert_eq!(bench.server.store().version().0, version.0 + 1);
}

#[test]
fn a_second_binding_is_refused_even_to_the_same_node() {
    let mut bench = Bench::new();
    bench.pod("web", None);
    bench.call(&bind("web", "node-0", Preconditions::NONE)).expect("it is not bound");
    for node in ["node-0", "node-1"] {
        assert_eq!(bench.call(&bind("web", node, Preconditions::NONE)), Err(ApiError::Conflict), "API-20");
    }
}

#[test]
fn slip_second_binding_moves_a_pod() {
    let mut bench = Bench::with(Slip::SecondBindingAccepted);
    bench.pod("web", Some("node-0"));
    assert!(bench.call(&bind("web", "node-1", Preconditions::NONE)).is_ok());
}

#[test]
fn deleting_gated_and_replaced_pods_are_not_bound() {
    let mut bench = Bench::new();
    let mut gated = pod("gated", None);
    gated.spec.as_mut().expect("it has one").scheduling_gates =
        Some(vec![PodSchedulingGate { name: "wait".to_owned() }]);
    let gated = bench.create(gated);
    assert!(
        pod_condition(&gated, "PodScheduled").is_some_and(|c| c.reason.as_deref() == Some("SchedulingGated"))
    );
    assert_eq!(bench.call(&bind("gated", "node-0", Preconditions::NONE)), Err(ApiError::Conflict), "API-20");

    let mut kept = pod("kept", None);
    kept.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(kept);
    bench.delete("kept", None).expect("it exists");
    assert_eq!(bench.call(&bind("kept", "node-0", Preconditions::NONE)), Err(ApiError::Conflict), "API-20");

    let first = bench.pod("web", None);
    bench.delete("web", None).expect("it exists");
    bench.pod("web", None);
    let stale = Preconditions::uid(Uid::of(&first.metadata));
    assert_eq!(bench.call(&bind("web", "node-0", stale)), Err(ApiError::Conflict), "API-20");
}

#[test]
fn of_a_pods_spec_little_may_change() {
    let mut bench = Bench::new();
    let created = bench.pod("web", Some("node-0"));
    let mut change = |change: fn(&mut k8s_openapi::api::core::v1::PodSpec)| {
        let mut pod = created.clone();
        pod.metadata.resource_version = None;
        change(pod.spec.as_mut().expect("it has one"));
        bench.call(&Request::Update(pod.into())).map(|_| ())
    };
    assert_eq!(change(|spec| spec.node_name = Some("node-1".to_owned())), Err(ApiError::Invalid), "API-10");
    assert_eq!(change(|spec| spec.node_name = None), Err(ApiError::Invalid), "API-10");
    assert_eq!(change(|spec| spec.tolerations = None), Err(ApiError::Invalid), "API-10");
    assert_eq!(
        change(|spec| spec.restart_policy = Some("Never".to_owned())),
        Err(ApiError::Invalid),
        "API-10"
    );
    assert_eq!(
        change(|spec| spec.termination_grace_period_seconds = Some(1)),
        Err(ApiError::Invalid),
        "API-10"
    );
    assert_eq!(change(|spec| spec.containers[0].image = Some("web:2".to_owned())), Ok(()), "API-10");
    assert_eq!(
        change(|spec| spec.tolerations.get_or_insert_default().push(Toleration::default())),
        Ok(()),
        "API-10: tolerations may be added"
    );
    fn lasting(spec: &mut k8s_openapi::api::core::v1::PodSpec, seconds: i64) {
        let (key, toleration_seconds) = (Some("gpu".to_owned()), Some(seconds));
        let gpu = Toleration { key, toleration_seconds, ..Toleration::default() };
        spec.tolerations.get_or_insert_default().extend([Toleration::default(), gpu]);
    }
    assert_eq!(change(|spec| lasting(spec, 300)), Ok(()), "API-10");
    assert_eq!(change(|spec| lasting(spec, 10)), Ok(()), "API-10: one may last shorter");
}

#[test]
fn scale_changes_replicas_and_counts_a_generation() {
    let mut bench = Bench::new();
    let mut deployment = Deployment { spec: Some(DeploymentSpec::default()), ..Deployment::default() };
    deployment.metadata.name = Some("web".to_owned());
    deployment.metadata.namespace = Some("default".to_owned());
    let created = bench.create(deployment);
    assert_eq!(
        created.spec.as_ref().and_then(|spec| spec.replicas),
        Some(1),
        "one replica unless it says otherwise"
    );
    let scale = |replicas| Request::Scale(Resource::Deployment, key("web"), Preconditions::NONE, replicas);
    bench.call(&scale(3)).expect("it exists");
    bench.call(&scale(3)).expect("it exists");
    let stored: &Deployment = bench.server.store().get(&key("web")).expect("it exists");
    assert_eq!(stored.spec.as_ref().and_then(|spec| spec.replicas), Some(3));
    assert_eq!(stored.metadata.generation, Some(2));
}

#[test]
fn taints_are_set_by_key_and_effect() {
    let mut bench = Bench::new();
    let mut node = Node::default();
    node.metadata.name = Some("node-0".to_owned());
    bench.create(node);
    let taint = |effect: &str| k8s_openapi::api::core::v1::Taint {
        key: "node.kubernetes.io/not-ready".to_owned(),
        effect: effect.to_owned(),
        ..Default::default()
    };
    let patch = Patch::NodeTaints { add: vec![taint("NoExecute")], remove: vec![taint("NoSchedule")] };
    let request = Request::Patch(Resource::Node, Key::global("node-0"), Preconditions::NONE, patch);
    let Ok(Response::Object(node)) = bench.call(&request) else { panic!("it exists") };
    let node = Node::of(&node).expect("of its kind");
    let effects = |node: &Node| -> Vec<String> {
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        taints.into_iter().flatten().map(|taint| taint.effect.clone()).collect()
    };
    assert_eq!(effects(node), ["NoExecute"]);
}

#[test]
fn slip_update_writes_status_loses_the_phase() {
    for (mut bench, phase) in [(Bench::new(), "Running"), (Bench::with(Slip::UpdateWritesStatus), "Pending")]
    {
        bench.pod("web", None);
        bench.set_phase("web", "Running");
        let mut pod = bench.stored("web").cloned().expect("it is there");
        pod.status = None;
        pod.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        let updated = pod_of(bench.call(&Request::Update(pod.into())));
        assert_eq!(phase_of(&updated), phase, "API-8");
    }
}
