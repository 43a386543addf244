//! Eviction within a budget: EVI-1 to EVI-7.

use std::collections::BTreeMap;

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use podproof_vocabulary::Release;

use super::{Bench, key};
use crate::api::constants::pod_condition;
use crate::api::{ApiError, DeleteOptions, Request, Response};
use crate::client::CallId;
use crate::slip::Slip;

/// A budget of the pods `app=web`, with a status as the disruption controller would write it.
fn budget(bench: &mut Bench, name: &str, allowed: i32, healthy: i32, policy: Option<&str>) {
    let mut budget = PodDisruptionBudget::default();
    budget.metadata.name = Some(name.to_owned());
    budget.metadata.namespace = Some("default".to_owned());
    budget.spec = Some(PodDisruptionBudgetSpec {
        selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([("app".to_owned(), "web".to_owned())])),
            match_expressions: None,
        }),
        unhealthy_pod_eviction_policy: policy.map(str::to_owned),
        ..PodDisruptionBudgetSpec::default()
    });
    let mut budget = bench.create(budget);
    budget.status = Some(PodDisruptionBudgetStatus {
        disruptions_allowed: Some(allowed),
        current_healthy: Some(healthy),
        desired_healthy: Some(2),
        observed_generation: Some(1),
        ..PodDisruptionBudgetStatus::default()
    });
    bench.call(&Request::UpdateStatus(budget.into())).expect("it exists");
}

fn evict(bench: &mut Bench, name: &str) -> Result<Response, ApiError> {
    bench.call(&Request::Evict { pod: key(name), options: DeleteOptions::default() })
}

fn status(bench: &Bench) -> PodDisruptionBudgetStatus {
    let budget: &PodDisruptionBudget = bench.server.store().get(&key("budget")).expect("it exists");
    budget.status.clone().expect("it has one")
}

fn ready_pod(bench: &mut Bench, name: &str) {
    bench.pod(name, Some("node-0"));
    bench.set_ready(name, true);
}

fn is_deleting(bench: &Bench, name: &str) -> bool {
    bench.stored(name).is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
}

#[test]
fn without_a_budget_an_eviction_is_a_deletion_with_a_reason() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "web");
    assert!(evict(&mut bench, "web").is_ok());
    let pod = bench.stored("web").expect("EVI-6: it has its grace");
    assert_eq!(pod.metadata.deletion_grace_period_seconds, Some(30));
    let target = pod_condition(pod, "DisruptionTarget").expect("EVI-6");
    assert_eq!(target.reason.as_deref(), Some("EvictionByEvictionAPI"));
}

#[test]
fn before_1_26_no_condition_tells_of_the_eviction() {
    let mut bench = Bench::at(Release { minor: 25 });
    ready_pod(&mut bench, "web");
    assert!(evict(&mut bench, "web").is_ok());
    assert!(bench.stored("web").is_some_and(|pod| pod_condition(pod, "DisruptionTarget").is_none()));
}

#[test]
fn the_budget_is_spent_before_the_pod_is_deleted() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "web");
    budget(&mut bench, "budget", 1, 3, None);
    let request = Request::Evict { pod: key("web"), options: DeleteOptions::default() };
    let now = bench.now;
    assert!(bench.server.serve(CallId(7), &request, now).is_none(), "EVI-5: it takes more than one write");
    assert_eq!(status(&bench).disruptions_allowed, Some(0), "EVI-4");
    assert!(status(&bench).disrupted_pods.is_some_and(|pods| pods.contains_key("web")), "EVI-4");
    assert!(!is_deleting(&bench, "web"));
    bench.server.proceed(CallId(7), now).expect("the pod is there");
    assert!(is_deleting(&bench, "web"));
}

#[test]
fn a_spent_budget_says_try_again() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "one");
    ready_pod(&mut bench, "two");
    budget(&mut bench, "budget", 1, 3, None);
    evict(&mut bench, "one").expect("one is allowed");
    assert_eq!(evict(&mut bench, "two"), Err(ApiError::TooManyRequests), "EVI-4");
    assert!(!is_deleting(&bench, "two"));
}

#[test]
fn slip_budget_not_spent_evicts_both() {
    let mut bench = Bench::with(Slip::BudgetNotSpent);
    ready_pod(&mut bench, "one");
    ready_pod(&mut bench, "two");
    budget(&mut bench, "budget", 1, 3, None);
    evict(&mut bench, "one").expect("one is allowed");
    assert!(evict(&mut bench, "two").is_ok());
}

#[test]
fn a_budget_that_its_controller_has_not_seen_yet_allows_nothing() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "web");
    budget(&mut bench, "budget", 1, 3, None);
    let mut changed =
        bench.server.store().get::<PodDisruptionBudget>(&key("budget")).expect("it exists").clone();
    changed.spec.get_or_insert_default().min_available =
        Some(k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::Int(1));
    bench.call(&Request::Update(changed.into())).expect("it exists");
    assert_eq!(evict(&mut bench, "web"), Err(ApiError::TooManyRequests), "EVI-4: observedGeneration");
}

#[test]
fn a_pod_of_two_budgets_is_never_evicted() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "web");
    budget(&mut bench, "budget", 1, 3, None);
    budget(&mut bench, "other", 1, 3, None);
    assert_eq!(evict(&mut bench, "web"), Err(ApiError::Internal), "EVI-2");
}

#[test]
fn pods_that_do_not_count_are_evicted_past_a_spent_budget() {
    let mut bench = Bench::new();
    budget(&mut bench, "budget", 0, 1, None);
    bench.pod("pending", Some("node-0"));
    assert!(evict(&mut bench, "pending").is_ok(), "EVI-1");
    ready_pod(&mut bench, "done");
    bench.set_phase("done", "Succeeded");
    assert!(evict(&mut bench, "done").is_ok(), "EVI-1");
    assert!(bench.stored("done").is_none());
    assert_eq!(status(&bench).disruptions_allowed, Some(0));
}

#[test]
fn an_unready_pod_goes_for_free_only_if_enough_others_are_healthy() {
    let evicted = |healthy, policy, release| {
        let mut bench = Bench::at(release);
        bench.pod("web", Some("node-0"));
        bench.set_ready("web", false);
        budget(&mut bench, "budget", 0, healthy, policy);
        let answer = evict(&mut bench, "web");
        assert_eq!(status(&bench).disruptions_allowed, Some(0));
        answer.is_ok()
    };
    assert!(evicted(2, None, Release::NEWEST), "EVI-3: the budget asks for 2");
    assert!(!evicted(1, None, Release::NEWEST), "EVI-3");
    assert!(evicted(1, Some("AlwaysAllow"), Release::NEWEST), "EVI-3");
    assert!(!evicted(1, Some("AlwaysAllow"), Release { minor: 26 }), "EVI-3: the field has no effect yet");
}

#[test]
fn a_conflict_with_what_the_caller_asks_for_is_told_as_what_it_is() {
    let mut bench = Bench::new();
    ready_pod(&mut bench, "web");
    let options = DeleteOptions {
        preconditions: crate::api::Preconditions::uid("another".into()),
        ..DeleteOptions::default()
    };
    let answer = bench.call(&Request::Evict { pod: key("web"), options });
    assert_eq!(answer, Err(ApiError::Conflict), "EVI-7 speaks of what the server asks for itself");
}
