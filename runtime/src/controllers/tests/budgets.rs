//! The disruption controller: PDB-1 to PDB-6.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{bench, meta, replica_set, selector};
use crate::api::constants::pod_condition;
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{ApiError, DeleteOptions, Kind, Patch, Preconditions, Request, Resource, Response};
use crate::operation::Component;
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, delivers, key, pod};
use crate::{Operation, Step};

const OWN: Component = Component::Disruption;

enum Want {
    Available(&'static str),
    Unavailable(&'static str),
}

fn value(text: &str) -> IntOrString {
    text.parse().map_or_else(|_| IntOrString::String(text.to_owned()), IntOrString::Int)
}

fn budget(want: Want) -> PodDisruptionBudget {
    let (min_available, max_unavailable) = match want {
        Want::Available(text) => (Some(value(text)), None),
        Want::Unavailable(text) => (None, Some(value(text))),
    };
    PodDisruptionBudget {
        metadata: meta("web"),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(selector()),
            min_available,
            max_unavailable,
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

/// So many ready pods of one ReplicaSet, with a budget.
fn with_pods(replicas: i32, want: Want, slips: Slips) -> Bench {
    let mut bench = bench(1, slips);
    bench.create(replica_set(replicas));
    bench.settle();
    for name in bench.names() {
        let bind =
            Request::Bind { pod: key(&name), preconditions: Preconditions::NONE, node: "node-0".into() };
        bench.call(bind).expect("it is not bound");
        bench.run(&name, true);
    }
    bench.create(budget(want));
    bench.settle();
    bench
}

fn status(bench: &Bench) -> PodDisruptionBudgetStatus {
    bench.get::<PodDisruptionBudget>("web").and_then(|budget| budget.status.clone()).unwrap_or_default()
}

/// expected, desired, healthy, allowed
fn numbers(bench: &Bench) -> [i32; 4] {
    let status = status(bench);
    [status.expected_pods, status.desired_healthy, status.current_healthy, status.disruptions_allowed]
        .map(|number| number.unwrap_or(-1))
}

fn evict(bench: &mut Bench, name: &str) -> Result<Response, ApiError> {
    bench.call(Request::Evict { pod: key(name), options: DeleteOptions::default() })
}

/// Is it the arrival of a write of the controller?
fn writes_status(bench: &Bench, operation: &Operation) -> bool {
    operation.component == OWN
        && matches!(operation.step, Step::Arrive(_))
        && bench.request(operation).is_some_and(Request::is_write)
}

/// Time passes; the node sends no heartbeats, so what its controller does is held back.
fn pass(bench: &mut Bench, seconds: u64) {
    bench.pass_but(seconds, |_, operation| operation.component == Component::NodeLifecycle);
}

#[test]
fn numbers_follow_from_what_is_wanted() {
    assert_eq!(numbers(&with_pods(3, Want::Unavailable("1"), Slips::NONE)), [3, 2, 3, 1], "PDB-1");
    assert_eq!(numbers(&with_pods(3, Want::Available("1"), Slips::NONE)), [3, 1, 3, 2], "PDB-1");
    assert_eq!(numbers(&with_pods(3, Want::Available("50%"), Slips::NONE)), [3, 2, 3, 1], "PDB-2: rounds up");
    assert_eq!(
        numbers(&with_pods(3, Want::Unavailable("50%"), Slips::NONE)),
        [3, 1, 3, 2],
        "PDB-2: rounds up"
    );
    assert_eq!(
        numbers(&with_pods(2, Want::Unavailable("5"), Slips::NONE)),
        [2, 0, 2, 2],
        "PDB-2: not below 0"
    );
}

#[test]
fn unready_and_deleting_pods_are_not_healthy() {
    let mut bench = with_pods(3, Want::Unavailable("1"), Slips::NONE);
    let names = bench.names();
    bench.run(&names[0], false);
    bench.settle();
    assert_eq!(numbers(&bench), [3, 2, 2, 0], "PDB-3, PDB-4");
    bench.run(&names[0], true);
    bench.delete_pod(&names[1], None);
    bench.settle();
    assert_eq!(numbers(&bench)[2..], [2, 0], "PDB-3");
}

#[test]
fn pods_without_a_controller_allow_nothing_where_a_scale_is_asked_for() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(bound(pod("alone"), "node-0"));
    bench.run("alone", true);
    bench.create(budget(Want::Unavailable("1")));
    bench.settle();
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "PDB-4");
}

/// PDB-4 (S28 `failSafe`): a budget that failed is written, and not tried again until a pod or the budget changes.
#[test]
fn a_budget_whose_replica_set_comes_later_waits_for_a_pod() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(budget(Want::Unavailable("1")));
    bench.create(replica_set(1));
    // The controllers hear of the ReplicaSet's pod before they hear of the ReplicaSet: another process created it.
    let late = |_: &Bench, operation: &Operation| delivers(operation, Resource::ReplicaSet);
    bench.settle_but(late);
    let set = bench.get::<ReplicaSet>("web").expect("it exists").clone();
    let mut early = bound(pod("early"), "node-0");
    early.metadata.owner_references = Some(vec![OwnerReference {
        kind: "ReplicaSet".to_owned(),
        name: "web".to_owned(),
        uid: set.metadata.uid.expect("it has one"),
        controller: Some(true),
        ..OwnerReference::default()
    }]);
    bench.create(early);
    bench.run("early", true);
    bench.settle_but(late);
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "PDB-4");
    bench.settle();
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "nothing brings the controller back");
    pass(&mut bench, 60);
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "nor does time");
    bench.run("early", false);
    bench.run("early", true);
    pass(&mut bench, 1);
    assert_eq!(numbers(&bench), [1, 0, 1, 1], "a pod that changes does");
}

