//! Tests of the status manager: what is written over what, and what is not.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, Pod, PodCondition, PodSpec,
};

use super::merge::{Containers, merge};
use super::*;
use crate::slip::Slips;

fn condition(type_: &str, status: &str) -> PodCondition {
    PodCondition { type_: type_.to_owned(), status: status.to_owned(), ..PodCondition::default() }
}

fn status(phase: &str, conditions: &[(&str, &str)]) -> ApiStatus {
    let conditions = conditions.iter().map(|&(type_, status)| condition(type_, status)).collect();
    ApiStatus { phase: Some(phase.to_owned()), conditions: Some(conditions), ..ApiStatus::default() }
}

fn held<'a>(status: &'a ApiStatus, type_: &str) -> Option<&'a str> {
    let found = status.conditions.iter().flatten().find(|condition| condition.type_ == type_);
    found.map(|condition| condition.status.as_str())
}

/// STM-3.
#[test]
fn what_others_say_stays() {
    let stored = status("Running", &[("example.com/gate", "True"), ("Ready", "False")]);
    let computed = status("Running", &[("example.com/gate", "False"), ("Ready", "True")]);
    let merged = merge(&stored, &computed, Containers::MayRun, Slips::NONE);
    assert_eq!(held(&merged, "example.com/gate"), Some("True"));
    assert_eq!(held(&merged, "Ready"), Some("True"));
}

/// STM-4, STM-5.
#[test]
fn a_terminal_phase_waits_until_nothing_runs() {
    let stored = status("Running", &[("Ready", "True")]);
    let computed = status("Failed", &[("Ready", "True"), ("ContainersReady", "True")]);
    let early = merge(&stored, &computed, Containers::MayRun, Slips::NONE);
    assert_eq!((early.phase.as_deref(), held(&early, "Ready")), (Some("Running"), Some("True")));
    let late = merge(&stored, &computed, Containers::Stopped, Slips::NONE);
    assert_eq!((late.phase.as_deref(), held(&late, "Ready")), (Some("Failed"), Some("False")));
    assert_eq!(held(&late, "ContainersReady"), Some("False"));
}

fn pod(policy: &str) -> KnownPod {
    let spec = PodSpec {
        restart_policy: Some(policy.to_owned()),
        containers: vec![Container { name: "app".to_owned(), ..Container::default() }],
        ..PodSpec::default()
    };
    let mut pod = Pod { spec: Some(spec), ..Pod::default() };
    pod.metadata.uid = Some("a".to_owned());
    KnownPod::new(Arc::new(pod), Release::NEWEST)
}

fn with_app(state: ContainerState) -> ApiStatus {
    let app = ApiContainer { name: "app".to_owned(), state: Some(state), ..ApiContainer::default() };
    ApiStatus { container_statuses: Some(vec![app]), ..status("Running", &[]) }
}

fn ended(exit_code: i32) -> ContainerState {
    let terminated = ContainerStateTerminated { exit_code, ..ContainerStateTerminated::default() };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

fn runs() -> ContainerState {
    ContainerState { running: Some(ContainerStateRunning::default()), ..ContainerState::default() }
}

/// STM-8.
#[test]
fn a_container_that_is_not_restarted_does_not_come_back() {
    for (policy, code, comes_back) in [
        ("Never", 0, false),
        ("Never", 1, false),
        ("OnFailure", 0, false),
        ("OnFailure", 1, true),
        ("Always", 0, true),
    ] {
        let (pod, mut manager) = (pod(policy), StatusManager::new(Duration::from_secs(10), Moment(0)));
        manager.set(&pod, with_app(ended(code)));
        manager.set(&pod, with_app(runs()));
        let known = manager.get(&pod.uid).expect("it was set");
        assert_eq!(*known == with_app(runs()), comes_back, "{policy} {code}");
    }
}

#[test]
fn the_same_again_is_not_written_again() {
    let (pod, mut manager) = (pod("Always"), StatusManager::new(Duration::from_secs(10), Moment(0)));
    manager.set(&pod, with_app(runs()));
    assert!(manager.has_signal());
    manager.signalled = false;
    manager.set(&pod, with_app(runs()));
    assert!(!manager.has_signal());
    manager.set(&pod, with_app(ended(1)));
    assert!(manager.has_signal());
}

/// STD-3.
#[test]
fn what_is_left_of_a_pod_that_is_finished_has_failed() {
    let (pod, mut manager) = (pod("Always"), StatusManager::new(Duration::from_secs(10), Moment(0)));
    manager.set(&pod, with_app(runs()));
    manager.terminate(&pod, Release { minor: 36 });
    let known = manager.get(&pod.uid).expect("it was set").clone();
    let app = &known.container_statuses.as_ref().expect("there is one")[0];
    assert_eq!(terminated(app.state.as_ref()).expect("it ended").exit_code, 137);
    assert_eq!(known.phase.as_deref(), Some("Failed"));
    manager.retain(|_| false);
    manager.set(&pod, with_app(ended(0)));
    manager.terminate(&pod, Release { minor: 26 });
    let known = manager.get(&pod.uid).expect("it was set");
    assert_eq!(known.phase.as_deref(), Some("Running"), "PHS-11 is from 1.27 on");
}
