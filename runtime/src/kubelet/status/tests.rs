//! Tests of the status manager: what is written over what, and what is not.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, Pod,
    PodCondition, PodSpec,
};

use super::merge::{Circumstances, Containers, merge};
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

fn when(containers: Containers) -> Circumstances {
    let (release, now) = (Release::NEWEST, Moment(9_000));
    Circumstances { containers, release, now, slips: Slips::NONE }
}

/// STM-3.
#[test]
fn what_others_say_stays() {
    let stored = status("Running", &[("example.com/gate", "True"), ("Ready", "False")]);
    let computed = status("Running", &[("example.com/gate", "False"), ("Ready", "True")]);
    let merged = merge(&stored, &computed, when(Containers::MayRun));
    assert_eq!(held(&merged, "example.com/gate"), Some("True"));
    assert_eq!(held(&merged, "Ready"), Some("True"));
}

/// STM-4, STM-5.
#[test]
fn a_terminal_phase_waits_until_nothing_runs() {
    let stored = status("Running", &[("Ready", "True")]);
    let computed = status("Failed", &[("Ready", "True"), ("ContainersReady", "True")]);
    let early = merge(&stored, &computed, when(Containers::MayRun));
    assert_eq!((early.phase.as_deref(), held(&early, "Ready")), (Some("Running"), Some("True")));
    let late = merge(&stored, &computed, when(Containers::Stopped));
    assert_eq!((late.phase.as_deref(), held(&late, "Ready")), (Some("Failed"), Some("False")));
    assert_eq!(held(&late, "ContainersReady"), Some("False"));
    // From 1.24 on (kubernetes/kubernetes#108366).
    for (minor, phase) in [(23, "Failed"), (24, "Running")] {
        let of_release = Circumstances { release: Release { minor }, ..when(Containers::MayRun) };
        let told = merge(&stored, &computed, of_release).phase;
        assert_eq!(told.as_deref(), Some(phase), "1.{minor}");
    }
}

/// STM-4, CND-7: what the kubelet shares with others is written with the terminal phase alone, over what others said.
#[test]
fn a_shared_condition_is_written_with_the_terminal_phase() {
    let computed = |phase| status(phase, &[("Ready", "True"), ("DisruptionTarget", "True")]);
    for (before, phase, containers, expected) in [
        ("Running", "Failed", Containers::Stopped, Some("True")),
        ("Running", "Failed", Containers::MayRun, None),
        ("Running", "Running", Containers::Stopped, None),
        ("Failed", "Failed", Containers::Stopped, None),
    ] {
        let merged = merge(&status(before, &[]), &computed(phase), when(containers));
        assert_eq!(held(&merged, "DisruptionTarget"), expected, "{before} {phase} {containers:?}");
    }
    let stored = status("Running", &[("DisruptionTarget", "False")]);
    let merged = merge(&stored, &computed("Failed"), when(Containers::Stopped));
    let all = || merged.conditions.iter().flatten().filter(|condition| condition.type_ == "DisruptionTarget");
    assert_eq!((all().count(), held(&merged, "DisruptionTarget")), (1, Some("True")));
    assert!(all().all(|target| target.last_transition_time == Some(Moment(9_000).to_time())));
}

fn pod(policy: &str) -> KnownPod {
    pod_with(policy, &[])
}

/// A pod with these init containers, of which sidecars are marked.
fn pod_with(policy: &str, init: &[(&str, bool)]) -> KnownPod {
    let container = |name: &str, sidecar: bool| Container {
        name: name.to_owned(),
        restart_policy: sidecar.then(|| "Always".to_owned()),
        ..Container::default()
    };
    let spec = PodSpec {
        restart_policy: Some(policy.to_owned()),
        init_containers: Some(init.iter().map(|&(name, sidecar)| container(name, sidecar)).collect()),
        containers: vec![container("app", false)],
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

/// STM-8: so it is with init containers, but not with sidecars (kubernetes/kubernetes#123323).
#[test]
fn an_init_container_that_is_not_restarted_does_not_come_back() {
    let told = |state: ContainerState| {
        let init = ApiContainer { name: "init".to_owned(), state: Some(state), ..ApiContainer::default() };
        ApiStatus { init_container_statuses: Some(vec![init]), ..status("Running", &[]) }
    };
    for (policy, sidecar, code, comes_back) in [
        ("Never", false, 0, false),
        ("OnFailure", false, 0, false),
        ("OnFailure", false, 1, true),
        ("Always", false, 0, true),
        ("Never", true, 0, true),
        ("OnFailure", true, 0, true),
    ] {
        let pod = pod_with(policy, &[("init", sidecar)]);
        let mut manager = StatusManager::new(Duration::from_secs(10), Moment(0));
        manager.set(&pod, told(ended(code)));
        manager.set(&pod, told(runs()));
        let known = manager.get(&pod.uid).expect("it was set");
        assert_eq!(*known == told(runs()), comes_back, "{policy} {sidecar} {code}");
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

/// STD-3: apps of a pod that was never initialised have no end, nor have init containers behind the last that was started.
#[test]
fn what_had_its_turn_has_an_end() {
    let named = |name: &str, state: Option<ContainerState>, last: Option<ContainerState>| ApiContainer {
        name: name.to_owned(),
        state: Some(state.unwrap_or_else(waits)),
        last_state: last,
        ..ApiContainer::default()
    };
    let ends = |first: &ApiContainer, second: &ApiContainer, app: &ApiContainer| {
        let mut pod = pod_with("Always", &[("first", false), ("second", false)]);
        let told = ApiStatus {
            init_container_statuses: Some(vec![first.clone(), second.clone()]),
            container_statuses: Some(vec![app.clone()]),
            ..status("Pending", &[])
        };
        Arc::make_mut(&mut pod.object).status = Some(told);
        let mut manager = StatusManager::new(Duration::from_secs(10), Moment(0));
        manager.terminate(&pod, Release::NEWEST);
        let known = manager.get(&pod.uid).expect("it was set").clone();
        let all = known.init_container_statuses.into_iter().chain(known.container_statuses).flatten();
        all.map(|it| terminated(it.state.as_ref()).map(|end| end.exit_code)).collect::<Vec<_>>()
    };
    let (well, badly, lost) = (Some(ended(0)), Some(ended(1)), Some(137));
    let of = |name, state: &Option<ContainerState>| named(name, state.clone(), None);
    let before = |name, last: &Option<ContainerState>| named(name, None, last.clone());
    let (first, second, app) = (of("first", &None), of("second", &None), of("app", &None));
    assert_eq!(ends(&first, &second, &app), [lost, None, None], "the first is always reached");
    assert_eq!(ends(&of("first", &well), &second, &app), [Some(0), None, None]);
    assert_eq!(ends(&first, &before("second", &badly), &app), [lost, lost, None]);
    assert_eq!(ends(&first, &before("second", &well), &app), [lost, lost, lost], "it ended well once");
    assert_eq!(ends(&of("first", &well), &of("second", &well), &app), [Some(0), Some(0), lost]);
    assert_eq!(ends(&of("first", &well), &second, &before("app", &badly)), [Some(0), None, lost]);
}

fn waits() -> ContainerState {
    ContainerState { waiting: Some(ContainerStateWaiting::default()), ..ContainerState::default() }
}