#[test]
fn an_evicted_pod_counts_as_gone_before_it_is_and_again_if_it_stays() {
    let mut bench = with_pods(3, Want::Unavailable("1"), Slips::NONE);
    let name = bench.names().remove(0);
    // The budget is spent, and the API server stops before it deletes the pod.
    let evict = bench.cluster.request(Request::Evict { pod: key(&name), options: DeleteOptions::default() });
    bench.complete(Component::User, Step::Arrive(evict));
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "EVI-5");
    bench.cluster.stop(crate::operation::Process::ApiServer);
    bench.cluster.start(crate::operation::Process::ApiServer);
    pass(&mut bench, 60);
    assert_eq!(numbers(&bench)[2..], [2, 0], "PDB-3: it counts as disrupted");
    pass(&mut bench, 90);
    assert_eq!(numbers(&bench)[2..], [3, 1], "EVI-5, PDB-3: after two minutes it counts again");
}

#[test]
fn slip_disrupted_pods_counted() {
    let mut bench = with_pods(3, Want::Unavailable("1"), Slips::only(Slip::DisruptedPodsCounted));
    let name = bench.names().remove(0);
    let evict = bench.cluster.request(Request::Evict { pod: key(&name), options: DeleteOptions::default() });
    bench.complete(Component::User, Step::Arrive(evict));
    bench.settle_but(|_, operation| operation.component == Component::User);
    assert_eq!(numbers(&bench)[2..], [3, 1]);
}

#[test]
fn a_status_that_an_eviction_overtook_is_not_written() {
    let evicted = |slips| {
        let mut bench = with_pods(4, Want::Unavailable("2"), slips);
        let names = bench.names();
        bench.run(&names[3], false);
        bench.settle();
        assert_eq!(numbers(&bench)[2..], [3, 1]);
        // The pod is ready again; before that reaches the budget, an eviction is granted.
        bench.run(&names[3], true);
        bench.settle_but(writes_status);
        let mut evicted = usize::from(evict(&mut bench, &names[0]).is_ok());
        // The controller goes on, but is not told of the eviction.
        bench.settle_but(|_, operation| {
            delivers(operation, Resource::Pod) || delivers(operation, Resource::PodDisruptionBudget)
        });
        for name in &names[1..] {
            evicted += usize::from(evict(&mut bench, name).is_ok());
        }
        evicted
    };
    assert_eq!(evicted(Slips::NONE), 1, "EVI-4, API-1");
    assert_eq!(evicted(Slips::only(Slip::BudgetStatusOverwritten)), 3);
}

/// The write of a budget's status, which is lost.
fn lose_status(bench: &mut Bench) {
    bench.settle_but(writes_status);
    let call = bench.writes(OWN).remove(0);
    bench.lose(OWN, call.id);
}

/// PDB-4 (S28 `disruption.go` `sync`, `failSafe`).
#[test]
fn a_budget_whose_status_could_not_be_written_allows_nothing_at_first() {
    let mut bench = with_pods(4, Want::Unavailable("2"), Slips::NONE);
    let names = bench.names();
    bench.run(&names[3], false);
    lose_status(&mut bench);
    assert_eq!(numbers(&bench), [4, 2, 4, 2], "the status was lost");
    let call = bench.writes(OWN).remove(0);
    bench.arrive(&call);
    assert_eq!(numbers(&bench), [4, 2, 4, 0], "PDB-4");
    bench.settle();
    assert_eq!(numbers(&bench), [4, 2, 3, 1], "the event of that brings the controller back");
}

/// In Kubernetes the condition DisruptionAllowed changes, and the event of that brings the controller back.
#[test]
fn a_fail_safe_that_changes_nothing_is_followed_by_another_sync() {
    let mut bench = with_pods(3, Want::Unavailable("1"), Slips::NONE);
    let names = bench.names();
    bench.run(&names[0], false);
    bench.settle();
    assert_eq!(numbers(&bench)[2..], [2, 0]);
    bench.run(&names[0], true);
    lose_status(&mut bench);
    pass(&mut bench, 1);
    assert_eq!(numbers(&bench)[2..], [3, 1]);
}

#[test]
fn a_stale_disruption_target_is_taken_back() {
    let mut bench = with_pods(1, Want::Unavailable("1"), Slips::NONE);
    let name = bench.names().remove(0);
    let target = new_pod_condition("DisruptionTarget", "True", "EvictionByEvictionAPI", bench.now());
    let patch = PodStatusPatch { conditions: vec![target], ..PodStatusPatch::default() };
    bench.patch_pod(&name, Patch::PodStatus(patch));
    let says = |bench: &Bench| {
        let pod = bench.pod(&name).expect("it exists");
        pod_condition(pod, "DisruptionTarget").map(|target| target.status.clone())
    };
    pass(&mut bench, 119);
    assert_eq!(says(&bench).as_deref(), Some("True"), "PDB-6");
    pass(&mut bench, 2);
    assert_eq!(says(&bench).as_deref(), Some("False"), "PDB-6");
    assert!(bench.pod(&name).is_some_and(|pod| !pod.is_deleting()));
}

/// PDB-6: not if the pod has ended, nor if its kubelet is about to stop it.
#[test]
fn a_disruption_target_may_have_its_reason() {
    for (reason, phase, expected) in [
        ("EvictionByEvictionAPI", "Running", "False"),
        ("EvictionByEvictionAPI", "Failed", "True"),
        ("TerminationByKubelet", "Running", "True"),
    ] {
        let mut bench = with_pods(1, Want::Unavailable("1"), Slips::NONE);
        let name = bench.names().remove(0);
        let target = new_pod_condition("DisruptionTarget", "True", reason, bench.now());
        let phase = Some(phase.to_owned());
        let patch = PodStatusPatch { conditions: vec![target], phase, ..PodStatusPatch::default() };
        bench.patch_pod(&name, Patch::PodStatus(patch));
        pass(&mut bench, 200);
        let pod = bench.pod(&name).expect("it exists");
        let says = pod_condition(pod, "DisruptionTarget").map(|target| target.status.as_str());
        assert_eq!(says, Some(expected), "{reason}");
    }
}

#[test]
fn a_budget_of_no_pods_allows_nothing() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(budget(Want::Available("0")));
    bench.settle();
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "PDB-4");
    assert_eq!(status(&bench).observed_generation, Some(1));
}

/// Nobody tells a budget of a pod that is relabelled away from it (S28 `disruption.go` `updatePod`).
#[test]
fn a_budget_does_not_hear_of_a_pod_that_leaves_it() {
    let mut bench = with_pods(3, Want::Available("2"), Slips::NONE);
    assert_eq!(numbers(&bench), [3, 2, 3, 1]);
    let name = bench.names().remove(0);
    bench.patch_pod(&name, Patch::Label { name: "app".to_owned(), value: Some("other".to_owned()) });
    bench.settle_but(|_, operation| operation.component == Component::ReplicaSet);
    assert_eq!(numbers(&bench), [3, 2, 3, 1], "only two are left, and one may still be evicted");
}

/// PDB-4: the Deployment of a ReplicaSet may be gone, or be another of the same name.
#[test]
fn a_replica_set_whose_deployment_is_gone_counts_by_its_own_scale() {
    for has_namesake in [false, true] {
        let mut bench = bench(1, Slips::NONE);
        let hold = |_: &Bench, operation: &Operation| operation.component == Component::Deployment;
        if has_namesake {
            bench.create(super::deployment(7));
        }
        let mut set = replica_set(3);
        set.metadata.owner_references = Some(vec![OwnerReference {
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
            uid: "of-one-that-is-gone".to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        }]);
        bench.create(set);
        bench.settle_but(hold);
        for name in bench.names() {
            let bind =
                Request::Bind { pod: key(&name), preconditions: Preconditions::NONE, node: "node-0".into() };
            bench.call(bind).expect("it is not bound");
            bench.run(&name, true);
        }
        bench.create(budget(Want::Unavailable("1")));
        bench.settle_but(hold);
        assert_eq!(numbers(&bench), [3, 2, 3, 1], "{has_namesake}");
    }
}

/// The condition says why a pod goes, whatever else makes it go; and since when it says so.
#[test]
fn a_pod_that_is_being_deleted_is_told_that_it_is_evicted() {
    let mut bench = with_pods(1, Want::Unavailable("1"), Slips::NONE);
    let name = bench.names().remove(0);
    bench.delete_pod(&name, Some(300));
    bench.settle();
    evict(&mut bench, &name).expect("it disturbs nobody");
    let target = |bench: &Bench| {
        let pod = bench.pod(&name).expect("it has its grace");
        pod_condition(pod, "DisruptionTarget").cloned().expect("it is told")
    };
    let first = target(&bench);
    assert_eq!((first.status.as_str(), first.reason.as_deref()), ("True", Some("EvictionByEvictionAPI")));
    pass(&mut bench, 10);
    evict(&mut bench, &name).expect("it disturbs nobody");
    assert_eq!(target(&bench).last_transition_time, first.last_transition_time);
}
